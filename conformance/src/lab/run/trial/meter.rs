//! Meter: the resources that server and load use between start and stop.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use load::measure::Usage;

use super::super::entrant::Server;
use crate::lab::result::metric::Figures;
use crate::lab::result::statistics::float;

/// The readings at the start of the measured time.
pub(super) struct Meter {
    server: Option<u32>,
    server_before: Option<Usage>,
    load_before: Option<Usage>,
    start: Instant,
}

impl Meter {
    /// The load's own usage is read last here and first in [`stop`](Self::stop): reading the server's is no part of
    /// the load.
    pub(super) fn start(server: &Server) -> Self {
        let server_before = server.id().and_then(Usage::of);
        let load_before = Usage::of(std::process::id());
        Self { server: server.id(), server_before, load_before, start: Instant::now() }
    }

    /// The usage per delivery, or per visit, since the start. `cost_key` names the figure of CPU time.
    pub(super) fn stop(self, count: u64, cost_key: &str) -> Figures {
        let elapsed = self.start.elapsed();
        let load_after = Usage::of(std::process::id());
        let server_after = self.server.and_then(Usage::of);
        let mut figures = Figures::new();
        if let Some((before, after)) = self.server_before.zip(server_after) {
            let each = |used: Duration| 1e6 * used.as_secs_f64() / float(count);
            figures.insert(cost_key.into(), each(after.cpu().saturating_sub(before.cpu())));
            if cost_key == COST {
                figures.insert("user_us".into(), each(after.user.saturating_sub(before.user)));
                figures
                    .insert("system_us".into(), each(after.system.saturating_sub(before.system)));
            }
            let switches = after.switches.saturating_sub(before.switches);
            figures.insert("switches".into(), 1000.0 * float(switches) / float(count));
            figures.insert("threads".into(), float(after.threads));
            figures.insert("descriptors".into(), float(after.descriptors));
        }
        if let Some((before, after)) = self.load_before.zip(load_after) {
            let used = after.cpu().saturating_sub(before.cpu());
            figures.insert("load_busy".into(), used.as_secs_f64() / elapsed.as_secs_f64());
        }
        figures
    }
}

/// The key of the CPU time per delivery.
pub(super) const COST: &str = "cpu_us";

/// The percentiles of a histogram of nanoseconds, in microseconds.
pub(super) fn percentiles(
    name: &str,
    histogram: &Histogram<u64>,
) -> impl Iterator<Item = (String, f64)> {
    let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)];
    quantiles.into_iter().map(move |(which, quantile)| {
        (format!("{name}_{which}"), float(histogram.value_at_quantile(quantile)) / 1000.0)
    })
}
