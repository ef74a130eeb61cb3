//! Ours: the three servers of this project, which the program of this crate contains.

use std::ffi::OsString;
use std::iter;
use std::path::{Path, PathBuf};

use super::child::{ChildInstance, not_started};
use super::{Declared, Instance, Model, NotStarted, Origin, Target};
use crate::process::{ServerProcess, StartError};

/// One of the three servers of this project.
#[derive(Clone, Debug)]
pub struct OurServer {
    /// Its concurrency model.
    pub model: Model,
    /// The path of this crate's program.
    pub exe: PathBuf,
}

impl Target for OurServer {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotStarted> {
        let mut command = our_command(self.model, &self.exe);
        command.extend(flags.iter().map(OsString::from));
        start_command(command)
    }

    fn origin(&self) -> Origin {
        Origin::Ours
    }

    fn declared(&self, flags: &[String]) -> Declared {
        Declared::ours(flags, self.model.program().per_client).unwrap_or_default()
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        let model = self.model;
        format!(
            "CONFORMANCE_SEED={seed} cargo test -p conformance --test suite -- --exact {model}::{id}"
        )
    }
}

/// Starts a server that takes 0 for `{port}` and prints its address in a ready line. The system
/// chooses the port, so no two servers can get the same one.
///
/// # Errors
///
/// The server does not start.
pub fn start_command(command: Vec<OsString>) -> Result<Box<dyn Instance>, NotStarted> {
    let server = ServerProcess::start_on(&command, 0).map_err(not_started)?;
    Ok(Box::new(ChildInstance::ours(server, command)))
}

impl ServerProcess {
    /// Starts one of our servers, `exe serve MODEL`, on a port that the system chooses.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn ours(model: Model, exe: &Path, flags: &[&str]) -> Result<Self, StartError> {
        let flags = flags.iter().map(OsString::from);
        let command: Vec<OsString> = our_command(model, exe).into_iter().chain(flags).collect();
        Self::start_on(&command, 0)
    }
}

/// The command that starts one of our servers on `{port}` of the loopback address.
pub fn our_command(model: Model, exe: &Path) -> Vec<OsString> {
    let arguments = ["serve", model.name(), "--listen", "127.0.0.1:{port}"];
    iter::once(exe.into()).chain(arguments.map(OsString::from)).collect()
}
