//! The room between threads: two who speak and three who read, under many random schedules.
//!
//! Everybody holds the room for one act at a time and sleeps until woken, as the servers' threads do: a
//! release that the room forgets to tell is a deadlock here, and that shuttle finds.

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
fn threads_held_back_at_a_few_points_agree() {
    shuttle::check_pct(conversation, schedules(), POINTS);
}

/// How many schedules each test tries; `SHUTTLE_SCHEDULES` is for more of them.
fn schedules() -> usize {
    let wanted = std::env::var("SHUTTLE_SCHEDULES").ok();
    wanted.map_or(SCHEDULES, |wanted| wanted.parse().expect("SHUTTLE_SCHEDULES is a number"))
}

/// One run: everybody joins; each has a thread, to say and read all there is and leave.
fn conversation() {
    let hall = Arc::new(Hall::new());
    let members = NAMES.map(|name| (name, hall.join(name)));
    let threads = members.map(|(name, id)| {
        let hall = Arc::clone(&hall);
        thread::spawn(move || hall.attend(name, id))
    });
    let heard = threads.map(|thread| pairs(&thread.join().expect("it has not panicked")));
    check_order(&heard);
    let room = hall.room();
    assert!(room.is_empty() && !room.is_paused());
    // Less than this is not worth giving back.
    assert!(room.held() <= WINDOW / 64, "{} bytes held for nobody", room.held());
}

/// One order for all, in which each speaker's words are in theirs.
fn check_order(heard: &[Vec<Word>; NAMES.len()]) {
    let order = &heard[SPEAKERS];
    for name in &NAMES[..SPEAKERS] {
        let words: Vec<_> = order.iter().filter(|(from, _)| from == name).map(|it| it.1).collect();
        assert_eq!(WORDS, words, "said by {name}");
    }
    for (name, heard) in NAMES.iter().zip(heard) {
        let others: Vec<_> = order.iter().filter(|(from, _)| from != name).cloned().collect();
        assert_eq!(&others, heard, "{name}: what the others said, in the order of all");
    }
}

/// Whole pairs as (sender, word), and nothing behind them.
fn pairs(heard: &[u8]) -> Vec<Word> {
    let mut decoder = PairDecoder::new(heard.len());
    decoder.feed(heard);
    let next = || decoder.next_pair().expect("what is heard is pairs");
    let words = std::iter::from_fn(next)
        .map(|Pair { sender, text }| (String::from_utf8_lossy(&sender).into_owned(), text[0]))
        .collect();
    assert!(!decoder.is_mid_pair());
    words
}

/// Who said it, and what.
type Word = (String, u8);

/// The room, and whom its threads wait for.
struct Hall {
    room: Mutex<Room<()>>,
    /// Something was said.
    news: Condvar,
    /// The room has told that it released its waiters.
    release: Condvar,
    now: Instant,
}

impl Hall {
    fn new() -> Self {
        let room = Mutex::new(Room::new(Relay::Others, WINDOW, PATIENCE, 0));
        Self { room, news: Condvar::new(), release: Condvar::new(), now: Instant::now() }
    }

    fn room(&self) -> MutexGuard<'_, Room<()>> {
        let room = self.room.lock().expect("nobody has panicked with it");
        assert!(room.held() <= WINDOW, "{} bytes held", room.held());
        room
    }

    fn join(&self, name: &str) -> MemberId {
        let name = Name::new(name.as_bytes()).expect("the tests' names are good");
        self.room().join(&name, (), self.now).expect("the room is open")
    }

    /// Says all words if the member is a speaker, reads until nothing more can come, leaves.
    fn attend(&self, name: &str, id: MemberId) -> Vec<u8> {
        let mut heard = Vec::new();
        let speaks = NAMES[..SPEAKERS].contains(&name);
        for word in WORDS.iter().filter(|_| speaks) {
            self.say(id, &[*word], &mut heard);
        }
        let speakers = SPEAKERS - usize::from(speaks);
        while heard.len() < speakers * WORDS.len() * PAIR {
            let room = self.room();
            if room.is_behind(id) {
                drop(room);
                self.read(id, &mut heard);
            } else {
                drop(self.news.wait(room));
            }
        }
        self.leave(id);
        heard
    }

    /// Says it as soon as the room lets; reads meanwhile.
    fn say(&self, id: MemberId, text: &[u8], heard: &mut Vec<u8>) {
        loop {
            let mut room = self.room();
            match room.say(id, text, self.now) {
                Said::Appended => return self.news.notify_all(),
                said @ (Said::Renamed | Said::Closed) => panic!("a message came to {said:?}"),
                Said::Paused if room.is_behind(id) => {
                    drop(room);
                    self.read(id, heard);
                }
                Said::Paused => drop(self.release.wait(room)),
            }
        }
    }

    /// A socket takes some of what is next, with the room free.
    fn read(&self, id: MemberId, heard: &mut Vec<u8>) {
        let mut offer = WriteBatch::default();
        self.room().next_batch(id, &mut offer, self.now);
        let offered = offer.bytes();
        let taken = thread_rng().gen_range(1..=2 * offered).min(offered);
        heard.extend(offer.slices().iter().flatten().take(taken));
        let release = self.room().advance(id, &offer, Ok(taken));
        self.tell(release);
    }

    fn leave(&self, id: MemberId) {
        let mut room = self.room();
        room.drain(id, None);
        assert!(room.is_drained(id), "it has had all there is");
        let release = room.leave(Some(id), &mut CloseReason::Left);
        drop(room);
        self.tell(release);
    }

    fn tell(&self, release: Wake) {
        if release == Wake::Waiters {
            self.release.notify_all();
        }
    }
}

/// Speakers first.
const NAMES: [&str; 5] = ["ann", "bob", "cid", "dan", "eve"];
const SPEAKERS: usize = 2;

/// What each speaker says, a byte at a time.
const WORDS: &[u8] = b"123";

/// What a word takes in the log.
const PAIR: usize = 24;

/// The smallest window there may be, so that the room pauses in most runs.
const WINDOW: u64 = 4 * PAIR as u64;

/// Longer than any run: nobody is given up.
const PATIENCE: Duration = Duration::from_hours(1);

/// At how many points of a run its favourite thread is held back.
const POINTS: usize = 3;

/// Schedules of each test: 100,000 in all take 16 seconds of CPU time.
const SCHEDULES: usize = 50_000;
