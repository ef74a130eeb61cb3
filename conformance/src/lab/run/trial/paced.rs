//! Paced: messages that are due by the clock, beside members that misbehave if there are any.

use std::time::Duration;

use load::{BadClients, Crowd, LoadError, Misbehaviour, Schedule, Shape};

use super::super::entrant::Server;
use super::crowd::{fence, fill, prove};
use super::found::Found;
use super::meter::{COST, Meter, percentiles};
use super::steady::warm_up;
use crate::lab::plan::scale::Scale;
use crate::lab::result::statistics::float;

/// So many messages a second, with so many of every bad kind in the way.
pub(super) fn run(
    server: &Server,
    shape: Shape,
    rate: f64,
    bad: usize,
    scale: Scale,
) -> Result<Found, LoadError> {
    let _bad = BadClients::connect(server.addr(), shape.dialect, &Misbehaviour::ALL, bad)?;
    let (mut crowd, _) = fill(server, shape)?;
    prove(&mut crowd, shape)?;
    let (_, lasting) = lasting(rate, scale);
    measure(server, &mut crowd, Schedule { rate, lasting }, scale)
}

/// One message now and then to members who are otherwise idle. Nobody is made to [`prove`] that it reads: a member
/// of a quiet room never has, and is written to as one who may not. What joining and warming up let it hear, some
/// dozen messages, is a hundredth of what it would take.
pub(super) fn single(server: &Server, shape: Shape, scale: Scale) -> Result<Found, LoadError> {
    let (mut crowd, _) = fill(server, shape)?;
    measure(server, &mut crowd, SINGLE, scale)
}

/// How long one slice of warming up and what counts take at this rate.
pub(in crate::lab) fn lasting(rate: f64, scale: Scale) -> (Duration, Duration) {
    let (slice, _) = scale.warm_up();
    // A slice with a handful of messages has no middle to speak of.
    let slice = slice.max(Duration::from_secs_f64(MESSAGES_MIN / rate));
    (slice, scale.measured().max(slice))
}

fn measure(
    server: &Server,
    crowd: &mut Crowd,
    pace: Schedule,
    scale: Scale,
) -> Result<Found, LoadError> {
    let (slice, _) = lasting(pace.rate, scale);
    let (_, slices) = scale.warm_up();
    let is_steady = warm_up(slices, MIDDLES_APART, || {
        let paced = crowd.open_loop(Schedule { lasting: slice, ..pace })?;
        Ok::<_, LoadError>(float(paced.each.value_at_quantile(0.5)))
    })?;
    let meter = Meter::start(server);
    let paced = crowd.open_loop(pace)?;
    let mut figures = meter.stop(paced.tally.deliveries, COST);
    fence(crowd)?;
    figures.extend(percentiles("each", &paced.each));
    figures.extend(percentiles("last", &paced.last));
    figures.extend(percentiles("late", &paced.late).filter(|(key, _)| key == "late_p99"));
    figures.insert("rate".into(), float(paced.tally.messages) / paced.tally.elapsed.as_secs_f64());
    figures.insert("strayed".into(), float(paced.tally.strayed as u64));
    Ok(Found { figures, is_unsteady: !is_steady })
}

/// So seldom that everybody, the load included, is idle long before the next one; so often that a run has a middle.
pub(in crate::lab) const SINGLE: Schedule = Schedule { rate: 5.0, lasting: Duration::from_secs(4) };
const MESSAGES_MIN: f64 = 5.0;
/// Middles of two slices that agree are no further apart: a queue that grows doubles them.
const MIDDLES_APART: f64 = 0.5;
