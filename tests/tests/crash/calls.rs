//! The system calls of a trace by which our program reads, writes, names, locks or makes durable
//! what is in its directory.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;

/// All system calls that change files or directories or make changes durable, that lock, and that
/// read.
pub const TRACED: &str = "openat,creat,read,pread64,write,writev,pwrite64,pwritev,pwritev2,truncate,ftruncate,fallocate,\
    fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,unlink,unlinkat,copy_file_range,sendfile,splice,\
    chmod,fchmod,fchmodat,chown,fchown,fchownat,utimensat,flock,fcntl,faccessat2,statx,newfstatat";

/// Calls of one kind that are killed in a scene, unless `MAP_TESTS_ALL` is set.
pub fn kills(name: &str) -> usize {
    // Each page that is overwritten leaves another file to those who read it.
    if name == "pwrite64" { 12 } else { 3 }
}

/// Calls of one kind that fail.
pub fn failures(_: &str) -> usize {
    3
}

/// A system call: its name, how many of that name came before it, plus one, and its line of the
/// trace.
#[derive(Clone, Debug)]
pub struct SystemCall {
    pub name: String,
    pub nth: usize,
    pub line: String,
}

/// The calls of a trace made with `strace -f -y` that concern the map in `directory`.
pub fn of_map(trace: &str, directory: &Path) -> Vec<SystemCall> {
    let mut processes = BTreeSet::new();
    let mut counts = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let Some((name, arguments)) = call.split_once('(') else { continue };
        processes.insert(process);
        let nth = counts.entry(name.to_owned()).or_insert(0);
        *nth += 1;
        if concerns(name, arguments, directory) {
            calls.push(SystemCall { name: name.to_owned(), nth: *nth, line: call.to_owned() });
        }
    }
    // strace counts the calls of each process by itself.
    assert_eq!(processes.len(), 1, "{trace}");
    calls
}

/// Whether a call is one of the map's file, of a new one for its place, or of their directory.
fn concerns(name: &str, arguments: &str, directory: &Path) -> bool {
    let directory = directory.display();
    let names =
        name.starts_with("rename") || name.starts_with("link") || name.starts_with("unlink");
    // Calls that name a file tell the directory in which a relative path would start, too.
    let arguments = arguments.replace(&format!("AT_FDCWD<{directory}>"), "AT_FDCWD");
    // A file of a directory without a name is shown as `#` and its inode.
    let signs = [format!("{directory}/#"), format!("{directory}>"), format!("{directory}\"")];
    names
        || arguments.contains("m.db")
        || arguments.contains("\".\"")
        || signs.iter().any(|sign| arguments.contains(sign))
}

/// The places of at most so many `calls` of each kind as `most` says, evenly spread and with the
/// first and the last; says what it leaves out.
pub fn sample(calls: &[SystemCall], most: fn(&str) -> usize, what: &str) -> Vec<usize> {
    if env::var_os("MAP_TESTS_ALL").is_some() {
        return (0..calls.len()).collect();
    }
    let mut kinds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, call) in calls.iter().enumerate() {
        kinds.entry(&call.name).or_default().push(i);
    }
    let mut chosen = BTreeSet::new();
    for (name, places) in &kinds {
        let (all, some) = (places.len(), most(name).min(places.len()));
        if some < all {
            println!("{what}: {some} of {all} calls of {name}; MAP_TESTS_ALL=1 takes all");
        }
        chosen.extend((0..some).map(|i| places[i * (all - 1) / (some - 1).max(1)]));
    }
    chosen.into_iter().collect()
}

#[test]
fn samples_have_the_first_and_the_last() {
    let call = |nth| SystemCall { name: "pwrite64".to_owned(), nth, line: String::new() };
    for all in 1..40 {
        let calls: Vec<SystemCall> = (0..all).map(call).collect();
        for most in [kills, failures] {
            let places = sample(&calls, most, "a test");
            if env::var_os("MAP_TESTS_ALL").is_none() {
                assert_eq!(places.len(), all.min(most("pwrite64")));
            }
            assert_eq!((places[0], places[places.len() - 1]), (0, all - 1));
        }
    }
}
