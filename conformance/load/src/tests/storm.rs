//! A storm is over when everybody has heard the speaker, and fails if somebody cannot.

use super::LoadError;
use super::broker::Broker;
use crate::Storm;
use crate::fake::{Defect, FakeServer};
use crate::wire::Dialect;

#[test]
fn all_who_come_at_once_are_connected_before_they_have_joined() {
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
fn one_that_is_cut_off_in_a_storm_is_told() {
    let fake = FakeServer::start();
    fake.arm(Defect::HangUp, 7);
    let error = Storm::run(fake.addr, 20, Dialect::Chat).unwrap_err();
    // The server counts the speaker too.
    let LoadError::Closed { member, .. } = &error else { panic!("{error}") };
    assert_eq!("listener 6", member);
}

#[test]
fn nobody_joins_where_nobody_listens() {
    let addr = {
        let fake = FakeServer::start();
        fake.addr
    };
    let error = Storm::run(addr, 2, Dialect::Chat).unwrap_err();
    assert!(matches!(error, LoadError::Io { .. }), "{error}");
}
