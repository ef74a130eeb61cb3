//! Cores: separate processor cores for the load and for the servers, on a machine with enough of
//! them.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// The numbers of the cores; no core is in both lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cores {
    load: Vec<usize>,
    servers: Vec<usize>,
}

impl Cores {
    /// The cores of this machine; `None` if it has too few, or if the system does not report them.
    pub(crate) fn separate() -> Option<Self> {
        // This also counts the limits of a container.
        let usable = std::thread::available_parallelism().map_or(1, usize::from);
        if usable < CORES_TO_SEPARATE { None } else { Self::of(&allowed()?) }
    }

    /// The last core for the load, which is one thread; the first for other programs, because it
    /// handles most interrupts; all others for the servers.
    fn of(allowed: &[usize]) -> Option<Self> {
        let [_, servers @ .., load] = allowed else { return None };
        let is_enough = allowed.len() >= CORES_TO_SEPARATE;
        is_enough.then(|| Self { load: vec![*load], servers: servers.to_vec() })
    }

    /// Starts a process on the servers' cores, and moves the calling thread, which is the load's,
    /// to the load's core. The process inherits its parent's affinity, so none of its threads ever
    /// runs on another core.
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

/// The cores on which the calling thread may run.
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

/// Of four cores, two are left for the servers: the load and other programs take one each.
const CORES_TO_SEPARATE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_than_four_cores_are_shared() {
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
        let text = Cores::of(&[0, 1, 2, 3]).expect("four are enough").to_string();
        assert_eq!("the load on 3, servers on 1, 2", text);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_stays_on_the_servers_cores_and_the_load_on_its_own() {
        // In a thread of its own, because the affinity of a test's thread must not change.
        std::thread::spawn(start_on_separate_cores).join().expect("no panic");
    }

    #[cfg(target_os = "linux")]
    fn start_on_separate_cores() {
        let all = allowed().expect("Linux reports them");
        let (first, last) = (all[0], all[all.len() - 1]);
        let cores = Cores { load: vec![first], servers: vec![last] };
        let mut child = std::process::Command::new("grep");
        child.args(["Cpus_allowed_list", "/proc/self/status"]);
        let output = cores.start(|| child.output()).expect("it is allowed").expect("grep runs");
        let list = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(Some(&*last.to_string()), list.split_whitespace().last());
        assert_eq!(Some(vec![first]), allowed());
    }
}
