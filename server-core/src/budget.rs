//! Budget: how many clients this machine can hold.

use std::fs;
use std::io;
use std::str::FromStr;

use rustix::io::fcntl_dupfd_cloexec;

use crate::listen::LISTENERS_MAX;
use crate::socket::LINGERING_MAX;

/// The resources, other than memory, that a server needs for each client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerClient {
    /// One descriptor.
    Descriptor,
    /// One descriptor and one thread.
    Thread,
}

/// Raises the soft limit on descriptors to the hard limit.
pub fn raise_descriptor_limit() {
    // If that fails, the soft limit stays as it is, and `clients_max` reads it.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

/// Makes the kernel allocate the table of descriptors before there are threads. In a process with threads, each
/// doubling of the table waits until every processor has switched to other work: ten milliseconds and more, in which
/// no client of a crowd is accepted.
pub fn preallocate_descriptor_table() {
    let descriptors =
        rlimit::Resource::NOFILE.get_soft().map_or(DESCRIPTORS_PREALLOCATED, saturate);
    let highest = descriptors.min(DESCRIPTORS_PREALLOCATED).saturating_sub(1);
    // The table grows to hold this descriptor, and keeps its size. If the call fails, it grows as clients arrive.
    let _ = fcntl_dupfd_cloexec(io::stderr(), i32::try_from(highest).unwrap_or_default());
}

/// The largest number of clients that the machine's limits allow.
pub fn clients_max(per_client: PerClient) -> usize {
    let descriptors = rlimit::Resource::NOFILE.get_soft().map_or(usize::MAX, saturate);
    let by_descriptors = descriptors.saturating_sub(DESCRIPTORS_RESERVED);
    match per_client {
        PerClient::Descriptor => by_descriptors.max(1),
        PerClient::Thread => by_descriptors.min(threads_max()).max(1),
    }
}

/// The largest number of threads that this process can have: the lowest of the kernel's limits. A limit that cannot
/// be read does not count.
fn threads_max() -> usize {
    // The kernel does not refuse a thread beyond the limit on memory maps: it aborts the process (measured: at about
    // 16,300 threads on a stock Linux). So the server must stay below this limit.
    let maps = number("/proc/sys/vm/max_map_count");
    let by_maps = maps.map(|maps| maps.saturating_sub(MAPS_RESERVED) / MAPS_PER_THREAD);
    let by_user = rlimit::Resource::NPROC.get_soft().ok().map(saturate);
    let limits = [
        by_maps,
        by_user,
        number("/proc/sys/kernel/pid_max"),
        number("/proc/sys/kernel/threads-max"),
        own_cgroup().and_then(|group| number(&format!("/sys/fs/cgroup{group}/pids.max"))),
    ];
    let lowest = limits.into_iter().flatten().min().unwrap_or(usize::MAX);
    lowest.saturating_sub(THREADS_RESERVED)
}

/// The path of this process's control group (cgroup v2).
fn own_cgroup() -> Option<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(group.trim_end_matches('/').to_owned())
}

fn number(path: &str) -> Option<usize> {
    usize::from_str(fs::read_to_string(path).ok()?.trim()).ok()
}

fn saturate(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Descriptors that are not for clients: standard streams, listeners, poll, signals; the connection that is just
/// being accepted; and rejected clients that linger.
const DESCRIPTORS_RESERVED: usize = 16 + LINGERING_MAX;

/// Entries that the table gets at the start, at most: half a megabyte of kernel memory. With more clients, each doubling
/// costs the wait.
const DESCRIPTORS_PREALLOCATED: usize = 64 * 1024;

/// Memory maps of a thread: its stack and guard page, its signal stack and guard page.
const MAPS_PER_THREAD: usize = 4;

/// Memory maps that are not for threads: the program, its libraries, the allocator's arenas.
const MAPS_RESERVED: usize = 1024;

/// Threads that are not for clients: main, signals, log, console, delivery, rejection, two in reserve, and one for each
/// listener beyond the first.
const THREADS_RESERVED: usize = 8 + LISTENERS_MAX - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_on_threads_never_allows_more_clients_than_the_one_on_descriptors() {
        assert!(clients_max(PerClient::Thread) <= clients_max(PerClient::Descriptor));
        assert!(clients_max(PerClient::Thread) >= 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_table_of_descriptors_is_allocated_in_full() {
        preallocate_descriptor_table();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap();
        let size: usize = size.trim().parse().unwrap();
        let limit = rlimit::Resource::NOFILE.get_soft().map_or(usize::MAX, saturate);
        assert!(size >= limit.min(DESCRIPTORS_PREALLOCATED), "{size} of {limit}");
    }
}
