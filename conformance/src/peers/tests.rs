//! Each broker that is installed is started, joined, spoken to and heard; the others are named.

use super::{Peer, find_program, version_in};
use crate::load::{Crowd, Extent, FanOut, MESSAGE_BYTES_MIN, Shape};

#[test]
fn what_is_said_through_redis_is_heard_as_its_dialect_has_it() {
    is_heard_through(Peer::Redis);
}

#[test]
fn what_is_said_through_nats_is_heard_as_its_dialect_has_it() {
    is_heard_through(Peer::Nats);
}

#[test]
fn what_is_said_through_mosquitto_is_heard_as_its_dialect_has_it() {
    is_heard_through(Peer::Mosquitto);
}

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

/// In two sizes, so that the length is read and not guessed; every delivery is checked by the load.
fn is_heard_through(peer: Peer) {
    let installed = match peer.find() {
        Ok(installed) => installed,
        Err(reason) => {
            eprintln!("left out: {reason}");
            return;
        }
    };
    let server = installed.start().expect("what is installed can be started");
    for (size, messages) in [(MESSAGE_BYTES_MIN, 500), (1 << 20, 20)] {
        let shape = Shape { speakers: 2, listeners: 5, size, dialect: peer.dialect() };
        let mut crowd = Crowd::join(server.addr(), &shape).unwrap();
        let plan = FanOut { extent: Extent::Messages(messages), in_flight: 16 };
        let tally = crowd.fan_out(plan).unwrap();
        assert_eq!(messages, tally.messages, "{peer:?}, {size}");
        assert_eq!(messages * 5, tally.deliveries, "{peer:?}, {size}");
    }
}
