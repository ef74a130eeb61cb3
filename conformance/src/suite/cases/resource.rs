//! Resource: cases of a server that is started a second time.

use super::{Case, Finding, Needs};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;
use crate::target::NotStarted;

pub(super) const CASES: &[Case] = &[
    Case::new("LIM-04", Needs::Process, contradicting_limits_are_reported),
    Case::new("SHD-03", Needs::Sockets, restart_on_the_same_port),
];

/// The server does not start with limits that contradict each other, and names them (SPEC LIM-04).
fn contradicting_limits_are_reported(fixture: &mut Fixture) -> Result<Finding, TestError> {
    match fixture.server().start_with(&["--window", "1KiB", "--max-message", "1KiB"]) {
        Err(NotStarted::Inapplicable(reason)) => Err(TestError::Inapplicable(reason.into())),
        Err(NotStarted::Failed(message)) if message.contains("--window") => Ok(Finding::Kept),
        Err(NotStarted::Failed(message)) => Err(TestError::broken(format!(
            "the server does not name the limits that contradict each other: {message}"
        ))),
        Ok(_) => {
            Err(TestError::broken("the server starts with a window smaller than four messages"))
        }
    }
}

/// The server ends while a client is still connected, which leaves its port in `TIME_WAIT` (SPEC
/// SHD-03).
fn restart_on_the_same_port(fixture: &mut Fixture) -> Result<Finding, TestError> {
    fixture.require_restart()?;
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    fixture.relay(&mut ann, b"before", &mut [&mut bob])?;
    fixture.restart()?;
    let (mut cyd, mut dan) = (fixture.join("cyd")?, fixture.join("dan")?);
    fixture.relay(&mut cyd, b"after", &mut [&mut dan])?;
    fixture.fence_all(&mut [&mut cyd, &mut dan])?;
    Ok(Finding::Kept)
}
