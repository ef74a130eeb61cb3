//! Tests of the flow rule in numbers: for which member the room waits, how long, and what that costs the others.

use std::time::{Duration, Instant};

use protocol::{Name, pair_len};
use server_core::bytes::Bytes;
use server_core::{CloseReason, MemberId, Relay, Room, Said, Settings, Wake, WriteBatch};

const WINDOW: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);
const TEXT: [u8; 64] = [b'x'; 64];

/// Bytes of a message of `TEXT` in the log.
fn pair() -> u64 {
    pair_len(b"ann", &TEXT) as u64
}

fn room() -> Room<()> {
    Room::new(Relay::Others, WINDOW, PATIENCE, 0)
}

fn join(room: &mut Room<()>, name: &str) -> MemberId {
    let name = Name::new(name.as_bytes()).expect("the tests' names are valid");
    room.join(&name, (), Instant::now()).expect("the room is open")
}

/// Gives a member's socket one batch after the other, until it has taken `most` bytes or there are no more.
fn take(room: &mut Room<()>, id: MemberId, most: usize) -> (usize, Wake) {
    let (mut taken, mut wake, now) = (0, Wake::None, Instant::now());
    loop {
        let (bytes, woken) = take_at(room, id, most - taken, now);
        taken += bytes;
        if woken == Wake::Waiters {
            wake = woken;
        }
        if taken == most || !room.is_behind(id) {
            return (taken, wake);
        }
    }
}

/// Gives it one batch, of which the socket takes up to `most` bytes.
fn take_at(room: &mut Room<()>, id: MemberId, most: usize, now: Instant) -> (usize, Wake) {
    let mut batch = WriteBatch::default();
    room.next_batch(id, &mut batch, now);
    let taken = batch.bytes().min(most);
    (taken, room.advance(id, &batch, Ok(taken)))
}

/// Gives a member's full socket a batch.
fn take_nothing(room: &mut Room<()>, id: MemberId) {
    assert_eq!((0, Wake::None), take(room, id, 0));
}

/// The member reads everything that it is owed. Returns how many bytes that was.
fn take_all(room: &mut Room<()>, id: MemberId) -> u64 {
    let mut bytes = 0;
    while room.is_behind(id) {
        bytes += take(room, id, usize::MAX).0 as u64;
    }
    bytes
}

fn say_until_paused(room: &mut Room<()>, speaker: MemberId, now: Instant) {
    while room.say(speaker, &TEXT, now) == Said::Appended {}
}

/// A room that is paused since the returned instant: `ann` has sent messages, `bob` and `deaf` have read nothing, and
/// the socket of `deaf` is full.
fn paused() -> (Room<()>, [MemberId; 3], Instant) {
    let (mut room, start) = (room(), Instant::now());
    let members = ["ann", "bob", "deaf"].map(|name| join(&mut room, name));
    say_until_paused(&mut room, members[0], start);
    take_nothing(&mut room, members[2]);
    (room, members, start)
}

#[test]
fn a_reader_that_keeps_up_loses_nothing_while_another_never_reads() {
    let mut room = room();
    let [ann, bob, deaf] = ["ann", "bob", "deaf"].map(|name| join(&mut room, name));
    let (mut now, mut read, mut waited) = (Instant::now(), 0, Duration::ZERO);
    let messages = 10 * WINDOW / pair();
    for _ in 0..messages {
        while room.say(ann, &TEXT, now) == Said::Paused {
            now += TICK;
            waited += TICK;
            room.overdue(now);
        }
        assert!(room.held() <= WINDOW, "{} bytes held", room.held());
        read += take_all(&mut room, bob);
        take_nothing(&mut room, deaf);
    }
    assert_eq!((messages * pair(), PATIENCE), (read, waited));
    assert_eq!((true, CloseReason::TooSlow), (room.name(deaf).is_none(), room.close_reason(deaf)));
}

