//! Outcome: what one attack did to the honest clients and to the server, and what that means.

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

/// What was counted and measured. What the system does not tell is `None`.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) counts: Counts,
    pub(super) median: Duration,
    pub(super) longest: Duration,
    /// The most hostile clients that were connected at once.
    pub(super) standing: usize,
    pub(super) ends: BTreeMap<End, u64>,
    /// Processor time of the server.
    pub(super) cpu: Option<Duration>,
    /// The most memory that it held resident, and what is in order, in bytes.
    pub(super) peak: Option<u64>,
    pub(super) memory_limit: Option<u64>,
    /// What honest clients suffered, or the server.
    pub(super) harms: Vec<String>,
    /// Why the figures may be the machine's fault.
    pub(super) doubts: Vec<String>,
}

/// What an outcome means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Harmless,
    Harmed,
    Inconclusive,
}

impl Outcome {
    /// What the clients' side tells.
    pub(super) fn of(
        honest: &HonestClients,
        hostile: &HostileClients,
        schedule: &SendSchedule,
    ) -> Self {
        let counts = honest.counts();
        let mut harms: Vec<String> = honest.ended().into_iter().take(FEW).collect();
        if !counts.is_exact() {
            harms.push("honest clients did not get exactly what was said".into());
        }
        let mut doubts = Vec::new();
        if schedule.late_max() > LATE {
            doubts.push(format!("honest clients spoke up to {:?} late", schedule.late_max()));
        }
        if hostile.kept() < KEPT_AT_LEAST {
            let missed = 100.0 * (1.0 - hostile.kept());
            doubts.push(format!("hostile clients missed {missed:.0} % of their turns"));
        }
        Self {
            counts,
            median: Duration::from_nanos(honest.latencies().value_at_quantile(0.5)),
            longest: Duration::from_nanos(honest.latencies().max()),
            standing: hostile.standing_max(),
            ends: hostile.ends().clone(),
            cpu: None,
            peak: None,
            memory_limit: None,
            harms,
            doubts,
        }
    }

    /// Adds what the server's process tells.
    pub(super) fn measure(&mut self, server: &Server, before: Option<Usage>) {
        let spent = |(before, after): (Usage, Usage)| after.cpu().saturating_sub(before.cpu());
        self.cpu = before.zip(server.usage()).map(spent);
        (self.peak, self.memory_limit) = (server.peak(), server.memory_limit);
        let over = self.peak.zip(self.memory_limit).filter(|(peak, limit)| peak > limit);
        self.harms.extend(over.map(|(peak, limit)| {
            let [peak, limit] = [peak, limit].map(|bytes| ByteSize(bytes).display().iec());
            format!("the server held {peak}, and {limit} are its limit")
        }));
        self.harms.extend(server.death());
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

/// A hundred clients cut off are told by the first of them.
const FEW: usize = 3;
/// Twice the time that the flow rule lets the room wait: later than that, no latency means anything.
const LATE: Duration = Duration::from_secs(2);
/// A turn in 0.8 s: still as often as those who do something slowly do it.
const KEPT_AT_LEAST: f64 = 0.25;
