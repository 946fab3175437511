//! What a mail server does with a table of virtual addresses: many threads look recipients up, and
//! another one loads the table anew when it has been rebuilt.
//!
//! ```sh
//! cargo run -p postfix-maps --example mail_server -- hash:/etc/postfix/virtual 127.0.0.1:2525
//! ```
//!
//! Then `nc 127.0.0.1 2525`, and type addresses: the full address is looked up, then `@domain`.

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::{env, thread, time::Duration};

use postfix_maps::{SharedTable, Table};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    let [table, address] = &arguments[..] else { Err("usage: mail_server TABLE ADDRESS:PORT")? };
    let shared = &SharedTable::new(Table::open(table)?);
    let listener = TcpListener::bind(address)?;
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                thread::sleep(Duration::from_secs(5));
                reload(shared);
            }
        });
        for client in listener.incoming() {
            scope.spawn(|| serve(client?, shared));
        }
    });
    Ok(())
}

/// Loads the table anew if it has changed. If that fails, the old one goes on being used.
fn reload(shared: &SharedTable) {
    if let Err(error) = shared.reload() {
        eprintln!("warning: not reloaded: {error}");
    }
}

/// Answers a client, who sends one address a line.
fn serve(client: TcpStream, shared: &SharedTable) -> io::Result<()> {
    for address in BufReader::new(&client).lines() {
        writeln!(&client, "{}", rcpt(&shared.table(), &address?))?;
    }
    Ok(())
}

/// The reply to `RCPT TO:<address>`.
fn rcpt(table: &Table, address: &str) -> String {
    match look_up(table, address) {
        Ok(Some(target)) => format!("250 to {}", target.escape_ascii()),
        Ok(None) => "550 no such user".to_owned(),
        // Nobody knows whether there is such a user: the client is to come back later.
        Err(error) => {
            eprintln!("warning: {error}");
            "451 try again later".to_owned()
        }
    }
}

/// What an address, or else its domain, stands for.
fn look_up<'t>(table: &'t Table, address: &str) -> postfix_maps::Result<Option<Cow<'t, [u8]>>> {
    let target = table.get(address)?;
    match address.rfind('@') {
        Some(at) if target.is_none() => table.get(&address[at..]),
        _ => Ok(target),
    }
}

#[cfg(test)]
mod tests {
    use postfix_maps::{NewTable, TableSpec, WriteOptions};

    use super::*;

    /// Makes a table in which everything goes to `target`.
    fn make(spec: &TableSpec, target: &str) {
        let mut new = NewTable::open(spec, WriteOptions::default()).unwrap();
        new.put("Info@example.org", target).unwrap();
        new.put("@example.org", target).unwrap();
        new.finish().unwrap();
    }

    #[test]
    fn answers_are_old_or_new_and_errors_temporary() {
        let directory = tempfile::tempdir().unwrap();
        let spec = TableSpec::new("hash", directory.path().join("virtual"));
        make(&spec, "0");
        let shared = &SharedTable::new(Table::open(&spec).unwrap());
        let look_up_until_last = || {
            let (mut last, start) = (0, std::time::Instant::now());
            while last < 20 {
                assert!(start.elapsed() < Duration::from_secs(60));
                let table = shared.table();
                let [full, domain, none] = ["info@EXAMPLE.org", "x@example.org", "x@example.net"]
                    .map(|address| rcpt(&table, address));
                assert_eq!((&full, &*none), (&domain, "550 no such user"));
                let number: u32 = full.strip_prefix("250 to ").unwrap().parse().unwrap();
                assert!((last..=20).contains(&number), "{number} after {last}");
                last = number;
            }
        };
        thread::scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(look_up_until_last)));
            for number in 1..=20 {
                make(&spec, &number.to_string());
                reload(shared);
            }
        });
        std::fs::write(spec.database().unwrap(), "no table").unwrap();
        reload(shared);
        assert_eq!(rcpt(&shared.table(), "info@example.org"), "250 to 20", "the old one stays");
        assert_eq!(rcpt(&Table::open("fail:x").unwrap(), "x@example.org"), "451 try again later");
    }
}
