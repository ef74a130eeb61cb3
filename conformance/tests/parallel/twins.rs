//! Twins: the three servers have the same files, functions, words and calls, but for the exceptions listed here.

use std::collections::BTreeSet;

use crate::source::{Function, functions, normalised};
use crate::{TWINS, names, root, source};

/// The files of every server, and the one that only its model has.
const FILES: [&str; 8] = [
    "close.rs",
    "connection.rs",
    "deliver.rs",
    "lib.rs",
    "listener.rs",
    "main.rs",
    "stop.rs",
    "OWN",
];
const OWN: [&str; 3] = ["poll.rs", "timers.rs", "runtime.rs"];

/// The functions that all servers have, in this order.
const SHARED: [(&str, &[&str]); 6] = [
    ("lib.rs", &["serve", "new", "wake", "announce"]),
    ("listener.rs", &["accept_all", "accept_loop", "admit", "reject"]),
    ("connection.rs", &["read_loop", "read", "process_input"]),
    ("close.rs", &["drain", "close", "linger"]),
    ("deliver.rs", &["deliver", "round", "deliver_to"]),
    ("stop.rs", &["stop"]),
];

/// Parameters that only say where a model keeps a connection, the room or what waits: they are not compared.
const CONTEXT: [&str; 15] = [
    "self",
    "server",
    "stream",
    "session",
    "place",
    "reader",
    "waker",
    "halves",
    "seen",
    "state",
    "listener",
    "listeners",
    "rejections",
    "wake_pipe",
    "stopping",
];

/// Where a signature differs from that of the other servers, with the reason.
const SIGNATURES: [(&str, &str, &str); 13] = [
    ("server-select", "new", "(settings: Settings, shutdown: Shutdown) -> io::Result<Self>"), // it makes a poll
    ("server-select", "accept_all", "() -> ()"), // it starts nothing
    ("server-select", "announce", "(now: Instant) -> ()"), // it takes the lines out of a channel itself
    ("server-select", "stop", "(now: Instant) -> ()"),     // one step of it, in each turn
    ("server-select", "reject", "(peer: SocketAddr, reason: CloseReason) -> ()"), // a session lingers there
    // A loop acts on what it finds, a thread or a task returns it.
    ("server-select", "read_loop", "() -> ()"),
    ("server-select", "process_input", "() -> ()"),
    ("server-threaded", "process_input", "(more: More) -> Option<CloseReason>"), // it delivers, or reads on
    ("server-select", "close", "() -> ()"), // the reason is in the connection's phase
    ("server-threaded", "round", "(members_left: &mut usize) -> (MutexGuard<State>, Left)"), // others may deliver
    ("server-async", "round", "(woken: &mut Vec<Waker>) -> ()"), // members deliver to themselves
    // A thread gives the lock back, a task says what is left.
    (
        "server-threaded",
        "deliver_to",
        "(member: MemberId, batch: &mut WriteBatch) -> MutexGuard<State>",
    ),
    ("server-async", "deliver_to", "(member: MemberId) -> Result<Progress, CloseReason>"),
];

/// Functions whose documentation is the same in all servers, up to its `# Errors`.
const SAME_WORDS: [&str; 7] = ["serve", "wake", "stop", "reject", "drain", "close", "linger"];

/// What only some servers ask of the core, with the reason.
const CALLS: [(&str, &[&str]); 14] = [
    // Rounds over members, and what threads and tasks need to share them.
    ("next_behind", &["server-threaded", "server-select"]),
    ("next_to_wake", &["server-async"]),
    ("handle", &["server-async"]),
    ("to_serve", &["server-threaded", "server-select"]),
    // One loop or worker delivers and reads; a thread has a bound of its own.
    ("members_per_turn", &["server-select", "server-async"]),
    // A thread waits for all full sockets together; a poll or a task waits for each.
    ("full", &["server-threaded"]),
    ("unblock", &["server-threaded"]),
    // A thread finds out when it reads.
    ("close_reason", &["server-select", "server-async"]),
    // A loop does not wait for the room, and closes it in one of its turns.
    ("wait_until", &["server-threaded", "server-async"]),
    ("is_paused", &["server-select"]),
    ("is_closed", &["server-select"]),
    // A thread finds its member in the room when it delivers; a loop and a task ask the connection.
    ("member", &["server-select", "server-async"]),
    // A thread that is blocked in `accept` has to be woken.
    ("stop_listening", &["server-threaded"]),
    // If an accept thread cannot be started, those before it have to end.
    ("trigger", &["server-threaded"]),
];

#[test]
fn the_servers_have_the_same_files() {
    for (twin, own) in TWINS.into_iter().zip(OWN) {
        let mut expected = FILES.map(|file| if file == "OWN" { own } else { file });
        expected.sort_unstable();
        assert_eq!(expected[..], names(&root().join(twin).join("src")), "{twin}/src");
    }
}

#[test]
fn the_servers_share_their_functions_in_the_same_order() {
    for (file, expected) in SHARED {
        for twin in TWINS {
            let mut order: Vec<_> =
                functions_of(twin, file).into_iter().map(|it| it.name).collect();
            order.retain(|name| expected.contains(&name.as_str()));
            assert_eq!(expected, order, "{twin}/src/{file}: these functions, in this order");
        }
    }
}

