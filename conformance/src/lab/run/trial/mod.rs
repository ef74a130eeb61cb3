//! Trial: starts one entrant, puts the load of one point on it and measures it.

mod crowd;
mod guard;
mod measured;
mod meter;
mod paced;
mod steady;
mod visits;

use load::measure::{Usage, peak_resident};
use load::wire::Dialect;
use load::{LoadError, Shape};
use thiserror::Error;

pub(super) use self::crowd::make_streaming;
pub(super) use self::guard::client_bound;
pub(super) use self::measured::Measured;
pub(super) use self::paced::{SINGLE, durations};
use super::entrant::{Entrant, Server};
use crate::lab::plan::point::{Load, Point};
use crate::lab::plan::scale::Scale;
use crate::lab::result::statistics::float;
use crate::process::StartError;
use crate::support::cores::Cores;

/// Why a trial has no figures.
#[derive(Debug, Error)]
pub(super) enum TrialError {
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Load(#[from] LoadError),
    /// With the last lines of the server's log.
    #[error("{error}; end of the server's log: {log}")]
    WithLog { error: LoadError, log: String },
}

/// Starts the server and puts the load of the point on it.
pub(super) fn run(
    entrant: &Entrant,
    point: &Point,
    scale: Scale,
    cores: Option<&Cores>,
) -> Result<Measured, TrialError> {
    let server = entrant.start(point.flags, cores)?;
    let at_rest = server.id().and_then(Usage::of);
    let mut found =
        load(&server, entrant.dialect, point, scale).map_err(|error| {
            match last_lines(&server.log()) {
                log if log.is_empty() => TrialError::Load(error),
                log => TrialError::WithLog { error, log },
            }
        })?;
    let mut add = |key: &str, bytes: Option<u64>| {
        if let Some(bytes) = bytes {
            found.figures.insert(key.into(), float(bytes) / 1024.0);
        }
    };
    add("base_kib", at_rest.map(|usage| usage.resident));
    add("peak_kib", server.id().and_then(peak_resident));
    Ok(found)
}

fn load(
    server: &Server,
    dialect: Dialect,
    point: &Point,
    scale: Scale,
) -> Result<Measured, LoadError> {
    match point.load {
        Load::PingPong => crowd::ping_pong(server, dialect, scale),
        Load::FanOut { crowd, in_flight } => {
            crowd::fan_out(server, crowd.shape(dialect), in_flight, scale)
        }
        Load::Paced { crowd, rate, bad } => {
            paced::run(server, crowd.shape(dialect), rate, bad, scale)
        }
        Load::Single { listeners } => {
            paced::single(server, Shape { dialect, ..Shape::chat(1, listeners, 64) }, scale)
        }
        Load::Idle { members } => crowd::idle(server, dialect, members),
        Load::Churn => visits::churn(server, scale),
        Load::Storm { clients } => visits::storm(server, dialect, clients),
    }
}

/// The last lines of a log: the earlier ones are mostly members joining.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join(" | ")
}

const LOG_LINES: usize = 3;
