//! The trial: a room and its slow model side by side, compared after every step.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Instant;

use server_core::{CloseReason, MemberId, RESERVED, Room, Settings};

use clients::Client;
use ends::NOTICE;
use limits::settings;
pub(crate) use limits::{Terms, WINDOW_MIN};

use crate::op::Op;
use crate::slow::{Seat, Slow};

mod clients;
mod commands;
mod delivery;
mod ends;
mod limits;
mod talk;

/// Does all of `ops` to a room, then lets everybody read and go.
pub(crate) fn run(terms: Terms, ops: impl Iterator<Item = Op>) {
    let mut trial = Trial::new(settings(terms), Instant::now());
    for op in ops {
        trial.step(&op);
    }
    trial.drain();
    trial.leave_all();
}

struct Trial {
    room: Room<()>,
    slow: Slow,
    settings: Arc<Settings>,
    clients: Vec<Client>,
    now: Instant,
    pause: Option<Pause>,
    /// Whether the step released the waiters.
    released: bool,
    /// How many texts have been made up.
    texts: usize,
    head: u64,
    /// Bytes of notices about leavers since the flow rule was asked: they do not wait for it.
    unasked: u64,
}

/// What is known about a pause: the head it began at, and when laggards are given up.
struct Pause {
    head: u64,
    deadline: Instant,
}

impl Trial {
    fn new(settings: Settings, now: Instant) -> Self {
        Self {
            room: Room::of(&settings),
            slow: Slow::new(settings.relay),
            settings: Arc::new(settings),
            clients: Vec::new(),
            now,
            pause: None,
            released: false,
            texts: 0,
            head: 0,
            unasked: 0,
        }
    }

    /// Does one thing to both and compares them.
    fn step(&mut self, op: &Op) {
        self.released = false;
        match *op {
            Op::Join { name } => self.join(name),
            Op::Wait { millis } => self.wait(millis),
            Op::Shut => self.close(),
            Op::Serve => self.serve(),
            Op::Say { who, length } => self.with(who, |trial, place| trial.say(place, length)),
            Op::Tell { who, length } => self.with(who, |trial, place| trial.tell(place, length)),
            Op::Nick { who, name } => self.with(who, |trial, place| trial.nick(place, name)),
            Op::Msg { who, to, length } => {
                self.with(who, |trial, place| trial.send_private(place, to, length));
            }
            Op::Ask { who, what } => self.with(who, |trial, place| trial.ask(place, what)),
            Op::Unblock { who } => self.with(who, Self::unblock),
            Op::Pull { who } => self.with(who, Self::next_batch),
            Op::Take { who, bytes } => self.with(who, |trial, place| trial.take(place, bytes)),
            Op::Finish { who } => self.with(who, |trial, place| trial.finish(place, None)),
            Op::Refuse { who } => self.with(who, |trial, place| trial.finish(place, Some("no"))),
            Op::Abort { who } => self.with(who, Self::abort),
            Op::Leave { who } => self.with(who, |trial, place| trial.leave(place, None)),
            Op::Connect => self.connect(),
            Op::Feed { who, ref bytes } => self.on(who, |trial, at| trial.feed(at, bytes)),
            Op::End { who } => self.on(who, Self::end),
            Op::Reset { who } => {
                let reason = CloseReason::Lost(ErrorKind::ConnectionReset);
                self.on(who, |trial, at| trial.depart(at, reason));
            }
        }
        self.compare_and_wake();
    }

    /// Everybody reads all that is for it.
    fn drain(&mut self) {
        while self.room.to_serve() > 0 {
            self.serve();
        }
        self.compare_news();
        while let Some(place) = self.slow.seats.iter().position(Seat::is_behind) {
            self.take(place, usize::MAX);
            self.compare_and_wake();
        }
    }

    /// Everybody goes, and takes what was said along.
    fn leave_all(&mut self) {
        while !self.slow.seats.is_empty() {
            self.leave(0, None);
        }
        assert!(self.room.is_empty());
        assert!(self.clients.iter().all(Client::is_unnamed));
        // What is not worth giving back stays, and the notice of a room that is shut while nobody is there.
        let notice = protocol::pair_len(RESERVED.as_bytes(), NOTICE.as_bytes());
        let little = (self.settings.window / 64 + notice) as u64 + self.unasked;
        assert!(self.room.held() <= little, "{} bytes held for nobody", self.room.held());
    }

    fn with(&mut self, who: usize, act: impl FnOnce(&mut Self, usize)) {
        if let Some(place) = who.checked_rem(self.slow.seats.len()) {
            act(self, place);
        }
    }

    /// The same with an open connection.
    fn on(&mut self, who: usize, act: impl FnOnce(&mut Self, usize)) {
        if let Some(at) = who.checked_rem(self.clients.len()) {
            act(self, at);
        }
    }

    /// Where this member sits.
    fn place(&self, id: MemberId) -> usize {
        let place = self.slow.seats.iter().position(|seat| seat.id == id);
        place.expect("it is a member")
    }

    /// Both are alike, and go on being so when those who were released have acted.
    fn compare_and_wake(&mut self) {
        self.compare();
        if std::mem::take(&mut self.released) {
            self.wake();
            self.compare();
        }
        self.check_nobody_is_forgotten();
    }

    fn compare(&mut self) {
        assert_eq!(self.slow.head, self.room.head());
        assert_eq!(self.slow.messages, self.room.counters().messages);
        let held_max = self.settings.window as u64 + self.unasked;
        assert!(self.room.held() <= held_max, "{} bytes held", self.room.held());
        self.compare_news();
        assert_eq!(self.slow.seats.len(), self.room.len());
        for seat in &self.slow.seats {
            let is = (seat.is_behind(), seat.is_drained(), seat.full);
            let room = &self.room;
            let got = (room.is_behind(seat.id), room.is_drained(seat.id), room.is_full(seat.id));
            assert_eq!(is, got, "(behind, done, full) of {}", seat.name);
        }
        self.compare_pause();
    }

    /// Who has something to get is known to the server: by the head, or by name.
    fn compare_news(&mut self) {
        assert!(self.room.to_serve() <= self.room.len(), "nobody stands in the list twice");
        let moved = self.head != self.room.head();
        self.head = self.room.head();
        for seat in &mut self.slow.seats {
            seat.awake = (seat.awake || moved) && seat.is_behind();
            let known = seat.awake || !seat.is_behind() || self.room.to_serve() > 0;
            assert!(known, "{} has something and nobody knows", seat.name);
        }
    }

    fn compare_pause(&mut self) {
        let lasts = self.pause_lasts();
        assert_eq!(lasts, self.room.is_paused());
        if !lasts && self.pause.take().is_some() {
            assert!(self.released, "a pause ended and nobody was told");
        }
        assert_eq!(self.pause.as_ref().map(|pause| pause.deadline), self.room.deadline());
    }

    fn pause_lasts(&self) -> bool {
        let quarter = self.settings.window as u64 / 4;
        self.pause.as_ref().is_some_and(|it| self.slow.lag_max(it.head) > quarter)
    }
}
