//! The caches that Postfix's daemons keep in `btree:` tables, and have locked for as long as they run.

use std::process::Command;
use std::time::Duration;

use map_tests::tools::{self, Suite, Tool};
use postfix_maps::{ErrorKind, Table, TableOptions, TableSpec};

use crate::agent::{Agent, until};

const SCREEN: &str = "btree:../data/postscreen_cache";
const VERIFY: &str = "btree:../data/verify_cache";
const CLIENT: &str = "127.0.0.1";

/// What a suite's `postmap` lists.
fn list(agent: &Agent, suite: &Suite, table: &str) -> String {
    let output = Command::new(suite.program(Tool::Postmap))
        .args(["-c", ".", "-s", table])
        .current_dir(agent.path("etc"))
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Has postscreen look at a client; it is one that it knows already, or not.
fn screen(agent: &Agent, known: bool) {
    let words = if known { "PASS OLD" } else { "PASS NEW" };
    let count = || agent.log().matches(&format!("{words} [{CLIENT}]")).count();
    let before = count();
    let mut client = agent.connect_screened();
    client.expect("250", "MAIL FROM:<office@example.org>");
    client.expect("250", "RCPT TO:<postmaster@relay.example.org>");
    client.expect("221", "QUIT");
    until(words, || count() > before);
}

#[test]
fn caches_are_as_their_owners_leave_them() {
    Agent::run(|agent| {
        screen(agent, false);
        screen(agent, true);
        // Its owner has it locked: no waiting without an end.
        let cache = TableSpec::new("btree", agent.path("data/postscreen_cache"));
        let patience = Some(Duration::from_millis(200));
        let refused = Table::open_with(cache, TableOptions::default().lock_timeout(patience));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Locked);

        agent.postfix("stop");
        for table in [SCREEN, VERIFY] {
            let ours = list(agent, tools::ours(), table);
            assert_eq!(ours, list(agent, tools::real(), table));
            let key = if table == SCREEN { CLIENT } else { "postmaster@relay.example.org" };
            assert!(ours.lines().any(|line| line.starts_with(&format!("{key}\t"))), "{ours}");
        }

        // What ours takes away or adds, the owner does not know any more, or knows.
        let listing = list(agent, tools::ours(), SCREEN);
        let entry = listing.lines().find(|line| line.starts_with(CLIENT)).unwrap();
        agent.tool(Tool::Postmap, &["-d", CLIENT, SCREEN], "");
        agent.start_master();
        screen(agent, false);
        agent.postfix("stop");
        agent.tool(Tool::Postmap, &["-d", CLIENT, SCREEN], "");
        agent.tool(Tool::Postmap, &["-i", SCREEN], entry);
        assert_eq!(list(agent, tools::real(), SCREEN).matches(entry).count(), 1);
        agent.start_master();
        screen(agent, true);
    });
}
