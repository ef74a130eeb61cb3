//! Guests: three stand-ins for the tutorial's client talk through each of our servers, and through
//! the stand-in for the tutorial's server.

#[path = "common/python.rs"]
mod python;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use conformance::process::{ClientProcess, ServerProcess, Stdout};
use conformance::target::Model;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let obstacle = python::obstacle();
    let mut trials: Vec<Trial> = Model::ALL
        .into_iter()
        .map(|model| trial(model.name(), move || converse(&ours(model)), obstacle))
        .collect();
    trials.push(trial("the_stand_in", || converse(&stand_in()), obstacle));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The trial of one server. With an obstacle, it is listed as ignored, with the reason.
fn trial(server: &str, talk: impl FnOnce() + Send + 'static, obstacle: Option<&str>) -> Trial {
    let name = format!("clients_talk_through_{server}");
    let run = move || {
        talk();
        Ok(())
    };
    Trial::test(name, run)
        .with_kind(obstacle.unwrap_or_default())
        .with_ignored_flag(obstacle.is_some())
}

fn ours(model: Model) -> ServerProcess {
    let exe = Path::new(env!("CARGO_BIN_EXE_conformance"));
    ServerProcess::ours(model, exe, &[]).expect("our servers start")
}

/// The stand-in for the tutorial's server.
fn stand_in() -> ServerProcess {
    let script = script("server.py").into_os_string();
    let command = ["python3".into(), script, "--port".into(), "{port}".into()];
    ServerProcess::start(&command).expect("the stand-in starts")
}

fn converse(server: &ServerProcess) {
    let mut maryam = Client::join("مریم", server.addr());
    let mut ming = Client::join("小明", server.addr());
    let mut zoe = Client::join("Zoë 🦀", server.addr());
    maryam.meet(&mut ming);
    ming.meet(&mut zoe);
    zoe.meet(&mut maryam);
    for (turn, text) in TEXTS.iter().enumerate() {
        let mut all = [&mut maryam, &mut ming, &mut zoe];
        all.rotate_left(turn % 3);
        let [speaker, listeners @ ..] = all;
        speaker.say(text);
        for listener in listeners {
            listener.receives(speaker.name, text);
        }
    }
    // Long enough to arrive in several segments.
    let long = "سلام ".repeat(500);
    zoe.say(&long);
    maryam.receives("Zoë 🦀", &long);
    ming.receives("Zoë 🦀", &long);
    server.terminate();
    for mut client in [maryam, ming, zoe] {
        client.prints("Connection closed by the server");
    }
}

/// A running client of the tutorial's kind. It prints what it has received only after a line of
/// input, and an empty line sends nothing: so a test that waits for something presses Enter until
/// it is there.
struct Client {
    name: &'static str,
    process: ClientProcess,
    /// The position in its output after the last line that was found.
    position: usize,
}

impl Client {
    fn join(name: &'static str, addr: SocketAddr) -> Self {
        let words = ["env", "PYTHONUTF8=1", "python3"].map(OsString::from);
        let host = addr.ip().to_string();
        let arguments = ["--host", &host, "--port", "{port}"].map(OsString::from);
        let script = [script("client.py").into_os_string()];
        let command: Vec<_> = words.into_iter().chain(script).chain(arguments).collect();
        let process = ClientProcess::start(&command, addr.port(), Stdout::Pipe);
        let client = Self { name, process: process.expect("python3 starts"), position: 0 };
        client.say(name);
        client
    }

    fn say(&self, text: &str) {
        // This fails if the client has ended; its output then shows why.
        self.process.type_in(&format!("{text}\n")).ok();
    }

    /// Sends messages until the other client has received one, which shows that both are in the
    /// room.
    fn meet(&self, other: &mut Self) {
        let start = Instant::now();
        for turn in 0.. {
            let text = format!("knock {turn}");
            self.say(&text);
            other.say("");
            if other.finds(&format!("{} > {text}", self.name)) {
                return;
            }
            assert!(
                start.elapsed() < DEADLINE,
                "{} receives nothing from {}",
                other.name,
                self.name
            );
        }
    }

    fn receives(&mut self, sender: &str, text: &str) {
        self.prints(&format!("{sender} > {text}"));
    }

    fn prints(&mut self, text: &str) {
        let start = Instant::now();
        while !self.finds(text) {
            let (name, outputs) = (self.name, self.process.outputs());
            assert!(start.elapsed() < DEADLINE, "{name}: {text:?} expected, got\n{outputs}");
            self.say("");
        }
    }

    /// Waits a moment for a new line that ends with this text; before it is the prompt.
    fn finds(&mut self, text: &str) -> bool {
        let found = self.process.wait_for_line(self.position, text, PACE);
        self.position = found.unwrap_or(self.position);
        found.is_some()
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests").join(name)
}

const TEXTS: [&str; 7] = [
    "سلام دنیا، حالتان چطور است؟",
    "你好，世界",
    "🦀🎉 👩\u{200d}🔬 e\u{301}",
    "می\u{200c}خواهم بنویسم",
    "再见！",
    "12345678",
    "bye 👋",
];
/// Time between two presses of Enter.
const PACE: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_secs(15);
