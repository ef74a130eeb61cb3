//! Environment: the machine that the figures belong to.

use std::fmt;
use std::{env, fs, thread};

/// What has to be known of a machine to read figures taken on it.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub(super) cores: usize,
    kernel: String,
    processor: Option<String>,
}

impl Environment {
    pub(crate) fn read() -> Self {
        Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            kernel: read_line("/proc/sys/kernel/osrelease")
                .map_or_else(|| env::consts::OS.into(), |release| format!("Linux {release}")),
            processor: processor(),
        }
    }

    /// Whether the load and a server have cores of their own.
    pub(super) fn shares_cores(&self) -> bool {
        self.cores < CORES_TO_SEPARATE
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.cores == 1 { "" } else { "s" };
        write!(f, "{} core{plural}, {}, {}", self.cores, env::consts::ARCH, self.kernel)?;
        self.processor.iter().try_for_each(|processor| write!(f, ", {processor}"))
    }
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().into())
}

fn read_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().into())
}

/// With four, two are left for a server when the load and the rest of the system take one each.
const CORES_TO_SEPARATE: usize = 4;
