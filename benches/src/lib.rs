//! What all benchmarks measure on: tables of mail addresses, the same in every run; and how they
//! are compared.

pub mod answers;
pub mod databases;
#[cfg(feature = "peers")]
pub mod peers;
pub mod report;
pub mod rounds;

/// A generator of numbers that look random and are the same in every run (xorshift64*).
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Numbers(seed | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    /// Puts things in random order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }
}

const FIRST: [&str; 8] = ["rita", "ana", "joao", "pedro", "maria", "carlos", "lucia", "bruno"];
const LAST: [&str; 6] = ["lima", "silva", "souza", "costa", "alves", "rocha"];

/// Addresses of about 30 bytes such as `rita.lima123@silva77.example`, `count` of them, no two the
/// same.
pub fn addresses(count: usize, seed: u64) -> Vec<String> {
    let mut numbers = Numbers::new(seed);
    (0..count)
        .map(|i| {
            let first = FIRST[numbers.below(FIRST.len())];
            let last = LAST[numbers.below(LAST.len())];
            let domain = LAST[numbers.below(LAST.len())];
            // The number is what makes the address one of a kind.
            format!("{first}.{last}{i}@{domain}{}.example", numbers.below(1000))
        })
        .collect()
}

/// The entries of a virtual alias table, in random order: addresses, each with the address that it
/// stands for.
pub fn aliases(count: usize) -> Vec<(String, String)> {
    let mut aliases: Vec<_> = addresses(count, 1).into_iter().zip(addresses(count, 2)).collect();
    Numbers::new(3).shuffle(&mut aliases);
    aliases
}

/// The text that `postmap` makes such a table from.
pub fn text(aliases: &[(String, String)]) -> String {
    aliases.iter().map(|(key, value)| format!("{key}\t{value}\n")).collect()
}

/// How many entries a benchmark is to use: all, or fewer where it is only tried
/// (`cargo bench -- --test`).
pub fn entries(wanted: usize) -> usize {
    if std::env::args().any(|arg| arg == "--test") { wanted.min(1_000) } else { wanted }
}
