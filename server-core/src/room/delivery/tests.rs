//! Tests of delivery: which kind of batch a member gets, which send buffer, and which member is woken.

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

    /// Gives the reader one batch, of which its socket takes all or nothing. Returns whether the batch was in groups, and
    /// the send buffer that the socket gets.
    fn batch(&mut self, takes: bool) -> (bool, Option<SendBuffer>) {
        let mut batch = WriteBatch::default();
        assert!(self.room.next_batch(self.reader, &mut batch, self.now).is_some(), "it is behind");
        let result = if takes { Ok(batch.bytes()) } else { Err(ErrorKind::WouldBlock.into()) };
        assert_eq!(Wake::None, self.room.advance(self.reader, &batch, result));
        (batch.is_in_groups(), batch.buffer())
    }

    /// Lets the reader take everything. Returns the kinds of the batches, one for each run of equal ones.
    fn read_all(&mut self) -> Vec<(bool, Option<SendBuffer>)> {
        let mut kinds = Vec::new();
        while self.room.is_behind(self.reader) {
            kinds.push(self.batch(true));
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
fn a_streaming_reader_gets_large_writes_and_a_large_buffer() {
    let mut stage = Stage::new();
    stage.say(200_000);
    assert_eq!(vec![GROUPS], stage.read_all());
    stage.say(200_000);
    assert_eq!(vec![GROUPS, FIRST_LARGE, LARGE], stage.read_all());
    stage.say(200_000);
    assert_eq!(vec![LARGE], stage.read_all());
}

#[test]
fn a_stalled_reader_has_to_prove_again_that_it_reads() {
    let mut stage = Stage::new();
    stage.say(400_000);
    assert_eq!(vec![GROUPS, FIRST_LARGE, LARGE], stage.read_all());
    stage.say(200_000);
    assert_eq!(LARGE, stage.batch(false));
    stage.now += Duration::from_millis(249);
    assert_eq!(LARGE, stage.batch(false), "full for a moment");
    stage.now += Duration::from_millis(1);
    assert_eq!(FIRST_GROUPS, stage.batch(false));
    assert_eq!(vec![GROUPS], stage.read_all());
    stage.say(200_000);
    assert_eq!(vec![GROUPS, FIRST_LARGE, LARGE], stage.read_all());
}

#[test]
fn a_member_is_woken_once_until_it_asks_for_a_batch() {
    let mut stage = Stage::new();
    let woken = |stage: &mut Stage| {
        let woken = stage.room.next_to_wake(0)?;
        assert_eq!(None, stage.room.next_to_wake(0), "no other member is to be woken");
        Some(woken)
    };
    assert_eq!(None, woken(&mut stage), "nothing was said");
    stage.say(1000);
    assert_eq!(Some(stage.reader), woken(&mut stage), "not the speaker");
    stage.say(1000);
    assert_eq!(None, woken(&mut stage), "it has not asked yet");
    stage.batch(true);
    assert_eq!(None, woken(&mut stage), "it has everything");
    stage.say(1000);
    assert_eq!(Some(stage.reader), woken(&mut stage), "it had asked");
}

#[test]
fn a_member_with_a_full_socket_is_not_woken() {
    let mut stage = Stage::new();
    stage.say(1000);
    stage.batch(false);
    stage.say(1000);
    assert_eq!(None, stage.room.next_to_wake(0), "its socket reports when it is writable");
    stage.batch(true);
    stage.say(1000);
    assert_eq!(Some(stage.reader), stage.room.next_to_wake(0));
}

/// A round over thirty members, during which, after ten of them, a second message is sent. Returns how many bytes of that
/// message the last member of the round receives.
fn bytes_of_a_later_message(first: usize, meanwhile: usize) -> usize {
    let mut room = Room::new(Relay::Others, 1 << 24, Duration::from_secs(30), 1 << 16);
    let now = Instant::now();
    let join = |room: &mut Room<()>, number: u8| {
        room.join(&Name::new(&[b'A' + number]).unwrap(), (), now).unwrap()
    };
    let members: Vec<_> = (0..30).map(|number| join(&mut room, number)).collect();
    assert_eq!(Said::Appended, room.say(members[0], &vec![b'x'; first], now));
    let mut batch = WriteBatch::default();
    for (place, &member) in members.iter().enumerate().skip(1) {
        if place == 10 {
            assert_eq!(Said::Appended, room.say(members[1], &vec![b'x'; meanwhile], now));
        }
        assert!(room.next_batch(member, &mut batch, now).is_some(), "it is behind");
        assert_eq!(Wake::None, room.advance(member, &batch, Ok(batch.bytes())));
    }
    batch.bytes() - pair_len(b"A", &vec![b'x'; first])
}

#[test]
fn a_round_in_progress_includes_later_messages_if_they_are_large() {
    assert_eq!(pair_len(b"B", &[b'x'; 1500]), bytes_of_a_later_message(100, 1500));
    assert_eq!(0, bytes_of_a_later_message(100, 900));
    assert_eq!(0, bytes_of_a_later_message(9000, 1500));
}
