//! The siege's counts with a server that spoils some deliveries: every spoilt delivery is counted.

use std::time::{Duration, Instant};

use clap::Parser;
use load::fake::{Defect, FakeServer};

use super::counts::Counts;
use super::honest_clients::HonestClients;
use super::outcome::Verdict;
use super::server::ServerSource;
use super::{Kind, SiegeArgs};
use crate::support::interrupt::Interruption;

#[test]
fn an_honest_server_is_counted_in_full() {
    let (counts, _) = counted_through(None);
    assert_eq!(4 * (MESSAGES + 5), counts.expected, "all messages but a client's own");
    assert!(counts.is_exact(), "{counts:?}");
}

#[test]
fn every_lost_delivery_is_counted() {
    let (counts, spoilt) = counted_through(Some(Defect::Drop));
    assert_eq!(spoilt, counts.lost(), "{counts:?}");
    assert_eq!((0, 0, 0), (counts.duplicated, counts.reordered, counts.altered));
}

#[test]
fn every_duplicated_delivery_is_counted() {
    let (counts, spoilt) = counted_through(Some(Defect::Double));
    assert_eq!(spoilt, counts.duplicated, "{counts:?}");
    assert_eq!((0, 0, 0), (counts.lost(), counts.reordered, counts.altered));
}

#[test]
fn every_reordered_delivery_is_counted() {
    let (counts, spoilt) = counted_through(Some(Defect::Swap));
    assert_eq!(spoilt, counts.reordered, "{counts:?}");
    assert_eq!((0, 0, 0), (counts.lost(), counts.duplicated, counts.altered));
}

#[test]
fn every_altered_delivery_is_counted_as_altered_and_lost() {
    // The last byte of the message.
    let byte = 10 + "speaker-1-0".len() + 10 + SIZE - 1;
    let (counts, spoilt) = counted_through(Some(Defect::Change { byte }));
    assert_eq!((spoilt, spoilt), (counts.altered, counts.lost()), "{counts:?}");
}

#[test]
fn a_closed_connection_of_an_honest_client_is_reported() {
    let fake = FakeServer::start();
    let mut honest = HonestClients::join(fake.addr, 5, SIZE).unwrap();
    fake.spoil_next(Defect::Close, 3);
    honest.send(0);
    receive_until(&mut honest, |honest| !honest.ended().is_empty());
    let [ended] = &honest.ended()[..] else { panic!("{:?}", honest.ended()) };
    assert!(ended.starts_with("honest client 3: "), "{ended}");
}

#[test]
fn a_server_that_duplicates_deliveries_harms() {
    let fake = FakeServer::start();
    fake.spoil_every(Defect::Double, EVERY);
    let outcome = attack(&fake, Kind::Silent);
    assert_eq!(Verdict::Harmed, outcome.verdict(), "{outcome:?}");
    assert_eq!(fake.stop_spoiling(), outcome.counts.duplicated, "{outcome:?}");
}

#[test]
fn hostile_clients_do_no_harm_to_a_server_that_they_cannot_harm() {
    let fake = FakeServer::start();
    for kind in [Kind::Dripping, Kind::Breaking, Kind::Mixed] {
        let outcome = attack(&fake, kind);
        assert!(outcome.counts.is_exact() && outcome.harms.is_empty(), "{kind}: {outcome:?}");
        assert!(outcome.ends.values().sum::<u64>() >= 10, "{kind}: {outcome:?}");
    }
}

/// Five clients send messages through a fake server that applies this defect to one delivery in
/// five hundred, and then one each as a fence. Returns the counts, and how many deliveries were
/// spoilt.
fn counted_through(defect: Option<Defect>) -> (Counts, u64) {
    let fake = FakeServer::start();
    let mut honest = HonestClients::join(fake.addr, 5, SIZE).unwrap();
    if let Some(defect) = defect {
        fake.spoil_every(defect, EVERY);
    }
    for message in 0..MESSAGES {
        honest.send(usize::try_from(message % 5).unwrap());
        honest.receive(Duration::ZERO).unwrap();
    }
    // A delivery that is lost or held back does not come; this waits for all others.
    let bound = 4 * MESSAGES / EVERY;
    receive_until(&mut honest, |honest| {
        let counts = honest.counts();
        counts.received + bound >= counts.expected
    });
    (0..5).for_each(|speaker| honest.send(speaker));
    let spoilt = defect.map_or(0, |_| fake.stop_spoiling());
    let missing =
        if matches!(defect, Some(Defect::Drop | Defect::Change { .. })) { spoilt } else { 0 };
    receive_until(&mut honest, |honest| honest.counts().lost() <= missing);
    (honest.counts(), spoilt)
}

fn receive_until(honest: &mut HonestClients, is_done: impl Fn(&HonestClients) -> bool) {
    let start = Instant::now();
    while !is_done(honest) {
        assert!(start.elapsed() < PATIENCE, "{:?}", honest.counts());
        honest.receive(Duration::from_millis(10)).unwrap();
    }
}

fn attack(fake: &FakeServer, kind: Kind) -> super::outcome::Outcome {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        siege: SiegeArgs,
    }
    let addr = fake.addr.to_string();
    let line = ["siege", "--connect", &addr, "--honest", "5", "--hostile", "10", "--rate", "2000"];
    let line = line.into_iter().chain(["--seconds-per-kind", "0.2", "--flood", "1MiB"]);
    let args = Line::parse_from(line).siege;
    let servers = ServerSource::all(&args).unwrap();
    super::attack::run(&servers[0], kind, &args, &Interruption::default()).unwrap()
}

const SIZE: usize = 64;
const MESSAGES: u64 = 2000;
const EVERY: u64 = 500;
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
