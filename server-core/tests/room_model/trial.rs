//! The trial: a room and its slow model side by side, compared after every step.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use protocol::Name;
use server_core::bytes::Bytes;
use server_core::{CloseReason, MemberId, RESERVED, Relay, Release, Room, Said};

use crate::Op;
use crate::slow::{Seat, Slow};

pub(crate) struct Trial {
    room: Room<()>,
    slow: Slow,
    relay: Relay,
    window: usize,
    patience: Duration,
    now: Instant,
    pause: Option<Pause>,
    /// Whether the step released the waiters.
    released: bool,
    messages: usize,
}

/// What is known about a pause: the head it began at, and when laggards are given up.
struct Pause {
    head: u64,
    deadline: Instant,
}

impl Trial {
    pub(crate) fn new(relay: Relay, window: usize, patience: Duration, now: Instant) -> Self {
        let room = Room::new(relay, window as u64, patience, ASIDE_BYTES);
        let slow = Slow::new(relay);
        let (pause, released, messages) = (None, false, 0);
        Self { room, slow, relay, window, patience, now, pause, released, messages }
    }

    /// Does one thing to both and compares them.
    pub(crate) fn step(&mut self, op: &Op) {
        self.released = false;
        match *op {
            Op::Join { name } => self.join(name),
            Op::Wait { millis } => self.wait(millis),
            Op::Shut => self.shut(),
            Op::Say { who, length } => self.with(who, |trial, place| trial.say(place, length)),
            Op::Tell { who, length } => self.with(who, |trial, place| trial.tell(place, length)),
            Op::Pull { who } => self.with(who, Self::pull),
            Op::Take { who, bytes } => self.with(who, |trial, place| trial.take(place, bytes)),
            Op::Finish { who } => self.with(who, |trial, place| trial.finish(place, None)),
            Op::Refuse { who } => self.with(who, |trial, place| trial.finish(place, Some("no"))),
            Op::Abort { who } => self.with(who, Self::abort),
            Op::Leave { who } => self.with(who, |trial, place| trial.leave(place, None)),
        }
        self.compare();
    }

    /// Everybody reads all that is for it.
    pub(crate) fn drain(&mut self) {
        for place in 0..self.slow.seats.len() {
            while self.slow.seats[place].is_behind() {
                self.released = false;
                self.take(place, usize::MAX);
                self.compare();
            }
        }
    }

    /// Everybody goes, and takes what was said along.
    pub(crate) fn leave_all(&mut self) {
        while !self.slow.seats.is_empty() {
            self.leave(0, None);
        }
        assert!(self.room.is_empty());
        // The notice of a room that is shut while nobody is there stays.
        let notice = protocol::pair_len(RESERVED.as_bytes(), NOTICE.as_bytes());
        let little = (self.window / 64).max(notice) as u64;
        assert!(self.room.held() <= little, "{} bytes held for nobody", self.room.held());
    }

    fn with(&mut self, who: usize, act: impl FnOnce(&mut Self, usize)) {
        if let Some(place) = who.checked_rem(self.slow.seats.len()) {
            act(self, place);
        }
    }

    fn join(&mut self, name: usize) {
        let wanted = Name::new(NAMES[name].as_bytes()).expect("the tests' names are good");
        let joined = self.room.join(&wanted, ());
        if self.room.is_shut() {
            return assert_eq!(Err(CloseReason::Shutdown), joined);
        }
        let id = joined.expect("none of the names is reserved");
        let name = self.room.name(id).expect("it has just joined").to_string();
        let mut seat = Seat::new(id, name.clone());
        if name != wanted.as_str() {
            let notice = format!("the name {wanted} is taken: you are {name}");
            seat.tell(RESERVED, notice.as_bytes());
        }
        assert!(self.slow.seats.iter().all(|other| other.name != name), "{name} twice");
        self.slow.seats.push(seat);
    }

