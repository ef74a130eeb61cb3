//! Entrants: the servers and baselines of a run, how each is started, and where one cannot be measured.

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
use crate::lab::result::record::{CONTROL_SUFFIX, Kind};
use crate::process::{ServerProcess, StartError};
use crate::support::cores::Cores;
use crate::target::{CommandServer, Manifest, Model, OurServer, RemoteServer, Target, our_command};

/// A server or baseline of a run.
pub(crate) struct Entrant {
    /// Its name in tables.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// How it works: pairs of a property and its value.
    pub(crate) manifest: Vec<(String, String)>,
    origin: Origin,
    /// The same server as the suite checks it; `None` if it is no chat server.
    pub(crate) target: Option<Rc<dyn Target>>,
    /// The protocol of its clients.
    pub(crate) dialect: Dialect,
}

/// Where the server comes from.
enum Origin {
    /// A server of this project: it takes our flags and prints its port.
    Flagged(Vec<OsString>),
    /// Program and arguments, with `{port}` where the port belongs.
    Command(Vec<OsString>),
    /// A server that is already running.
    Running(SocketAddr),
    /// An installed broker.
    Broker(Installed),
}

impl Entrant {
    /// All entrants that the command line requests, and the reasons why some are left out.
    ///
    /// # Errors
    ///
    /// The path of this program is unknown.
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
        entrants.extend(args.server.iter().map(|(name, command)| Self::given(name, command)));
        entrants.extend(args.connect.iter().map(|(name, addr)| Self::running(name, *addr)));
        if !args.no_floor {
            let floors = [Baseline::Floor, Baseline::FloorBlocking];
            entrants.extend(floors.map(|floor| Self::baseline(floor, Kind::Floor, &exe)));
        }
        if args.naive {
            let naive = Baseline::NAIVE;
            entrants.extend(naive.map(|server| Self::baseline(server, Kind::Naive, &exe)));
        }
        for broker in Broker::ALL.into_iter().filter(|_| args.brokers) {
            match broker.find() {
                Ok(installed) => entrants.push(Self::broker(installed)),
                Err(reason) => left_out.push(format!("{}: {reason}", broker.name())),
            }
        }
        if args.tutorial {
            match Self::tutorial() {
                Ok(tutorial) => entrants.push(tutorial),
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

    /// The control: the select server a second time, because it has the fewest threads; without it, the first server.
    fn control(ours: &[Self]) -> Option<Self> {
        let twin = ours.iter().find(|entrant| entrant.name == "select").or(ours.first())?;
        Some(Self {
            name: twin.name.clone() + CONTROL_SUFFIX,
            kind: Kind::Control,
            manifest: twin.manifest.clone(),
            origin: match &twin.origin {
                Origin::Flagged(command) => Origin::Flagged(command.clone()),
                _ => return None,
            },
            target: twin.target.clone(),
            dialect: twin.dialect,
        })
    }

    fn given(name: &str, line: &str) -> Self {
        // The shell parses the line, and `exec` replaces the shell, so that the process id is the program's.
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
            manifest: vec![("address".into(), addr.to_string())],
            origin: Origin::Running(addr),
            target: Some(Rc::new(RemoteServer { addr, manifest: None })),
            dialect: Dialect::Chat,
        }
    }

    fn tutorial() -> Result<Self, String> {
        let (program, declared) = (Path::new(TUTORIAL), Path::new(TUTORIAL_MANIFEST));
        let missing =
            |what| format!("tutorial: {what}; start the lab in the root of the repository");
        if !program.exists() {
            return Err(missing(format!("there is no {TUTORIAL} here")));
        }
        let declared = Manifest::read(declared).map_err(|error| missing(error.to_string()))?;
        let command: Vec<OsString> =
            ["python3", TUTORIAL, "--port", "{port}"].map(Into::into).to_vec();
        let target = CommandServer { command: command.clone(), manifest: Some(declared) };
        Ok(Self {
            name: "tutorial".into(),
            kind: Kind::Tutorial,
            manifest: manifest::tutorial(&format!("python3 {TUTORIAL}")),
            origin: Origin::Command(command),
            target: Some(Rc::new(target)),
            dialect: Dialect::Chat,
        })
    }

    fn baseline(baseline: Baseline, kind: Kind, exe: &Path) -> Self {
        let command = baseline.command(exe);
        let target = CommandServer { command: command.clone(), manifest: None };
        let is_chat = baseline.dialect() == Dialect::Chat;
        Self {
            name: baseline.name().into(),
            kind,
            manifest: manifest::baseline(baseline),
            origin: Origin::Command(command),
            target: is_chat.then(|| Rc::new(target) as Rc<dyn Target>),
            dialect: baseline.dialect(),
        }
    }

    fn broker(installed: Installed) -> Self {
        let broker = installed.broker;
        Self {
            name: broker.name().into(),
            kind: Kind::Broker,
            manifest: manifest::broker(&installed),
            origin: Origin::Broker(installed),
            target: None,
            dialect: broker.dialect(),
        }
    }

    /// Starts it with these flags, on the servers' cores if there are separate ones. Only servers of this project
    /// receive the flags. A server that is already running keeps its cores.
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

    /// Why it cannot be measured at this point; `None` if it can.
    pub(crate) fn obstacle(&self, point: &Point) -> Option<&'static str> {
        let is_flagged = matches!(self.origin, Origin::Flagged(_));
        if !point.flags.is_empty() && !is_flagged {
            return Some("the point needs flags of this project's servers");
        }
        if matches!(self.origin, Origin::Running(_)) && matches!(point.load, Load::Idle { .. }) {
            return Some("the process of a running server is unknown");
        }
        if self.name == Baseline::FloorBlocking.name() && point.workload.id != "W1" {
            return Some("it serves two clients only");
        }
        match point.workload.id {
            "W5" | "W6" if self.dialect != Dialect::Chat => Some("it does not implement the chat"),
            _ if self.kind == Kind::Broker && point.load.senders_listen() => {
                Some("a broker's senders and listeners are different clients")
            }
            _ => None,
        }
    }

    /// Whether it is checked against the rules: chat servers are, except the control, which is a program checked already.
    pub(crate) fn is_gated(&self) -> bool {
        self.target.is_some() && self.kind != Kind::Control
    }

    /// Whether it is the control of another entrant.
    pub(crate) fn is_twin_of(&self, other: &Self) -> bool {
        self.kind == Kind::Control && self.name.strip_suffix(CONTROL_SUFFIX) == Some(&*other.name)
    }
}

const TUTORIAL: &str = "conformance/guests/server.py";
const TUTORIAL_MANIFEST: &str = "conformance/manifests/guest.toml";
