//! Who is given what kind of offer, and which buffer its socket gets.

use std::time::Duration;

use protocol::{Name, pair_len};

use super::*;
use crate::room::Said;
use crate::settings::Relay;
use crate::write_batch::SendBuffer;

struct Stage {
    room: Room<()>,
    speaker: MemberId,
    reader: MemberId,
    now: Instant,
}

impl Stage {
    fn new() -> Self {
        let mut room = Room::new(Relay::Others, 1 << 24, Duration::from_secs(30), 1 << 16);
        let now = Instant::now();
        let mut join = |name| room.join(&Name::new(name).unwrap(), (), now).unwrap();
        let (speaker, reader) = (join(b"ann"), join(b"bob"));
        Self { room, speaker, reader, now }
    }

    fn say(&mut self, bytes: usize) {
        for _ in 0..bytes / 1000 {
            assert_eq!(Said::Appended, self.room.say(self.speaker, &[b'x'; 1000], self.now));
        }
    }

    /// Makes the reader one offer, of which its socket takes all or nothing: whether it was in groups, and the
    /// buffer that the socket was to get.
    fn offer(&mut self, takes: bool) -> (bool, Option<SendBuffer>) {
        let mut offer = WriteBatch::default();
        assert!(self.room.next_batch(self.reader, &mut offer, self.now).is_some(), "it is behind");
        let result = if takes { Ok(offer.bytes()) } else { Err(ErrorKind::WouldBlock.into()) };
        assert_eq!(Wake::None, self.room.advance(self.reader, &offer, result));
        (offer.is_in_groups(), offer.buffer())
    }

    /// Has the reader take everything: the offers' kinds, one for each run of like ones.
    fn read_all(&mut self) -> Vec<(bool, Option<SendBuffer>)> {
        let mut kinds = Vec::new();
        while self.room.is_behind(self.reader) {
            kinds.push(self.offer(true));
        }
        kinds.dedup();
        kinds
    }
}

const GROUPS: (bool, Option<SendBuffer>) = (true, None);
const FIRST_LARGE: (bool, Option<SendBuffer>) = (false, Some(SendBuffer::Large));
const LARGE: (bool, Option<SendBuffer>) = (false, None);
const FIRST_GROUPS: (bool, Option<SendBuffer>) = (true, Some(SendBuffer::Small));

#[test]
fn a_reader_gets_large_writes_and_a_large_buffer_once_it_has_proven_to_read() {
    let mut stage = Stage::new();
    stage.say(200_000);
    assert_eq!(vec![GROUPS], stage.read_all());
    stage.say(200_000);
    assert_eq!(vec![GROUPS, FIRST_LARGE, LARGE], stage.read_all());
    stage.say(200_000);
    assert_eq!(vec![LARGE], stage.read_all());
}

#[test]
fn a_reader_whose_socket_takes_nothing_for_a_while_starts_over() {
    let mut stage = Stage::new();
    stage.say(400_000);
    assert_eq!(vec![GROUPS, FIRST_LARGE, LARGE], stage.read_all());
    stage.say(200_000);
    assert_eq!(LARGE, stage.offer(false));
    stage.now += Duration::from_millis(249);
    assert_eq!(LARGE, stage.offer(false), "full for a moment");
    stage.now += Duration::from_millis(1);
    assert_eq!(FIRST_GROUPS, stage.offer(false));
    assert_eq!(vec![GROUPS], stage.read_all());
    stage.say(200_000);
    assert_eq!(vec![GROUPS, FIRST_LARGE, LARGE], stage.read_all());
}

#[test]
fn who_is_called_is_called_once_until_it_pulls() {
    let mut stage = Stage::new();
    let called = |stage: &mut Stage| {
        let called = stage.room.next_to_wake(0)?;
        assert_eq!(None, stage.room.next_to_wake(0), "there is nobody else to call");
        Some(called)
    };
    assert_eq!(None, called(&mut stage), "nothing was said");
    stage.say(1000);
    assert_eq!(Some(stage.reader), called(&mut stage), "not the speaker");
    stage.say(1000);
    assert_eq!(None, called(&mut stage), "it has not come yet");
    stage.offer(true);
    assert_eq!(None, called(&mut stage), "it has everything");
    stage.say(1000);
    assert_eq!(Some(stage.reader), called(&mut stage), "it had pulled");
}

#[test]
fn who_is_full_is_not_called() {
    let mut stage = Stage::new();
    stage.say(1000);
    stage.offer(false);
    stage.say(1000);
    assert_eq!(None, stage.room.next_to_wake(0), "its socket tells when it can take more");
    stage.offer(true);
    stage.say(1000);
    assert_eq!(Some(stage.reader), stage.room.next_to_wake(0));
}

/// Thirty members get what one of them says; after the first ten have got it, another says something, too.
fn what_the_last_of_a_round_gets(first: usize, meanwhile: usize) -> usize {
    let mut room = Room::new(Relay::Others, 1 << 24, Duration::from_secs(30), 1 << 16);
    let now = Instant::now();
    let join = |room: &mut Room<()>, number: u8| {
        room.join(&Name::new(&[b'A' + number]).unwrap(), (), now).unwrap()
    };
    let members: Vec<_> = (0..30).map(|number| join(&mut room, number)).collect();
    assert_eq!(Said::Appended, room.say(members[0], &vec![b'x'; first], now));
    let mut offer = WriteBatch::default();
    for (place, &member) in members.iter().enumerate().skip(1) {
        if place == 10 {
            assert_eq!(Said::Appended, room.say(members[1], &vec![b'x'; meanwhile], now));
        }
        assert!(room.next_batch(member, &mut offer, now).is_some(), "it is behind");
        assert_eq!(Wake::None, room.advance(member, &offer, Ok(offer.bytes())));
    }
    offer.bytes() - pair_len(b"A", &vec![b'x'; first])
}

#[test]
fn what_is_said_during_a_round_goes_to_the_rest_of_it_if_it_is_much() {
    assert_eq!(pair_len(b"B", &[b'x'; 1500]), what_the_last_of_a_round_gets(100, 1500));
    assert_eq!(0, what_the_last_of_a_round_gets(100, 900));
    assert_eq!(0, what_the_last_of_a_round_gets(9000, 1500));
}
