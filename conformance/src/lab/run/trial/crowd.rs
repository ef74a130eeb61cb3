//! Crowds: closed-loop loads of members that stay for the whole run.

use std::time::{Duration, Instant};

use load::measure::Usage;
use load::wire::Dialect;
use load::{Crowd, Extent, FanOut, LoadError, Shape, Tally};
use server_core::STREAMING_BYTES;

use super::super::entrant::Server;
use super::measured::Measured;
use super::meter::{COST, Meter, percentiles};
use super::steady::warm_up;
use crate::lab::plan::scale::Scale;
use crate::lab::result::statistics::float;

/// A saturated fan-out: as many messages are in flight as the bound allows.
pub(super) fn fan_out(
    server: &Server,
    shape: Shape,
    in_flight: u64,
    scale: Scale,
) -> Result<Measured, LoadError> {
    let (mut crowd, member_kib) = fill(server, shape)?;
    make_streaming(&mut crowd, shape)?;
    let (slice, slices) = scale.warm_up();
    let saturated = |time| FanOut { extent: Extent::Lasting(time), in_flight };
    let is_steady =
        warm_up(slices, RATES_APART, || crowd.fan_out(saturated(slice)).map(|tally| rate(&tally)))?;
    let meter = Meter::start(server);
    let tally = crowd.fan_out(saturated(scale.measured()))?;
    let mut figures = meter.stop(tally.deliveries, COST);
    fence(&mut crowd)?;
    figures.insert("deliveries".into(), rate(&tally));
    figures.insert("strayed".into(), float(tally.strayed as u64));
    figures.extend(member_kib.map(|kib| ("member_kib".into(), kib)));
    Ok(Measured { figures, is_unsteady: !is_steady })
}

/// Two clients that answer each other.
pub(super) fn ping_pong(
    server: &Server,
    dialect: Dialect,
    scale: Scale,
) -> Result<Measured, LoadError> {
    let shape = Shape { dialect, ..Shape::chat(2, 0, 64) };
    let mut crowd = Crowd::join(server.addr(), &shape)?;
    let (slice, slices) = scale.warm_up();
    // The number of rounds in a slice follows from the rate of the first few.
    let mut pace = rate(&crowd.ping_pong(ROUNDS_FIRST)?.tally) / 2.0;
    let is_steady = warm_up(slices, RATES_APART, || {
        pace = rate(&crowd.ping_pong(rounds(pace, slice))?.tally) / 2.0;
        Ok::<_, LoadError>(pace)
    })?;
    let meter = Meter::start(server);
    let played = crowd.ping_pong(rounds(pace, scale.measured()))?;
    let mut figures = meter.stop(played.tally.deliveries, COST);
    fence(&mut crowd)?;
    figures.extend(percentiles("round", &played.round_trips));
    Ok(Measured { figures, is_unsteady: !is_steady })
}

/// Members that send nothing.
pub(super) fn idle(
    server: &Server,
    dialect: Dialect,
    members: usize,
) -> Result<Measured, LoadError> {
    let (crowd, member_kib) = fill(server, Shape { dialect, ..Shape::chat(1, members, 64) })?;
    let usage = server.id().and_then(Usage::of);
    drop(crowd);
    let known = usage.zip(member_kib).map(|(usage, kib)| {
        [
            ("member_kib", kib),
            ("threads", float(usage.threads)),
            ("descriptors", float(usage.descriptors)),
        ]
    });
    let figures = known.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(Measured { figures, is_unsteady: false })
}

/// A crowd of this shape, and the resident KiB per member. The first few members are not counted: with them a
/// server allocates what it needs only once.
pub(super) fn fill(server: &Server, shape: Shape) -> Result<(Crowd, Option<f64>), LoadError> {
    let few = shape.listeners.min(FEW);
    let more = shape.listeners - few;
    let mut crowd = Crowd::join(server.addr(), &Shape { listeners: few, ..shape })?;
    let with_few = server.id().and_then(Usage::of);
    crowd.add_listeners(more)?;
    let with_all = server.id().and_then(Usage::of);
    let known = with_few.zip(with_all).filter(|_| more >= MEMBERS_MIN);
    let grown = known.map(|(few, all)| float(all.resident.saturating_sub(few.resident)) / 1024.0);
    Ok((crowd, grown.map(|kib| kib / float(more as u64))))
}

/// Sends until a server has seen that all members read (they are streaming). Until then ours write in small groups
/// (SPEC RLY-12), which is a cost of joining and not of a delivery. It ends after a time limit, for servers that are
/// too slow.
pub(in crate::lab) fn make_streaming(crowd: &mut Crowd, shape: Shape) -> Result<(), LoadError> {
    // Twice what our servers need.
    let needed = (2 * STREAMING_BYTES / shape.size.max(1)).max(1) as u64;
    let mut left = needed.min(STREAMING_MESSAGES_MAX);
    let start = Instant::now();
    while left > 0 && start.elapsed() < streaming_time_max(shape.listeners) {
        let part = left.min(MESSAGES_PER_PART);
        crowd.fan_out(FanOut { extent: Extent::Messages(part), in_flight: 1024 })?;
        left -= part;
    }
    Ok(())
}

/// The time limit of [`make_streaming`]: in a larger room, the same number of messages takes longer.
fn streaming_time_max(listeners: usize) -> Duration {
    let listeners = u32::try_from(listeners).expect("each has a descriptor of its own");
    STREAMING_TIME_MAX + listeners.saturating_sub(STREAMING_MEMBERS) * STREAMING_TIME_MAX_EACH
}

/// One more message to all members: a duplicate of the last delivery would arrive before it.
pub(super) fn fence(crowd: &mut Crowd) -> Result<(), LoadError> {
    crowd.fan_out(FanOut { extent: Extent::Messages(1), in_flight: 1 }).map(drop)
}

fn rate(tally: &Tally) -> f64 {
    float(tally.deliveries) / tally.elapsed.as_secs_f64()
}

/// The number of rounds in this time at this rate per second.
fn rounds(pace: f64, time: Duration) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "rounds of a few seconds")]
    #[expect(clippy::cast_sign_loss, reason = "neither is negative")]
    let rounds = (pace * time.as_secs_f64()) as u64;
    rounds.max(1)
}

const FEW: usize = 25;
/// With fewer members, the pages of a few buffers would distort the figure.
const MEMBERS_MIN: usize = 50;
/// With their headers, so many messages of any size have enough bytes.
const STREAMING_MESSAGES_MAX: u64 = 20_000;
/// Few enough that the time limit is checked often, and enough to be batched.
const MESSAGES_PER_PART: u64 = 1024;
/// The time limit for up to [`STREAMING_MEMBERS`], of which our servers need a quarter, and for each member beyond.
/// With 9000, ours need some 10 s on two cores. Before that, a delivery costs up to five times as much.
const STREAMING_TIME_MAX: Duration = Duration::from_secs(1);
const STREAMING_MEMBERS: u32 = 1000;
const STREAMING_TIME_MAX_EACH: Duration = Duration::from_millis(4);
const ROUNDS_FIRST: u64 = 50;
/// The relative difference up to which the rates of two slices agree.
const RATES_APART: f64 = 0.15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_limit_grows_with_the_room() {
        for (listeners, seconds) in [(0, 1), (10, 1), (1000, 1), (3000, 9), (9000, 33)] {
            assert_eq!(Duration::from_secs(seconds), streaming_time_max(listeners), "{listeners}");
        }
    }
}