    fn say(&mut self, place: usize, length: usize) {
        let text = self.text(length);
        let seat = &self.slow.seats[place];
        if seat.is_finished() && !self.room.is_shut() {
            return;
        }
        let (id, aside) = (seat.id, seat.aside_bytes());
        let pair = protocol::pair_len(seat.name.as_bytes(), &text);
        match self.room.say(id, &text, self.now) {
            Said::Closed => assert!(self.room.is_shut()),
            Said::Paused if self.relay == Relay::Sender => {
                assert!(aside > 0 && aside + pair > ASIDE_BYTES, "{aside} bytes wait for it");
            }
            Said::Paused => self.pause(),
            Said::Appended => {
                assert!(!self.room.is_paused() && !self.room.is_shut());
                self.slow.say(place, &text);
            }
        }
    }

    /// The room has paused, or has done so before.
    fn pause(&mut self) {
        if self.pause.is_none() {
            let lag = self.slow.lag_max(self.slow.head);
            assert!(lag > self.window as u64 / 2, "a pause although nobody is over {lag} behind");
            let deadline = self.now + self.patience;
            self.pause = Some(Pause { head: self.slow.head, deadline });
        }
    }

    fn tell(&mut self, place: usize, length: usize) {
        let text = String::from_utf8(self.text(length)).expect("it is digits");
        let seat = &mut self.slow.seats[place];
        if !seat.is_finished() {
            self.room.tell(seat.id, &text);
            seat.tell(RESERVED, text.as_bytes());
        }
    }

    /// A text like no other, so that no two can be mistaken for each other. Four of the largest pairs
    /// fit the window.
    fn text(&mut self, length: usize) -> Vec<u8> {
        self.messages += 1;
        let length_max = self.window / 4 - protocol::pair_len(b"ann-10", b"");
        let number = format!("{} ", self.messages);
        number.bytes().cycle().take(length % (length_max + 1)).collect()
    }

    fn pull(&mut self, place: usize) {
        let seat = &mut self.slow.seats[place];
        if seat.pulled.is_empty() {
            let pulled = self.room.pull(seat.id, &mut seat.pulled).is_some();
            assert_eq!(seat.is_behind(), pulled);
        }
        let slices = seat.pulled.slices();
        assert!(slices.len() <= SLICES_MAX && slices.iter().all(|it| !it.is_empty()));
        let next = slices.iter().flatten().copied();
        assert!(seat.is_owed(next), "{} gets another's", seat.name);
        self.compare_writes(place);
    }

    /// Nobody takes enough here to be given more at a time.
    fn compare_writes(&self, place: usize) {
        let seat = &self.slow.seats[place];
        let mut at = 0;
        for write in seat.pulled.writes() {
            let bytes: usize = write.iter().map(Bytes::len).sum();
            let (pairs, whole) = seat.pairs_in(at..at + bytes);
            assert!(whole, "{} gets a write that ends inside a pair", seat.name);
            assert!(bytes <= GROUP_BYTES || pairs == 1, "{bytes} bytes with {pairs} pairs");
            at += bytes;
        }
        assert_eq!(at, seat.pulled.bytes());
    }

    fn take(&mut self, place: usize, bytes: usize) {
        self.pull(place);
        let seat = &mut self.slow.seats[place];
        let offer = std::mem::take(&mut seat.pulled);
        let offered = offer.bytes();
        if offered == 0 {
            return;
        }
        let (done, answers) = (seat.is_done(), seat.aside_bytes());
        let taken = bytes.min(offered);
        seat.full = taken < offered;
        seat.take(taken);
        let result =
            if taken > 0 { Ok(taken) } else { Err(io::Error::from(ErrorKind::WouldBlock)) };
        self.released = self.room.offered(seat.id, &offer, result) == Release::Waiters;
        if (seat.is_done() && !done) || (seat.aside_bytes() == 0 && answers > 0) {
            assert!(self.released, "{} has all that it waited for", seat.name);
        }
    }

