//! A child's process group: who is in it, and how it ends.

use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

/// The process group of a child, and how its leader ended.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) pid: Pid,
    /// Set once the leader is reaped; its id may belong to somebody else from then on.
    status: Mutex<Option<ExitStatus>>,
    ended: Condvar,
}

impl Group {
    /// Takes the enlisted child over: a thread of its own waits for its end.
    pub(super) fn watch(child: Child) -> Arc<Self> {
        let pid = Pid::from_child(&child);
        let group = Arc::new(Self { pid, status: Mutex::new(None), ended: Condvar::new() });
        let watched = Arc::clone(&group);
        thread::spawn(move || watched.reap(child));
        group
    }

    /// Waits for the leader's end, ends those it left behind, and only then frees its id.
    fn reap(&self, mut child: Child) {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(self.pid), look) {}
        let mut status = lock(&self.status);
        kill_group(self.pid);
        lock(&LIVE).retain(|&pid| pid != self.pid);
        *status = Some(child.wait().expect("a child that nobody else reaps can be waited for"));
        self.ended.notify_all();
    }

    pub(super) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    pub(super) fn signal_leader(&self, signal: Signal) {
        if lock(&self.status).is_none() {
            // It may have become a zombie a moment ago: then nobody needs the signal.
            kill_process(self.pid, signal).ok();
        }
    }

    pub(super) fn kill(&self) {
        let status = lock(&self.status);
        if status.is_none() {
            kill_group(self.pid);
        }
        drop(self.ended.wait_while(status, |status| status.is_none()));
    }

    pub(super) fn wait(&self, deadline: Duration) -> Option<ExitStatus> {
        let status = lock(&self.status);
        let waited = self.ended.wait_timeout_while(status, deadline, |status| status.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Starts a child and enlists its group in one step, so that [`kill_all`] finds it or it never starts.
pub(super) fn register<E>(start: impl FnOnce() -> Result<Child, E>) -> Result<Child, E> {
    let mut live = lock(&LIVE);
    let child = start()?;
    live.push(Pid::from_child(&child));
    Ok(child)
}

/// Kills every group that is still alive: for a program that is about to leave without unwinding. From
/// here on nothing can be started, and whoever tries waits for the program's end.
pub fn kill_all() {
    let live = lock(&LIVE);
    for pid in &*live {
        kill_group(*pid);
    }
    mem::forget(live);
}

/// Kills every group that is alive now; others can be started later.
pub(crate) fn kill_running() {
    for pid in &*lock(&LIVE) {
        kill_group(*pid);
    }
}

fn kill_group(pid: Pid) {
    // The group may have ended by itself a moment ago, which is as good.
    kill_process_group(pid, Signal::KILL).ok();
}

/// A lock is only ever poisoned by a panic that is being reported already.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The groups alive now.
static LIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
