//! Child: a server that the suite has started as a child process, and can end and start again.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use super::{Instance, Manifest, Medium, NotStarted, Origin, TcpWire, Wire};
use crate::process::{Conventions, ServerProcess, StartError, User};

/// A server that the suite has started.
pub(super) struct ChildInstance {
    /// `None` during a restart, and after one that failed.
    server: Option<ServerProcess>,
    command: Vec<OsString>,
    origin: Origin,
    manifest: Option<Manifest>,
}

impl ChildInstance {
    /// One of our own servers, which `command` has started.
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
        (!has_port).then_some("the command has no {port}, on which it could be started again")
    }

    fn restart(&mut self) -> Result<(), NotStarted> {
        self.restart_as(User::Same)
    }

    fn restart_as(&mut self, user: User) -> Result<(), NotStarted> {
        let Some(server) = self.server.take() else { return Ok(()) };
        server.terminate();
        // Dropping it kills it if it has not ended. How it ends is the subject of other rules.
        server.wait(END_WITHIN);
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

/// Starts a server that is not ours, with its own words for these flags of ours.
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

/// The server's own words for these flags of ours; `None` if it declares none for one of them.
pub(super) fn translate(manifest: Option<&Manifest>, flags: &[String]) -> Option<Vec<OsString>> {
    match manifest {
        Some(manifest) => manifest.translate(flags),
        None => flags.is_empty().then(Vec::new),
    }
}

fn conventions(manifest: Option<&Manifest>) -> Conventions {
    manifest.map(|manifest| manifest.conventions().clone()).unwrap_or_default()
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes a value")]
pub(super) fn not_started(error: StartError) -> NotStarted {
    NotStarted::Failed(error.to_string())
}

pub(super) const NO_SUCH_FLAGS: NotStarted =
    NotStarted::Inapplicable("it needs flags of this project's servers");
/// Our servers take at most two seconds.
const END_WITHIN: Duration = Duration::from_secs(4);
