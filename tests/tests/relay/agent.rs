//! The relay agent of `examples/` as a running Postfix with a configuration, queue and log of its
//! own. Our programs make its tables.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use map_tests::tools::{self, Tool};
use tempfile::TempDir;

use crate::client::Client;
use crate::provider::{self, Mail};

/// How long anything may take. Postfix takes ten seconds to notice that `sender_relay` has changed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// After how many seconds Postfix ends by itself, should the test be killed.
const LIFETIME: &str = "120";

/// The tables of the example: first those that `postmap` makes.
const TABLES: [&str; 4] = ["client_access", "sender_relay", "saslpass", "virtual"];
const ALIASES: &str = "aliases";

/// The providers that the example relays to.
const PROVIDERS: [&str; 3] =
    ["smtp.provider-one.example", "smtp.provider-two.example", "mail.example.net"];

/// What the example's `main.cf` leaves to its reader. Delays are short, and a client from this
/// machine may say by XCLIENT for which client it stands.
const MAIN_CF: &str = "
queue_directory = DIR/queue
data_directory = DIR/data
maillog_file = DIR/log
maillog_file_prefixes = DIR
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
local_recipient_maps = $alias_maps
smtp_connection_cache_on_demand = no
smtpd_peername_lookup = no
smtpd_authorized_xclient_hosts = 127.0.0.1
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
postscreen_cache_map = btree:DIR/data/postscreen_cache
postscreen_access_list =
postscreen_greet_wait = 1s
address_verify_map = btree:DIR/data/verify_cache
";

const MASTER_CF: &str = "
127.0.0.1:PORT inet n - n - - smtpd
127.0.0.1:SCREEN inet n - n - 1 postscreen
smtpd   pass        - - n - - smtpd
    -o smtpd_recipient_restrictions=reject_unverified_recipient,permit_mynetworks,reject
verify  unix        - - n - 1 verify
postlog unix-dgram  n - n - 1 postlogd
rewrite unix        - - n - - trivial-rewrite
cleanup unix        n - n - 0 cleanup
qmgr    unix        n - n 1 1 qmgr
bounce  unix        - - n - 0 bounce
defer   unix        - - n - 0 bounce
trace   unix        - - n - 0 bounce
anvil   unix        - - n - 1 anvil
error   unix        - - n - - error
retry   unix        - - n - - error
smtp    unix        - - n - - smtp
relay   unix        - - n - - smtp
local   unix        - n n - - local
";

