//! A mail provider: the server's side of SMTP, for clients that authenticate.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::mem;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::thread;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::agent::PATIENCE;

/// How many connections a provider serves, and how many bytes each of them may bring.
const CONNECTIONS: usize = 1_000;
const BYTES: u64 = 100_000;

/// A message as a provider got it.
#[derive(Debug)]
pub struct Mail {
    /// Who got it.
    pub provider: &'static str,
    /// The user and the password that its client gave.
    pub account: (String, String),
    /// The sender of the envelope.
    pub sender: String,
    /// The recipients of the envelope.
    pub recipients: Vec<String>,
    /// Header and body.
    pub text: String,
}

/// The route that the message took.
impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mail { provider, account: (user, password), sender, .. } = self;
        write!(f, "{sender} by {provider} as {user}:{password}")
    }
}

/// Starts a provider and returns its port. It sends what it gets to `mails`, and ends with the
/// process.
pub fn start(name: &'static str, mails: Sender<Mail>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("a bound socket").port();
    thread::spawn(move || {
        for stream in listener.incoming().take(CONNECTIONS) {
            // What comes of a broken connection is for the receiver to miss.
            let _ = stream.and_then(|stream| serve(name, stream, &mails));
        }
    });
    port
}

/// One connection: nothing but AUTH PLAIN, then mail.
fn serve(provider: &'static str, stream: TcpStream, mails: &Sender<Mail>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut output = stream.try_clone()?;
    let mut reply = |line: &str| output.write_all(format!("{line}\r\n").as_bytes());
    let mut lines = BufReader::new(stream.take(BYTES)).lines();
    let mut account = None;
    let mut sender = String::new();
    let mut recipients = Vec::new();

    reply(&format!("220 {provider} ESMTP"))?;
    while let Some(line) = lines.next().transpose()? {
        if line.starts_with("EHLO ") {
            reply(&format!("250-{provider}"))?;
            reply("250 AUTH PLAIN")?;
        } else if let Some(response) = line.strip_prefix("AUTH PLAIN ") {
            account = plain(response);
            reply(if account.is_some() { "235 welcome" } else { "501 not understood" })?;
        } else if line == "QUIT" {
            return reply("221 bye");
        } else if account.is_none() {
            reply("530 authenticate first")?;
        } else if let Some(path) = line.strip_prefix("MAIL FROM:") {
            sender = address(path);
            reply("250 go on")?;
        } else if let Some(path) = line.strip_prefix("RCPT TO:") {
            recipients.push(address(path));
            reply("250 go on")?;
        } else if let ("DATA", Some(account)) = (line.as_str(), account.clone()) {
            reply("354 go on")?;
            let mut text = String::new();
            while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                text.extend([&line, "\n"]);
            }
            let (sender, recipients) = (mem::take(&mut sender), mem::take(&mut recipients));
            // Nobody waits for it when the test has failed.
            let _ = mails.send(Mail { provider, account, sender, recipients, text });
            reply("250 taken")?;
        } else {
            reply("500 not understood")?;
        }
    }
    Ok(())
}

/// User and password in a response of the mechanism PLAIN (RFC 4616):
/// `[other user] NUL user NUL password`.
fn plain(response: &str) -> Option<(String, String)> {
    let message = String::from_utf8(BASE64_STANDARD.decode(response).ok()?).ok()?;
    let (_, account) = message.split_once('\0')?;
    let (user, password) = account.split_once('\0')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The address in `<address> parameters`.
fn address(path: &str) -> String {
    let path = path.trim_start_matches('<');
    path.split_once('>').map_or(path, |(address, _)| address).to_owned()
}
