//! Budget: how many clients this machine can hold.

use std::fs;
use std::io;
use std::str::FromStr;

use rustix::io::fcntl_dupfd_cloexec;

use crate::listen::LISTENERS_MAX;
use crate::socket::LINGERING_MAX;

/// What a server needs for each client, beyond memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerClient {
    /// One descriptor.
    Descriptor,
    /// One descriptor and one thread.
    Thread,
}

/// Raises the soft limit of descriptors to the hard one, so that only the latter counts.
pub fn raise_descriptor_limit() {
    // Without it the soft limit stays, and is what `clients_max` reads.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

/// Has the kernel set aside the table of descriptors before there are threads. With threads each doubling of it
/// waits until every processor has been elsewhere, ten milliseconds and more in which a storm of clients stands still.
pub fn preallocate_descriptor_table() {
    let descriptors =
        rlimit::Resource::NOFILE.get_soft().map_or(DESCRIPTORS_PREALLOCATED, saturate);
    let highest = descriptors.min(DESCRIPTORS_PREALLOCATED).saturating_sub(1);
    // The table is as large as its highest descriptor needs, and stays so. Without it, it grows as before.
    let _ = fcntl_dupfd_cloexec(io::stderr(), i32::try_from(highest).unwrap_or_default());
}

/// The most clients at once that the machine's limits allow.
pub fn clients_max(per_client: PerClient) -> usize {
    let descriptors = rlimit::Resource::NOFILE.get_soft().map_or(usize::MAX, saturate);
    let by_descriptors = descriptors.saturating_sub(DESCRIPTORS_RESERVED);
    match per_client {
        PerClient::Descriptor => by_descriptors.max(1),
        PerClient::Thread => by_descriptors.min(threads_max()).max(1),
    }
}

/// The most threads this process can have: whichever of the kernel's limits is lowest. One that cannot
/// be read does not count.
fn threads_max() -> usize {
    // A thread beyond the limit of memory maps is not refused: the process is aborted (measured: at
    // about 16,300 threads on a stock Linux), so this limit must never be met.
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

/// The path of this process's group in the unified hierarchy.
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

/// Descriptors for everything but clients: standard streams, listener, poll, signals; one that is just
/// being accepted; and those that are being refused.
const DESCRIPTORS_RESERVED: usize = 16 + LINGERING_MAX;

/// More clients than this cost a wait at each doubling all the same. It is half a megabyte of the kernel's.
const DESCRIPTORS_PREALLOCATED: usize = 64 * 1024;

/// A thread's stack, its guard page, and the same again for its signal stack.
const MAPS_PER_THREAD: usize = 4;

/// Memory maps for everything but threads: the program, its libraries, the allocator's arenas.
const MAPS_RESERVED: usize = 1024;

/// Threads for everything but clients: the main one, signals, log, console, delivery, rejection, with two to spare; and
/// one for each address beyond the first.
const THREADS_RESERVED: usize = 8 + LISTENERS_MAX - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_per_client_never_allows_more_than_descriptors_do() {
        assert!(clients_max(PerClient::Thread) <= clients_max(PerClient::Descriptor));
        assert!(clients_max(PerClient::Thread) >= 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_table_of_descriptors_is_as_large_as_it_may_become() {
        preallocate_descriptor_table();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap();
        let size: usize = size.trim().parse().unwrap();
        let limit = rlimit::Resource::NOFILE.get_soft().map_or(usize::MAX, saturate);
        assert!(size >= limit.min(DESCRIPTORS_PREALLOCATED), "{size} of {limit}");
    }
}
