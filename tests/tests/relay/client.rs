//! A mail program: the client's side of SMTP, one command at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use crate::agent::PATIENCE;

/// A connection to a mail server on this machine.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects, and greets.
    pub fn connect(port: u16) -> Client {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("Postfix listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("no zero");
        let mut client = Client { stream: BufReader::new(stream) };
        let greeting = client.reply();
        assert!(greeting.starts_with("220"), "{greeting}");
        client.expect("250", "EHLO client.test");
        client
    }

    /// Sends a command and returns the last line of the reply.
    pub fn command(&mut self, line: &str) -> String {
        let sent = self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes());
        sent.expect("Postfix keeps the connection");
        self.reply()
    }

    /// Sends a command whose reply must have the code `code`.
    pub fn expect(&mut self, code: &str, line: &str) {
        let reply = self.command(line);
        assert!(reply.starts_with(code), "{line}: {reply}");
    }

    /// Sends a message.
    pub fn send(&mut self, sender: &str, recipient: &str, text: &str) {
        self.expect("250", &format!("MAIL FROM:<{sender}>"));
        self.expect("250", &format!("RCPT TO:<{recipient}>"));
        self.expect("354", "DATA");
        self.expect("250", &format!("Subject: test\r\n\r\n{text}\r\n."));
    }

    /// The last line of a reply: the one with no `-` after its code.
    fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("Postfix replies in time");
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }
}
