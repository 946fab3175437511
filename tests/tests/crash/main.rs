//! Our `postmap` killed at each system call that concerns the map, and each such call failing, in
//! all ways by which a change becomes visible: the map is the old one or the new one, for our
//! readers and, as far as it can be, for Postfix's; status 0 means the new one; and the next writer
//! leaves nothing but the map.
//!
//! A call at which the program is killed is not executed any more. Kills therefore show all states
//! between two calls, and the calls from which on the map is the new one: these may also fail with
//! the new map in place, as there is nobody who could still undo the change.
//!
//! Not all calls of a kind are interrupted where there are many; what is left out is printed.
//! `MAP_TESTS_ALL=1` takes all.
//!
//! About Berkeley DB itself, how a change of such a file becomes visible: of other types of tables only
//! those in such files, and where their pages change.
#![cfg(feature = "peers")]

mod calls;
mod mounts;
mod places;
mod refusals;
mod scene;

use std::os::unix::process::ExitStatusExt;

use map_tests::table_types::{BTREE, HASH, TableType};
use map_tests::tools::{self, Suite};

use calls::SystemCall;
use scene::{Action, Map, Scene};

/// What may befall a call. After `EINTR` the standard library makes most calls once more.
const ERRORS: [&str; 5] = ["ENOSPC", "EIO", "EINTR", "EBUSY", "EPERM"];

/// Kills the program at each of its calls, and lets each of them fail. Returns what is wrong
/// afterwards, and whether the change is made in the old file.
fn interrupt_everywhere(
    table_type: &TableType,
    map: Map,
    action: Action,
    maker: &Suite,
) -> (Vec<String>, bool) {
    let (scene, calls) = Scene::new(table_type, map, action, maker);
    let mut complaints = Vec::new();
    let mut runs = 0;
    let mut befall = |call: &SystemCall, fault: &str, before: Option<usize>| {
        runs += 1;
        let complain = |complaint| {
            let SystemCall { name, nth, line } = call;
            let line: String = line.chars().take(100).collect();
            let scene = &scene.name;
            complaints
                .push(format!("{scene}: {fault} of {name} number {nth}: {complaint}: {line}"));
        };
        interrupt(&scene, call, fault, before).map_err(complain).ok()
    };
    let killed: Vec<SystemCall> =
        calls::sample(&calls, calls::kills, &format!("{}, kills", scene.name))
            .into_iter()
            .map(|i| calls[i].clone())
            .collect();
    let states: Vec<Option<usize>> =
        killed.iter().map(|call| befall(call, "signal=SIGKILL", None)).collect();
    let failing =
        calls::sample(&killed, calls::failures, &format!("{}, failures of the killed", scene.name));
    for error in ERRORS {
        for i in &failing {
            befall(&killed[*i], &format!("error={error}"), states[*i]);
        }
    }
    println!("{}: {runs} runs, {} with a complaint", scene.name, complaints.len());
    let known: Vec<usize> = states.into_iter().flatten().collect();
    if !known.is_sorted() || known.first() != Some(&0) {
        complaints.push(format!("{}: states after kills: {known:?}", scene.name));
    }
    (complaints, scene.overwrites)
}

/// Makes the change from the start while `fault` befalls one of its calls: `signal=SIGKILL`, or an
/// error where such a kill leaves the state `before`. Returns the number of the state that the map
/// is in before the next writer comes.
fn interrupt(
    scene: &Scene,
    call: &SystemCall,
    fault: &str,
    before: Option<usize>,
) -> Result<usize, String> {
    scene.lay();
    let output = scene.strace(&["-e", &format!("inject={}:{fault}:when={}", call.name, call.nth)]);
    let state = scene.look()?;
    let last = scene.last();
    let is_new = state == last;
    let text = String::from_utf8_lossy(&output.stderr);
    let has_failed = text.lines().any(|line| line.starts_with("postmap: fatal: "));
    let as_told = match (output.status.code(), output.status.signal()) {
        (Some(0), _) => is_new && !has_failed,
        // A change that cannot be undone any more may fail, too.
        (Some(1), _) => has_failed && (!is_new || before.is_none_or(|before| before == last)),
        (None, signal) => signal == Some(9) && fault == "signal=SIGKILL",
        _ => false,
    };
    if !as_told {
        return Err(format!("state {state} of {last} with {output:?}"));
    }
    if fault == "signal=SIGKILL" && output.status.signal() != Some(9) {
        return Err("not killed".into());
    }
    let left = scene.left_over();
    if output.status.signal().is_none() && !call.name.starts_with("unlink") && !left.is_empty() {
        return Err(format!("left at once: {left:?}"));
    }
    scene.settle(state)?;
    Ok(state)
}

fn interrupt_all(table_type: &TableType, map: Map, maker: &Suite, actions: &[Action]) {
    let mut complaints = Vec::new();
    for action in actions {
        let (found, overwrites) = interrupt_everywhere(table_type, map, *action, maker);
        complaints.extend(found);
        let is_small_change = *action != Action::Rebuild;
        let expected = map == Map::Linked || map == Map::Large && is_small_change;
        assert_eq!(overwrites, expected, "{action:?} of {map:?}");
    }
    assert!(complaints.is_empty(), "{}: {complaints:#?}", complaints.len());
}

#[test]
fn a_missing_map() {
    // When entries are added, an empty map comes in between, as with Postfix.
    interrupt_all(HASH, Map::Missing, tools::ours(), &[Action::Rebuild, Action::Add]);
}

#[test]
fn a_small_map() {
    interrupt_all(HASH, Map::Small, tools::ours(), &Action::ALL);
}

#[test]
fn a_small_map_by_postfix() {
    interrupt_all(HASH, Map::Small, tools::real(), &Action::ALL);
}

#[test]
fn a_large_map() {
    interrupt_all(HASH, Map::Large, tools::ours(), &Action::ALL);
}

#[test]
fn a_large_map_by_postfix() {
    interrupt_all(HASH, Map::Large, tools::real(), &Action::ALL);
}

#[test]
fn a_map_with_two_names() {
    interrupt_all(HASH, Map::Linked, tools::ours(), &Action::ALL);
}

#[test]
fn a_map_with_two_names_by_postfix() {
    interrupt_all(HASH, Map::Linked, tools::real(), &Action::ALL);
}

#[test]
fn a_large_btree() {
    interrupt_all(BTREE, Map::Large, tools::ours(), &[Action::Add, Action::Delete]);
}

#[test]
fn a_large_btree_by_postfix() {
    interrupt_all(BTREE, Map::Large, tools::real(), &[Action::Add, Action::Delete]);
}

#[test]
fn a_btree_with_two_names() {
    interrupt_all(BTREE, Map::Linked, tools::ours(), &Action::ALL);
}