#[test]
fn the_room_waits_exactly_as_long_as_its_patience() {
    let (mut room, [_, bob, deaf], start) = paused();
    take_all(&mut room, bob);
    assert_eq!(Some(start + PATIENCE), room.deadline());
    let nearly = PATIENCE.saturating_sub(Duration::from_nanos(1));
    assert_eq!(0, room.overdue(start + nearly).len());
    assert_eq!(vec![(deaf, ())], room.overdue(start + PATIENCE));
    assert!(!room.is_paused(), "no other member lags");
}

#[test]
fn a_pause_begins_at_half_a_window_and_ends_at_a_quarter() {
    let (mut room, [ann, bob, deaf], start) = paused();
    let head = room.head();
    assert!((WINDOW / 2 + 1..=WINDOW * 3 / 4).contains(&head), "paused at {head}");
    assert_eq!(head, take_all(&mut room, bob));
    let to_a_quarter = usize::try_from(head - WINDOW / 4).unwrap();
    assert_eq!((to_a_quarter - 1, Wake::None), take(&mut room, deaf, to_a_quarter - 1));
    assert_eq!(Said::Paused, room.say(ann, &TEXT, start));
    assert_eq!((1, Wake::Waiters), take(&mut room, deaf, 1));
    assert_eq!(Said::Appended, room.say(ann, &TEXT, start));
}

#[test]
fn a_member_that_catches_up_in_time_stays_although_its_socket_was_full() {
    let (mut room, [_, bob, deaf], start) = paused();
    take_all(&mut room, bob);
    let enough = usize::try_from(WINDOW / 2).unwrap();
    assert_eq!((enough, Wake::Waiters), take(&mut room, deaf, enough));
    assert!(room.is_full(deaf) && !room.is_paused());
    assert_eq!(0, room.overdue(start + 2 * PATIENCE).len());
}

#[test]
fn a_member_whose_socket_was_never_full_is_not_aborted() {
    let (mut room, [_, bob, deaf], start) = paused();
    let end = start + PATIENCE;
    assert_eq!(vec![(deaf, ())], room.overdue(end));
    assert!(room.is_paused() && room.name(bob).is_some(), "bob's socket was not full");
    assert_eq!(Some(end + PATIENCE / 4), room.deadline());
    take_nothing(&mut room, bob);
    assert_eq!(vec![(bob, ())], room.overdue(end + PATIENCE / 4));
}

#[test]
fn the_pause_ends_when_the_last_lagging_member_leaves() {
    let (mut room, [_, bob, deaf], _) = paused();
    assert_eq!(Wake::None, room.leave(Some(bob), &mut CloseReason::Left));
    assert_eq!(Wake::Waiters, room.leave(Some(deaf), &mut CloseReason::Left));
    assert!(!room.is_paused());
}

#[test]
fn the_room_does_not_wait_for_a_newcomer() {
    let (mut room, [_, bob, deaf], _) = paused();
    let cid = join(&mut room, "cid");
    take_all(&mut room, bob);
    take_all(&mut room, deaf);
    assert!(!room.is_paused() && !room.is_behind(cid));
}

#[test]
fn a_members_own_messages_are_no_lag() {
    let mut room = room();
    let ann = join(&mut room, "ann");
    let now = Instant::now();
    for _ in 0..10 * WINDOW / pair() {
        assert_eq!(Said::Appended, room.say(ann, &TEXT, now));
        assert!(room.held() <= WINDOW, "{} bytes held", room.held());
    }
}

/// The work per batch is bounded, too: the log beyond the slices of one batch is not examined.
#[test]
fn one_batch_has_at_most_1024_slices() {
    let mut room = Room::new(Relay::Others, 64 << 20, PATIENCE, 0);
    let [ann, bob, late] = ["ann", "bob", "late"].map(|name| join(&mut room, name));
    let now = Instant::now();
    // Too large to be merged with adjacent messages.
    let text = [b'x'; 9000];
    let say = |room: &mut Room<()>| {
        assert_eq!(Said::Appended, room.say(ann, &text, now));
        take_all(room, bob);
    };
    for _ in 0..100 {
        say(&mut room);
        take_all(&mut room, late);
    }
    // It is streaming, and now it falls behind.
    for _ in 0..3000 {
        say(&mut room);
    }
    let mut batch = WriteBatch::default();
    assert!(room.next_batch(late, &mut batch, now).is_some());
    assert_eq!((1, 1024), (batch.writes().count(), batch.slices().len()));
    assert_eq!(3000 * 9023, take_all(&mut room, late));
}

