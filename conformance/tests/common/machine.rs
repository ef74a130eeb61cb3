//! Machine: requirements of some rules that this machine may not meet.

use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use conformance::process::{Conventions, ServerProcess, User};
use conformance::target::{Model, our_command};
use rustix::process::geteuid;

/// The reason for which this rule cannot be tested on this machine; it is then listed as ignored.
/// `None` if it can.
pub(crate) fn obstacle(id: &str) -> Option<&'static str> {
    match id {
        _ if OBSERVING.contains(&id) && !cfg!(target_os = "linux") => Some("needs /proc of Linux"),
        "RES-01" | "RES-02" | "RES-03" => *NO_PRLIMIT,
        "RES-08" => NO_PRLIMIT.or(*NO_NOBODY),
        _ if CROWDED.contains(&id) => *FEW_DESCRIPTORS,
        _ => None,
    }
}

/// The lock that a rule with many clients holds while it runs, so that there is only one such test
/// at a time.
pub(crate) fn turn(id: &str) -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    // A poisoned lock is used: the panic has been reported, and its clients are gone.
    CROWDED.contains(&id).then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Raises this program's limit of descriptors as far as the system allows.
pub(crate) fn raise_descriptors() {
    // If it cannot be raised, `obstacle` excludes the rules that need more.
    rlimit::increase_nofile_limit(u64::MAX).ok();
}

/// The rules that observe what the server's process uses.
const OBSERVING: &[&str] = &[
    "BAD-07", "LIM-01", "BPR-04", "BPR-06", "BPR-07", "RES-01", "RES-02", "RES-03", "RES-06",
    "RES-07",
];

/// The rules with a thousand and more clients at the same time.
const CROWDED: &[&str] = &["RES-04", "RES-05", "RES-07"];

static NO_PRLIMIT: LazyLock<Option<&str>> = LazyLock::new(|| {
    let mut probe = Command::new("prlimit");
    probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let works = probe.status().is_ok_and(|status| status.success());
    (!works).then_some("needs prlimit (util-linux)")
});

/// The limit does not bind root, so the servers run as the user `nobody`.
static NO_NOBODY: LazyLock<Option<&str>> = LazyLock::new(|| {
    if !geteuid().is_root() {
        return None;
    }
    let command = our_command(Model::Select, env!("CARGO_BIN_EXE_conformance").as_ref());
    let conventions = Conventions { user: User::Nobody, ..Conventions::default() };
    let started = ServerProcess::start_on_as(&command, 0, &conventions);
    started.is_err().then_some("needs a build that the user nobody can run")
});

static FEW_DESCRIPTORS: LazyLock<Option<&str>> = LazyLock::new(|| {
    let few = rlimit::Resource::NOFILE.get_hard().is_ok_and(|hard| hard < DESCRIPTORS);
    few.then_some("needs 8000 descriptors")
});

/// Five thousand clients, and the descriptors of the tests beside them.
const DESCRIPTORS: u64 = 8000;
