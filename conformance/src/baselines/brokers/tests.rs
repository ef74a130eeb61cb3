//! How a broker is found, and its version.

use super::{find_program, version_in};

#[test]
fn a_program_that_is_not_installed_is_not_found() {
    assert_eq!(None, find_program("no-such-broker"));
    assert!(find_program("sh").is_some());
}

#[test]
fn versions_are_found_in_the_output_of_programs() {
    let outputs = [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "7.0.15"),
        ("nats-server: v2.9.10\n", "2.9.10"),
        ("mosquitto version 2.0.11\n\nmosquitto is an MQTT v5.0/v3.1.1/v3.1 broker.", "2.0.11"),
    ];
    for (output, version) in outputs {
        assert_eq!(Some(version), version_in(output).as_deref());
    }
    assert_eq!(None, version_in("usage: v e.g. help"));
}
