//! Visits: loads of members who come and leave.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use load::wire::Dialect;
use load::{Churn, LoadError, Storm};

use super::super::entrant::Server;
use super::measured::Measured;
use super::meter::{Meter, percentiles};
use super::steady::warm_up;
use crate::lab::plan::scale::Scale;
use crate::lab::result::metric::Figures;
use crate::lab::result::statistics::float;

/// One after the other joins, speaks, is heard and leaves.
pub(super) fn churn(server: &Server, scale: Scale) -> Result<Measured, LoadError> {
    let mut churn = Churn::join(server.addr())?;
    let (slice, slices) = scale.warm_up();
    let is_steady =
        warm_up(slices, RATES_APART, || visit(&mut churn, slice).map(|visits| visits.rate()))?;
    let meter = Meter::start(server);
    let visits = visit(&mut churn, scale.measured())?;
    let mut figures = meter.stop(visits.count(), "visit_cpu_us");
    // Every visit ends what is counted: a thread that has ended took its switches with it.
    figures.remove("switches");
    figures.insert("visits".into(), visits.rate());
    figures.extend(percentiles("visit", &visits.each));
    Ok(Measured { figures, is_unsteady: !is_steady })
}

/// All come at once, and are joined when each hears the room.
pub(super) fn storm(
    server: &Server,
    dialect: Dialect,
    clients: usize,
) -> Result<Measured, LoadError> {
    let meter = Meter::start(server);
    let storming = Storm::run(server.addr(), clients, dialect)?;
    let count = clients as u64;
    let used = meter.stop(count, "join_cpu_us");
    let mut figures: Figures =
        used.into_iter().filter(|(key, _)| key == "join_cpu_us" || key == "load_busy").collect();
    figures.insert("joins".into(), float(count) / storming.joined.as_secs_f64());
    figures.insert("connects".into(), float(count) / storming.connected.as_secs_f64());
    figures.extend(storming.syn_retries.map(|again| ("syn_retries".into(), float(again))));
    Ok(Measured { figures, is_unsteady: false })
}

/// Visits of some time.
struct Visits {
    each: Histogram<u64>,
    took: Duration,
}

impl Visits {
    fn count(&self) -> u64 {
        self.each.len()
    }

    fn rate(&self) -> f64 {
        float(self.count()) / self.took.as_secs_f64()
    }
}

/// Has visitors come for this long.
fn visit(churn: &mut Churn, time: Duration) -> Result<Visits, LoadError> {
    let start = Instant::now();
    let mut each = churn.run(VISITORS)?.each;
    while start.elapsed() < time {
        each.add(churn.run(VISITORS)?.each).expect("both count up to the same longest time");
    }
    Ok(Visits { each, took: start.elapsed() })
}

/// So few that the clock is looked at often enough.
const VISITORS: u64 = 5;
/// Rates of two slices that agree are no further apart.
const RATES_APART: f64 = 0.3;
