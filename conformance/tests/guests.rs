//! Three clients of the tutorial's kind hold a conversation through every server.

#[path = "common/python.rs"]
mod python;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use conformance::process::ServerProcess;
use conformance::target::Model;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let obstacle = python::obstacle();
    let mut trials: Vec<Trial> = Model::ALL
        .into_iter()
        .map(|model| trial(model.name(), move || converse(&ours(model)), obstacle))
        .collect();
    trials.push(trial("the_guest", || converse(&the_guest()), obstacle));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A conversation through one server; with an obstacle it is listed as ignored, with its reason.
fn trial(server: &str, talk: impl FnOnce() + Send + 'static, obstacle: Option<&str>) -> Trial {
    let name = format!("guests_talk_through_{server}");
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

fn the_guest() -> ServerProcess {
    let script = guest("server.py").into_os_string();
    let command = ["python3".into(), script, "--port".into(), "{port}".into()];
    ServerProcess::start(&command).expect("the guest starts")
}

fn converse(server: &ServerProcess) {
    let mut maryam = Guest::join("مریم", server.addr());
    let mut ming = Guest::join("小明", server.addr());
    let mut zoe = Guest::join("Zoë 🦀", server.addr());
    maryam.meet(&mut ming);
    ming.meet(&mut zoe);
    zoe.meet(&mut maryam);
    for (turn, text) in TEXTS.iter().enumerate() {
        let mut everybody = [&mut maryam, &mut ming, &mut zoe];
        everybody.rotate_left(turn % 3);
        let [speaker, others @ ..] = everybody;
        speaker.say(text);
        for other in others {
            other.hears(speaker.name, text);
        }
    }
    // Long enough to come in several segments where a server sends pairs in pieces.
    let long = "سلام ".repeat(500);
    zoe.say(&long);
    maryam.hears("Zoë 🦀", &long);
    ming.hears("Zoë 🦀", &long);
    server.terminate();
    for mut guest in [maryam, ming, zoe] {
        guest.sees("Connection closed by the server");
    }
}

/// A running client. It shows what has come only after a line was typed, and an empty line says nothing:
/// so the way to wait for something is to press Enter until it is there.
struct Guest {
    name: &'static str,
    process: Child,
    keyboard: ChildStdin,
    screen: Receiver<String>,
    /// Everything shown so far that nobody asked for yet.
    shown: Vec<String>,
}

impl Guest {
    fn join(name: &'static str, addr: SocketAddr) -> Self {
        let mut process = Command::new("python3")
            .arg(guest("client.py"))
            .args(["--host", &addr.ip().to_string(), "--port", &addr.port().to_string()])
            .env("PYTHONUTF8", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 was there a moment ago");
        let keyboard = process.stdin.take().expect("it was asked for as a pipe");
        let stdout = process.stdout.take().expect("it was asked for as a pipe");
        let (show, screen) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if show.send(line).is_err() {
                    return;
                }
            }
        });
        let mut guest = Self { name, process, keyboard, screen, shown: Vec::new() };
        guest.say(name);
        guest
    }

    fn say(&mut self, text: &str) {
        // A client that has ended shows why on its screen.
        writeln!(self.keyboard, "{text}").ok();
    }

    /// Speaks until the other one hears it, which proves that both are in the room.
    fn meet(&mut self, other: &mut Self) {
        let start = Instant::now();
        for turn in 0.. {
            let text = format!("knock {turn}");
            self.say(&text);
            other.say("");
            if other.looks_for(&format!("{} > {text}", self.name), PACE) {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "{} never hears {}", other.name, self.name);
        }
    }

    fn hears(&mut self, sender: &str, text: &str) {
        self.sees(&format!("{sender} > {text}"));
    }

    fn sees(&mut self, text: &str) {
        let start = Instant::now();
        while !self.looks_for(text, PACE) {
            assert!(start.elapsed() < DEADLINE, "{} sees {:?}, no {text:?}", self.name, self.shown);
            self.say("");
        }
    }

    /// Looks at the screen until this text is on it, or nothing more comes.
    fn looks_for(&mut self, text: &str, within: Duration) -> bool {
        loop {
            // The prompt stands on the same line as what follows it.
            if let Some(place) = self.shown.iter().position(|line| line.ends_with(text)) {
                self.shown.drain(..=place);
                return true;
            }
            match self.screen.recv_timeout(within) {
                Ok(line) => self.shown.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn guest(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests").join(script)
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
/// Between two presses of Enter.
const PACE: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_secs(15);
