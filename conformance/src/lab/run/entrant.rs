//! Entrants: who takes part, how each is started and tested, and what cannot be asked of it.

mod manifest;
mod server;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::{env, io};

use load::wire::Dialect;

pub(super) use self::server::Server;
use crate::baselines::{Baseline, Broker, Installed};
use crate::lab::plan::args::LabArgs;
use crate::lab::plan::point::{Load, Point};
use crate::lab::result::record::{AGAIN, Kind};
use crate::process::{ServerProcess, StartError};
use crate::support::cores::Cores;
use crate::target::{CommandServer, Manifest, Model, OurServer, RemoteServer, Target, our_command};

/// A server that takes part.
pub(crate) struct Entrant {
    /// What it is called in tables.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// What is known of how it does its work, for whoever compares.
    pub(crate) manifest: Vec<(String, String)>,
    origin: Origin,
    /// The same server, as the suite knows it; `None` if it speaks no chat.
    pub(crate) target: Option<Rc<dyn Target>>,
    /// How its clients speak.
    pub(crate) dialect: Dialect,
}

/// Where the server comes from.
enum Origin {
    /// A program of ours, which takes our flags and tells its port.
    Flagged(Vec<OsString>),
    /// Program and arguments, with `{port}` where the port belongs.
    Command(Vec<OsString>),
    /// It runs already.
    Running(SocketAddr),
    /// A broker that is installed.
    Broker(Installed),
}

impl Entrant {
    /// All that the command line asks for; and why some of it is left out.
    ///
    /// # Errors
    ///
    /// Our own program cannot be found.
    pub(crate) fn all(args: &LabArgs) -> io::Result<(Vec<Self>, Vec<String>)> {
        let exe = env::current_exe()?;
        let (mut entrants, mut left_out) = (Vec::new(), Vec::new());
        for (index, &model) in args.servers().iter().enumerate() {
            let twins = args.servers()[..index].iter().filter(|&&other| other == model).count();
            let name = match twins {
                0 => model.name().to_owned(),
                twins => format!("{model} {}", twins + 1),
            };
            entrants.push(Self::ours(name, model, &exe));
        }
        entrants.extend(Self::control(&entrants));
        entrants.extend(args.server.iter().map(|(name, command)| Self::yours(name, command)));
        entrants.extend(args.connect.iter().map(|(name, addr)| Self::running(name, *addr)));
        if !args.no_floor {
            let floors = [Baseline::Floor, Baseline::FloorBlocking];
            entrants.extend(floors.map(|floor| Self::yardstick(floor, Kind::Floor, &exe)));
        }
        if args.rungs {
            let rungs = Baseline::NAIVE;
            entrants.extend(rungs.map(|rung| Self::yardstick(rung, Kind::Rung, &exe)));
        }
        for peer in Broker::ALL.into_iter().filter(|_| args.peers) {
            match peer.find() {
                Ok(installed) => entrants.push(Self::peer(installed)),
                Err(reason) => left_out.push(format!("{}: {reason}", peer.name())),
            }
        }
        if args.guests {
            match Self::guest() {
                Ok(guest) => entrants.push(guest),
                Err(reason) => left_out.push(reason),
            }
        }
        Ok((entrants, left_out))
    }

    fn ours(name: String, model: Model, exe: &Path) -> Self {
        let target = OurServer { model, exe: exe.into() };
        let manifest = manifest::ours(model, &target.declared(&[]));
        Self {
            name,
            kind: Kind::Ours,
            manifest,
            origin: Origin::Flagged(our_command(model, exe)),
            target: Some(Rc::new(target)),
            dialect: Dialect::Chat,
        }
    }

    /// The select server once more, or the first there is: it has the fewest threads to disturb it.
    fn control(ours: &[Self]) -> Option<Self> {
        let twin = ours.iter().find(|entrant| entrant.name == "select").or(ours.first())?;
        Some(Self {
            name: twin.name.clone() + AGAIN,
            kind: Kind::Again,
            manifest: twin.manifest.clone(),
            origin: match &twin.origin {
                Origin::Flagged(command) => Origin::Flagged(command.clone()),
                _ => return None,
            },
            target: twin.target.clone(),
            dialect: twin.dialect,
        })
    }

    fn yours(name: &str, line: &str) -> Self {
        // As a shell takes it, and the process becomes the program itself.
        let command: Vec<OsString> = ["sh", "-c", &format!("exec {line}")].map(Into::into).into();
        let target = CommandServer { command: command.clone(), manifest: None };
        Self {
            name: name.into(),
            kind: Kind::Yours,
            manifest: vec![("command".into(), line.into())],
            origin: Origin::Command(command),
            target: Some(Rc::new(target)),
            dialect: Dialect::Chat,
        }
    }

