//! How a broker is found, and its version.

use super::{find_program, version_in};

#[test]
fn a_broker_that_is_not_there_is_not_found() {
    assert_eq!(None, find_program("no-such-broker"));
    assert!(find_program("sh").is_some());
}

#[test]
fn versions_are_found_in_what_programs_say() {
    let said = [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "7.0.15"),
        ("nats-server: v2.9.10\n", "2.9.10"),
        ("mosquitto version 2.0.11\n\nmosquitto is an MQTT v5.0/v3.1.1/v3.1 broker.", "2.0.11"),
    ];
    for (said, version) in said {
        assert_eq!(Some(version), version_in(said).as_deref());
    }
    assert_eq!(None, version_in("usage: v e.g. help"));
}
