//! Servers to test: ours, one started by a command, one that runs already.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::declared::Declared;
use crate::manifest::Manifest;
use crate::model::Model;
use crate::process::{Habits, ServerProcess, StartError, User, our_command};
use crate::support::quote::quoted;
use crate::target::{Medium, NotStarted, Origin, Subject, Target, Wire};
use crate::tcp::TcpWire;

/// One of the three servers of this project.
#[derive(Clone, Debug)]
pub struct OurServer {
    /// Which one.
    pub model: Model,
    /// The program of this crate, which contains all three.
    pub exe: PathBuf,
}

impl Subject for OurServer {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
        let mut command = our_command(self.model, &self.exe);
        command.extend(flags.iter().map(OsString::from));
        started(command)
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

/// A server that this command starts on `{port}`, which the system chooses, and that says so by a ready
/// line: no two servers can ever meet on a port.
///
/// # Errors
///
/// It does not come up.
pub fn started(command: Vec<OsString>) -> Result<Box<dyn Target>, NotStarted> {
    let server = ServerProcess::start_on(&command, 0).map_err(failed)?;
    Ok(Box::new(Running { server: Some(server), command, origin: Origin::Ours, manifest: None }))
}

/// Any server that a command starts.
#[derive(Clone, Debug)]
pub struct CommandServer {
    /// Program and arguments; `{port}` stands for the port it shall listen on.
    pub command: Vec<OsString>,
    /// What it declares, if anything is known of that.
    pub manifest: Option<Manifest>,
}

impl Subject for CommandServer {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
        start_foreign(&self.command, self.manifest.as_ref(), flags)
    }

    fn takes(&self, flags: &[String]) -> bool {
        spelled(self.manifest.as_ref(), flags).is_some()
    }

    fn origin(&self) -> Origin {
        Origin::Foreign
    }

    fn declared(&self, flags: &[String]) -> Declared {
        self.manifest.as_ref().map(|manifest| manifest.declared(flags)).unwrap_or_default()
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        let words: Vec<String> = self.command.iter().map(quoted).collect();
        let manifest = manifest_flag(self.manifest.as_ref());
        format!("conformance check --only {id} --seed {seed}{manifest} -- {}", words.join(" "))
    }
}

/// A server that runs already, and goes on running.
#[derive(Clone, Debug)]
pub struct RemoteServer {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What it declares, if anything is known of that. It runs as it runs: flags it takes none.
    pub manifest: Option<Manifest>,
}

impl Subject for RemoteServer {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
        if !flags.is_empty() {
            return Err(NO_SUCH_FLAGS);
        }
        Ok(Box::new(self.clone()))
    }

    fn probe(&self) -> Result<(), NotStarted> {
        let Err(error) = TcpWire::connect(self.addr) else { return Ok(()) };
        Err(NotStarted::Failed(match error.kind() {
            ErrorKind::ConnectionRefused => {
                format!("nothing listens at {}: start the server first", self.addr)
            }
            _ => format!("{} cannot be reached ({error}): check host, port and network", self.addr),
        }))
    }

    fn origin(&self) -> Origin {
        Origin::Foreign
    }

    fn declared(&self, flags: &[String]) -> Declared {
        self.manifest.as_ref().map(|manifest| manifest.declared(flags)).unwrap_or_default()
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        let manifest = manifest_flag(self.manifest.as_ref());
        format!("conformance check --only {id} --seed {seed}{manifest} --connect {}", self.addr)
    }
}

impl Target for RemoteServer {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(TcpWire::connect(self.addr)?))
    }

    fn medium(&self) -> Medium {
        Medium::Shared
    }
}

/// A server process of the suite's own.
struct Running {
    /// Absent only while it is being started again.
    server: Option<ServerProcess>,
    command: Vec<OsString>,
    origin: Origin,
    manifest: Option<Manifest>,
}

impl Running {
    fn server(&self) -> io::Result<&ServerProcess> {
        self.server.as_ref().ok_or_else(|| io::Error::other("the server did not start again"))
    }
}

impl Target for Running {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(TcpWire::connect(self.server()?.addr())?))
    }

    fn medium(&self) -> Medium {
        Medium::Process
    }

    fn process(&self) -> Option<&ServerProcess> {
        self.server.as_ref()
    }

    fn start_with(&self, flags: &[&str]) -> Result<Box<dyn Target>, NotStarted> {
        let flags: Vec<String> = flags.iter().copied().map(String::from).collect();
        if self.origin == Origin::Foreign {
            return start_foreign(&self.command, self.manifest.as_ref(), &flags);
        }
        let command: Vec<OsString> =
            self.command.iter().cloned().chain(flags.iter().map(OsString::from)).collect();
        let server = ServerProcess::start(&command).map_err(failed)?;
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
        let habits = Habits { user, ..habits(self.manifest.as_ref()) };
        let started = ServerProcess::start_on_as(&self.command, port, &habits);
        self.server = Some(started.map_err(failed)?);
        Ok(())
    }

    fn start_beside(&self) -> Result<ServerProcess, NotStarted> {
        if let Some(reason) = self.restart_obstacle() {
            return Err(NotStarted::Inapplicable(reason));
        }
        let port = self.server.as_ref().map_or(0, |server| server.addr().port());
        let habits = habits(self.manifest.as_ref());
        ServerProcess::start_beside(&self.command, port, &habits).map_err(failed)
    }

    fn log(&self) -> String {
        self.server.as_ref().map(ServerProcess::log).unwrap_or_default()
    }
}

/// Starts somebody else's server, with its own words for these flags of ours.
fn start_foreign(
    command: &[OsString],
    manifest: Option<&Manifest>,
    flags: &[String],
) -> Result<Box<dyn Target>, NotStarted> {
    let spelled = spelled(manifest, flags).ok_or(NO_SUCH_FLAGS)?;
    let command: Vec<OsString> = command.iter().cloned().chain(spelled).collect();
    let server = ServerProcess::start_as(&command, &habits(manifest)).map_err(failed)?;
    let (origin, manifest) = (Origin::Foreign, manifest.cloned());
    Ok(Box::new(Running { server: Some(server), command, origin, manifest }))
}

/// How a foreign command line says these flags of ours; `None` if it cannot.
fn spelled(manifest: Option<&Manifest>, flags: &[String]) -> Option<Vec<OsString>> {
    match manifest {
        Some(manifest) => manifest.spelled(flags),
        None => flags.is_empty().then(Vec::new),
    }
}

fn habits(manifest: Option<&Manifest>) -> Habits {
    manifest.map(|manifest| manifest.habits().clone()).unwrap_or_default()
}

/// The part of a command line that names a manifest.
fn manifest_flag(manifest: Option<&Manifest>) -> String {
    let path = manifest.map(|manifest| quoted(&manifest.path().into()));
    path.map(|path| format!(" --manifest {path}")).unwrap_or_default()
}

#[expect(clippy::needless_pass_by_value, reason = "it is a function for map_err")]
fn failed(error: StartError) -> NotStarted {
    NotStarted::Failed(error.to_string())
}

const NO_SUCH_FLAGS: NotStarted =
    NotStarted::Inapplicable("it needs flags of this project's servers");
/// Our servers take two seconds at most.
const LEAVE_WITHIN: Duration = Duration::from_secs(4);
