//! Visits: loads of members who come and leave.

use std::time::{Duration, Instant};

use super::super::entrant::Server;
use super::super::point::Scale;
use super::meter::Meter;
use super::steady::warm_up;
use super::{Found, float};
use crate::load::{Churn, LoadError};

/// One after the other joins, speaks, is heard and leaves.
pub(super) fn churn(server: &Server, scale: Scale) -> Result<Found, LoadError> {
    let mut churn = Churn::join(server.addr())?;
    let (slice, slices) = scale.warm_up();
    let is_steady = warm_up(slices, RATES_APART, || {
        visit(&mut churn, slice).map(|(count, took)| count / took)
    })?;
    let meter = Meter::start(server);
    let (count, took) = visit(&mut churn, scale.measured())?;
    #[expect(clippy::cast_possible_truncation, reason = "it is a whole number")]
    #[expect(clippy::cast_sign_loss, reason = "it is a count")]
    let mut figures = meter.stop(count as u64, "visit_cpu_us");
    figures.insert("visits".into(), count / took);
    Ok(Found { figures, is_unsteady: !is_steady })
}

/// Has visitors come for this long; how many came, and in how many seconds.
fn visit(churn: &mut Churn, time: Duration) -> Result<(f64, f64), LoadError> {
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < time {
        churn.run(VISITORS)?;
        count += VISITORS;
    }
    Ok((float(count), start.elapsed().as_secs_f64()))
}

/// So few that the clock is looked at often enough.
const VISITORS: u64 = 5;
/// Rates of two slices that agree are no further apart.
const RATES_APART: f64 = 0.3;
