//! Tests: servers are started, awaited and ended.

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
fn a_ready_text_and_a_signal_of_its_own_are_used() {
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
fn an_early_end_is_reported_with_the_output() {
    let outcome = ServerProcess::start(&shell("echo no such option >&2; exit 7"));
    let Err(StartError::Ended { status, log }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((Some(7), "no such option\n"), (status.code(), log.as_str()));
}

#[test]
fn both_outputs_are_in_the_log() {
    let script = "echo logged >&2; echo listening on 127.0.0.1:1; exec sleep 60";
    let server = ServerProcess::start_on(&shell(script), 1).unwrap();
    server.terminate();
    let log = server.last_log(READY_WITHIN).unwrap();
    assert!(log.contains("listening on 127.0.0.1:1\n") && log.contains("logged\n"), "{log}");
}

#[test]
fn a_drop_kills_the_children_of_the_server_too() {
    let fifo = std::env::temp_dir().join(format!("conformance-{}", std::process::id()));
    let path = fifo.to_str().unwrap();
    let script = format!("mkfifo {path}; sleep 60 > {path} & echo listening on 127.0.0.1:1; wait");
    let server = ServerProcess::start_on(&shell(&script), 1).unwrap();
    // Opening the pipe waits for the child; EOF shows that the child has ended.
    let mut pipe = std::fs::File::open(&fifo).unwrap();
    std::fs::remove_file(&fifo).unwrap();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(pipe.read_to_end(&mut Vec::new())));
    drop(server);
    let read = ended.recv_timeout(READY_WITHIN).expect("the child has ended as well");
    assert_eq!(0, read.unwrap());
}