    fn finish(&mut self, place: usize, farewell: Option<&str>) {
        let seat = &mut self.slow.seats[place];
        if !std::mem::replace(&mut seat.departs, true) {
            self.room.finish(seat.id, farewell);
            if let Some(farewell) = farewell {
                seat.tell(RESERVED, farewell.as_bytes());
            }
            seat.finish(self.slow.head);
        }
    }

    fn abort(&mut self, place: usize) {
        let id = self.slow.seats[place].id;
        let reason = CloseReason::Lost(ErrorKind::ConnectionReset);
        self.released = self.room.abort(id, &reason) == Release::Waiters;
        assert!(self.released, "whoever was aborted may itself be waiting");
        self.leave(place, Some(reason));
    }

    /// A connection's end, for the reason the room `aborted` it if it did.
    fn leave(&mut self, place: usize, aborted: Option<CloseReason>) {
        let seat = self.slow.seats.remove(place);
        assert_eq!(aborted.is_none(), self.room.name(seat.id).is_some());
        let mut reason = CloseReason::Left;
        self.released |= self.room.leave(Some(seat.id), &mut reason) == Release::Waiters;
        assert_eq!(aborted.unwrap_or(CloseReason::Left), reason);
        let sent = seat.pulled.bytes();
        assert_eq!(Release::Nobody, self.room.offered(seat.id, &seat.pulled, Ok(sent)));
        assert_eq!(Said::Closed, self.room.say(seat.id, b"a ghost speaks", self.now));
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        let mut expected = Vec::new();
        if let Some(pause) = self.pause.as_mut().filter(|pause| pause.deadline <= self.now) {
            pause.deadline = self.now + self.patience / 4;
            expected = self.slow.full_beyond(self.window as u64 / 4, pause.head);
        }
        let aborted: Vec<MemberId> =
            self.room.overdue(self.now).into_iter().map(|(id, ())| id).collect();
        assert_eq!(expected.len(), aborted.len());
        for id in aborted {
            assert!(expected.contains(&id));
            let place = self.slow.seats.iter().position(|seat| seat.id == id);
            self.leave(place.expect("who is aborted was there"), Some(CloseReason::TooSlow));
            // That somebody was aborted is the caller's sign to wake whoever waits.
            self.released = true;
        }
    }

    fn shut(&mut self) {
        if !self.room.is_shut() {
            self.room.shut(NOTICE);
            self.slow.shut(NOTICE);
        }
    }

    fn compare(&mut self) {
        assert_eq!(self.slow.head, self.room.head());
        assert!(self.room.held() <= self.window as u64, "{} bytes held", self.room.held());
        assert_eq!(self.slow.seats.len(), self.room.len());
        for seat in &self.slow.seats {
            let is = (seat.is_behind(), seat.is_done(), seat.full);
            let room = &self.room;
            let got = (room.is_behind(seat.id), room.is_done(seat.id), room.is_full(seat.id));
            assert_eq!(is, got, "(behind, done, full) of {}", seat.name);
        }
        self.compare_pause();
    }

    fn compare_pause(&mut self) {
        let quarter = self.window as u64 / 4;
        let lasts = self.pause.as_ref().is_some_and(|it| self.slow.lag_max(it.head) > quarter);
        assert_eq!(lasts, self.room.is_paused());
        if !lasts && self.pause.take().is_some() {
            assert!(self.released, "a pause ended and nobody was told");
        }
        assert_eq!(self.pause.as_ref().map(|pause| pause.deadline), self.room.deadline());
    }
}

const NOTICE: &str = "bye";

const NAMES: [&str; 4] = ["ann", "bob", "cid", "Ann"];

/// So little that speakers who only hear themselves must wait.
const ASIDE_BYTES: usize = 300;

/// Larger writes are single pairs.
const GROUP_BYTES: usize = 1400;

/// What one vectored write of the kernel accepts.
const SLICES_MAX: usize = 1024;