#[test]
fn shared_functions_have_the_same_signatures() {
    let mut differ = Vec::new();
    for (file, names) in SHARED {
        for name in names {
            let signature = |twin| function(twin, file, name).signature(&CONTEXT);
            let all = TWINS.map(signature);
            // The signature that is not listed as different is the common one.
            let is_listed = |twin: &str| SIGNATURES.iter().any(|(t, n, _)| *t == twin && n == name);
            let common = TWINS.iter().position(|twin| !is_listed(twin)).map(|at| all[at].clone());
            for (twin, found) in TWINS.into_iter().zip(all) {
                if is_listed(twin) {
                    differ.push((twin, *name, found));
                } else {
                    assert_eq!(common.as_ref(), Some(&found), "{twin}/src/{file}: fn {name}");
                }
            }
        }
    }
    let key = |(twin, name, found): &(&str, &str, String)| {
        (name.to_string(), twin.to_string(), found.clone())
    };
    let mut expected = SIGNATURES.map(|(twin, name, found)| key(&(twin, name, found.to_owned())));
    let mut found: Vec<_> = differ.iter().map(key).collect();
    expected.sort();
    found.sort();
    assert_eq!(expected[..], found, "signatures that differ, as listed and as found");
}

#[test]
fn shared_functions_that_do_the_same_say_so_in_the_same_words() {
    let summary = |twin, file, name: &&str| {
        let doc = function(twin, file, name).doc;
        doc.split(" # Errors").next().unwrap_or_default().trim().to_owned()
    };
    for (file, names) in SHARED {
        for name in names.iter().filter(|name| SAME_WORDS.contains(name)) {
            let [threaded, select, r#async] = TWINS.map(|twin| summary(twin, file, name));
            assert_eq!(threaded, select, "{file}: fn {name}, server-threaded and server-select");
            assert_eq!(threaded, r#async, "{file}: fn {name}, server-threaded and server-async");
        }
    }
}

#[test]
fn the_servers_ask_the_same_of_the_core() {
    let core = core_functions();
    assert!(core.len() > 40, "only {} functions were found: the search is wrong", core.len());
    let calls = TWINS.map(|twin| {
        let files = names(&root().join(twin).join("src"));
        let text: String = files.iter().map(|file| source(&format!("{twin}/src/{file}"))).collect();
        let is_called = |name: &&String| {
            text.contains(&format!(".{name}(")) || text.contains(&format!("::{name}("))
        };
        core.iter().filter(is_called).cloned().collect::<BTreeSet<_>>()
    });
    let mut found = BTreeSet::new();
    for name in calls.iter().flatten() {
        let twins: Vec<_> =
            TWINS.iter().zip(&calls).filter(|(_, calls)| calls.contains(name)).collect();
        if twins.len() < TWINS.len() {
            found.insert((
                name.clone(),
                twins.into_iter().map(|(twin, _)| *twin).collect::<Vec<_>>(),
            ));
        }
    }
    let listed = CALLS.iter().map(|(name, twins)| ((*name).to_owned(), twins.to_vec())).collect();
    let listed: BTreeSet<_> = listed;
    assert_eq!(listed, found, "what only some servers call, as listed and as found");
}

#[test]
fn bodies_that_know_no_model_are_the_same() {
    // The delivery thread may hold a socket that is to be closed.
    let own = "wake_delivery_thread(server,&mutserver.lock())";
    for (file, name) in [("lib.rs", "lock"), ("close.rs", "close")] {
        let body = |twin| normalised(&function(twin, file, name).body).replace(own, "");
        assert_eq!(body("server-threaded"), body("server-async"), "{file}: fn {name}");
    }
    let more = |twin: &str| {
        let text = source(&format!("{twin}/src/connection.rs"));
        let (_, more) = text.split_once("/// Whether there may be more").expect("it reads");
        more.lines().filter(|line| !line.starts_with("#[derive")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(more(TWINS[0]), more(TWINS[1]), "enum More");
    assert_eq!(more(TWINS[0]), more(TWINS[2]), "enum More");
}

fn functions_of(twin: &str, file: &str) -> Vec<Function> {
    functions(&source(&format!("{twin}/src/{file}")))
}

fn function(twin: &str, file: &str, name: &str) -> Function {
    let mut all = functions_of(twin, file).into_iter();
    all.find(|it| it.name == name).unwrap_or_else(|| panic!("{twin}/src/{file} has no fn {name}"))
}

/// The names of the public functions of the core that have to do with the room, a connection or a shutdown.
fn core_functions() -> BTreeSet<String> {
    let files = ["close", "listen", "room", "session", "shutdown", "socket"];
    let parts = ["room/delivery", "room/end", "room/outcome", "room/talk"];
    let parts = parts.into_iter().chain(["session/activity", "session/deadline", "session/end"]);
    let sources =
        files.into_iter().chain(parts).map(|file| source(&format!("server-core/src/{file}.rs")));
    let mut found = BTreeSet::new();
    for text in sources {
        let lines: BTreeSet<_> = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("pub fn "))
            .filter_map(|rest| rest.split(['(', '<']).next().map(str::to_owned))
            .collect();
        found.extend(lines);
    }
    // Names that other types have as well.
    found.retain(|name| {
        !["new", "len", "is_empty", "join", "name", "bytes", "clear"].contains(&name.as_str())
    });
    found
}
