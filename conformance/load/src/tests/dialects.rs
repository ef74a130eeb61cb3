//! A load that does not chat: its speakers hear nothing, its listeners more than messages.

use std::time::Duration;

use super::broker::Broker;
use super::{Crowd, LoadError, Rounds, Shape, Violation, fan_out};
use crate::Schedule;
use crate::wire::Dialect;

const SHAPE: Shape = Shape { dialect: Dialect::Nats, ..Shape::chat(2, 3, 64) };

#[test]
fn every_listener_hears_every_speaker_and_skips_what_is_no_message() {
    let broker = Broker::start();
    let mut crowd = Crowd::join(broker.addr, &SHAPE).unwrap();
    for _ in 0..2 {
        let tally = fan_out(&mut crowd, 300).unwrap();
        assert_eq!((300, 300 * 3, 0), (tally.messages, tally.deliveries, tally.strayed));
    }
    crowd.add_listeners(2).unwrap();
    let pace = Schedule { rate: 3000.0, lasting: Duration::from_millis(100) };
    let paced = crowd.open_loop(pace).unwrap();
    assert_eq!((300, 300 * 5, 0), (paced.tally.messages, paced.each.len(), paced.tally.strayed));
    let Rounds { tally, round_trips } = crowd.ping_pong(100).unwrap();
    assert_eq!((200 * 5, 100), (tally.deliveries, round_trips.len()));
}

#[test]
fn a_paced_load_waits_for_nobody() {
    let broker = Broker::start();
    let mut crowd = Crowd::join(broker.addr, &SHAPE).unwrap();
    // The first of them is heard when the last has been said.
    broker.hold(20);
    let pace = Schedule { rate: 3000.0, lasting: Duration::from_millis(100) };
    assert_eq!(300 * 3, crowd.open_loop(pace).unwrap().each.len());
}

#[test]
fn a_loss_is_told_where_no_sender_is_named() {
    let broker = Broker::start();
    let mut crowd = Crowd::join(broker.addr, &SHAPE).unwrap();
    broker.lose_one();
    let error = fan_out(&mut crowd, 300).unwrap_err();
    let LoadError::Violation { member, violation: Violation::Gap { .. } } = &error else {
        panic!("{error}")
    };
    assert_eq!("listener 2", member);
}
