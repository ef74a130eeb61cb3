//! Counts: the number of system calls per message of each server, on which other load of the
//! machine has little effect.
//!
//! One speaker sends to a hundred listeners while strace records every call of the server. Without
//! strace, or without the right to trace, the trials are listed as ignored.

#[path = "counts/record.rs"]
mod record;
#[path = "common/strace.rs"]
mod strace;
#[path = "counts/table.rs"]
mod table;

use std::ops::Range;
use std::process::ExitCode;
use std::time::SystemTime;

use conformance::target::Model;
use libtest_mimic::{Arguments, Failed, Trial};
use load::{Crowd, Extent, FanOut, LoadError, Shape};
use record::Recorded;
use server_core::STREAMING_BYTES;
use table::{ALONE, LISTENERS, TOGETHER, Work};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let obstacle = strace::obstacle();
    let trial = |model: Model| {
        Trial::test(format!("{model}::calls_per_message"), move || hold(model))
            .with_kind(obstacle.unwrap_or_default())
            .with_ignored_flag(obstacle.is_some())
    };
    let trials = Model::ALL.into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Compares the calls of a server with the table.
fn hold(model: Model) -> Result<(), Failed> {
    let recorded = Recorded::start(model)?;
    let shape = Shape::chat(1, LISTENERS, SIZE);
    let mut crowd = Crowd::join(recorded.server.addr(), &shape)?;
    // Our servers write to a new member in small groups until it is streaming (SPEC RLY-12).
    crowd.fan_out(FanOut { extent: Extent::Messages(MESSAGES_PROVING), in_flight: 64 })?;
    let alone = during(&mut crowd, &ALONE)?;
    let together = during(&mut crowd, &TOGETHER)?;
    let record = recorded.end()?;
    ALONE.check(model, &record.calls(&alone), MESSAGES)?;
    TOGETHER.check(model, &record.calls(&together), MESSAGES)
}

/// Sends the messages of this work, and returns the time from the first send to the last delivery.
fn during(crowd: &mut Crowd, work: &Work) -> Result<Range<SystemTime>, LoadError> {
    let start = SystemTime::now();
    let (extent, in_flight) = (Extent::Messages(MESSAGES as u64), work.in_flight);
    crowd.fan_out(FanOut { extent, in_flight })?;
    Ok(start..SystemTime::now())
}

/// Enough that calls which a server makes only now and then have little weight.
const MESSAGES: usize = 200;
/// Twice the bytes after which our servers take a member for streaming, in messages of [`SIZE`]
/// bytes.
const MESSAGES_PROVING: u64 = (2 * STREAMING_BYTES).div_ceil(SIZE) as u64;
const SIZE: usize = 1000;
