//! Visits: loads of clients that join and leave.

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

/// Clients join, send, receive and leave, one after the other.
pub(super) fn churn(server: &Server, scale: Scale) -> Result<Measured, LoadError> {
    let mut churn = Churn::join(server.addr())?;
    let (slice, slices) = scale.warm_up();
    let is_steady =
        warm_up(slices, RATES_APART, || visit(&mut churn, slice).map(|visits| visits.rate()))?;
    let meter = Meter::start(server);
    let visits = visit(&mut churn, scale.measured())?;
    let mut figures = meter.stop(visits.count(), "visit_cpu_us");
    // The kernel drops the count of a thread when the thread ends, as with every visit here.
    figures.remove("switches");
    figures.insert("visits".into(), visits.rate());
    figures.extend(percentiles("visit", &visits.each));
    Ok(Measured { figures, is_unsteady: !is_steady })
}

/// All clients connect at once. One has joined when it receives from the room.
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

/// The visits of a period.
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

/// Makes visits for this long.
fn visit(churn: &mut Churn, time: Duration) -> Result<Visits, LoadError> {
    let start = Instant::now();
    let mut each = churn.run(VISITORS)?.each;
    while start.elapsed() < time {
        each.add(churn.run(VISITORS)?.each).expect("both count up to the same longest time");
    }
    Ok(Visits { each, took: start.elapsed() })
}

/// Few enough that the time is checked often.
const VISITORS: u64 = 5;
/// The relative difference up to which the rates of two slices agree.
const RATES_APART: f64 = 0.3;
