//! The yardsticks as programs: they say where they listen, serve, and end when a signal asks them to.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use conformance::baselines::Yardstick;
use conformance::process::{Conventions, ServerProcess, StartError};
use load::{Crowd, Shape};
use rustix::process::Signal;

#[test]
fn each_says_where_it_listens_serves_and_ends_by_either_signal() {
    for yardstick in Yardstick::ALL {
        for end in [Signal::TERM, Signal::INT] {
            let conventions = Conventions { end_signal: end, ..Conventions::default() };
            // On port 0 nothing but the ready line can tell the address.
            let command = yardstick.command(Path::new(PROGRAM));
            let server = ServerProcess::start_on_as(&command, 0, &conventions).unwrap();
            let dialect = yardstick.dialect();
            let shape = Shape { speakers: 2, listeners: 0, size: 64, dialect };
            let mut crowd = Crowd::join(server.addr(), &shape).unwrap();
            assert_eq!(20, crowd.ping_pong(10).unwrap().tally.deliveries, "{yardstick}");
            server.terminate();
            assert!(server.wait(PATIENCE).is_some(), "{yardstick} goes on after {end:?}");
        }
    }
}

#[test]
fn an_address_that_is_taken_is_told_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for yardstick in Yardstick::ALL {
        let command = yardstick.command(Path::new(PROGRAM));
        // A port that takes connections would pass for a server that is ready: the ready line is waited for.
        let conventions =
            Conventions { ready: Some("listening on".into()), ..Conventions::default() };
        let outcome = ServerProcess::start_on_as(&command, port, &conventions);
        let Err(StartError::Ended { status, log }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(Some(1), status.code(), "{yardstick}");
        let told = format!("{yardstick}: cannot listen on 127.0.0.1:{port}: ");
        assert!(log.starts_with(&told) && log.contains("; --listen takes HOST:PORT"), "{log}");
    }
}

#[test]
fn the_help_says_what_each_is_and_hides_what_is_for_trials_only() {
    let list = help(&["serve", "--help"]);
    for yardstick in Yardstick::ALL {
        assert!(list.contains(&format!("\n  {yardstick} ")), "{yardstick} is not in {list}");
        let own = help(&["serve", yardstick.name(), "--help"]);
        assert!(own.contains("--listen") && !own.contains("--fault"), "{own}");
    }
    let ours = help(&["serve", "select", "--help"]);
    assert!(ours.contains("--max-message"), "our servers' flags are their own: {ours}");
}

fn help(arguments: &[&str]) -> String {
    let arguments = arguments.iter().map(OsString::from);
    let output = Command::new(PROGRAM).args(arguments).output().expect("it is built");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("help is text")
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_conformance");
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(10);
