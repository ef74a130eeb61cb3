//! An open loop counts every delivery once, and reports what a server delays or spoils.

use std::time::Duration;

use super::{Crowd, LoadError, PLAN, SHAPE, STALL, Shape, VICTIM, Violation, fan_out};
use crate::fake::{Defect, FakeServer};
use crate::{OpenLoop, Schedule};

const SCHEDULE: Schedule = Schedule { rate: 2000.0, lasting: Duration::from_millis(200) };
/// How many messages that is.
const MESSAGES: u64 = 400;

#[test]
fn every_message_due_is_sent_received_and_timed() {
    let fake = FakeServer::start();
    let shape = Shape::chat(3, 4, 100);
    let mut crowd = Crowd::join(fake.addr, &shape).unwrap();
    // The speakers begin with different numbers.
    fan_out(&mut crowd, 10).unwrap();
    for _ in 0..2 {
        let measured = crowd.open_loop(SCHEDULE).unwrap();
        assert_eq!((MESSAGES, MESSAGES * 6), (measured.tally.messages, measured.tally.deliveries));
        assert_eq!(counts(MESSAGES, 6), counted(&measured));
        assert!(measured.tally.elapsed >= SCHEDULE.lasting * 399 / 400, "{:?}", measured.tally);
    }
    assert_eq!(60, fan_out(&mut crowd, 10).unwrap().deliveries);
}

#[test]
fn deliveries_in_another_order_are_timed_too() {
    let fake = FakeServer::start();
    let shape = Shape { speakers: 2, ..SHAPE };
    let mut crowd = Crowd::join(fake.addr, &shape).unwrap();
    fake.spoil_next(Defect::SwapSpeakers, VICTIM);
    let measured = crowd.open_loop(SCHEDULE).unwrap();
    // The spoilt listener or, if it is the first to receive, the other four.
    assert!([1, 4].contains(&measured.tally.strayed), "{:?}", measured.tally);
    assert_eq!(counts(MESSAGES, 6), counted(&measured));
}

#[test]
fn a_lost_duplicated_or_reordered_delivery_ends_an_open_and_a_closed_loop() {
    for defect in [Defect::Drop, Defect::Double, Defect::Swap] {
        let violation =
            spoilt(defect, |crowd| crowd.open_loop(SCHEDULE).map(|measured| measured.tally));
        assert!(is_sign_of(defect, &violation), "{defect:?}: {violation}");
        let violation = spoilt(defect, |crowd| crowd.fan_out(PLAN));
        assert!(is_sign_of(defect, &violation), "{defect:?}: {violation}");
    }
}

#[test]
fn a_last_delivery_that_never_comes_is_a_stall_of_an_open_loop_too() {
    let fake = FakeServer::start();
    let crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    let mut crowd = crowd.with_stall(STALL);
    fake.spoil_next(Defect::Drop, 3);
    let error = crowd.open_loop(Schedule { rate: 1.0, ..SCHEDULE }).unwrap_err();
    let LoadError::Stalled { member, .. } = &error else { panic!("{error}") };
    assert_eq!("listener 2", member);
}

#[test]
fn a_delay_shows_in_the_delayed_message_and_in_those_due_meanwhile() {
    let delay = Duration::from_millis(50);
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    fake.spoil_every(Defect::Delay(delay), 1000);
    let measured =
        crowd.open_loop(Schedule { rate: 500.0, lasting: Duration::from_secs(1) }).unwrap();
    let applied = fake.stop_spoiling();
    assert_eq!((2, counts(500, 5)), (applied, counted(&measured)));

    let (each, last) = (&measured.each, &measured.last);
    let delayed = |time: Duration| each.count_between(nanos(time), u64::MAX);
    assert!(each.value_at_quantile(0.5) < nanos(delay), "{each:?}");
    assert!(each.max() >= nanos(delay) && last.max() >= nanos(delay), "{each:?}");
    assert!(delayed(delay * 49 / 50) >= applied, "{each:?}");
    assert!(last.count_between(nanos(delay * 9 / 10), u64::MAX) >= applied, "{last:?}");
    // At two milliseconds each, another ten messages were due in the first half of every delay.
    assert!(delayed(delay / 2) > 2 * 5 * applied, "{each:?}");
}

#[test]
fn what_the_kernel_does_not_take_is_sent_later_and_is_not_the_loads_delay() {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &Shape::chat(1, 1, 1 << 20)).unwrap();
    // As long as the server sleeps it reads nothing, and the sockets hold far less than 30 MiB.
    fake.spoil_next(Defect::Delay(Duration::from_millis(300)), 1);
    let measured =
        crowd.open_loop(Schedule { rate: 100.0, lasting: Duration::from_millis(300) }).unwrap();
    assert_eq!(counts(30, 1), counted(&measured));
    assert!(measured.each.max() >= nanos(Duration::from_millis(290)), "{:?}", measured.each);
    // Means, because one late turn of the load on a busy machine is no delay of all messages.
    let (late, each) = (measured.late.mean(), measured.each.mean());
    assert!(late < each / 2.0, "{late} of {each} ns");
}

/// Whether this violation is the first sign of a defect: the message after one that is lost or held
/// back is a gap.
fn is_sign_of(defect: Defect, violation: &Violation) -> bool {
    match violation {
        Violation::Gap { speaker: 0, .. } => matches!(defect, Defect::Drop | Defect::Swap),
        Violation::Duplicated { speaker: 0, .. } => defect == Defect::Double,
        _ => false,
    }
}

/// The violation that ends a load when one delivery in 500 is spoilt.
fn spoilt<T>(defect: Defect, load: impl Fn(&mut Crowd) -> Result<T, LoadError>) -> Violation {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    fake.spoil_every(defect, 500);
    match load(&mut crowd).map(|_| ()) {
        Err(LoadError::Violation { member, violation }) if member.starts_with("listener ") => {
            violation
        }
        other => panic!("{defect:?}: {other:?}"),
    }
}

fn counted(measured: &OpenLoop) -> [u64; 3] {
    [measured.each.len(), measured.last.len(), measured.late.len()]
}

fn counts(messages: u64, receivers: u64) -> [u64; 3] {
    [messages * receivers, messages, messages]
}

fn nanos(time: Duration) -> u64 {
    time.as_nanos().try_into().expect("it is short")
}
