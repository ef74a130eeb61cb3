//! Environment: the machine and the program that the figures belong to.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::{env, fmt, fs, thread};

use serde::{Deserialize, Serialize};

/// What has to be known of a machine to read figures taken on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Environment {
    pub(crate) cores: usize,
    architecture: String,
    kernel: String,
    processor: Option<String>,
    /// How the first core's frequency is chosen; unknown in most virtual machines.
    governor: Option<String>,
    /// Files that a process may have open.
    open_files: Option<u64>,
    /// Of the kernel's network, by name.
    settings: BTreeMap<String, String>,
    version: String,
    /// The compiler that is installed, which need not have made this program.
    compiler: Option<String>,
    /// Of the repository the lab was started in.
    commit: Option<String>,
}

impl Environment {
    pub(crate) fn read() -> Self {
        let setting = |&name: &&str| {
            let path = format!("/proc/sys/net/{name}");
            read_line(&path).map(|value| (name.to_owned(), value.replace('\t', " ")))
        };
        Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            architecture: env::consts::ARCH.into(),
            kernel: read_line("/proc/sys/kernel/osrelease")
                .map_or_else(|| env::consts::OS.into(), |release| format!("Linux {release}")),
            processor: processor(),
            governor: read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            open_files: rlimit::Resource::NOFILE.get_soft().ok(),
            settings: SETTINGS.iter().filter_map(setting).collect(),
            version: env!("CARGO_PKG_VERSION").into(),
            compiler: output_of("rustc", &["--version"]),
            commit: output_of("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        }
    }

    /// What makes the two different machines: figures of theirs cannot be compared.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let unknown = || "unknown".to_owned();
        let traits = |machine: &Self| {
            [
                ("cores", machine.cores.to_string()),
                ("architecture", machine.architecture.clone()),
                ("kernel", machine.kernel.clone()),
                ("processor", machine.processor.clone().unwrap_or_else(unknown)),
                ("governor", machine.governor.clone().unwrap_or_else(unknown)),
            ]
        };
        let pairs = traits(self).into_iter().zip(traits(other));
        let unlike = pairs.filter(|((_, one), (_, other))| one != other);
        unlike.map(|((what, one), (_, other))| format!("{what}: {one} and {other}")).collect()
    }

    /// What the first line of a report does not say.
    pub(crate) fn details(&self) -> String {
        let settings = self.settings.iter().map(|(name, value)| format!("{name} = {value}"));
        let mut parts = vec![format!("version {}", self.version)];
        parts.extend(self.compiler.iter().map(|compiler| format!("installed {compiler}")));
        parts.extend(self.commit.iter().map(|commit| format!("started in commit {commit}")));
        parts.extend(self.governor.iter().map(|governor| format!("governor {governor}")));
        parts.extend(self.open_files.map(|files| format!("at most {files} open files")));
        parts.extend(settings);
        let unknown = [
            ("compiler", self.compiler.is_none()),
            ("commit", self.commit.is_none()),
            ("governor", self.governor.is_none()),
        ];
        let unknown = unknown.iter().filter(|(_, is_so)| *is_so).map(|(what, _)| *what);
        let unknown: Vec<&str> = unknown.collect();
        if !unknown.is_empty() {
            parts.push(format!("unknown: {}", unknown.join(", ")));
        }
        parts.join("; ")
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.cores == 1 { "" } else { "s" };
        write!(f, "{} core{plural}, {}, {}", self.cores, self.architecture, self.kernel)?;
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

/// What a program says; `None` if it is not installed or fails, as git does outside of a repository.
fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    let said = String::from_utf8(output.stdout).ok()?;
    Some(said.trim().into())
}

/// What bounds backlogs and sockets' buffers.
const SETTINGS: [&str; 5] =
    ["core/somaxconn", "core/wmem_max", "core/rmem_max", "ipv4/tcp_wmem", "ipv4/tcp_rmem"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_named() {
        let mut machine = Environment::read();
        (machine.compiler, machine.commit) = (Some("rustc 9.9.9".into()), Some("abc".into()));
        machine.governor = None;
        let details = machine.details();
        assert!(details.contains("installed rustc 9.9.9"), "{details}");
        assert!(details.ends_with("unknown: governor"), "{details}");
        machine.governor = Some("performance".into());
        assert!(machine.details().contains("governor performance"));
        assert!(!machine.details().contains("unknown"));
    }

    #[test]
    fn another_machine_is_told_by_what_differs() {
        let machine = Environment::read();
        let newer = Environment { compiler: Some("another".into()), ..machine.clone() };
        assert!(machine.differences(&newer).is_empty(), "programs may differ, and are compared");
        let bigger = Environment { cores: machine.cores + 1, ..machine.clone() };
        let (few, many) = (machine.cores, bigger.cores);
        assert_eq!([format!("cores: {few} and {many}")].to_vec(), machine.differences(&bigger));
    }

    #[test]
    fn a_program_that_fails_says_nothing() {
        assert_eq!(None, output_of("false", &[]));
        assert_eq!(None, output_of("no-such-program", &[]));
        assert_eq!(Some("so".into()), output_of("echo", &["so"]));
    }
}
