//! Cases of a server that is started a second time.

use super::{Case, Finding, Needs};
use crate::suite::blame::Fault;
use crate::suite::stage::Stage;
use crate::target::NotStarted;

pub(super) const CASES: &[Case] = &[
    Case::new("LIM-04", Needs::Process, contradicting_limits_are_told),
    Case::new("SHD-03", Needs::Sockets, restart_on_the_same_port),
];

/// (SPEC LIM-04)
fn contradicting_limits_are_told(stage: &mut Stage) -> Result<Finding, Fault> {
    match stage.instance().start_with(&["--window", "1KiB", "--max-message", "1KiB"]) {
        Err(NotStarted::Inapplicable(reason)) => Err(Fault::Inapplicable(reason.into())),
        Err(NotStarted::Failed(told)) if told.contains("--window") => Ok(Finding::Kept),
        Err(NotStarted::Failed(told)) => {
            Err(Fault::broken(format!("the server does not say which limits do not agree: {told}")))
        }
        Ok(_) => Err(Fault::broken("the server starts with a window that holds no four messages")),
    }
}

/// The first server ends while a client is still connected, which leaves its port in a state of waiting
/// (SPEC SHD-03).
fn restart_on_the_same_port(stage: &mut Stage) -> Result<Finding, Fault> {
    stage.require_restart()?;
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    stage.relay(&mut ann, b"before", &mut [&mut bob])?;
    stage.restart()?;
    let (mut cyd, mut dan) = (stage.join("cyd")?, stage.join("dan")?);
    stage.relay(&mut cyd, b"after", &mut [&mut dan])?;
    stage.fence_all(&mut [&mut cyd, &mut dan])?;
    Ok(Finding::Kept)
}
