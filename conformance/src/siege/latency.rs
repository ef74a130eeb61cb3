//! Latency: how long deliveries took, counted in steps, so that any number of them fits.

use std::time::Duration;

/// Counts of times by steps of 0.1 ms.
#[derive(Debug)]
pub(super) struct Latencies {
    steps: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self { steps: vec![0; STEPS], count: 0, longest: Duration::ZERO }
    }

    pub(super) fn add(&mut self, time: Duration) {
        let step = (time.as_nanos() / STEP.as_nanos()).min(STEPS as u128 - 1);
        self.steps[usize::try_from(step).expect("it is one of them")] += 1;
        self.count += 1;
        self.longest = self.longest.max(time);
    }

    /// The exact longest.
    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// The middle one, to the step.
    pub(super) fn median(&self) -> Duration {
        let mut below = 0;
        let step = self.steps.iter().take_while(|&&count| {
            below += count;
            below * 2 < self.count
        });
        STEP * u32::try_from(step.count()).expect("there are not that many steps")
    }
}

const STEP: Duration = Duration::from_micros(100);
/// Up to 20 s: beyond, a delivery counts as lost anyway.
const STEPS: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        let mut latencies = Latencies::new();
        for millis in [1, 2, 3, 900, 60_000] {
            latencies.add(Duration::from_millis(millis));
        }
        assert_eq!(Duration::from_millis(3), latencies.median());
        assert_eq!(Duration::from_mins(1), latencies.longest());
    }
}
