//! Measure: what a process has used so far, as Linux shows it in `/proc`.

mod network;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

pub use self::network::Network;

/// What a process has used since it began, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of all its threads, finished ones included, to the nanosecond. Without a
    /// process clock it is the sum of the next two.
    pub processor: Duration,
    /// The part of it in user mode; counted in steps of 10 ms.
    pub user: Duration,
    /// The part of it in the kernel, in the same steps. The kernel divides the two by sampling at
    /// its timer interrupts.
    pub system: Duration,
    /// Context switches of its live threads, voluntary and involuntary. Those of finished threads
    /// are not included, so two readings compare only if no thread ended between them.
    pub switches: u64,
    /// Resident memory in bytes. The proportional share is not used: it changes with the other
    /// processes that run the same program file. Memory of the kernel for its sockets is not
    /// included.
    pub resident: u64,
    /// Live threads.
    pub threads: u64,
    /// Open file descriptors.
    pub descriptors: u64,
}

impl Usage {
    /// Reads the usage of process `id`; `None` if there is no such process or the system does not
    /// show it.
    pub fn of(id: u32) -> Option<Self> {
        let process = PathBuf::from(format!("/proc/{id}"));
        let (user, system) = cpu_times(&fs::read_to_string(process.join("stat")).ok()?)?;
        let processor = exact_cpu_time(id).unwrap_or(user + system);
        // The kernel walks the page tables for this, so it is exact. The counter in `status` may be
        // off by some pages a thread.
        let resident = number(&fs::read_to_string(process.join("smaps_rollup")).ok()?, "Rss:")?;
        let descriptors = fs::read_dir(process.join("fd")).ok()?.count() as u64;
        let (mut threads, mut switches) = (0, 0);
        for thread in fs::read_dir(process.join("task")).ok()?.flatten() {
            // A thread may end meanwhile.
            let Ok(status) = fs::read_to_string(thread.path().join("status")) else { continue };
            threads += 1;
            switches += context_switches(&status)?;
        }
        let resident = resident * KIB;
        Some(Self { processor, user, system, switches, resident, threads, descriptors })
    }

    /// Processor time, user and system.
    pub fn cpu(&self) -> Duration {
        self.processor
    }
}

/// Whether every thread of process `id` sleeps until an event; `None` as with [`Usage::of`].
pub fn is_waiting(id: u32) -> Option<bool> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).ok()?.flatten();
    // A thread may end meanwhile.
    let mut stats =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    Some(stats.all(|stat| state(&stat) == Some("S")))
}

/// Bytes of the address space that process `id` has in use; `None` as with [`Usage::of`].
pub fn address_space(id: u32) -> Option<u64> {
    status_bytes(id, "VmSize:")
}

/// The peak resident memory of process `id` so far, in bytes; `None` as with [`Usage::of`].
pub fn peak_resident(id: u32) -> Option<u64> {
    status_bytes(id, "VmHWM:")
}

fn status_bytes(id: u32, key: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    Some(number(&status, key)? * KIB)
}

/// The reading of the process's CPU clock.
#[cfg(target_os = "linux")]
fn exact_cpu_time(id: u32) -> Option<Duration> {
    let process = nix::unistd::Pid::from_raw(id.try_into().ok()?);
    let clock = nix::time::clock_getcpuclockid(process).ok()?;
    Some(clock.now().ok()?.into())
}

#[cfg(not(target_os = "linux"))]
fn exact_cpu_time(_id: u32) -> Option<Duration> {
    None
}

/// User and system time from a `stat` line. The program's name, in parentheses, may hold anything.
fn cpu_times(stat: &str) -> Option<(Duration, Duration)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(UTIME_AFTER_NAME);
    let mut ticks = || Some(TICK * fields.next()?.parse().ok()?);
    Some((ticks()?, ticks()?))
}

/// The state of a thread, from its `stat` line: `S` if it sleeps until an event.
fn state(stat: &str) -> Option<&str> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().next()
}

fn context_switches(status: &str) -> Option<u64> {
    Some(
        number(status, "voluntary_ctxt_switches:")?
            + number(status, "nonvoluntary_ctxt_switches:")?,
    )
}

/// The number after `key`, which begins a line.
fn number(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

const KIB: u64 = 1024;
/// Linux shows processor times in hundredths of a second on every common machine.
const TICK: Duration = Duration::from_millis(10);
/// Fields between the program's name and `utime`, which is field 14 of `stat` (proc(5)).
const UTIME_AFTER_NAME: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_after_any_program_name() {
        let stat = "7 (a) R 1 (b) S 1 7 7 0 -1 4194304 1 2 3 4 150 25 0 0 20 0 9 0 1";
        let times = (Duration::from_millis(1500), Duration::from_millis(250));
        assert_eq!(Some(times), cpu_times(stat));
        assert_eq!(None, cpu_times("7 (short) S 1"));
    }

    #[test]
    fn the_state_is_found_after_any_program_name() {
        assert_eq!(Some("R"), state("7 (a) S 1 (b) R 1 7 7 0"));
        assert_eq!(None, state("7"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_running_process_is_not_waiting() {
        assert_eq!(Some(false), is_waiting(std::process::id()));
    }

    #[test]
    fn switches_of_both_kinds_count() {
        let status = "Threads:\t1\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n";
        assert_eq!(Some(42), context_switches(status));
        assert_eq!(None, context_switches("Threads:\t1\n"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_a_usage() {
        let usage = Usage::of(std::process::id()).expect("Linux shows it");
        assert!(usage.threads >= 1 && usage.descriptors >= 3, "{usage:?}");
        assert!(usage.resident > 100 * 1024, "{usage:?}");
        let peak = peak_resident(std::process::id()).expect("Linux shows it");
        assert!(peak >= usage.resident / 2, "{peak} is no peak of {}", usage.resident);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_cpu_clock_runs_and_agrees_with_the_counters() {
        let id = std::process::id();
        let before = exact_cpu_time(id).expect("Linux shows it");
        let mut after = before;
        while after.saturating_sub(before) < 3 * TICK {
            let later = exact_cpu_time(id).expect("Linux shows it");
            assert!(later >= after, "{later:?} is before {after:?}");
            after = later;
        }
        let usage = Usage::of(id).expect("Linux shows it");
        assert!(usage.cpu() >= after && usage.user + usage.system + TICK >= before, "{usage:?}");
        assert!(!usage.processor.subsec_nanos().is_multiple_of(10_000_000), "no tick: {usage:?}");
    }

    #[test]
    fn a_process_that_does_not_exist_has_no_usage() {
        assert_eq!(None, Usage::of(u32::MAX));
    }
}
