//! Cases of the end of a connection.

use super::{Case, Finding, Needs};
use crate::fault::Fault;
use crate::stage::Stage;

pub(super) const CASES: &[Case] = &[Case::new("CLS-07", Needs::Sockets, rejoining_fifty_times)];

/// (SPEC CLS-07)
fn rejoining_fifty_times(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut bob = stage.join("bob")?;
    for turn in 0..50 {
        let mut ann = stage.join("ann")?;
        // Under the very name, without a number: what `relay` expects is the name that was sent.
        stage.relay(&mut ann, format!("visit {turn}").as_bytes(), &mut [&mut bob])?;
        stage.fence(&mut ann, &mut [&mut bob])?;
        ann.half_close();
        stage.expect_end(&mut ann)?;
    }
    Ok(Finding::Kept)
}
