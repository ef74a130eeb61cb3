//! The start of a server: flags, the address, the environment.

use crate::SERVER;

use super::server::{Ended, Server, run, run_with};

#[test]
fn check_prints_every_limit_and_exits() {
    let ended = run(&["--check", "--window", "16MiB", "--max-clients", "7"]);
    assert_eq!(Some(0), ended.code, "{}", ended.err);
    let value = |flag: &str| {
        let row = ended.out.lines().find_map(|line| line.strip_prefix(flag));
        row.map(str::trim).map(str::to_owned)
    };
    assert_eq!(Some("16.0 MiB".into()), value("window "), "{}", ended.out);
    assert_eq!(Some("7".into()), value("max-clients "), "{}", ended.out);
    assert!(value("memory for messages, at most ").is_some(), "{}", ended.out);
}

#[test]
fn the_help_has_examples_and_fits_80_columns() {
    for flag in ["--help", "-h"] {
        let Ended { code, out, .. } = run(&[flag]);
        assert_eq!(Some(0), code);
        for example in [
            "--listen 0.0.0.0:1234",
            "--listen 127.0.0.1:0",
            "--max-message 4MiB --window 32MiB --frame-timeout 5m",
            "--check",
        ] {
            assert!(out.contains(&format!(" {example}\n")), "{example}: {out}");
        }
        for line in out.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn the_example_for_large_messages_has_limits_that_agree() {
    let flags = ["--max-message", "4MiB", "--window", "32MiB", "--frame-timeout", "5m"];
    let ended = run(&[&flags[..], &["--check"]].concat());
    assert_eq!(Some(0), ended.code, "{}", ended.err);
}

#[test]
fn the_error_about_an_unusable_argument_names_it() {
    let unusable = [
        (&["--wimdow", "8MiB"][..], "--wimdow"),
        (&["--patience", "soon"], "--patience"),
        (&["--window", "1KiB"], "--window"),
        (&["--max-clients", "0"], "--max-clients"),
    ];
    for (arguments, flag) in unusable {
        let ended = run(arguments);
        assert_eq!(Some(2), ended.code, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(flag), "{arguments:?}: {}", ended.err);
        assert_eq!("", ended.out, "{arguments:?}: no ready line");
    }
}

#[test]
fn a_port_in_use_is_reported_with_advice() {
    let server = Server::start(&[]);
    let ended = run(&["--listen", &server.address]);
    assert_eq!(Some(1), ended.code, "{}", ended.err);
    let cause = format!("cannot listen on {}", server.address);
    assert!(ended.err.contains(&cause), "{}", ended.err);
    assert!(ended.err.contains("choose another port with --listen"), "{}", ended.err);
}

#[test]
fn an_address_without_a_host_or_port_is_explained_with_the_ones_to_choose_from() {
    let all = "0.0.0.0:1234 (IPv4) or [::]:1234 (IPv6)";
    let wrong = [
        (":1234", all),
        ("*:1234", all),
        ("1234", all),
        ("localhost", "localhost:1234"),
        ("::1:1234", "[::1]:1234"),
    ];
    for (address, expected) in wrong {
        let ended = run(&["--listen", address]);
        assert_eq!(Some(2), ended.code, "{address}: {}", ended.err);
        let explained = |line: &str| line.contains("--listen") && line.contains(expected);
        assert!(ended.err.lines().any(explained), "{address}: {}", ended.err);
    }
}

#[test]
fn an_address_of_another_machine_is_explained() {
    // For the second one, the system has to understand the interface first.
    for (address, all) in [("192.0.2.1:0", "0.0.0.0:0"), ("[fe80::1:2:3%lo]:0", "[::]:0")] {
        let ended = run(&["--listen", address]);
        assert_eq!(Some(1), ended.code, "{address}: {}", ended.err);
        let advice = format!(
            "this machine does not have that address; use one that it has, or {all} for all"
        );
        assert!(ended.err.contains(&advice), "{address}: {}", ended.err);
    }
}

#[test]
fn only_the_async_server_reads_the_number_of_workers() {
    let none = [("TOKIO_WORKER_THREADS", "0")];
    if !SERVER.ends_with("server-async") {
        return assert_eq!(Some(0), Server::start_with(&[], &none).stop().code);
    }
    let ended = run_with(&["--listen", "127.0.0.1:0"], &none);
    assert_eq!(Some(2), ended.code);
    assert!(ended.err.contains("TOKIO_WORKER_THREADS must be a number"), "{}", ended.err);
}
