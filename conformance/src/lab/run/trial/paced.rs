//! Paced: open-loop loads, with or without misbehaving clients.

use std::time::Duration;

use load::{BadClients, Crowd, LoadError, Misbehaviour, Schedule, Shape};

use super::super::entrant::Server;
use super::crowd::{fence, fill, make_streaming};
use super::measured::Measured;
use super::meter::{COST, Meter, percentiles};
use super::steady::warm_up;
use crate::lab::plan::scale::Scale;
use crate::lab::result::statistics::float;

/// `rate` messages per second, beside `bad` clients of every misbehaving kind.
pub(super) fn run(
    server: &Server,
    shape: Shape,
    rate: f64,
    bad: usize,
    scale: Scale,
) -> Result<Measured, LoadError> {
    let _bad = BadClients::connect(server.addr(), shape.dialect, &Misbehaviour::ALL, bad)?;
    let (mut crowd, _) = fill(server, shape)?;
    make_streaming(&mut crowd, shape)?;
    let (_, lasting) = durations(rate, scale);
    measure(server, &mut crowd, Schedule { rate, lasting }, scale)
}

/// A few messages per second to members that are otherwise idle. They are not [made streaming](make_streaming), as
/// the members of a quiet room never are. Joining and the warm-up send some dozen messages, a hundredth of what
/// would make a member streaming.
pub(super) fn single(server: &Server, shape: Shape, scale: Scale) -> Result<Measured, LoadError> {
    let (mut crowd, _) = fill(server, shape)?;
    measure(server, &mut crowd, SINGLE, scale)
}

/// The length of a slice of the warm-up and of the measured time at this rate.
pub(in crate::lab) fn durations(rate: f64, scale: Scale) -> (Duration, Duration) {
    let (slice, _) = scale.warm_up();
    // A slice of fewer messages has no useful median.
    let slice = slice.max(Duration::from_secs_f64(MESSAGES_MIN / rate));
    (slice, scale.measured().max(slice))
}

fn measure(
    server: &Server,
    crowd: &mut Crowd,
    pace: Schedule,
    scale: Scale,
) -> Result<Measured, LoadError> {
    let (slice, _) = durations(pace.rate, scale);
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
    Ok(Measured { figures, is_unsteady: !is_steady })
}

/// Rare enough that server and load are idle before each message, and frequent enough for a median.
pub(in crate::lab) const SINGLE: Schedule = Schedule { rate: 5.0, lasting: Duration::from_secs(4) };
const MESSAGES_MIN: f64 = 5.0;
/// The relative difference up to which the medians of two slices agree; a growing queue doubles them.
const MIDDLES_APART: f64 = 0.5;