/// A member is proving until it has taken 256 KiB. When its full socket has taken nothing for a quarter of a second, it
/// is proving again, until it has received what it missed and 256 KiB more (SPEC RLY-12).
#[test]
fn a_member_that_is_proving_or_stalled_gets_pairs_in_small_writes() {
    let mut room = Room::new(Relay::Others, 64 << 20, PATIENCE, 0);
    let [ann, bob] = ["ann", "bob"].map(|name| join(&mut room, name));
    let start = Instant::now();
    for _ in 0..40_000 {
        assert_eq!(Said::Appended, room.say(ann, &TEXT, start));
    }
    let writes_at = |room: &mut Room<()>, now| {
        let mut batch = WriteBatch::default();
        room.next_batch(bob, &mut batch, now);
        batch.writes().map(|write| write.iter().map(Bytes::len).sum()).collect::<Vec<usize>>()
    };
    // Sixteen pairs of 87 bytes each.
    let is_small = |writes: &[usize]| writes.iter().all(|&bytes| bytes == 16 * 87);
    let mut proven = 0;
    while proven < 256 * 1024 {
        assert!(is_small(&writes_at(&mut room, start)));
        proven += take_at(&mut room, bob, usize::MAX, start).0;
    }
    let writes = writes_at(&mut room, start);
    assert!(writes.len() == 1 && writes[0] > 1_000_000, "{writes:?}");
    // A socket that is full for a moment makes no difference.
    assert_eq!(100, take_at(&mut room, bob, 100, start).0);
    let soon = start + Duration::from_millis(249);
    assert_eq!(1, writes_at(&mut room, soon).len());
    assert_eq!(0, take_at(&mut room, bob, 0, soon).0);
    let late = start + Duration::from_millis(250);
    assert_eq!([74 + 15 * 87, 16 * 87], writes_at(&mut room, late)[..2]);
    // It is proving again, and what it missed counts. In a flood it need not catch up for that.
    assert_eq!(74 + 15 * 87, take_at(&mut room, bob, 74 + 15 * 87, late).0);
    let missed = room.head();
    for _ in 0..10_000 {
        assert_eq!(Said::Appended, room.say(ann, &TEXT, start));
    }
    let mut cursor = missed - 40_000 * 87 + proven as u64 + 100 + 74 + 15 * 87;
    while cursor < missed {
        assert!(is_small(&writes_at(&mut room, late)));
        cursor += take_at(&mut room, bob, usize::MAX, late).0 as u64;
    }
    assert_eq!(1, writes_at(&mut room, late).len());
}

/// No sender need wait for the end of the pause, and so no server need look at its deadline.
#[test]
fn a_leave_is_announced_at_once_although_the_room_is_paused() {
    let settings = Settings { extensions: true, window: 512 << 10, ..Settings::default() };
    let (mut room, now) = (Room::of(&settings), Instant::now());
    let [ann, bob, deaf] = ["ann", "bob", "deaf"].map(|name| join(&mut room, name));
    say_until_paused(&mut room, ann, now);
    take_nothing(&mut room, deaf);
    take_all(&mut room, bob);
    assert!(room.is_paused());
    for (id, name) in [(ann, "ann"), (deaf, "deaf")] {
        let head = room.head();
        // Whether that ends the pause does not matter here.
        let _ = room.leave(Some(id), &mut CloseReason::Left);
        assert_ne!(head, room.head());
        let notice = pair_len(b"server", format!("{name} has left").as_bytes());
        assert_eq!(notice as u64, take_all(&mut room, bob));
    }
}

/// Time between two tries of a sender while the room is paused.
const TICK: Duration = Duration::from_millis(50);
