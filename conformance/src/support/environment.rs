//! Environment: the machine and the program with which figures were measured.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::{env, fmt, fs, thread};

use serde::{Deserialize, Serialize};

/// The properties of a machine that explain its figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Environment {
    pub(crate) cores: usize,
    architecture: String,
    kernel: String,
    processor: Option<String>,
    /// The policy that chooses the first core's frequency; unknown in most virtual machines.
    governor: Option<String>,
    /// The limit of open files of a process.
    open_files: Option<u64>,
    /// The kernel's network settings, by name.
    settings: BTreeMap<String, String>,
    version: String,
    /// The installed compiler. This program may have been compiled by another one.
    compiler: Option<String>,
    /// The commit of the repository in which the lab was started.
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

    /// The properties that differ between two machines, whose figures cannot be compared then.
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

    /// The properties that the first line of a report leaves out.
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

/// A program's standard output; `None` if it is not installed or fails, as git does outside a
/// repository.
fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().into())
}

/// The limits of listen backlogs and of socket buffers.
const SETTINGS: [&str; 5] =
    ["core/somaxconn", "core/wmem_max", "core/rmem_max", "ipv4/tcp_wmem", "ipv4/tcp_rmem"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_properties_are_named() {
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
    fn another_machine_is_recognised_by_its_differences() {
        let machine = Environment::read();
        let newer = Environment { compiler: Some("another".into()), ..machine.clone() };
        assert!(machine.differences(&newer).is_empty(), "another compiler is not another machine");
        let bigger = Environment { cores: machine.cores + 1, ..machine.clone() };
        let (few, many) = (machine.cores, bigger.cores);
        assert_eq!([format!("cores: {few} and {many}")].to_vec(), machine.differences(&bigger));
    }

    #[test]
    fn a_program_that_fails_has_no_output() {
        assert_eq!(None, output_of("false", &[]));
        assert_eq!(None, output_of("no-such-program", &[]));
        assert_eq!(Some("so".into()), output_of("echo", &["so"]));
    }
}
