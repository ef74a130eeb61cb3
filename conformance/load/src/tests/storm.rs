//! A storm is over when all clients have received a message of the speaker, and fails if one
//! cannot.

use super::LoadError;
use super::broker::Broker;
use crate::Storm;
use crate::fake::{Defect, FakeServer};
use crate::wire::Dialect;

#[test]
fn all_clients_are_connected_before_all_have_joined() {
    let fake = FakeServer::start();
    let storming = Storm::run(fake.addr, 100, Dialect::Chat).unwrap();
    assert!(!storming.connected.is_zero() && storming.joined > storming.connected, "{storming:?}");
    assert_eq!(cfg!(target_os = "linux"), storming.syn_retries.is_some());
}

#[test]
fn answers_to_the_hello_are_no_messages() {
    let broker = Broker::start();
    Storm::run(broker.addr, 20, Dialect::Nats).unwrap();
}

#[test]
fn a_connection_closed_in_a_storm_is_reported() {
    let fake = FakeServer::start();
    fake.spoil_next(Defect::Close, 7);
    let error = Storm::run(fake.addr, 20, Dialect::Chat).unwrap_err();
    // The server numbers the speaker too.
    let LoadError::Closed { member, .. } = &error else { panic!("{error}") };
    assert_eq!("listener 6", member);
}

#[test]
fn a_storm_fails_without_a_server() {
    let addr = {
        let fake = FakeServer::start();
        fake.addr
    };
    let error = Storm::run(addr, 2, Dialect::Chat).unwrap_err();
    assert!(matches!(error, LoadError::Io { .. }), "{error}");
}
