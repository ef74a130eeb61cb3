//! The siege's books are tested with a server that breaks its promise now and then: every breach counts.

use std::time::{Duration, Instant};

use clap::Parser;
use load::fake::{Defect, FakeServer};

use super::attack;
use super::counts::Counts;
use super::honest_clients::HonestClients;
use super::outcome::Verdict;
use super::server::ServerSource;
use super::{Kind, SiegeArgs};
use crate::support::interrupt::Interruption;

#[test]
fn an_honest_server_is_counted_in_full() {
    let (counts, _) = talk_through(None);
    assert_eq!(4 * (MESSAGES + 5), counts.expected, "everybody's but one's own");
    assert!(counts.is_exact(), "{counts:?}");
}

#[test]
fn every_lost_delivery_is_counted() {
    let (counts, played) = talk_through(Some(Defect::Drop));
    assert_eq!(played, counts.lost(), "{counts:?}");
    assert_eq!((0, 0, 0), (counts.duplicated, counts.reordered, counts.altered));
}

#[test]
fn every_doubled_delivery_is_counted() {
    let (counts, played) = talk_through(Some(Defect::Double));
    assert_eq!(played, counts.duplicated, "{counts:?}");
    assert_eq!((0, 0, 0), (counts.lost(), counts.reordered, counts.altered));
}

#[test]
fn every_delivery_out_of_order_is_counted() {
    let (counts, played) = talk_through(Some(Defect::Swap));
    assert_eq!(played, counts.reordered, "{counts:?}");
    assert_eq!((0, 0, 0), (counts.lost(), counts.duplicated, counts.altered));
}

#[test]
fn every_damaged_delivery_is_counted_and_lost() {
    // The last byte of the message.
    let byte = 10 + "speaker-1-0".len() + 10 + SIZE - 1;
    let (counts, played) = talk_through(Some(Defect::Change { byte }));
    assert_eq!((played, played), (counts.altered, counts.lost()), "{counts:?}");
}

#[test]
fn a_client_that_is_cut_off_is_told() {
    let fake = FakeServer::start();
    let mut honest = HonestClients::join(fake.addr, 5, SIZE).unwrap();
    fake.spoil_next(Defect::Close, 3);
    honest.send(0);
    listen_until(&mut honest, |honest| !honest.ended().is_empty());
    let [told] = &honest.ended()[..] else { panic!("{:?}", honest.ended()) };
    assert!(told.starts_with("honest client 3: "), "{told}");
}

#[test]
fn a_server_that_doubles_deliveries_is_found_to_harm() {
    let fake = FakeServer::start();
    fake.spoil_every(Defect::Double, EVERY);
    let outcome = besiege(&fake, Kind::Silent);
    assert_eq!(Verdict::Harmed, outcome.verdict(), "{outcome:?}");
    assert_eq!(fake.stop_spoiling(), outcome.counts.duplicated, "{outcome:?}");
}

#[test]
fn a_crowd_does_not_harm_where_there_is_nothing_to_harm() {
    let fake = FakeServer::start();
    for kind in [Kind::Dripping, Kind::Breaking, Kind::Mixed] {
        let outcome = besiege(&fake, kind);
        assert!(outcome.counts.is_exact() && outcome.harms.is_empty(), "{kind}: {outcome:?}");
        assert!(outcome.ends.values().sum::<u64>() >= 10, "{kind}: {outcome:?}");
    }
}

/// Has five clients say so many messages through a fake server that plays this trick on one delivery in
/// five hundred, and then one each as a fence. Returns what was counted, and how many tricks were played.
fn talk_through(trick: Option<Defect>) -> (Counts, u64) {
    let fake = FakeServer::start();
    let mut honest = HonestClients::join(fake.addr, 5, SIZE).unwrap();
    if let Some(trick) = trick {
        fake.spoil_every(trick, EVERY);
    }
    for message in 0..MESSAGES {
        honest.send(usize::try_from(message % 5).unwrap());
        honest.receive(Duration::ZERO).unwrap();
    }
    // What the trick holds back or takes away does not come: it is waited for all else.
    let bound = 4 * MESSAGES / EVERY;
    listen_until(&mut honest, |honest| {
        let counts = honest.counts();
        counts.received + bound >= counts.expected
    });
    (0..5).for_each(|speaker| honest.send(speaker));
    let played = trick.map_or(0, |_| fake.stop_spoiling());
    let missing =
        if matches!(trick, Some(Defect::Drop | Defect::Change { .. })) { played } else { 0 };
    listen_until(&mut honest, |honest| honest.counts().lost() <= missing);
    (honest.counts(), played)
}

fn listen_until(honest: &mut HonestClients, is_done: impl Fn(&HonestClients) -> bool) {
    let start = Instant::now();
    while !is_done(honest) {
        assert!(start.elapsed() < PATIENCE, "{:?}", honest.counts());
        honest.receive(Duration::from_millis(10)).unwrap();
    }
}

fn besiege(fake: &FakeServer, kind: Kind) -> super::outcome::Outcome {
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
    attack::run(&servers[0], kind, &args, &Interruption::default()).unwrap()
}

const SIZE: usize = 64;
const MESSAGES: u64 = 2000;
const EVERY: u64 = 500;
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
