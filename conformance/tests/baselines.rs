//! The baselines as programs: each prints where it listens, serves, and ends at a signal.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use conformance::baselines::Baseline;
use conformance::process::{Conventions, ServerProcess, StartError};
use load::{Crowd, Shape};
use rustix::process::Signal;

#[test]
fn each_prints_where_it_listens_serves_and_ends_at_either_signal() {
    for baseline in Baseline::ALL {
        for end in [Signal::TERM, Signal::INT] {
            let conventions = Conventions { end_signal: end, ..Conventions::default() };
            // With port 0 only the ready line contains the address.
            let command = baseline.command(Path::new(PROGRAM));
            let server = ServerProcess::start_on_as(&command, 0, &conventions).unwrap();
            let dialect = baseline.dialect();
            let shape = Shape { speakers: 2, listeners: 0, size: 64, dialect };
            let mut crowd = Crowd::join(server.addr(), &shape).unwrap();
            assert_eq!(20, crowd.ping_pong(10).unwrap().tally.deliveries, "{baseline}");
            server.terminate();
            assert!(server.wait(PATIENCE).is_some(), "{baseline} goes on after {end:?}");
        }
    }
}

#[test]
fn a_taken_address_is_an_error_with_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for baseline in Baseline::ALL {
        let command = baseline.command(Path::new(PROGRAM));
        // The port accepts connections, which would count as ready; so the test waits for the ready
        // line.
        let conventions =
            Conventions { ready: Some("listening on".into()), ..Conventions::default() };
        let outcome = ServerProcess::start_on_as(&command, port, &conventions);
        let Err(StartError::Ended { status, log }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(Some(1), status.code(), "{baseline}");
        let error = format!("{baseline}: cannot listen on 127.0.0.1:{port}: ");
        assert!(log.starts_with(&error) && log.contains("; --listen takes HOST:PORT"), "{log}");
    }
}

#[test]
fn the_help_lists_each_and_hides_the_flag_for_tests() {
    let list = help(&["serve", "--help"]);
    for baseline in Baseline::ALL {
        assert!(list.contains(&format!("\n  {baseline} ")), "{baseline} is not in {list}");
        let own = help(&["serve", baseline.name(), "--help"]);
        assert!(own.contains("--listen") && !own.contains("--defect"), "{own}");
    }
    let ours = help(&["serve", "select", "--help"]);
    assert!(ours.contains("--max-message"), "our servers' flags are their own: {ours}");
}

fn help(arguments: &[&str]) -> String {
    let arguments = arguments.iter().map(OsString::from);
    let output = Command::new(PROGRAM).args(arguments).output().expect("it is built");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("the help is UTF-8")
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_conformance");
/// Longer than any server here takes, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(10);
