//! Machine: what some rows take to be tried on our servers, and this machine may not have.

use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use conformance::process::{Conventions, ServerProcess, User};
use conformance::target::{Model, our_command};
use rustix::process::geteuid;

/// Why this row cannot be tried here, if it cannot: it is listed as ignored then, and not passed over in silence.
pub(crate) fn obstacle(id: &str) -> Option<&'static str> {
    match id {
        _ if LOOKING.contains(&id) && !cfg!(target_os = "linux") => Some("takes /proc of Linux"),
        "RES-01" | "RES-02" | "RES-03" => *NO_PRLIMIT,
        "RES-08" => NO_PRLIMIT.or(*NO_NOBODY),
        _ if CROWDED.contains(&id) => *FEW_DESCRIPTORS,
        _ => None,
    }
}

/// What a row with a crowd holds while it runs: one crowd at a time is enough for any machine.
pub(crate) fn turn(id: &str) -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    // A row that panicked has been reported, and its crowd is gone.
    CROWDED.contains(&id).then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Lets this program have as many descriptors as it may.
pub(crate) fn raise_descriptors() {
    // Where it cannot be raised, the rows that need more are told from the rest.
    rlimit::increase_nofile_limit(u64::MAX).ok();
}

/// The rows that look at what the server's process uses.
const LOOKING: &[&str] = &[
    "BAD-07", "LIM-01", "BPR-04", "BPR-06", "BPR-07", "RES-01", "RES-02", "RES-03", "RES-06",
    "RES-07",
];

/// The rows with a thousand clients and more at a time.
const CROWDED: &[&str] = &["RES-04", "RES-05", "RES-07"];

static NO_PRLIMIT: LazyLock<Option<&str>> = LazyLock::new(|| {
    let mut probe = Command::new("prlimit");
    probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let works = probe.status().is_ok_and(|status| status.success());
    (!works).then_some("takes prlimit (util-linux)")
});

/// The limit does not bind root, so another user has to be able to run the servers.
static NO_NOBODY: LazyLock<Option<&str>> = LazyLock::new(|| {
    if !geteuid().is_root() {
        return None;
    }
    let command = our_command(Model::Select, env!("CARGO_BIN_EXE_conformance").as_ref());
    let conventions = Conventions { user: User::Nobody, ..Conventions::default() };
    let started = ServerProcess::start_on_as(&command, 0, &conventions);
    started.is_err().then_some("takes a build that the user nobody can run")
});

static FEW_DESCRIPTORS: LazyLock<Option<&str>> = LazyLock::new(|| {
    let few = rlimit::Resource::NOFILE.get_hard().is_ok_and(|hard| hard < DESCRIPTORS);
    few.then_some("takes 8000 descriptors")
});

/// A crowd of five thousand, and what else is on its way.
const DESCRIPTORS: u64 = 8000;
