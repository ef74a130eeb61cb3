//! The load against servers with one defect each: every defect is reported.

mod broker;
mod dialects;
mod open_loop;
mod storm;

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use super::fake::{Defect, FakeServer};
use super::stream::{self, Stamp};
use super::{Churn, Crowd, Extent, FanOut, LoadError, Rounds, Shape, Tally, Violation};

const SHAPE: Shape = Shape::chat(1, 5, 64);
const PLAN: FanOut = FanOut { extent: Extent::Messages(300), in_flight: 32 };
/// Much longer than a busy machine delays a delivery.
const STALL: Duration = Duration::from_millis(500);
/// The member whose deliveries the fake server spoils, in the order of connects: the last listener
/// of `SHAPE`.
const VICTIM: usize = 5;

#[test]
fn an_honest_server_is_counted_in_full() {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    for size in [1, 32, 33, 300] {
        let tally = fan_out(&mut crowd, size).unwrap();
        assert_eq!((size, size * 5, 0), (tally.messages, tally.deliveries, tally.strayed));
    }
}

#[test]
fn speakers_receive_each_others_messages_too() {
    let fake = FakeServer::start();
    let shape = Shape::chat(3, 4, 100);
    let mut crowd = Crowd::join(fake.addr, &shape).unwrap();
    let tally = fan_out(&mut crowd, 301).unwrap();
    assert_eq!((301, 301 * 6), (tally.messages, tally.deliveries));
    crowd.add_listeners(3).unwrap();
    assert_eq!(7, crowd.listeners());
    assert_eq!(100 * 9, fan_out(&mut crowd, 100).unwrap().deliveries);
}

#[test]
fn a_load_that_lasts_a_time_ends_complete() {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    let plan = FanOut { extent: Extent::Lasting(Duration::from_millis(20)), in_flight: 32 };
    let tally = crowd.fan_out(plan).unwrap();
    assert_eq!(tally.messages * 5, tally.deliveries);
    assert!(tally.messages > 0);
}

#[test]
fn a_lost_delivery_is_a_gap() {
    let violation = violation(SHAPE, Defect::Drop, VICTIM);
    assert!(is_gap_of_one(&violation), "{violation:?}");
}

#[test]
fn a_duplicated_delivery_is_reported() {
    let violation = violation(SHAPE, Defect::Double, VICTIM);
    assert!(is_duplicate_of_the_last(&violation), "{violation:?}");
}

#[test]
fn the_first_of_two_reordered_deliveries_is_a_gap() {
    let violation = violation(SHAPE, Defect::Swap, VICTIM);
    assert!(is_gap_of_one(&violation), "{violation:?}");
}

#[test]
fn a_change_of_any_byte_is_reported() {
    let pair = 10 + "speaker-1-0".len() + 10 + 64;
    for byte in 0..pair {
        violation(SHAPE, Defect::Change { byte }, VICTIM);
    }
}

#[test]
fn the_first_listener_is_checked_as_the_last_one_is() {
    for defect in [Defect::Drop, Defect::Double, Defect::Swap, Defect::Change { byte: 80 }] {
        violation(SHAPE, defect, 1);
    }
}

#[test]
fn a_speaker_is_checked_as_a_listener_is() {
    let shape = Shape { speakers: 2, ..SHAPE };
    for defect in [Defect::Drop, Defect::Double, Defect::Change { byte: 80 }] {
        violation(shape, defect, 0);
    }
}

#[test]
fn another_order_of_two_speakers_is_counted_and_no_violation() {
    let fake = FakeServer::start();
    let shape = Shape::chat(2, 4, 64);
    let mut crowd = Crowd::join(fake.addr, &shape).unwrap();
    fake.spoil_next(Defect::SwapSpeakers, VICTIM);
    let tally = fan_out(&mut crowd, 300).unwrap();
    assert_eq!(300 * 5, tally.deliveries);
    // The spoilt listener or, if it is the first to receive, the other three.
    assert!([1, 3].contains(&tally.strayed), "{tally:?}");
    assert_eq!(0, fan_out(&mut crowd, 300).unwrap().strayed, "it follows the reference again");
}

#[test]
fn a_listener_that_strayed_is_still_checked() {
    let fake = FakeServer::start();
    let shape = Shape::chat(2, 4, 64);
    let mut crowd = Crowd::join(fake.addr, &shape).unwrap();
    fake.spoil_next(Defect::SwapSpeakersThenDrop, VICTIM);
    let error = fan_out(&mut crowd, 300).unwrap_err();
    let LoadError::Violation { member, violation: Violation::Gap { .. } } = &error else {
        panic!("{error}")
    };
    assert_eq!("listener 3", member);
}

