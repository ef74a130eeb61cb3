//! Paced: messages that are due by the clock, beside members that misbehave if there are any.

use std::time::Duration;

use super::super::entrant::Server;
use super::super::scale::Scale;
use super::crowd::{fence, fill, prove};
use super::meter::{COST, Meter, percentiles};
use super::steady::warm_up;
use super::{Found, float};
use crate::load::{Bad, BadCrowd, LoadError, Pace, Shape};

/// So many messages a second, with so many of every bad kind in the way.
pub(super) fn run(
    server: &Server,
    shape: Shape,
    rate: f64,
    bad: usize,
    scale: Scale,
) -> Result<Found, LoadError> {
    let _bad = BadCrowd::enter(server.addr(), shape.dialect, &Bad::ALL, bad)?;
    let (mut crowd, _) = fill(server, shape)?;
    prove(&mut crowd, shape)?;
    let (slice, slices) = scale.warm_up();
    // A slice with a handful of messages has no middle to speak of.
    let slice = slice.max(Duration::from_secs_f64(MESSAGES_MIN / rate));
    let is_steady = warm_up(slices, MIDDLES_APART, || {
        let paced = crowd.paced(Pace { rate, lasting: slice })?;
        Ok::<_, LoadError>(float(paced.each.value_at_quantile(0.5)))
    })?;
    let meter = Meter::start(server);
    let paced = crowd.paced(Pace { rate, lasting: scale.measured().max(slice) })?;
    let mut figures = meter.stop(paced.tally.deliveries, COST);
    fence(&mut crowd)?;
    figures.extend(percentiles("each", &paced.each));
    figures.extend(percentiles("last", &paced.last));
    figures.extend(percentiles("late", &paced.late).filter(|(key, _)| key == "late_p99"));
    figures.insert("rate".into(), float(paced.tally.messages) / paced.tally.elapsed.as_secs_f64());
    figures.insert("strayed".into(), float(paced.tally.strayed as u64));
    Ok(Found { figures, is_unsteady: !is_steady })
}

const MESSAGES_MIN: f64 = 5.0;
/// Middles of two slices that agree are no further apart: a queue that grows doubles them.
const MIDDLES_APART: f64 = 0.5;
