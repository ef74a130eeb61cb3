//! Brokers: message brokers that are measured beside our servers if they are installed.
//!
//! A broker does other work than a chat server and promises other things. Its figures show where a
//! figure stands among well-known programs. [`Broker::tuned`] lists every setting that differs from
//! the default: nothing is kept on disk or logged, and no slow listener is disconnected.

mod settings;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, iter};

use load::wire::Dialect;

use self::settings::SettingsFile;
use crate::process::{ServerProcess, StartError};

/// A broker that can be measured if it is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broker {
    /// Redis, with publish and subscribe.
    Redis,
    /// The NATS server.
    Nats,
    /// Eclipse Mosquitto, a broker of MQTT.
    Mosquitto,
}

/// A broker that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The broker.
    pub broker: Broker,
    /// Its program file.
    pub path: PathBuf,
    /// Its version as the program prints it, such as `7.0.15`.
    pub version: String,
}

impl Broker {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Redis, Self::Nats, Self::Mosquitto];

    /// Its name in tables and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Nats => "nats",
            Self::Mosquitto => "mosquitto",
        }
    }

    /// The protocol that its clients speak.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Redis => Dialect::Redis,
            Self::Nats => Dialect::Nats,
            Self::Mosquitto => Dialect::Mqtt,
        }
    }

    /// Every setting that differs from the default, and why, in one line.
    pub fn tuned(self) -> &'static str {
        match self {
            Self::Redis => {
                "no snapshots, no bound on what a slow subscriber leaves unread, 11000 clients, a \
                 backlog of 4096, clients from all loopback addresses accepted, warnings only"
            }
            Self::Nats => {
                "a slow subscriber may leave 1 GiB unread and take 60 s, messages of up to 8 MiB, \
                 a PING only at the start and then every hour"
            }
            Self::Mosquitto => {
                "TCP_NODELAY, no bound on what a slow subscriber leaves unread, no log, no \
                 statistics published, clients accepted without a name"
            }
        }
    }

    /// Finds its program and reads its version.
    ///
    /// # Errors
    ///
    /// A sentence that says why it cannot be measured.
    pub fn find(self) -> Result<Installed, String> {
        let program = self.program();
        let missing = || format!("{program} is not installed; Debian has a package of that name");
        let path = find_program(program).ok_or_else(missing)?;
        let version = self.version(&path)?;
        Ok(Installed { broker: self, path, version })
    }

    fn version(self, path: &Path) -> Result<String, String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("{} does not print its version: {error}", path.display())
        };
        // Mosquitto prints it with its help only, and the exit status of that means nothing.
        let flag = if self == Self::Mosquitto { "-h" } else { "--version" };
        let mut command = Command::new(path);
        let output = command.arg(flag).stdin(Stdio::null()).output();
        let output = output.map_err(|error| failed(&error))?;
        let output = String::from_utf8_lossy(&output.stdout);
        version_in(&output).ok_or_else(|| failed(&"there is none in its output"))
    }

    fn program(self) -> &'static str {
        match self {
            Self::Redis => "redis-server",
            Self::Nats => "nats-server",
            Self::Mosquitto => "mosquitto",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Redis => settings::REDIS,
            Self::Nats => settings::NATS,
            Self::Mosquitto => settings::MOSQUITTO,
        }
    }

    /// The settings that only a file can contain.
    fn settings(self) -> Option<&'static str> {
        match self {
            Self::Redis => None,
            Self::Nats => Some(settings::NATS_FILE),
            Self::Mosquitto => Some(settings::MOSQUITTO_FILE),
        }
    }
}

impl Installed {
    /// Starts it on a free port of the loopback address and waits until clients can connect.
    ///
    /// # Errors
    ///
    /// As [`ServerProcess::start`]; or its settings cannot be written.
    pub fn start(&self) -> Result<ServerProcess, StartError> {
        // The broker reads the file once, when it starts.
        let settings = self.broker.settings().map(SettingsFile::holding).transpose();
        let settings = settings.map_err(|source| {
            let program = self.broker.program().into();
            StartError::Spawn { program, source }
        })?;
        let file = settings.as_ref().map(|settings| ["-c".into(), settings.path().into()]);
        let arguments = self.broker.arguments().iter().map(OsString::from);
        let command: Vec<OsString> = iter::once(self.path.clone().into())
            .chain(arguments)
            .chain(file.into_iter().flatten())
            .collect();
        ServerProcess::start(&command)
    }
}

/// The program of this name, in the folders of `PATH` and in those for daemons.
fn find_program(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    env::split_paths(&folders)
        .chain(daemons)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// The first word that begins with a number and a dot, or with `v` or `v=` before them.
fn version_in(output: &str) -> Option<String> {
    let numbers = output.split_ascii_whitespace().map(|word| word.trim_start_matches(['v', '=']));
    let is_version = |word: &&str| {
        let number = word.split_once('.').map(|(number, _)| number);
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    numbers.into_iter().find(is_version).map(str::to_owned)
}
