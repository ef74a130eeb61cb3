//! Group: the process group of a child, which ends when its leader ends or the test drops it.

use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

/// The process group of a child, which is its leader.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) pid: Pid,
    /// Set when the leader is reaped. From then on another process may have its id.
    status: Mutex<Option<ExitStatus>>,
    ended: Condvar,
}

impl Group {
    /// Takes over a registered child, and waits for its end in a thread.
    pub(super) fn watch(child: Child) -> Arc<Self> {
        let pid = Pid::from_child(&child);
        let group = Arc::new(Self { pid, status: Mutex::new(None), ended: Condvar::new() });
        let watched = Arc::clone(&group);
        thread::spawn(move || watched.reap(child));
        group
    }

    /// Waits until the leader ends, kills the rest of the group, and only then frees the leader's
    /// id.
    fn reap(&self, mut child: Child) {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(self.pid), look) {}
        let mut status = lock(&self.status);
        kill_group(self.pid);
        lock(&LIVE).retain(|&pid| pid != self.pid);
        *status = Some(child.wait().expect("only this thread reaps the child"));
        self.ended.notify_all();
    }

    pub(super) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    pub(super) fn signal_leader(&self, signal: Signal) {
        if lock(&self.status).is_none() {
            // This fails if the leader has just ended, which needs no signal.
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

/// Starts a child and adds its group to the list of running ones in one step: either [`kill_all`]
/// finds it, or it never starts.
pub(super) fn register<E>(start: impl FnOnce() -> Result<Child, E>) -> Result<Child, E> {
    let mut live = lock(&LIVE);
    let child = start()?;
    live.push(Pid::from_child(&child));
    Ok(child)
}

/// Kills all groups that still run, for a program that is about to exit without unwinding. A thread
/// that starts a child afterwards waits until the program has ended.
pub fn kill_all() {
    let live = lock(&LIVE);
    for pid in &*live {
        kill_group(*pid);
    }
    mem::forget(live);
}

/// Kills all groups that still run. More can be started afterwards.
pub(crate) fn kill_running() {
    for pid in &*lock(&LIVE) {
        kill_group(*pid);
    }
}

fn kill_group(pid: Pid) {
    // This fails if the group has just ended by itself.
    kill_process_group(pid, Signal::KILL).ok();
}

/// Locks a mutex. A poisoned one is used as well: the panic that poisoned it has been reported.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The groups that run now.
static LIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
