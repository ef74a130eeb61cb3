//! Trial: one run of one server, from its start to the figures of its fan-out.

use std::time::Duration;

use thiserror::Error;

use super::args::LabArgs;
use super::entrant::Entrant;
use crate::load::{Crowd, Extent, FanOut, LoadError, Shape, Tally};
use crate::measure::Usage;
use crate::process::{ServerProcess, StartError};

/// What every trial does alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    listeners: usize,
    size: usize,
    in_flight: u64,
}

impl From<&LabArgs> for Plan {
    fn from(args: &LabArgs) -> Self {
        let (listeners, size) = (args.listeners as usize, args.size as usize);
        Self { listeners, size, in_flight: args.in_flight }
    }
}

/// What one trial found. What the system does not tell is `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) deliveries_per_second: f64,
    pub(super) deliveries_per_cpu_second: Option<f64>,
    pub(super) switches_per_1000: Option<f64>,
    /// Resident memory that one more idle member costs, in KiB.
    pub(super) kib_per_member: Option<f64>,
    pub(super) threads: Option<u64>,
    /// Share of one core that the load itself took, 0 to 1.
    pub(super) load_busy: Option<f64>,
    /// Listeners that heard another order than whoever heard it first.
    pub(super) strayed: usize,
}

/// Why a trial has no figures.
#[derive(Debug, Error)]
pub(super) enum TrialError {
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Load(#[from] LoadError),
    /// With the last that the server had to say.
    #[error("{error}; the server said last:\n{log}")]
    Told { error: LoadError, log: String },
}

/// Starts the server, fills it with idle members, and then lets one speak to all.
pub(super) fn run(entrant: &Entrant, plan: &Plan) -> Result<Figures, TrialError> {
    let server = entrant.start()?;
    fan_out(&server, plan).map_err(|error| match last_lines(&server.log()) {
        log if log.is_empty() => error.into(),
        log => TrialError::Told { error, log },
    })
}

/// The end of a log: what came before the trouble is mostly members joining.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

fn fan_out(server: &ServerProcess, plan: &Plan) -> Result<Figures, LoadError> {
    // The first few pay for what a server sets up once; the rest tell what one more costs.
    let few = plan.listeners.min(FEW);
    let shape = Shape::chat(1, few, plan.size);
    let mut crowd = Crowd::join(server.addr(), &shape)?;
    let with_few = Usage::of(server.id());
    crowd.add_listeners(plan.listeners - few)?;
    let with_all = Usage::of(server.id());

    crowd.fan_out(plan.proving())?;
    crowd.fan_out(plan.lasting(WARM_UP))?;
    let (server_before, load_before) = (Usage::of(server.id()), Usage::of(std::process::id()));
    let tally = crowd.fan_out(plan.lasting(MEASURED))?;
    let (server_after, load_after) = (Usage::of(server.id()), Usage::of(std::process::id()));
    // A fence: had the last delivery been doubled, the copy would come before this one.
    crowd.fan_out(FanOut { extent: Extent::Messages(1), in_flight: 1 })?;

    let spent = Spent::between(server_before, server_after);
    Ok(Figures {
        kib_per_member: growth_per_member(with_few, with_all, plan.listeners - few),
        threads: server_after.map(|usage| usage.threads),
        load_busy: Spent::between(load_before, load_after)
            .map(|load| load.cpu / tally.elapsed.as_secs_f64()),
        ..Figures::of(&tally, spent)
    })
}

impl Plan {
    /// As much as a server may need to see that a member reads: ours write to a newcomer in small groups at
    /// first (SPEC RLY-12), which is the cost of joining and not of a delivery.
    fn proving(&self) -> FanOut {
        let messages = (PROOF_BYTES / self.size.max(1)).max(1) as u64;
        FanOut { extent: Extent::Messages(messages.min(MESSAGES_PROVING)), in_flight: 1024 }
    }

    fn lasting(&self, time: Duration) -> FanOut {
        FanOut { extent: Extent::Lasting(time), in_flight: self.in_flight }
    }
}

impl Figures {
    fn of(tally: &Tally, spent: Option<Spent>) -> Self {
        let deliveries = float(tally.deliveries);
        Self {
            deliveries_per_second: deliveries / tally.elapsed.as_secs_f64(),
            deliveries_per_cpu_second: spent.map(|spent| deliveries / spent.cpu),
            switches_per_1000: spent.map(|spent| 1000.0 * spent.switches / deliveries),
            kib_per_member: None,
            threads: None,
            load_busy: None,
            strayed: tally.strayed,
        }
    }
}

/// What a process used between two readings: processor seconds and context switches.
#[derive(Clone, Copy, Debug)]
struct Spent {
    cpu: f64,
    switches: f64,
}

impl Spent {
    fn between(before: Option<Usage>, after: Option<Usage>) -> Option<Self> {
        let (before, after) = before.zip(after)?;
        let cpu = after.cpu().saturating_sub(before.cpu()).as_secs_f64();
        Some(Self { cpu, switches: float(after.switches.saturating_sub(before.switches)) })
    }
}

fn growth_per_member(few: Option<Usage>, all: Option<Usage>, members: usize) -> Option<f64> {
    let (few, all) = few.zip(all).filter(|_| members >= MEMBERS_TO_TELL)?;
    Some(float(all.resident.saturating_sub(few.resident)) / 1024.0 / float(members as u64))
}

#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

const LOG_LINES: usize = 5;
const FEW: usize = 25;
/// Below this, the pages of a few buffers would count as the members'.
const MEMBERS_TO_TELL: usize = 50;
/// Twice what our servers ask for.
const PROOF_BYTES: usize = 512 * 1024;
/// With their headers, smaller messages have enough bytes in so many.
const MESSAGES_PROVING: u64 = 20_000;
const WARM_UP: Duration = Duration::from_millis(300);
/// A hundred and fifty times the step in which processor time is counted.
const MEASURED: Duration = Duration::from_millis(1500);
