//! Child: a server process of the suite's own, reached by TCP, that can be ended and started again.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use super::{Instance, Manifest, Medium, NotStarted, Origin, TcpWire, Wire};
use crate::process::{Conventions, ServerProcess, StartError, User};

/// A server process of the suite's own.
pub(super) struct ChildInstance {
    /// Absent only while it is being started again.
    server: Option<ServerProcess>,
    command: Vec<OsString>,
    origin: Origin,
    manifest: Option<Manifest>,
}

impl ChildInstance {
    /// One of our own servers that a command has started.
    pub(super) fn ours(server: ServerProcess, command: Vec<OsString>) -> Self {
        Self { server: Some(server), command, origin: Origin::Ours, manifest: None }
    }

    fn server(&self) -> io::Result<&ServerProcess> {
        self.server.as_ref().ok_or_else(|| io::Error::other("the server did not start again"))
    }
}

impl Instance for ChildInstance {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(TcpWire::connect(self.server()?.addr())?))
    }

    fn medium(&self) -> Medium {
        Medium::Process
    }

    fn process(&self) -> Option<&ServerProcess> {
        self.server.as_ref()
    }

    fn start_with(&self, flags: &[&str]) -> Result<Box<dyn Instance>, NotStarted> {
        let flags: Vec<String> = flags.iter().copied().map(String::from).collect();
        if self.origin == Origin::Foreign {
            return start_foreign(&self.command, self.manifest.as_ref(), &flags);
        }
        let command: Vec<OsString> =
            self.command.iter().cloned().chain(flags.iter().map(OsString::from)).collect();
        let server = ServerProcess::start(&command).map_err(not_started)?;
        Ok(Box::new(Self { server: Some(server), command, origin: self.origin, manifest: None }))
    }

    fn restart_obstacle(&self) -> Option<&'static str> {
        let has_port = self.command.iter().any(|word| word.to_string_lossy().contains("{port}"));
        (!has_port).then_some("the command has no {port} to start it on again")
    }

    fn restart(&mut self) -> Result<(), NotStarted> {
        self.restart_as(User::Same)
    }

    fn restart_as(&mut self, user: User) -> Result<(), NotStarted> {
        let Some(server) = self.server.take() else { return Ok(()) };
        server.terminate();
        // One that does not end by itself is killed: how it ends is the business of other rules.
        server.wait(LEAVE_WITHIN);
        let port = server.addr().port();
        drop(server);
        let conventions = Conventions { user, ..conventions(self.manifest.as_ref()) };
        let started = ServerProcess::start_on_as(&self.command, port, &conventions);
        self.server = Some(started.map_err(not_started)?);
        Ok(())
    }

    fn start_beside(&self) -> Result<ServerProcess, NotStarted> {
        if let Some(reason) = self.restart_obstacle() {
            return Err(NotStarted::Inapplicable(reason));
        }
        let port = self.server.as_ref().map_or(0, |server| server.addr().port());
        let conventions = conventions(self.manifest.as_ref());
        ServerProcess::start_beside(&self.command, port, &conventions).map_err(not_started)
    }

    fn log(&self) -> String {
        self.server.as_ref().map(ServerProcess::log).unwrap_or_default()
    }
}

/// Starts somebody else's server, with its own words for these flags of ours.
pub(super) fn start_foreign(
    command: &[OsString],
    manifest: Option<&Manifest>,
    flags: &[String],
) -> Result<Box<dyn Instance>, NotStarted> {
    let words = translate(manifest, flags).ok_or(NO_SUCH_FLAGS)?;
    let command: Vec<OsString> = command.iter().cloned().chain(words).collect();
    let server = ServerProcess::start_as(&command, &conventions(manifest)).map_err(not_started)?;
    let (origin, manifest) = (Origin::Foreign, manifest.cloned());
    Ok(Box::new(ChildInstance { server: Some(server), command, origin, manifest }))
}

/// How a foreign command line says these flags of ours; `None` if it cannot.
pub(super) fn translate(manifest: Option<&Manifest>, flags: &[String]) -> Option<Vec<OsString>> {
    match manifest {
        Some(manifest) => manifest.translate(flags),
        None => flags.is_empty().then(Vec::new),
    }
}

fn conventions(manifest: Option<&Manifest>) -> Conventions {
    manifest.map(|manifest| manifest.conventions().clone()).unwrap_or_default()
}

#[expect(clippy::needless_pass_by_value, reason = "it is a function for map_err")]
pub(super) fn not_started(error: StartError) -> NotStarted {
    NotStarted::Failed(error.to_string())
}

pub(super) const NO_SUCH_FLAGS: NotStarted =
    NotStarted::Inapplicable("it needs flags of this project's servers");
/// Our servers take two seconds at most.
const LEAVE_WITHIN: Duration = Duration::from_secs(4);
