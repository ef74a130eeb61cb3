//! Network: what TCP sent again, on all connections in this network namespace.

use std::fs;

/// Counters since the system started. They include the connections of all processes, so on a busy
/// machine the difference of two readings is not the load's alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// First packets of a connection that were sent again, because a backlog was full.
    pub syn_retries: u64,
    /// Packets that were sent again, those included.
    pub retransmits: u64,
}

impl Network {
    /// Reads the counters; `None` if the system does not show them.
    pub fn read() -> Option<Self> {
        let extended = fs::read_to_string("/proc/net/netstat").ok()?;
        let basic = fs::read_to_string("/proc/net/snmp").ok()?;
        let syn_retries = counter(&extended, "TcpExt:", "TCPSynRetrans")?;
        Some(Self { syn_retries, retransmits: counter(&basic, "Tcp:", "RetransSegs")? })
    }

    /// The difference to an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            syn_retries: self.syn_retries.saturating_sub(earlier.syn_retries),
            retransmits: self.retransmits.saturating_sub(earlier.retransmits),
        }
    }
}

/// The number under a title. Lines come in pairs, one of titles and one of numbers, that begin with
/// the same word.
fn counter(table: &str, group: &str, title: &str) -> Option<u64> {
    let mut lines = table.lines().filter_map(|line| line.strip_prefix(group));
    let (titles, numbers) = (lines.next()?, lines.next()?);
    let place = titles.split_ascii_whitespace().position(|each| each == title)?;
    numbers.split_ascii_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_title() {
        let table = "Ip: A B\nIp: 1 2\nTcp: A B C\nTcp: 3 4 5\n";
        assert_eq!(Some(4), counter(table, "Tcp:", "B"));
        assert_eq!(Some(1), counter(table, "Ip:", "A"));
        assert_eq!(None, counter(table, "Tcp:", "D"));
        assert_eq!(None, counter(table, "Udp:", "A"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_counters_only_grow() {
        let earlier = Network::read().expect("Linux shows it");
        let later = Network::read().expect("Linux shows it");
        assert!(later.retransmits >= earlier.retransmits);
        assert_eq!(Network::default(), earlier.since(earlier));
    }
}
