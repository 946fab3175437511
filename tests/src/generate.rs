//! Generators of hostile and ordinary input for the comparison: the same seed, the same input.

mod alias_text;
mod map_text;
mod message;
mod table_types;
mod words;

pub use alias_text::alias_text;
pub use fastrand::Rng;
pub use map_text::{file_list_text, map_text, map_text_with};
pub use message::{message, message_main_cf};
pub use table_types::{addresses, cidr_text, expression_rule, expression_text, inline_name, words};
pub use words::Keys;

/// One of the choices.
fn pick<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}

/// True once in `n` times.
pub fn one_in(rng: &mut Rng, n: u32) -> bool {
    rng.u32(..n) == 0
}

/// A configuration: UTF-8 mode on or off by every way there is.
pub fn main_cf(rng: &mut Rng) -> &'static [u8] {
    let choices: [&[u8]; 9] = [
        b"compatibility_level = 3.6\n",
        b"compatibility_level = 3.6\n",
        b"compatibility_level = 3.6\n",
        b"",
        b"smtputf8_enable = yes\n",
        b"smtputf8_enable = no\ncompatibility_level = 2\n",
        b"# c\ncompatibility_level = 1\nsmtputf8_enable =\n  YES\n",
        b"x = no\ncompatibility_level = 2\nsmtputf8_enable = $x\n",
        b"compatibility_level = 0\ndefault_database_type = hash\n",
    ];
    pick(rng, &choices)
}

/// Permissions for a map's source.
pub fn source_mode(rng: &mut Rng) -> u32 {
    pick(rng, &[0o600, 0o640, 0o644, 0o644, 0o644, 0o666, 0o664, 0o755, 0o604, 0o400])
}

/// Permissions for an index file that is there before.
pub fn index_mode(rng: &mut Rng) -> u32 {
    pick(rng, &[0o600, 0o640, 0o644, 0o666, 0o604, 0o755])
}

/// Some of the single-letter `options`, each with a chance of one in six, in random order, bundled
/// or apart.
pub fn options(rng: &mut Rng, options: &str) -> Vec<Vec<u8>> {
    let mut letters: Vec<u8> = options.bytes().filter(|_| one_in(rng, 6)).collect();
    rng.shuffle(&mut letters);
    let mut arguments: Vec<Vec<u8>> = Vec::new();
    for letter in letters {
        match arguments.last_mut() {
            Some(bundle) if rng.bool() => bundle.push(letter),
            _ => arguments.push(vec![b'-', letter]),
        }
    }
    arguments
}

/// A name for the map whose source is `m`.
pub fn map_name(rng: &mut Rng) -> &'static str {
    pick(rng, &["hash:m", "hash:m", "hash:m", "m", "hash:./m"])
}

/// A name for another map on the same line; `m2` is one. Never `m` again: libdb would change its
/// file through two caches, which damages it.
pub fn other_map_name(rng: &mut Rng) -> &'static str {
    pick(rng, &["hash:m2", "hash:m2", "m2", "hash:nofile", "foo:m"])
}

/// What the program inherits as its umask.
pub fn umask(rng: &mut Rng) -> u32 {
    pick(rng, &[0, 0o027, 0o077])
}

/// A command line that is wrong, or odd; the files `m` and `m2` are maps.
pub fn odd_command(rng: &mut Rng) -> &'static [u8] {
    let choices: [&[u8]; 46] = [
        b"",
        b"-q",
        b"-D hash:m",
        b"--",
        b"-- hash:m",
        b"-- -q",
        b"hash:m -q k",
        b"-q k",
        b"-s",
        b"-s -s hash:m",
        b"-s -q k hash:m",
        b"-q k -s hash:m",
        b"-q k -q j hash:m",
        b"-wrq user hash:m",
        b"-oprq user hash:m",
        b"-fquser hash:m",
        b"-q user -- hash:m",
        b"-q user hash:m hash:m2",
        b"-q user hash:m hash:nofile",
        b"-q nokey hash:nofile hash:m",
        b"-q k hash:m.db",
        b"-q k hash:",
        b"-q k :m",
        b"-q k foo:m",
        b"-s hash:m hash:m2",
        b"-s hash:nofile",
        b"foo:m",
        b"foo:nofile",
        b"hash:nofile",
        b"hash:m hash:nofile hash:m2",
        b"hash:m2 m",
        b"-c nodir hash:m",
        b"-c nodir -c etc -q user hash:m",
        b"-n -N -q user m2 m",
        b"-i",
        b"-d k",
        b"-d - -d k hash:m",
        b"-s -d k hash:m",
        b"-i -q user hash:m",
        b"-is hash:m",
        b"-i hash:nofile",
        b"-i foo:m",
        b"-d user m2 m",
        b"-d user hash:nofile hash:m",
        b"-d user hash:m hash:nofile",
        b"-d - hash:m hash:m2",
    ];
    pick(rng, &choices)
}

/// Standard input for `-q -`: keys of a listing, as stored and altered, and others.
pub fn queries(rng: &mut Rng, listing: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = listing.split(|&byte| byte == b'\n').collect();
    let mut text = Vec::new();
    for _ in 0..rng.usize(1..20) {
        text.extend(query(rng, &lines));
        text.push(b'\n');
    }
    if one_in(rng, 4) {
        text.pop();
    }
    text
}

/// A key to ask for that is fit for a command line.
pub fn key(rng: &mut Rng, listing: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = listing.split(|&byte| byte == b'\n').collect();
    let mut key = query(rng, &lines);
    key.retain(|&byte| byte != 0);
    // The system allows no argument of more than 128 KiB.
    key.truncate(100_000);
    key
}

fn query(rng: &mut Rng, lines: &[&[u8]]) -> Vec<u8> {
    let line = pick(rng, lines);
    let key = line.split(|&byte| byte == b'\t').next().unwrap_or_default();
    // A listing of aliases has a colon after the key.
    let mut key = key.strip_suffix(b":").unwrap_or(key).to_vec();
    match rng.u8(..12) {
        0 => key.make_ascii_uppercase(),
        1 => key.push(b'\r'),
        2 => key.insert(0, b' '),
        3 => key.extend(b"\0zz"),
        4 => key = Keys::Long.key(rng),
        5 => key = String::from_utf8_lossy(&key).to_uppercase().into_bytes(),
        6 => {
            key.pop();
        }
        _ => {}
    }
    key.retain(|&byte| byte != b'\n');
    key
}
