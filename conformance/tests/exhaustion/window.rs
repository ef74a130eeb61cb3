//! Window: five seconds in which an exhausted server must not spin, fill its log or keep its
//! members waiting.

use std::time::{Duration, Instant};

use conformance::suite::client::Client;
use conformance::suite::fixture::Fixture;
use conformance::target::{Received, TcpWire, Wire};
use libtest_mimic::Failed;

use crate::child::Child;

/// Makes members talk and newcomers connect for five seconds, about twenty times a second. Returns
/// the server's share of a processor in percent. `idle` is a connection on which nothing may arrive
/// meanwhile.
pub(crate) fn watch(
    child: &Child,
    stage: &mut Fixture,
    members: &mut [&mut Client],
    idle: &mut TcpWire,
    mut newcomer: impl FnMut(&mut Fixture) -> Result<(), Failed>,
) -> Result<f64, Failed> {
    let (start, cpu, log) = (Instant::now(), child.cpu()?, child.log().len());
    while start.elapsed() < WINDOW {
        newcomer(stage)?;
        stage.fence_all(members)?;
        let received = idle.receive(1, SILENCE);
        if received != Received::Silence {
            return Err(format!("the idle client: silence expected, got {received:?}").into());
        }
    }
    let used = child.cpu()?.saturating_sub(cpu);
    let percent = 100.0 * used.div_duration_f64(start.elapsed());
    if percent >= CPU_PERCENT_MAX {
        return Err(format!(
            "under {CPU_PERCENT_MAX} % of a processor expected, got {percent:.1} %"
        )
        .into());
    }
    let logged = child.log().len() - log;
    if logged > LOG_BYTES_MAX {
        return Err(format!("at most {LOG_BYTES_MAX} bytes of log expected, got {logged}").into());
    }
    Ok(percent)
}

const WINDOW: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(50);
/// Members that talk and newcomers that are rejected cost about one per cent in a debug build.
const CPU_PERCENT_MAX: f64 = 3.0;
/// Twice the length of one line per second.
const LOG_BYTES_MAX: usize = 2048;
