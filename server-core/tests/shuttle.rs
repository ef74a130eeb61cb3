//! The room between threads: two members that send and three that only read, under many random schedules.
//!
//! Each thread locks the room for one call at a time and sleeps until it is woken, as the servers' threads do. A
//! wake-up that the room forgets to report is a deadlock here, which shuttle finds.

use std::time::{Duration, Instant};

use protocol::{Name, Pair, PairDecoder};
use server_core::{CloseReason, MemberId, Relay, Room, Said, Wake, WriteBatch};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
use shuttle::thread;

#[test]
fn threads_chosen_at_random_agree() {
    shuttle::check_random(conversation, schedules());
}

#[test]
fn threads_delayed_at_a_few_points_agree() {
    shuttle::check_pct(conversation, schedules(), POINTS);
}

/// How many schedules each test tries; `SHUTTLE_SCHEDULES` sets another number.
fn schedules() -> usize {
    let wanted = std::env::var("SHUTTLE_SCHEDULES").ok();
    wanted.map_or(SCHEDULES, |wanted| wanted.parse().expect("SHUTTLE_SCHEDULES is a number"))
}

/// One run: all members join, and each has a thread that sends, reads everything, and leaves.
fn conversation() {
    let hall = Arc::new(Hall::new());
    let members = NAMES.map(|name| (name, hall.join(name)));
    let threads = members.map(|(name, id)| {
        let hall = Arc::clone(&hall);
        thread::spawn(move || hall.attend(name, id))
    });
    let received = threads.map(|thread| pairs(&thread.join().expect("it has not panicked")));
    check_order(&received);
    let room = hall.room();
    assert!(room.is_empty() && !room.is_paused());
    // The log keeps less than this until more is appended.
    assert!(room.held() <= WINDOW / 64, "{} bytes held for no member", room.held());
}

/// All members receive one order, in which the words of each sender are in the order in which it sent them.
fn check_order(received: &[Vec<Word>; NAMES.len()]) {
    let order = &received[SPEAKERS];
    for name in &NAMES[..SPEAKERS] {
        let words: Vec<_> = order.iter().filter(|(from, _)| from == name).map(|it| it.1).collect();
        assert_eq!(WORDS, words, "sent by {name}");
    }
    for (name, received) in NAMES.iter().zip(received) {
        let others: Vec<_> = order.iter().filter(|(from, _)| from != name).cloned().collect();
        assert_eq!(&others, received, "{name}: the words of the others, in the common order");
    }
}

/// Whole pairs as (sender, word), with nothing after them.
fn pairs(received: &[u8]) -> Vec<Word> {
    let mut decoder = PairDecoder::new(received.len());
    decoder.feed(received);
    let next = || decoder.next_pair().expect("members receive pairs");
    let words = std::iter::from_fn(next)
        .map(|Pair { sender, text }| (String::from_utf8_lossy(&sender).into_owned(), text[0]))
        .collect();
    assert!(!decoder.is_mid_pair());
    words
}

/// The sender and the word.
type Word = (String, u8);

/// The room, and what its threads wait for.
struct Hall {
    room: Mutex<Room<()>>,
    /// A word was sent.
    sent: Condvar,
    /// The room reported that waiters are to be woken.
    woken: Condvar,
    now: Instant,
}

impl Hall {
    fn new() -> Self {
        let room = Mutex::new(Room::new(Relay::Others, WINDOW, PATIENCE, 0));
        Self { room, sent: Condvar::new(), woken: Condvar::new(), now: Instant::now() }
    }

    fn room(&self) -> MutexGuard<'_, Room<()>> {
        let room = self.room.lock().expect("no thread has panicked with it");
        assert!(room.held() <= WINDOW, "{} bytes held", room.held());
        room
    }

    fn join(&self, name: &str) -> MemberId {
        let name = Name::new(name.as_bytes()).expect("the tests' names are valid");
        self.room().join(&name, (), self.now).expect("the room is open")
    }

    /// Sends all words if the member is a speaker, reads until it has received everything, and leaves.
    fn attend(&self, name: &str, id: MemberId) -> Vec<u8> {
        let mut received = Vec::new();
        let speaks = NAMES[..SPEAKERS].contains(&name);
        for word in WORDS.iter().filter(|_| speaks) {
            self.say(id, &[*word], &mut received);
        }
        let speakers = SPEAKERS - usize::from(speaks);
        while received.len() < speakers * WORDS.len() * PAIR {
            let room = self.room();
            if room.is_behind(id) {
                drop(room);
                self.read(id, &mut received);
            } else {
                drop(self.sent.wait(room));
            }
        }
        self.leave(id);
        received
    }

    /// Sends a word as soon as the room accepts it, and reads meanwhile.
    fn say(&self, id: MemberId, text: &[u8], received: &mut Vec<u8>) {
        loop {
            let mut room = self.room();
            match room.say(id, text, self.now) {
                Said::Appended => return self.sent.notify_all(),
                said @ (Said::Renamed | Said::Closed) => panic!("the room answered {said:?}"),
                Said::Paused if room.is_behind(id) => {
                    drop(room);
                    self.read(id, received);
                }
                Said::Paused => drop(self.woken.wait(room)),
            }
        }
    }

    /// A socket takes a part of the next batch, with the room unlocked.
    fn read(&self, id: MemberId, received: &mut Vec<u8>) {
        let mut batch = WriteBatch::default();
        self.room().next_batch(id, &mut batch, self.now);
        let size = batch.bytes();
        let taken = thread_rng().gen_range(1..=2 * size).min(size);
        received.extend(batch.slices().iter().flatten().take(taken));
        let wake = self.room().advance(id, &batch, Ok(taken));
        self.wake(wake);
    }

    fn leave(&self, id: MemberId) {
        let mut room = self.room();
        room.drain(id, None);
        assert!(room.is_drained(id), "it has received everything");
        let wake = room.leave(Some(id), &mut CloseReason::Left);
        drop(room);
        self.wake(wake);
    }

    fn wake(&self, wake: Wake) {
        if wake == Wake::Waiters {
            self.woken.notify_all();
        }
    }
}

/// Speakers first.
const NAMES: [&str; 5] = ["ann", "bob", "cid", "dan", "eve"];
const SPEAKERS: usize = 2;

/// What each speaker sends, one byte per message.
const WORDS: &[u8] = b"123";

/// Bytes of a word in the log.
const PAIR: usize = 24;

/// The smallest possible window, so that the room pauses in most runs.
const WINDOW: u64 = 4 * PAIR as u64;

/// Longer than any run, so that no member is aborted.
const PATIENCE: Duration = Duration::from_hours(1);

/// Points of a run at which the preferred thread is delayed.
const POINTS: usize = 3;

/// Schedules of each test: the 100,000 of both take 16 seconds of CPU time.
const SCHEDULES: usize = 50_000;
