//! The trial: a room and its slow model, compared after every operation.

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

/// Applies all of `ops` to a room, then lets all members read and leave.
pub(crate) fn run(terms: Terms, ops: impl Iterator<Item = Op>) {
    let mut trial = Trial::new(settings(terms), Instant::now());
    for op in ops {
        trial.step(&op);
    }
    trial.deliver_all();
    trial.leave_all();
}

struct Trial {
    room: Room<()>,
    slow: Slow,
    settings: Arc<Settings>,
    clients: Vec<Client>,
    now: Instant,
    pause: Option<Pause>,
    /// Whether the operation woke the waiters.
    woken: bool,
    /// How many texts have been generated.
    texts: usize,
    head: u64,
    /// Bytes of notices of leaving since the flow rule was last asked: these do not wait for it.
    unasked: u64,
}

/// A pause: the head at which it began, and when members that still lag are aborted.
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
            woken: false,
            texts: 0,
            head: 0,
            unasked: 0,
        }
    }

    /// Applies one operation to both, and compares them.
    fn step(&mut self, op: &Op) {
        self.woken = false;
        match *op {
            Op::Join { name } => self.join(name),
            Op::Wait { millis } => self.wait(millis),
            Op::Close => self.close(),
            Op::NextDirect => self.next_direct(),
            Op::Say { who, length } => self.with(who, |trial, place| trial.say(place, length)),
            Op::Notify { who, length } => {
                self.with(who, |trial, place| trial.notify(place, length));
            }
            Op::Nick { who, name } => self.with(who, |trial, place| trial.nick(place, name)),
            Op::Msg { who, to, length } => {
                self.with(who, |trial, place| trial.send_private(place, to, length));
            }
            Op::Ask { who, what } => self.with(who, |trial, place| trial.ask(place, what)),
            Op::Unblock { who } => self.with(who, Self::unblock),
            Op::NextBatch { who } => self.with(who, Self::next_batch),
            Op::Take { who, bytes } => self.with(who, |trial, place| trial.take(place, bytes)),
            Op::Drain { who } => self.with(who, |trial, place| trial.drain(place, None)),
            Op::Reject { who } => self.with(who, |trial, place| trial.drain(place, Some("no"))),
            Op::Abort { who } => self.with(who, Self::abort),
            Op::Leave { who } => self.with(who, |trial, place| trial.leave(place, None)),
            Op::Connect => self.connect(),
            Op::Feed { who, ref bytes } => self.on(who, |trial, at| trial.feed(at, bytes)),
            Op::Eof { who } => self.on(who, Self::feed_eof),
            Op::Reset { who } => {
                let reason = CloseReason::Lost(ErrorKind::ConnectionReset);
                self.on(who, |trial, at| trial.end_connection(at, reason));
            }
        }
        self.compare_and_wake();
    }

    /// All members read everything that they are owed.
    fn deliver_all(&mut self) {
        while self.room.to_serve() > 0 {
            self.next_direct();
        }
        self.compare_pending();
        while let Some(place) = self.slow.seats.iter().position(Seat::is_behind) {
            self.take(place, usize::MAX);
            self.compare_and_wake();
        }
    }

    /// All members leave, and then the log is nearly empty.
    fn leave_all(&mut self) {
        while !self.slow.seats.is_empty() {
            self.leave(0, None);
        }
        assert!(self.room.is_empty());
        assert!(self.clients.iter().all(Client::is_unnamed));
        // The log keeps a little until more is appended, and the notice of a room that was closed without members.
        let notice = protocol::pair_len(RESERVED.as_bytes(), NOTICE.as_bytes());
        let little = (self.settings.window / 64 + notice) as u64 + self.unasked;
        assert!(self.room.held() <= little, "{} bytes held for no member", self.room.held());
    }

    fn with(&mut self, who: usize, apply: impl FnOnce(&mut Self, usize)) {
        if let Some(place) = who.checked_rem(self.slow.seats.len()) {
            apply(self, place);
        }
    }

    /// The same, with an open connection.
    fn on(&mut self, who: usize, apply: impl FnOnce(&mut Self, usize)) {
        if let Some(at) = who.checked_rem(self.clients.len()) {
            apply(self, at);
        }
    }

    /// The index of this member's seat.
    fn place(&self, id: MemberId) -> usize {
        let place = self.slow.seats.iter().position(|seat| seat.id == id);
        place.expect("it is a member")
    }

    /// Both agree, and still agree when the waiters that were woken have gone on.
    fn compare_and_wake(&mut self) {
        self.compare();
        if std::mem::take(&mut self.woken) {
            self.wake();
            self.compare();
        }
        self.check_no_client_is_forgotten();
    }

    fn compare(&mut self) {
        assert_eq!(self.slow.head, self.room.head());
        assert_eq!(self.slow.messages, self.room.counters().messages);
        let held_max = self.settings.window as u64 + self.unasked;
        assert!(self.room.held() <= held_max, "{} bytes held", self.room.held());
        self.compare_pending();
        assert_eq!(self.slow.seats.len(), self.room.len());
        for seat in &self.slow.seats {
            let is = (seat.is_behind(), seat.is_drained(), seat.full);
            let room = &self.room;
            let got = (room.is_behind(seat.id), room.is_drained(seat.id), room.is_full(seat.id));
            assert_eq!(is, got, "(behind, drained, full) of {}", seat.name);
        }
        self.compare_pause();
    }

    /// The server knows which members are owed something: by the log's head, or by `direct_pending`.
    fn compare_pending(&mut self) {
        assert!(self.room.to_serve() <= self.room.len(), "no member is in the list twice");
        let moved = self.head != self.room.head();
        self.head = self.room.head();
        for seat in &mut self.slow.seats {
            seat.awake = (seat.awake || moved) && seat.is_behind();
            let known = seat.awake || !seat.is_behind() || self.room.to_serve() > 0;
            assert!(known, "{} is owed something, and the server does not know", seat.name);
        }
    }

    fn compare_pause(&mut self) {
        let lasts = self.pause_lasts();
        assert_eq!(lasts, self.room.is_paused());
        if !lasts && self.pause.take().is_some() {
            assert!(self.woken, "a pause ended, and no waiter was woken");
        }
        assert_eq!(self.pause.as_ref().map(|pause| pause.deadline), self.room.deadline());
    }

    fn pause_lasts(&self) -> bool {
        let quarter = self.settings.window as u64 / 4;
        self.pause.as_ref().is_some_and(|it| self.slow.lag_max(it.head) > quarter)
    }
}