#[test]
fn a_duplicate_of_the_last_delivery_is_reported_by_the_next_run_at_the_latest() {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    fake.spoil_next(Defect::Double, VICTIM);
    let error = fan_out(&mut crowd, 1).and_then(|_| fan_out(&mut crowd, 1)).unwrap_err();
    assert!(matches!(error, LoadError::Violation { .. }), "{error}");
}

#[test]
fn a_closed_connection_is_reported_with_the_missing_message() {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    fake.spoil_next(Defect::Close, VICTIM);
    let error = fan_out(&mut crowd, 300).unwrap_err().to_string();
    assert!(error.contains("closed the connection of listener 4"), "{error}");
    assert!(error.contains("of speaker 0"), "{error}");
}

#[test]
fn a_message_that_its_speaker_has_not_sent_yet_is_reported_when_it_is_sent() {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &Shape::chat(2, 1, 64)).unwrap();
    let next = crowd.table.outboxes[0].next;
    let mut made_up = Vec::new();
    protocol::encode_frame(crowd.table.roster.names[0].as_bytes(), &mut made_up);
    made_up.extend_from_slice(&protocol::header(64));
    stream::append(Stamp { speaker: 0, sequence: next }, 64, &mut made_up);
    let mut impostor = TcpStream::connect(fake.addr).unwrap();
    impostor.write_all(&made_up).unwrap();
    let checker = |crowd: &Crowd| crowd.table.members[0].receiver.checker(&crowd.table.reference);
    while checker(&crowd).expect("it receives the others").next(0) == Some(next) {
        crowd.turn().unwrap();
    }
    let error = fan_out(&mut crowd, 2).unwrap_err().to_string();
    assert!(error.starts_with("speaker 0: message "), "{error}");
}

#[test]
fn a_last_delivery_that_never_comes_is_a_stall() {
    let fake = FakeServer::start();
    let crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    let mut crowd = crowd.with_stall(STALL);
    fake.spoil_next(Defect::Drop, VICTIM);
    let error = fan_out(&mut crowd, 1).unwrap_err();
    let LoadError::Stalled { member, .. } = &error else { panic!("{error}") };
    assert_eq!("listener 4", member);
}

#[test]
fn ping_pong_counts_every_answer() {
    let fake = FakeServer::start();
    let shape = Shape::chat(2, 0, 64);
    let mut crowd = Crowd::join(fake.addr, &shape).unwrap();
    let Rounds { tally, round_trips } = crowd.ping_pong(50).unwrap();
    assert_eq!((100, 100, 50), (tally.messages, tally.deliveries, round_trips.len()));
    fake.spoil_next(Defect::Change { byte: 3 }, 1);
    assert!(crowd.ping_pong(50).is_err());
}

#[test]
fn churn_reports_a_duplicate_at_its_witness() {
    let fake = FakeServer::start();
    let mut churn = Churn::join(fake.addr).unwrap();
    assert_eq!(20, churn.run(20).unwrap().each.len());
    fake.spoil_next(Defect::Double, 0);
    churn.run(1).unwrap();
    let error = churn.run(1).unwrap_err();
    assert!(matches!(error, LoadError::Violation { .. }), "{error}");
}

fn fan_out(crowd: &mut Crowd, messages: u64) -> Result<Tally, LoadError> {
    crowd.fan_out(FanOut { extent: Extent::Messages(messages), ..PLAN })
}

/// Applies one defect to a delivery to one member. Returns the violation, which must name that
/// member.
fn violation(shape: Shape, defect: Defect, victim: usize) -> Violation {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &shape).unwrap();
    fake.spoil_next(defect, victim);
    let error = crowd.fan_out(PLAN).expect_err("a defect must be reported");
    let LoadError::Violation { member, violation } = error else { panic!("{defect:?}: {error}") };
    let expected = match victim.checked_sub(shape.speakers) {
        Some(listener) => format!("listener {listener}"),
        None => format!("speaker {victim}"),
    };
    assert_eq!(expected, member, "{defect:?}");
    violation
}

/// Whether the message before the expected one came again.
fn is_duplicate_of_the_last(violation: &Violation) -> bool {
    matches!(violation, Violation::Duplicated { speaker: 0, expected, got } if *expected == got + 1)
}

/// Whether exactly one message is missing.
fn is_gap_of_one(violation: &Violation) -> bool {
    matches!(violation, Violation::Gap { speaker: 0, expected, got } if expected + 1 == *got)
}
