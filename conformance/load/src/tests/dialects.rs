//! A load of a broker: its speakers receive no messages, its listeners more than messages.

use std::time::Duration;

use super::broker::Broker;
use super::{Crowd, LoadError, Rounds, Shape, Violation, fan_out};
use crate::Schedule;
use crate::wire::Dialect;

const SHAPE: Shape = Shape { dialect: Dialect::Nats, ..Shape::chat(2, 3, 64) };

#[test]
fn every_listener_receives_every_speaker_and_skips_what_is_no_message() {
    let broker = Broker::start();
    let mut crowd = Crowd::join(broker.addr, &SHAPE).unwrap();
    for _ in 0..2 {
        let tally = fan_out(&mut crowd, 300).unwrap();
        assert_eq!((300, 300 * 3, 0), (tally.messages, tally.deliveries, tally.strayed));
    }
    crowd.add_listeners(2).unwrap();
    let schedule = Schedule { rate: 3000.0, lasting: Duration::from_millis(100) };
    let measured = crowd.open_loop(schedule).unwrap();
    assert_eq!(
        (300, 300 * 5, 0),
        (measured.tally.messages, measured.each.len(), measured.tally.strayed)
    );
    let Rounds { tally, round_trips } = crowd.ping_pong(100).unwrap();
    assert_eq!((200 * 5, 100), (tally.deliveries, round_trips.len()));
}

#[test]
fn an_open_loop_does_not_wait_for_deliveries() {
    let broker = Broker::start();
    let mut crowd = Crowd::join(broker.addr, &SHAPE).unwrap();
    // The first of them is delivered when the last has been sent.
    broker.hold(20);
    let schedule = Schedule { rate: 3000.0, lasting: Duration::from_millis(100) };
    assert_eq!(300 * 3, crowd.open_loop(schedule).unwrap().each.len());
}

#[test]
fn a_loss_is_reported_although_no_sender_is_named() {
    let broker = Broker::start();
    let mut crowd = Crowd::join(broker.addr, &SHAPE).unwrap();
    broker.lose_one();
    let error = fan_out(&mut crowd, 300).unwrap_err();
    let LoadError::Violation { member, violation: Violation::Gap { .. } } = &error else {
        panic!("{error}")
    };
    assert_eq!("listener 2", member);
}
