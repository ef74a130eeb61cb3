//! Cores: which of them the load and the servers have for themselves, where there are enough.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// Cores by their numbers, none of them in both lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cores {
    load: Vec<usize>,
    servers: Vec<usize>,
}

impl Cores {
    /// Those of this machine; `None` if there are too few, or if the system does not tell which there are.
    pub(crate) fn separate() -> Option<Self> {
        // It also knows how much of them a container may have.
        let usable = std::thread::available_parallelism().map_or(1, usize::from);
        if usable < CORES_TO_SEPARATE { None } else { Self::of(&allowed()?) }
    }

    /// The last of these for the load, which is one thread; the first for whatever else runs, since interrupts
    /// mostly go there; all others for the server.
    fn of(allowed: &[usize]) -> Option<Self> {
        let [_, servers @ .., load] = allowed else { return None };
        let is_enough = allowed.len() >= CORES_TO_SEPARATE;
        is_enough.then(|| Self { load: vec![*load], servers: servers.to_vec() })
    }

    /// Starts a process on the servers' cores, and has the calling thread, which is the load's, go on its own.
    /// The process inherits where its parent runs: so none of its threads was ever elsewhere.
    ///
    /// # Errors
    ///
    /// The system does not allow it.
    pub(crate) fn start<T>(&self, start: impl FnOnce() -> T) -> io::Result<T> {
        run_on(&self.servers)?;
        let started = start();
        run_on(&self.load)?;
        Ok(started)
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |cores: &[usize]| {
            let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
            cores.join(", ")
        };
        write!(f, "the load on {}, servers on {}", list(&self.load), list(&self.servers))
    }
}

/// The cores that the calling thread may run on.
#[cfg(target_os = "linux")]
fn allowed() -> Option<Vec<usize>> {
    let set = rustix::thread::sched_getaffinity(None).ok()?;
    Some((0..rustix::thread::CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect())
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Option<Vec<usize>> {
    None
}

#[cfg(target_os = "linux")]
fn run_on(cores: &[usize]) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    for &core in cores {
        set.set(core);
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

#[cfg(not(target_os = "linux"))]
fn run_on(_cores: &[usize]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// With four, two are left for a server when the load and the rest of the system take one each.
const CORES_TO_SEPARATE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_fewer_than_four_all_is_shared() {
        for allowed in [&[][..], &[0], &[0, 1], &[0, 1, 2]] {
            assert_eq!(None, Cores::of(allowed), "{allowed:?}");
        }
    }

    #[test]
    fn load_and_servers_never_share_a_core() {
        for (allowed, load, servers) in
            [(&[0, 1, 2, 3][..], 3, &[1, 2][..]), (&[2, 3, 5, 7, 11, 13], 13, &[3, 5, 7, 11])]
        {
            let expected = Cores { load: vec![load], servers: servers.to_vec() };
            assert_eq!(Some(expected), Cores::of(allowed));
        }
        let told = Cores::of(&[0, 1, 2, 3]).expect("they are enough").to_string();
        assert_eq!("the load on 3, servers on 1, 2", told);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_stays_on_the_servers_cores_and_the_load_on_its_own() {
        // A thread of its own: no other test is to be left on one core.
        std::thread::spawn(start_apart).join().expect("no panic");
    }

    #[cfg(target_os = "linux")]
    fn start_apart() {
        let all = allowed().expect("Linux tells");
        let (first, last) = (all[0], all[all.len() - 1]);
        let cores = Cores { load: vec![first], servers: vec![last] };
        let mut child = std::process::Command::new("grep");
        child.args(["Cpus_allowed_list", "/proc/self/status"]);
        let output = cores.start(|| child.output()).expect("it may").expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(Some(&*last.to_string()), said.split_whitespace().last());
        assert_eq!(Some(vec![first]), allowed());
    }
}
