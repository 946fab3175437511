//! What our programs send to the mail log, and what Postfix's send: the same, but for process ids
//! and times. Section 10 of the postmap specification.
//!
//! Each program runs with a `/dev` of its own, so only root can run these tests.
#![cfg(feature = "peers")]

use std::fs;
use std::io::Read as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use map_tests::tools::{self, Suite, Tool};
use map_tests::twin::is_root;
use tempfile::TempDir;

/// Makes an empty `/dev` for one command; `$1` is its place, `$2` the socket that is to be
/// `/dev/log`.
const OWN_DEV: &str = r#"
mount -t tmpfs none "$1" || exit 99
for name in null zero; do touch "$1/$name"; mount --bind "/dev/$name" "$1/$name"; done
ln -s "$2" "$1/log"
mount --bind "$1" /dev || exit 99
shift 2
exec "$@"
"#;

/// A directory with a text `m`, a configuration, and places for sockets.
struct Place(TempDir);

/// Who is listening.
#[derive(Clone, Copy, PartialEq)]
enum Listener {
    /// syslog, on a socket of datagrams.
    Syslog,
    /// syslog, on one that is a stream.
    Stream,
    /// Postfix's service.
    Postlog,
    /// Nobody.
    Nobody,
}

impl Place {
    fn new(main_cf: &str) -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        for name in ["dev", "etc", "public"] {
            fs::create_dir(place.path(name)).unwrap();
        }
        let main_cf = main_cf.replace("HERE", place.0.path().to_str().unwrap());
        fs::write(place.path("etc/main.cf"), main_cf).unwrap();
        let old = SystemTime::now() - Duration::from_secs(86_400);
        fs::File::open(place.path("etc/main.cf")).unwrap().set_modified(old).unwrap();
        let text =
            ["a 1\nb\nc\u{ff} 3\n\u{e9}\n\"", &"x".repeat(3_000), "\n\"%s\x01\u{e9}\na: 2\n"];
        fs::write(place.path("m"), text.concat()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command, and returns what it said and what the listener got.
    fn run(
        &self,
        suite: &Suite,
        tool: Tool,
        words: &[&str],
        environment: &[(&str, &str)],
        listener: Listener,
    ) -> (Output, Vec<Vec<u8>>) {
        let socket = match listener {
            Listener::Postlog => self.path("public/postlog"),
            _ => self.path("log"),
        };
        let _ = fs::remove_file(&socket);
        let here = self.0.path().to_str().unwrap();
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", OWN_DEV, "sh"]).arg(self.path("dev"));
        command.arg(self.path("log")).arg(suite.program(tool)).args(words);
        command.current_dir(&self.0).env_clear().env("MAIL_CONFIG", "etc");
        command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        command.envs(suite.preload().map(|object| ("LD_PRELOAD", object)));
        command.envs(environment.iter().map(|(name, value)| (*name, value.replace("HERE", here))));
        listening(&socket, listener, || command.output().unwrap())
    }
}

/// Does something while there is a listener, and returns what that got, too.
fn listening<T>(socket: &Path, listener: Listener, act: impl FnOnce() -> T) -> (T, Vec<Vec<u8>>) {
    let done = &AtomicBool::new(false);
    let pause = || thread::sleep(Duration::from_millis(1));
    thread::scope(|scope| match listener {
        Listener::Nobody => (act(), Vec::new()),
        Listener::Stream => {
            let server = UnixListener::bind(socket).unwrap();
            server.set_nonblocking(true).unwrap();
            let all = scope.spawn(move || {
                let mut all = Vec::new();
                loop {
                    let last = done.load(Ordering::Acquire);
                    match server.accept() {
                        Ok((mut stream, _)) => drop(stream.read_to_end(&mut all)),
                        Err(_) if last => return all,
                        Err(_) => pause(),
                    }
                }
            });
            let acted = act();
            done.store(true, Ordering::Release);
            let all = all.join().unwrap();
            (acted, all.split_inclusive(|byte| *byte == 0).map(<[u8]>::to_vec).collect())
        }
        Listener::Syslog | Listener::Postlog => {
            let server = UnixDatagram::bind(socket).unwrap();
            server.set_nonblocking(true).unwrap();
            let all = scope.spawn(move || {
                let (mut all, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
                loop {
                    let last = done.load(Ordering::Acquire);
                    match server.recv(&mut buffer) {
                        Ok(len) => all.push(buffer[..len].to_vec()),
                        Err(_) if last => return all,
                        Err(_) => pause(),
                    }
                }
            });
            let acted = act();
            done.store(true, Ordering::Release);
            (acted, all.join().unwrap())
        }
    })
}

/// A datagram without what is another one's in each run: digits of the time of day and of the
/// process id.
fn comparable(message: &[u8]) -> String {
    let text = message.escape_ascii().to_string();
    let (head, rest) = text.split_once(": ").expect("a header");
    let (name, _) = head.split_once('[').expect("a process id");
    let (minutes, after) = name.split_at(name.find(':').expect("a time") + 1);
    format!("{minutes}MM:SS{}[PID]: {rest}", &after[5..])
}

#[test]
fn the_same_datagrams_as_postfix() {
    if !is_root() {
        return eprintln!("not compared: only root has a /dev of its own");
    }
    let level = "compatibility_level = 3.6\n";
    let postlog = "queue_directory = HERE\nmaillog_file = /var/log/x\n";
    let several = [level, "multi_instance_name = postfix-x\nsyslog_facility = local3\n"].concat();
    let service = [level, postlog, "myhostname = aa.bb.cc\nsyslog_name = foo\n"].concat();
    let zone = [postlog, "import_environment = TZ=XXX+3 MAIL_LOGTAG=tag\n"].concat();
    let main_cfs = [
        level,
        "",
        &several,
        &service,
        &zone,
        "syslog_name = b\u{e9} %s\n",
        "syslog_facility = bogus\nsyslog_name = x\n",
        "a = b\na = c\nsyslog_facility = news\nsmtputf8_enable = maybe\nsyslog_name = x\n",
        "syslog_facility = local1\nsyslog_name = x\nmaillog_file = /xxx/log\n",
        "syslog_facility = local1\nsyslog_name = x\nimport_environment = {a b=c}\n",
        "import_environment = MAIL_LOGTAG=tag\n",
        "postlog_service_name =\nqueue_directory =\n",
        "queue_directory =\ndefault_database_type =\n",
    ];
    let environments: [&[(&str, &str)]; 5] = [
        &[],
        &[("MAIL_LOGTAG", "env\x01")],
        &[("POSTLOG_SERVICE", "HERE/public/postlog"), ("POSTLOG_HOSTNAME", "host.example")],
        &[("POSTLOG_SERVICE", "HERE/public/postlog")],
        &[("POSTLOG_SERVICE", ""), ("TZ", "YYY-5")],
    ];
    let lines: [&[&str]; 3] = [&["hash:m"], &["-D"], &["-q", "k", "hash:nofile"]];
    for main_cf in main_cfs {
        let place = Place::new(main_cf);
        for (tool, environment) in environments
            .into_iter()
            .map(|environment| (Tool::Postmap, environment))
            .chain([(Tool::Postalias, environments[0])])
        {
            // The variables matter until main.cf is read: once is enough for what comes then.
            let lines =
                if environment.is_empty() || main_cf == level { &lines[..] } else { &lines[..2] };
            for words in lines {
                for listener in [Listener::Syslog, Listener::Postlog] {
                    let all = [tools::ours(), tools::real()].map(|suite| {
                        let (output, all) = place.run(suite, tool, words, environment, listener);
                        assert_ne!(output.status.code(), Some(99), "{output:?}");
                        all.iter().map(|message| comparable(message)).collect::<Vec<_>>()
                    });
                    assert_eq!(all[0], all[1], "{main_cf}{environment:?} {words:?}");
                }
            }
        }
    }
}

#[test]
fn a_log_that_takes_a_stream() {
    if !is_root() {
        return eprintln!("not compared: only root has a /dev of its own");
    }
    let place = Place::new("");
    let all = [tools::ours(), tools::real()].map(|suite| {
        let (_, all) = place.run(suite, Tool::Postmap, &["hash:m"], &[], Listener::Stream);
        assert!(!all.is_empty());
        all.iter().map(|message| comparable(message)).collect::<Vec<_>>()
    });
    assert_eq!(all[0], all[1]);
}

/// Root becomes the source's owner, who may have no way to the service's socket.
#[test]
fn the_log_is_reached_as_root() {
    if !is_root() {
        return eprintln!("not compared: only root has a /dev of its own");
    }
    let place = Place::new("queue_directory = HERE\nmaillog_file = /var/log/x\n");
    let public = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(place.path("public"), fs::Permissions::from_mode(mode)).unwrap();
    };
    std::os::unix::fs::chown(place.path("m"), Some(65_534), Some(65_534)).unwrap();
    public(0o700);
    for suite in [tools::ours(), tools::real()] {
        let line = ["hash:m"];
        // The table itself cannot be made there: that is a message, too.
        let (output, all) = place.run(suite, Tool::Postmap, &line, &[], Listener::Postlog);
        assert!(!output.stderr.is_empty());
        assert!(!all.is_empty(), "{output:?}");
    }
}

#[test]
fn no_log_is_no_error() {
    if !is_root() {
        return eprintln!("not compared: only root has a /dev of its own");
    }
    for main_cf in ["", "queue_directory = HERE\nmaillog_file = /var/log/x\n"] {
        let place = Place::new(main_cf);
        let [ours, real] = [tools::ours(), tools::real()]
            .map(|suite| place.run(suite, Tool::Postmap, &["hash:m"], &[], Listener::Nobody).0);
        assert_eq!(ours, real);
    }
}
