//! Outcome: what one attack did to the honest clients and to the server, and the verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use load::measure::Usage;

use super::counts::Counts;
use super::end::End;
use super::honest_clients::HonestClients;
use super::hostile_clients::HostileClients;
use super::send_schedule::SendSchedule;
use super::server::Server;

/// What was counted and measured. A value that the system does not show is `None`.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) counts: Counts,
    pub(super) median: Duration,
    pub(super) longest: Duration,
    /// The most hostile clients that were connected at once.
    pub(super) connected_max: usize,
    pub(super) ends: BTreeMap<End, u64>,
    /// Processor time of the server.
    pub(super) cpu: Option<Duration>,
    /// The peak of its resident memory, and the most that it may be, in bytes.
    pub(super) peak: Option<u64>,
    pub(super) memory_limit: Option<u64>,
    /// Harm to honest clients, or to the server.
    pub(super) harms: Vec<String>,
    /// Reasons why this machine, and not the server, may have caused the figures.
    pub(super) doubts: Vec<String>,
}

/// What follows from an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Harmless,
    Harmed,
    Inconclusive,
}

impl Outcome {
    /// The outcome as the clients know it.
    pub(super) fn of(
        honest: &HonestClients,
        hostile: &HostileClients,
        schedule: &SendSchedule,
    ) -> Self {
        let counts = honest.counts();
        let mut harms: Vec<String> = honest.ended().into_iter().take(FEW).collect();
        if !counts.is_exact() {
            harms.push("honest clients did not receive exactly what was sent".into());
        }
        let mut doubts = Vec::new();
        if schedule.late_max() > LATE {
            doubts.push(format!("honest clients sent up to {:?} late", schedule.late_max()));
        }
        if hostile.turns_taken() < KEPT_AT_LEAST {
            let missed = 100.0 * (1.0 - hostile.turns_taken());
            doubts.push(format!("hostile clients missed {missed:.0} % of their turns"));
        }
        Self {
            counts,
            median: Duration::from_nanos(honest.latencies().value_at_quantile(0.5)),
            longest: Duration::from_nanos(honest.latencies().max()),
            connected_max: hostile.connected_max(),
            ends: hostile.ends().clone(),
            cpu: None,
            peak: None,
            memory_limit: None,
            harms,
            doubts,
        }
    }

    /// Adds what the server's process used.
    pub(super) fn measure(&mut self, server: &Server, before: Option<Usage>) {
        let spent = |(before, after): (Usage, Usage)| after.cpu().saturating_sub(before.cpu());
        self.cpu = before.zip(server.usage()).map(spent);
        (self.peak, self.memory_limit) = (server.peak(), server.memory_limit);
        let over = self.peak.zip(self.memory_limit).filter(|(peak, limit)| peak > limit);
        self.harms.extend(over.map(|(peak, limit)| {
            let [peak, limit] = [peak, limit].map(|bytes| ByteSize(bytes).display().iec());
            format!("the server held {peak}, over its limit of {limit}")
        }));
        self.harms.extend(server.end());
    }

    pub(super) fn verdict(&self) -> Verdict {
        if !self.harms.is_empty() {
            Verdict::Harmed
        } else if !self.doubts.is_empty() {
            Verdict::Inconclusive
        } else {
            Verdict::Harmless
        }
    }
}

/// If a hundred clients lost their connections, the first of them are enough.
const FEW: usize = 3;
/// Twice the time that the flow rule lets the room wait. With longer delays of this machine,
/// latencies mean nothing.
const LATE: Duration = Duration::from_secs(2);
/// One turn in 0.8 s is still enough for clients that do something once a second.
const KEPT_AT_LEAST: f64 = 0.25;