/// The program of the alias `archive`.
const ARCHIVE: &str = "#!/bin/sh
{ echo \"$@\"; cat; } >DIR/mail/archive
";

/// A running Postfix. Ends when dropped.
pub struct Agent {
    directory: TempDir,
    /// Where Postfix's commands are.
    commands: PathBuf,
    port: u16,
    /// Of postscreen, behind which recipients are verified.
    screened_port: u16,
    /// Names in the examples and above, and what they are on this machine.
    adaptations: Vec<(String, String)>,
    mails: Mutex<Receiver<Mail>>,
}

impl Agent {
    /// Starts Postfix with the tables of the example, and the providers that it relays to; runs
    /// `test`; ends them.
    ///
    /// # Panics
    ///
    /// When Postfix does not start, for instance since the test does not run as root; when its log
    /// has a warning or worse in the end, or a message is left that the test did not expect.
    pub fn run(test: impl FnOnce(&Agent)) {
        let agent = Agent::new();
        agent.start();
        test(&agent);
        agent.postfix("stop");
        let log = agent.log();
        let problems: Vec<&str> = log.lines().filter(|line| is_problem(line)).collect();
        assert!(problems.is_empty(), "{problems:#?}");
        let left: Vec<Mail> = agent.mails().try_iter().collect();
        assert!(left.is_empty(), "{left:#?}");
    }

    fn new() -> Agent {
        let postmap = tools::real().program(Tool::Postmap);
        let commands = postmap.parent().expect("a directory").to_owned();
        // Postfix's processes are of several users.
        let mode = Permissions::from_mode(0o755);
        let directory = tempfile::Builder::new().prefix("relay-").permissions(mode).tempdir();
        let directory = directory.expect("a temporary directory");
        let path = directory.path().to_str().expect("a path in UTF-8");
        let [port, screened_port] = [(); 2].map(|()| free_port());
        let (sender, mails) = channel();
        let mut adaptations = vec![
            ("PORT".to_owned(), port.to_string()),
            ("SCREEN".to_owned(), screened_port.to_string()),
            ("DIR".to_owned(), path.to_owned()),
            ("/etc/postfix/".to_owned(), format!("{path}/etc/")),
            ("/usr/local/bin/".to_owned(), format!("{path}/bin/")),
            ("/var/mail/".to_owned(), format!("{path}/mail/")),
            // The test's providers have no certificates.
            ("_level = encrypt".to_owned(), "_level = none".to_owned()),
        ];
        adaptations.extend(PROVIDERS.map(|name| {
            let port = provider::start(name, sender.clone());
            (format!("[{name}]:587"), format!("[127.0.0.1]:{port}"))
        }));
        Agent { directory, commands, port, screened_port, adaptations, mails: Mutex::new(mails) }
    }

    fn start(&self) {
        for (name, mode) in [("etc", 0o755), ("bin", 0o755), ("queue", 0o755), ("mail", 0o1777)] {
            fs::create_dir(self.path(name)).expect("a new directory");
            self.set_mode(name, mode);
        }
        self.write("bin/archive", ARCHIVE);
        self.set_mode("bin/archive", 0o755);
        self.write("etc/main.cf", &(example("main.cf") + MAIN_CF));
        // Postfix would wait for a new file to settle.
        let main_cf = File::open(self.path("etc/main.cf")).expect("a new file");
        main_cf.set_modified(SystemTime::now() - 2 * PATIENCE).expect("our file");
        self.write("etc/master.cf", MASTER_CF);
        for name in TABLES.into_iter().chain([ALIASES]) {
            self.write(&format!("etc/{name}"), &example(name));
        }
        self.set_mode("etc/saslpass", 0o600);
        self.make_tables();

        self.start_master();
    }

    /// Starts Postfix, which does not run, or not any more.
    pub fn start_master(&self) {
        // Makes the directories of the queue.
        assert!(self.postfix("check"), "postfix check: the test must run as root");
        let daemons = Command::new(self.commands.join("postconf"))
            .args(["-d", "-h", "daemon_directory"])
            .output()
            .expect("postconf runs");
        let daemons = String::from_utf8(daemons.stdout).expect("a path in UTF-8");
        let mut master = Command::new(Path::new(daemons.trim_end()).join("master"));
        master.arg("-c").arg(self.path("etc")).args(["-w", "-e", LIFETIME]);
        assert!(succeeds(&mut master), "the master process does not start");
    }

    /// Makes all tables from their sources, as the example's README says.
    pub fn make_tables(&self) {
        let tables = TABLES.map(|name| format!("hash:{name}"));
        self.tool(Tool::Postmap, &tables.each_ref().map(String::as_str), "");
        self.tool(Tool::Postalias, &[&format!("hash:{ALIASES}")], "");
    }

    /// Replaces `old` in the source of a table, and makes the table.
    pub fn edit(&self, tool: Tool, table: &str, old: &str, new: &str) {
        let name = format!("etc/{table}");
        let source = fs::read_to_string(self.path(&name)).expect("a table");
        let (old, new) = (self.adapted(old), self.adapted(new));
        assert!(source.contains(&old), "no {old} in {table}");
        fs::write(self.path(&name), source.replace(&old, &new)).expect("ours");
        self.tool(tool, &[&format!("hash:{table}")], "");
    }

    /// Runs one of our programs in the directory of the tables.
    ///
    /// # Panics
    ///
    /// When it fails, or has anything to say.
    pub fn tool(&self, tool: Tool, arguments: &[&str], input: &str) {
        let mut child = Command::new(tools::ours().program(tool))
            .args(["-c", "."])
            .args(arguments)
            .current_dir(self.path("etc"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("our program runs");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(self.adapted(input).as_bytes()).expect("our program reads");
        drop(stdin);
        let output = child.wait_with_output().expect("our program ends");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success() && said.is_empty(), "{tool:?} {arguments:?}: {said}");
    }

    /// A connection of a client on this machine.
    pub fn connect(&self) -> Client {
        Client::connect(self.port)
    }

    /// As [`connect`](Self::connect), by way of postscreen.
    pub fn connect_screened(&self) -> Client {
        Client::connect(self.screened_port)
    }

    /// The next message that comes to a provider.
    ///
    /// # Panics
    ///
    /// When none comes in time.
    pub fn mail(&self) -> Mail {
        self.mails().recv_timeout(PATIENCE).expect(
            "mail for a provider; if the log says \"No worthy mechs found\": \
             install the Debian package libsasl2-modules",
        )
    }

    /// Waits until the alias `name` has put `text` into its file.
    ///
    /// # Panics
    ///
    /// When it does not in time.
    pub fn wait_for_file(&self, name: &str, text: &str) {
        let path = self.path("mail").join(name);
        until(name, || fs::read_to_string(&path).is_ok_and(|found| found.contains(text)));
    }

    fn mails(&self) -> MutexGuard<'_, Receiver<Mail>> {
        self.mails.lock().expect("the first panic ends the test")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), self.adapted(text)).expect("our directory is writable");
    }

    fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).expect("our file");
    }

    fn adapted(&self, text: &str) -> String {
        let replace = |text: String, (name, here): &(String, String)| text.replace(name, here);
        self.adaptations.iter().fold(text.to_owned(), replace)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Whether a command of `postfix` succeeds.
    pub fn postfix(&self, command: &str) -> bool {
        let mut postfix = Command::new(self.commands.join("postfix"));
        succeeds(postfix.arg("-c").arg(self.path("etc")).arg(command))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Kills what does not end within five seconds; fails when nothing runs any more.
        self.postfix("stop");
        if thread::panicking() {
            eprintln!("Postfix's log:\n{}", self.log());
        }
    }
}

/// Waits until something is so.
///
/// # Panics
///
/// When it does not become so in time.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Whether a line of the log is a warning or worse.
fn is_problem(line: &str) -> bool {
    // When trivial-rewrite restarts, for one of its tables has changed, it hangs up on its clients;
    // they ask its successor.
    let restart = line.contains("warning: problem talking to service rewrite: ");
    // Of a virtual machine, whose clock the kernel may read for a file before Postfix does for
    // itself.
    let clock = ["file system clock is ", "resetting file time stamps "]
        .iter()
        .any(|text| line.contains(&format!("warning: {text}")));
    let severities = [" warning: ", " error: ", " fatal: ", " panic: "];
    !restart && !clock && severities.iter().any(|severity| line.contains(severity))
}

/// A file of `examples/`.
fn example(name: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a command of Postfix. What it has to say is in the log, too.
fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().expect("a program of the Debian package postfix").success()
}

/// A port that is free, and below those that the system gives to clients and to who asks for any:
/// it stays free until Postfix takes it.
fn free_port() -> u16 {
    const PORTS: u16 = 8_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % u32::from(PORTS)) as u16;
    let mut ports = (0..PORTS)
        .map(|_| 20_000 + first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).expect("a free port")
}
