//! The flow rule in numbers: who is waited for, for how long, and what that costs the others.

use std::time::{Duration, Instant};

use protocol::{Name, pair_len};
use server_core::bytes::Bytes;
use server_core::{CloseReason, MemberId, Relay, Room, Said, Settings, Wake, WriteBatch};

const WINDOW: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);
const TEXT: [u8; 64] = [b'x'; 64];

/// What a message of `TEXT` takes in the log.
fn pair() -> u64 {
    pair_len(b"ann", &TEXT) as u64
}

fn room() -> Room<()> {
    Room::new(Relay::Others, WINDOW, PATIENCE, 0)
}

fn join(room: &mut Room<()>, name: &str) -> MemberId {
    let name = Name::new(name.as_bytes()).expect("the tests' names are good");
    room.join(&name, (), Instant::now()).expect("the room is open")
}

/// Makes a member's socket one offer after the other, until it has taken `most` bytes or there are no more.
fn take(room: &mut Room<()>, id: MemberId, most: usize) -> (usize, Wake) {
    let (mut taken, mut release, now) = (0, Wake::None, Instant::now());
    loop {
        let (bytes, happened) = take_at(room, id, most - taken, now);
        taken += bytes;
        if happened == Wake::Waiters {
            release = happened;
        }
        if taken == most || !room.is_behind(id) {
            return (taken, release);
        }
    }
}

/// Makes one offer; the socket takes up to `most` bytes of it.
fn take_at(room: &mut Room<()>, id: MemberId, most: usize, now: Instant) -> (usize, Wake) {
    let mut offer = WriteBatch::default();
    room.next_batch(id, &mut offer, now);
    let taken = offer.bytes().min(most);
    (taken, room.advance(id, &offer, Ok(taken)))
}

/// A member's socket is offered what comes next and has no room for it.
fn take_nothing(room: &mut Room<()>, id: MemberId) {
    assert_eq!((0, Wake::None), take(room, id, 0));
}

/// The member reads all that is for it; how many bytes that was.
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

/// A room that waits since the returned moment: `ann` spoke, `bob` and `deaf` have read nothing, and
/// `deaf`'s socket is full.
fn paused() -> (Room<()>, [MemberId; 3], Instant) {
    let (mut room, start) = (room(), Instant::now());
    let members = ["ann", "bob", "deaf"].map(|name| join(&mut room, name));
    say_until_paused(&mut room, members[0], start);
    take_nothing(&mut room, members[2]);
    (room, members, start)
}

