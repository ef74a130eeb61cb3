//! The log of a session.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use server_core::{Next, Relay, Settings};

use crate::stage::{Stage, frame, frames, pairs, settings};

#[test]
fn invalid_text_is_logged_once_per_connection() {
    let sent = [frame(b"zoe"), frame(b"fine"), frame(b"a\xffb"), frame(b"\xff")].concat();
    let log = logged(|| {
        let mut stage = Stage::new(settings());
        for part in [&sent[..], &frame(b"\xfe")] {
            assert!(matches!(stage.feed(part), Next::Read));
            stage.session.log_activity();
        }
    });
    let lines: Vec<_> = log.lines().filter(|line| line.contains("UTF-8")).collect();
    let [line] = lines[..] else { panic!("expected one line: {log}") };
    for part in ["WARN", "peer=127.0.0.1:1", "name=\"zoe\"", "U+FFFD"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn valid_text_is_not_logged_as_invalid() {
    let log = logged(|| {
        let mut stage = Stage::new(settings());
        assert!(matches!(stage.feed(&frames(&["zoë", "سلام", "\u{FFFD}"])), Next::Read));
        stage.session.log_activity();
    });
    assert!(log.contains("joined") && !log.contains("UTF-8"), "{log}");
}

#[test]
fn invalid_text_that_waits_for_the_room_is_logged_too() {
    let log = logged(|| {
        let relay = Relay::Everyone;
        let mut stage = Stage::new(Settings { window: 2_000, relay, ..settings() });
        assert!(matches!(stage.feed(&frame(b"zoe")), Next::Read));
        stage.witness_fills_the_window();
        assert!(matches!(stage.feed(&frame(b"\xff")), Next::Wait));
        let _ = (stage.witness_received(), stage.received());
        assert!(matches!(stage.feed(b""), Next::Read));
        stage.session.log_activity();
        assert_eq!(pairs(&[("zoe", "\u{FFFD}")]), stage.witness_received());
    });
    assert_eq!(1, log.matches("UTF-8").count(), "{log}");
}

/// What is logged during `run`.
fn logged(run: impl FnOnce()) -> String {
    let log = Lines::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, run);
    let lines = log.0.lock().expect("no test has panicked with it").clone();
    String::from_utf8(lines).expect("a log is text")
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test has panicked with it").write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