    fn running(name: &str, addr: SocketAddr) -> Self {
        Self {
            name: name.into(),
            kind: Kind::Yours,
            manifest: vec![("runs at".into(), addr.to_string())],
            origin: Origin::Running(addr),
            target: Some(Rc::new(RemoteServer { addr, manifest: None })),
            dialect: Dialect::Chat,
        }
    }

    fn guest() -> Result<Self, String> {
        let (program, declared) = (Path::new(GUEST), Path::new(GUEST_MANIFEST));
        let missing = |what| format!("guest: {what}; start the lab at the top of the repository");
        if !program.exists() {
            return Err(missing(format!("there is no {GUEST} here")));
        }
        let declared = Manifest::read(declared).map_err(|error| missing(error.to_string()))?;
        let command: Vec<OsString> =
            ["python3", GUEST, "--port", "{port}"].map(Into::into).to_vec();
        let target = CommandServer { command: command.clone(), manifest: Some(declared) };
        Ok(Self {
            name: "guest".into(),
            kind: Kind::Guest,
            manifest: manifest::guest(&format!("python3 {GUEST}")),
            origin: Origin::Command(command),
            target: Some(Rc::new(target)),
            dialect: Dialect::Chat,
        })
    }

    fn yardstick(yardstick: Baseline, kind: Kind, exe: &Path) -> Self {
        let command = yardstick.command(exe);
        let target = CommandServer { command: command.clone(), manifest: None };
        let is_chat = yardstick.dialect() == Dialect::Chat;
        Self {
            name: yardstick.name().into(),
            kind,
            manifest: manifest::yardstick(yardstick),
            origin: Origin::Command(command),
            target: is_chat.then(|| Rc::new(target) as Rc<dyn Target>),
            dialect: yardstick.dialect(),
        }
    }

    fn peer(installed: Installed) -> Self {
        let peer = installed.broker;
        Self {
            name: peer.name().into(),
            kind: Kind::Peer,
            manifest: manifest::peer(&installed),
            origin: Origin::Broker(installed),
            target: None,
            dialect: peer.dialect(),
        }
    }

    /// Starts it with these flags, of which only servers of ours know what they mean, on cores of its own if there
    /// are any; a server that runs already stays where it is.
    pub(crate) fn start(
        &self,
        flags: &[&str],
        cores: Option<&Cores>,
    ) -> Result<Server, StartError> {
        let Some(cores) = cores else { return self.start_anywhere(flags) };
        let failed = |source| StartError::Spawn { program: self.name.clone(), source };
        cores.start(|| self.start_anywhere(flags)).map_err(failed)?
    }

    fn start_anywhere(&self, flags: &[&str]) -> Result<Server, StartError> {
        match &self.origin {
            Origin::Flagged(command) => {
                let flags = flags.iter().map(OsString::from);
                let command: Vec<OsString> = command.iter().cloned().chain(flags).collect();
                ServerProcess::start_on(&command, 0).map(Server::Started)
            }
            Origin::Command(command) => ServerProcess::start(command).map(Server::Started),
            Origin::Running(addr) => Ok(Server::Running(*addr)),
            Origin::Broker(installed) => installed.start().map(Server::Started),
        }
    }

    /// Why it cannot be measured at this point, if it cannot.
    pub(crate) fn obstacle(&self, point: &Point) -> Option<&'static str> {
        let is_flagged = matches!(self.origin, Origin::Flagged(_));
        if !point.flags.is_empty() && !is_flagged {
            return Some("it takes flags that only servers of this project are known to have");
        }
        if matches!(self.origin, Origin::Running(_)) && matches!(point.load, Load::Idle { .. }) {
            return Some("nothing is known of the process of a server that runs already");
        }
        if self.name == Baseline::FloorBlocking.name() && point.workload.id != "W1" {
            return Some("it passes on between two clients and no more");
        }
        match point.workload.id {
            "W5" | "W6" if self.dialect != Dialect::Chat => {
                Some("coming, leaving and misbehaving are no work of it")
            }
            _ if self.kind == Kind::Peer && point.load.is_among_speakers() => {
                Some("there, who speaks and who listens are different clients")
            }
            _ => None,
        }
    }

    /// Whether it is held to rules: who speaks no chat has none, and the control is the same program again.
    pub(crate) fn is_gated(&self) -> bool {
        self.target.is_some() && self.kind != Kind::Again
    }

    /// Whether its runs and those of another of this name count as identical.
    pub(crate) fn is_twin_of(&self, other: &Self) -> bool {
        self.kind == Kind::Again && self.name.strip_suffix(AGAIN) == Some(&*other.name)
    }
}

const GUEST: &str = "conformance/guests/server.py";
const GUEST_MANIFEST: &str = "conformance/manifests/guest.toml";
