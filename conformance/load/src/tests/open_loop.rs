//! A paced load counts every delivery once, and what a server delays or spoils is told.

use std::time::Duration;

use super::{Crowd, LoadError, PLAN, SHAPE, STALL, Shape, VICTIM, Violation, fan_out};
use crate::fake::{Defect, FakeServer};
use crate::{OpenLoop, Schedule};

const PACE: Schedule = Schedule { rate: 2000.0, lasting: Duration::from_millis(200) };
/// How many messages that makes.
const MESSAGES: u64 = 400;

#[test]
fn everything_due_is_said_heard_and_timed() {
    let fake = FakeServer::start();
    let shape = Shape::chat(3, 4, 100);
    let mut crowd = Crowd::join(fake.addr, &shape).unwrap();
    // The speakers come with different numbers.
    fan_out(&mut crowd, 10).unwrap();
    for _ in 0..2 {
        let paced = crowd.open_loop(PACE).unwrap();
        assert_eq!((MESSAGES, MESSAGES * 6), (paced.tally.messages, paced.tally.deliveries));
        assert_eq!(counts(MESSAGES, 6), counted(&paced));
        assert!(paced.tally.elapsed >= PACE.lasting * 399 / 400, "{:?}", paced.tally);
    }
    assert_eq!(60, fan_out(&mut crowd, 10).unwrap().deliveries);
}

#[test]
fn listeners_that_hear_another_order_are_timed_too() {
    let fake = FakeServer::start();
    let shape = Shape { speakers: 2, ..SHAPE };
    let mut crowd = Crowd::join(fake.addr, &shape).unwrap();
    fake.arm(Defect::SwapSpeakers, VICTIM);
    let paced = crowd.open_loop(PACE).unwrap();
    // The odd one out, or, if it happens to be the first to hear, the other four.
    assert!([1, 4].contains(&paced.tally.strayed), "{:?}", paced.tally);
    assert_eq!(counts(MESSAGES, 6), counted(&paced));
}

#[test]
fn a_delivery_lost_doubled_or_swapped_ends_a_paced_load_and_a_saturating_one() {
    for trick in [Defect::Drop, Defect::Double, Defect::Swap] {
        let told = haunted(trick, |crowd| crowd.open_loop(PACE).map(|paced| paced.tally));
        assert!(is_of_sequence(&told, trick), "{trick:?}: {told}");
        let told = haunted(trick, |crowd| crowd.fan_out(PLAN));
        assert!(is_of_sequence(&told, trick), "{trick:?}: {told}");
    }
}

#[test]
fn a_last_delivery_that_never_comes_is_a_stall_of_a_paced_load_too() {
    let fake = FakeServer::start();
    let crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    let mut crowd = crowd.with_stall(STALL);
    fake.arm(Defect::Drop, 3);
    let error = crowd.open_loop(Schedule { rate: 1.0, ..PACE }).unwrap_err();
    let LoadError::Stalled { member, .. } = &error else { panic!("{error}") };
    assert_eq!("listener 2", member);
}

#[test]
fn a_delay_is_seen_in_what_was_delayed_and_in_what_was_due_meanwhile() {
    let delay = Duration::from_millis(50);
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    fake.haunt(Defect::Delay(delay), 1000);
    let paced = crowd.open_loop(Schedule { rate: 500.0, lasting: Duration::from_secs(1) }).unwrap();
    let played = fake.repent();
    assert_eq!((2, counts(500, 5)), (played, counted(&paced)));

    let (each, last) = (&paced.each, &paced.last);
    let delayed = |time: Duration| each.count_between(nanos(time), u64::MAX);
    assert!(each.value_at_quantile(0.5) < nanos(delay), "{each:?}");
    assert!(each.max() >= nanos(delay) && last.max() >= nanos(delay), "{each:?}");
    assert!(delayed(delay * 49 / 50) >= played, "{each:?}");
    assert!(last.count_between(nanos(delay * 9 / 10), u64::MAX) >= played, "{last:?}");
    // At two milliseconds each, another ten messages were due in the first half of every delay.
    assert!(delayed(delay / 2) > 2 * 5 * played, "{each:?}");
}

#[test]
fn what_the_kernel_does_not_take_is_said_in_the_end_and_was_not_the_loads_delay() {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &Shape::chat(1, 1, 1 << 20)).unwrap();
    // As long as the server sleeps it reads nothing, and the sockets hold far less than 30 MiB.
    fake.arm(Defect::Delay(Duration::from_millis(300)), 1);
    let paced =
        crowd.open_loop(Schedule { rate: 100.0, lasting: Duration::from_millis(300) }).unwrap();
    assert_eq!(counts(30, 1), counted(&paced));
    assert!(paced.each.max() >= nanos(Duration::from_millis(290)), "{:?}", paced.each);
    assert!(paced.late.max() < paced.each.max() / 2, "{:?}", paced.late);
}

/// Whether this is what a defect looks like: the message after a lost or delayed one comes too early.
fn is_of_sequence(violation: &Violation, defect: Defect) -> bool {
    match violation {
        Violation::Gap { speaker: 0, .. } => matches!(defect, Defect::Drop | Defect::Swap),
        Violation::Duplicated { speaker: 0, .. } => defect == Defect::Double,
        _ => false,
    }
}

/// What the fault of one delivery in 500 ends a load with.
fn haunted<T>(trick: Defect, load: impl Fn(&mut Crowd) -> Result<T, LoadError>) -> Violation {
    let fake = FakeServer::start();
    let mut crowd = Crowd::join(fake.addr, &SHAPE).unwrap();
    fake.haunt(trick, 500);
    match load(&mut crowd).map(|_| ()) {
        Err(LoadError::Violation { member, violation }) if member.starts_with("listener ") => {
            violation
        }
        other => panic!("{trick:?}: {other:?}"),
    }
}

fn counted(paced: &OpenLoop) -> [u64; 3] {
    [paced.each.len(), paced.last.len(), paced.late.len()]
}

fn counts(messages: u64, hearers: u64) -> [u64; 3] {
    [messages * hearers, messages, messages]
}

fn nanos(time: Duration) -> u64 {
    time.as_nanos().try_into().expect("it is short")
}
