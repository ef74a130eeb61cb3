//! Tests of starting, awaiting and ending processes.

use std::io::Read;

use rustix::process::Signal;

use super::*;

fn shell(script: &str) -> Vec<OsString> {
    ["sh", "-c", script, "sh", "{port}"].map(OsString::from).to_vec()
}

#[test]
fn the_ready_line_gives_the_address() {
    let command = shell("echo listening on 127.0.0.1:$1; exec sleep 60");
    let server = ServerProcess::start_on(&command, 4242).unwrap();
    assert_eq!("127.0.0.1:4242".parse(), Ok(server.addr()));
    server.terminate();
    assert!(server.wait(READY_WITHIN).is_some());
}

#[test]
fn a_habit_of_its_own_tells_that_it_is_ready_and_ends_it() {
    let command = shell("trap 'exit 9' USR1; echo up and $1; while :; do sleep 0.1; done");
    let conventions = Conventions {
        ready: Some("up and".into()),
        end_signal: Signal::USR1,
        ..Conventions::default()
    };
    let server = ServerProcess::start_as(&command, &conventions).unwrap();
    assert_ne!(0, server.addr().port());
    server.terminate();
    assert_eq!(Some(9), server.wait(READY_WITHIN).and_then(|status| status.code()));
}

#[test]
fn an_early_end_shows_what_the_server_said() {
    let outcome = ServerProcess::start(&shell("echo no such option >&2; exit 7"));
    let Err(StartError::Ended { status, log }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((Some(7), "no such option\n"), (status.code(), log.as_str()));
}

#[test]
fn what_it_says_on_either_output_is_its_log() {
    let script = "echo told >&2; echo listening on 127.0.0.1:1; exec sleep 60";
    let server = ServerProcess::start_on(&shell(script), 1).unwrap();
    server.terminate();
    let log = server.last_log(READY_WITHIN).unwrap();
    assert!(log.contains("listening on 127.0.0.1:1\n") && log.contains("told\n"), "{log}");
}

#[test]
fn dropping_ends_the_children_of_the_server_too() {
    let fifo = std::env::temp_dir().join(format!("conformance-{}", std::process::id()));
    let path = fifo.to_str().unwrap();
    let script = format!("mkfifo {path}; sleep 60 > {path} & echo listening on 127.0.0.1:1; wait");
    let server = ServerProcess::start_on(&shell(&script), 1).unwrap();
    // Opening it waits for the child; the end of what is read is the child's end.
    let mut life = std::fs::File::open(&fifo).unwrap();
    std::fs::remove_file(&fifo).unwrap();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(life.read_to_end(&mut Vec::new())));
    drop(server);
    let lived = ended.recv_timeout(READY_WITHIN).expect("the child is ended as well");
    assert_eq!(0, lived.unwrap());
}