#[test]
fn who_keeps_up_loses_nothing_while_another_never_reads() {
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
fn nobody_is_waited_for_less_or_longer_than_the_patience() {
    let (mut room, [_, bob, deaf], start) = paused();
    take_all(&mut room, bob);
    assert_eq!(Some(start + PATIENCE), room.deadline());
    let nearly = PATIENCE.saturating_sub(Duration::from_nanos(1));
    assert_eq!(0, room.overdue(start + nearly).len());
    assert_eq!(vec![(deaf, ())], room.overdue(start + PATIENCE));
    assert!(!room.is_paused(), "nobody else is behind");
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
fn who_catches_up_in_time_stays_however_full_its_socket_was() {
    let (mut room, [_, bob, deaf], start) = paused();
    take_all(&mut room, bob);
    let enough = usize::try_from(WINDOW / 2).unwrap();
    assert_eq!((enough, Wake::Waiters), take(&mut room, deaf, enough));
    assert!(room.is_full(deaf) && !room.is_paused());
    assert_eq!(0, room.overdue(start + 2 * PATIENCE).len());
}

#[test]
fn who_was_never_offered_anything_is_not_to_blame() {
    let (mut room, [_, bob, deaf], start) = paused();
    let end = start + PATIENCE;
    assert_eq!(vec![(deaf, ())], room.overdue(end));
    assert!(room.is_paused() && room.name(bob).is_some(), "bob's socket was not full");
    assert_eq!(Some(end + PATIENCE / 4), room.deadline());
    take_nothing(&mut room, bob);
    assert_eq!(vec![(bob, ())], room.overdue(end + PATIENCE / 4));
}

#[test]
fn the_end_of_the_last_one_waited_for_ends_the_pause() {
    let (mut room, [_, bob, deaf], _) = paused();
    assert_eq!(Wake::None, room.leave(Some(bob), &mut CloseReason::Left));
    assert_eq!(Wake::Waiters, room.leave(Some(deaf), &mut CloseReason::Left));
    assert!(!room.is_paused());
}

#[test]
fn a_newcomer_in_a_pause_is_not_waited_for() {
    let (mut room, [_, bob, deaf], _) = paused();
    let cid = join(&mut room, "cid");
    take_all(&mut room, bob);
    take_all(&mut room, deaf);
    assert!(!room.is_paused() && !room.is_behind(cid));
}

#[test]
fn ones_own_messages_are_nothing_to_catch_up_with() {
    let mut room = room();
    let ann = join(&mut room, "ann");
    let now = Instant::now();
    for _ in 0..10 * WINDOW / pair() {
        assert_eq!(Said::Appended, room.say(ann, &TEXT, now));
        assert!(room.held() <= WINDOW, "{} bytes held", room.held());
    }
}

/// Work per offer is bounded too: what is beyond the slices of one offer is not even looked at.
#[test]
fn one_offer_is_at_most_1024_slices() {
    let mut room = Room::new(Relay::Others, 64 << 20, PATIENCE, 0);
    let [ann, bob, late] = ["ann", "bob", "late"].map(|name| join(&mut room, name));
    let now = Instant::now();
    // Too large to be merged with their neighbours.
    let text = [b'x'; 9000];
    let say = |room: &mut Room<()>| {
        assert_eq!(Said::Appended, room.say(ann, &text, now));
        take_all(room, bob);
    };
    for _ in 0..100 {
        say(&mut room);
        take_all(&mut room, late);
    }
    // It has proven to keep up, and now it falls behind.
    for _ in 0..3000 {
        say(&mut room);
    }
    let mut offer = WriteBatch::default();
    assert!(room.next_batch(late, &mut offer, now).is_some());
    assert_eq!((1, 1024), (offer.writes().count(), offer.slices().len()));
    assert_eq!(3000 * 9023, take_all(&mut room, late));
}

/// Until it has taken 256 KiB, and again, when its full socket has taken nothing for a quarter of a second, until it
/// has had what it missed and as much (SPEC RLY-12).
#[test]
fn who_has_not_proven_to_keep_up_gets_pairs_in_small_writes() {
    let mut room = Room::new(Relay::Others, 64 << 20, PATIENCE, 0);
    let [ann, bob] = ["ann", "bob"].map(|name| join(&mut room, name));
    let start = Instant::now();
    for _ in 0..40_000 {
        assert_eq!(Said::Appended, room.say(ann, &TEXT, start));
    }
    let writes_at = |room: &mut Room<()>, now| {
        let mut offer = WriteBatch::default();
        room.next_batch(bob, &mut offer, now);
        offer.writes().map(|write| write.iter().map(Bytes::len).sum()).collect::<Vec<usize>>()
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
    // A socket that is full for a moment proves nothing.
    assert_eq!(100, take_at(&mut room, bob, 100, start).0);
    let soon = start + Duration::from_millis(249);
    assert_eq!(1, writes_at(&mut room, soon).len());
    assert_eq!(0, take_at(&mut room, bob, 0, soon).0);
    let late = start + Duration::from_millis(250);
    assert_eq!([74 + 15 * 87, 16 * 87], writes_at(&mut room, late)[..2]);
    // And it has all to prove again, with what it missed. In a flood it need never catch up for that.
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

/// Nobody need be there who waits for the pause to end, and so counts its time.
#[test]
fn who_leaves_a_paused_room_is_told_of_at_once() {
    let settings = Settings { extensions: true, window: 512 << 10, ..Settings::default() };
    let (mut room, now) = (Room::of(&settings), Instant::now());
    let [ann, bob, deaf] = ["ann", "bob", "deaf"].map(|name| join(&mut room, name));
    say_until_paused(&mut room, ann, now);
    take_nothing(&mut room, deaf);
    take_all(&mut room, bob);
    assert!(room.is_paused());
    for (id, name) in [(ann, "ann"), (deaf, "deaf")] {
        let head = room.head();
        // Whether that ends the pause is not the question here.
        let _ = room.leave(Some(id), &mut CloseReason::Left);
        assert_ne!(head, room.head());
        let notice = pair_len(b"server", format!("{name} has left").as_bytes());
        assert_eq!(notice as u64, take_all(&mut room, bob));
    }
}

/// How often a speaker looks again whether the pause is over.
const TICK: Duration = Duration::from_millis(50);
