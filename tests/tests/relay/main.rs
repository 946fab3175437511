//! The relay agent of `examples/`, with tables that our programs make and change while Postfix
//! runs.
#![cfg(feature = "peers")]

mod agent;
mod caches;
mod client;
mod provider;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use agent::{Agent, until};
use client::Client;
use map_tests::tools::Tool;

/// The senders of the example, in alphabetical order: by which provider and with which account
/// their mail leaves.
const ROUTES: [&str; 4] = [
    "anybody@example.net by mail.example.net as relay-user:nor-is-this",
    "office@example.org by smtp.provider-two.example as office:correct horse battery staple",
    "sales@example.com by smtp.provider-one.example as sales@example.com:not-a-real-password",
    "support@example.com by smtp.provider-one.example as support@example.com:not-a-real-one-either",
];

/// The sender of a route.
fn sender(route: &str) -> &str {
    route.split_once(' ').expect("more than a sender").0
}

/// An address elsewhere that has had no mail yet: Postfix remembers for half a minute where the
/// last message went to.
fn stranger() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("stranger{}@elsewhere.example", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Sends a message and returns by which route it leaves.
fn route(agent: &Agent, sender: &str) -> String {
    agent.connect().send(sender, &stranger(), "hello");
    agent.mail().to_string()
}

/// Sends a message and returns the `number` addresses that it goes to, in alphabetical order.
fn expansion(agent: &Agent, recipient: &str, number: usize) -> Vec<String> {
    agent.connect().send("office@example.org", recipient, "hello");
    let mut recipients = Vec::new();
    while recipients.len() < number {
        recipients.extend(agent.mail().recipients);
    }
    recipients.sort();
    recipients
}

/// The reply to a recipient.
fn reply(agent: &Agent, recipient: &str) -> String {
    let mut client = agent.connect();
    client.expect("250", "MAIL FROM:<office@example.org>");
    client.command(&format!("RCPT TO:<{recipient}>"))
}

#[test]
fn each_sender_leaves_by_its_own_relay_with_its_own_password() {
    Agent::run(|agent| {
        // Twice: the second time a process of Postfix has sent mail of others before.
        for route in [ROUTES; 2].as_flattened() {
            let text = format!("from {} with love", sender(route));
            let recipient = stranger();
            agent.connect().send(sender(route), &recipient, &text);
            let mail = agent.mail();
            assert_eq!(mail.to_string(), *route);
            assert_eq!(mail.recipients, [recipient]);
            assert!(mail.text.ends_with(&format!("\n\n{text}\n")), "{}", mail.text);
        }
    });
}

#[test]
fn listed_clients_are_refused() {
    Agent::run(|agent| {
        for (address, name, code) in [
            ("192.168.10.15", "[UNAVAILABLE]", "554 5.7.1"),
            ("192.168.10.20", "[UNAVAILABLE]", "554 5.7.1"),
            ("192.168.10.16", "[UNAVAILABLE]", "250 2.1.5"),
            ("192.168.10.16", "dominio.net", "554 5.7.1"),
            ("192.168.10.16", "pc.dominio.net", "554 5.7.1"),
            ("192.168.10.16", "nodominio.net", "250 2.1.5"),
            ("203.0.113.1", "[UNAVAILABLE]", "554 5.7.1"),
            ("203.0.113.1", "mail.network.com", "250 2.1.5"),
        ] {
            let mut client = agent.connect();
            client.expect("220", &format!("XCLIENT ADDR={address} NAME={name}"));
            client.expect("250", "MAIL FROM:<friend@elsewhere.example>");
            let reply = client.command("RCPT TO:<postmaster@relay.example.org>");
            assert!(reply.starts_with(code), "{address} {name}: {reply}");
            assert_eq!(code == "554 5.7.1", reply.contains("Client host rejected"), "{reply}");
        }
    });
}

#[test]
fn aliases_expand() {
    Agent::run(|agent| {
        for (recipient, expected) in [
            // In virtual.
            ("postmaster@example.com", &["admin@example.org"][..]),
            ("info@example.com", &["sales@example.com", "support@example.com"]),
            ("anybody@old.example", &["office@example.org"]),
            // In aliases, over one step and several.
            ("root@relay.example.org", &["admin@example.org"]),
            ("MAILER-DAEMON@relay.example.org", &["admin@example.org"]),
            ("abuse@relay.example.org", &["admin@example.org", "support@example.com"]),
            // In neither.
            ("stranger@example.com", &["stranger@example.com"]),
        ] {
            assert_eq!(expansion(agent, recipient, expected.len()), expected);
        }
        assert!(reply(agent, "stranger@relay.example.org").starts_with("550 5.1.1"));

        agent.connect().send("office@example.org", "archive@relay.example.org", "to a program");
        agent.wait_for_file("archive", "to a program");
        agent.wait_for_file("archive", "--folder incoming\n");
        agent.connect().send("office@example.org", "log@relay.example.org", "to a file");
        agent.wait_for_file("log", "to a file");
    });
}

#[test]
fn changes_take_effect_while_postfix_runs() {
    use Tool::{Postalias, Postmap};
    Agent::run(|agent| {
        // Every table is in use before it changes.
        let refused = || reply(agent, "postmaster@relay.example.org").starts_with("554 5.7.1");
        let clerk = || reply(agent, "clerk@relay.example.org").starts_with("250");
        let account = || route(agent, "support@example.com");
        let first = |recipient| expansion(agent, recipient, 1).remove(0);
        assert!(!refused());
        assert!(!clerk());
        assert!(account().ends_with(":not-a-real-one-either"));
        assert_eq!(first("new@example.com"), "new@example.com");

        agent.tool(Postmap, &["-i", "hash:client_access"], "127.0.0.1 REJECT\n");
        until("a client is listed", refused);
        agent.tool(Postmap, &["-d", "127.0.0.1", "hash:client_access"], "");
        until("a client is no longer listed", || !refused());
        agent.edit(Postmap, "client_access", "192.168.10.20 ", "127.0.0.1 ");
        until("a client is listed by a rebuild", refused);
        agent.edit(Postmap, "client_access", "127.0.0.1 ", "192.168.10.20 ");
        until("a client is no longer listed after a rebuild", || !refused());

        agent.tool(Postmap, &["-r", "-i", "hash:saslpass"], "support@example.com user:changed\n");
        until("a password is changed", || account().ends_with(" user:changed"));
        agent.edit(Postmap, "saslpass", "not-a-real-one-either", "not-the-old-one");
        until("a password is changed by a rebuild", || account().ends_with(":not-the-old-one"));

        agent.tool(Postmap, &["-i", "hash:virtual"], "new@example.com admin@example.org\n");
        until("an address is inserted", || first("new@example.com") == "admin@example.org");
        agent.tool(Postmap, &["-d", "new@example.com", "hash:virtual"], "");
        until("an address is deleted", || first("new@example.com") == "new@example.com");

        agent.tool(Postalias, &["-i", "hash:aliases"], "clerk: office@example.org\n");
        until("an alias is inserted", clerk);
        assert_eq!(first("clerk@relay.example.org"), "office@example.org");
        agent.tool(Postalias, &["-d", "clerk", "hash:aliases"], "");
        until("an alias is deleted", || !clerk());
        agent.edit(Postalias, "aliases", "admin@example.org", "sales@example.com");
        until("an alias is changed by a rebuild", || {
            first("postmaster@relay.example.org") == "sales@example.com"
        });
    });
}

/// Apart from the others, since it takes Postfix longer to notice.
#[test]
fn changed_relays_take_effect_while_postfix_runs() {
    Agent::run(|agent| {
        let leaves_by = |sender, provider| route(agent, sender).contains(provider);
        assert!(leaves_by("sales@example.com", " by smtp.provider-one.example "));

        agent.tool(Tool::Postmap, &["-d", "-", "hash:sender_relay"], "sales@example.com\n");
        let entry = "sales@example.com [smtp.provider-two.example]:587\n";
        agent.tool(Tool::Postmap, &["-i", "hash:sender_relay"], entry);
        until("a relay is changed", || {
            leaves_by("sales@example.com", " by smtp.provider-two.example ")
        });
        let (old, new) = ("[smtp.provider-one.example]:587", "[mail.example.net]:587");
        agent.edit(Tool::Postmap, "sender_relay", old, new);
        until("a relay is changed by a rebuild", || {
            leaves_by("sales@example.com", " by mail.example.net ")
        });
        assert!(leaves_by("office@example.org", " by smtp.provider-two.example "));
    });
}

/// A process of Postfix keeps a table open for as long as its client stays. Postfix's `postmap`
/// would change the table under it; ours puts a new file in its place.
#[test]
fn an_open_connection_keeps_its_table() {
    Agent::run(|agent| {
        // More pages than a process has read by the time the table is replaced.
        let names: String = (0..5_000).map(|n| format!("user{n}: office@example.org\n")).collect();
        agent.edit(Tool::Postalias, "aliases", "# Several", &format!("{names}# Several"));
        let accepts = |client: &mut Client, name: &str| {
            client.command(&format!("RCPT TO:<{name}@relay.example.org>")).starts_with("250")
        };
        let mut open = agent.connect();
        open.expect("250", "MAIL FROM:<office@example.org>");
        assert!(accepts(&mut open, "user0"));

        agent.tool(Tool::Postalias, &["-i", "hash:aliases"], "clerk: office@example.org\n");
        agent.tool(Tool::Postalias, &["-d", "user1", "hash:aliases"], "");
        agent.edit(Tool::Postalias, "aliases", &names, "clerk: office@example.org\n");
        until("new connections find the new table", || {
            reply(agent, "clerk@relay.example.org").starts_with("250")
        });
        for n in (1..5_000).step_by(50) {
            assert!(accepts(&mut open, &format!("user{n}")), "user{n}");
        }
        assert!(!accepts(&mut open, "clerk"));
        open.expect("221", "QUIT");
        assert!(reply(agent, "user4999@relay.example.org").starts_with("550"));
    });
}

#[test]
fn mail_flows_while_tables_change() {
    const ROUNDS: usize = 10;
    // By way of aliases and of virtual.
    let recipients = ["postmaster@relay.example.org", "postmaster@example.com"];
    Agent::run(|agent| {
        let send_all = || {
            for route in [ROUTES; ROUNDS].as_flattened() {
                for recipient in recipients {
                    agent.connect().send(sender(route), recipient, "hello");
                }
            }
        };
        thread::scope(|scope| {
            let sending = scope.spawn(send_all);
            while !sending.is_finished() {
                agent.make_tables();
                agent.tool(Tool::Postmap, &["-i", "hash:saslpass"], "boss@example.com boss:secret");
                agent.tool(Tool::Postmap, &["-d", "info@example.com", "hash:virtual"], "");
            }
        });
        let mut found = Vec::new();
        for _ in 0..ROUNDS * ROUTES.len() * recipients.len() {
            let mail = agent.mail();
            assert_eq!(mail.recipients, ["admin@example.org"]);
            found.push(mail.to_string());
        }
        found.sort();
        let expected = ROUTES.map(|route| vec![route; ROUNDS * recipients.len()]);
        assert_eq!(found, expected.concat());
    });
}
