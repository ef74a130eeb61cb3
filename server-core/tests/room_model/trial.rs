//! The trial: a room and its slow model side by side, compared after every step.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::Name;
use server_core::bytes::Bytes;
use server_core::{CloseReason, MemberId, RESERVED, Relay, Release, Room, Said, Settings};

use clients::Client;
pub(crate) use limits::WINDOW_MIN;
use limits::{ASIDE_BYTES, PATIENCE, settings};

use crate::op::Op;
use crate::slow::{Seat, Slow};

mod clients;
mod limits;

/// Does all of `ops` to a room, then lets everybody read and go.
pub(crate) fn run(relay: Relay, window: usize, ops: impl Iterator<Item = Op>) {
    let mut trial = Trial::new(relay, window, PATIENCE, Instant::now());
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
    fn new(relay: Relay, window: usize, patience: Duration, now: Instant) -> Self {
        let settings = Arc::new(settings(relay, window, patience));
        let (room, slow) = (Room::of(&settings), Slow::new(relay));
        let (clients, pause, released, messages) = (Vec::new(), None, false, 0);
        Self {
            room,
            slow,
            settings,
            clients,
            relay,
            window,
            patience,
            now,
            pause,
            released,
            messages,
        }
    }

    /// Does one thing to both and compares them.
    fn step(&mut self, op: &Op) {
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

    /// Both are alike, and go on being so when those who were released have acted.
    fn compare_and_wake(&mut self) {
        self.compare();
        if std::mem::take(&mut self.released) {
            self.wake();
            self.compare();
        }
        self.check_nobody_is_forgotten();
    }

    /// Everybody reads all that is for it.
    fn drain(&mut self) {
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
        let little = (self.window / 64 + notice) as u64;
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

    fn join(&mut self, name: usize) {
        let wanted = Name::new(NAMES[name].as_bytes()).expect("the tests' names are good");
        let joined = self.room.join(&wanted, ());
        if self.room.is_shut() {
            return assert_eq!(Err(CloseReason::Shutdown), joined);
        }
        self.seat(joined.expect("none of the names is reserved"), &wanted);
    }

    /// A member has joined who wanted this name.
    fn seat(&mut self, id: MemberId, wanted: &Name) {
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
        match self.room.say(seat.id, &text, self.now) {
            Said::Closed => assert!(self.room.is_shut()),
            Said::Paused if self.relay == Relay::Sender => {
                assert!(seat.is_full_of_answers(&text, ASIDE_BYTES), "it waits for nothing");
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

    /// A text like no other, so that no two can be mistaken for each other.
    fn text(&mut self, length: usize) -> Vec<u8> {
        self.messages += 1;
        let number = format!("{} ", self.messages);
        number.bytes().cycle().take(length % (self.settings.max_message + 1)).collect()
    }

    fn pull(&mut self, place: usize) {
        let seat = &mut self.slow.seats[place];
        if seat.pulled.is_empty() {
            let pulled = self.room.pull(seat.id, &mut seat.pulled).is_some();
            assert_eq!(seat.is_behind(), pulled);
        }
        assert!(seat.pulled.len() <= SLICES_MAX && seat.pulled.iter().all(|it| !it.is_empty()));
        let next = seat.pulled.iter().flatten().copied();
        assert!(seat.is_owed(next), "{} gets another's", seat.name);
    }

    fn take(&mut self, place: usize, bytes: usize) {
        self.pull(place);
        let seat = &mut self.slow.seats[place];
        let slices = std::mem::take(&mut seat.pulled);
        let offered: usize = slices.iter().map(Bytes::len).sum();
        if offered == 0 {
            return;
        }
        let (done, answers) = (seat.is_done(), seat.aside_bytes());
        let taken = bytes.min(offered);
        seat.full = taken < offered;
        seat.take(taken);
        let result =
            if taken > 0 { Ok(taken) } else { Err(io::Error::from(ErrorKind::WouldBlock)) };
        self.released = self.room.offered(seat.id, &slices, result) == Release::Waiters;
        if (seat.is_done() && !done) || (seat.aside_bytes() == 0 && answers > 0) {
            assert!(self.released, "{} has all that it waited for", seat.name);
        }
    }

    fn finish(&mut self, place: usize, farewell: Option<&str>) {
        let seat = &mut self.slow.seats[place];
        if !std::mem::replace(&mut seat.departs, true) {
            let id = seat.id;
            self.room.finish(id, farewell);
            if let Some(farewell) = farewell {
                seat.tell(RESERVED, farewell.as_bytes());
            }
            seat.finish(self.slow.head);
            self.hang_up(id, None);
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
        self.hang_up(seat.id, aborted.as_ref());
        let mut reason = CloseReason::Left;
        self.released |= self.room.leave(Some(seat.id), &mut reason) == Release::Waiters;
        assert_eq!(aborted.unwrap_or(CloseReason::Left), reason);
        let sent = seat.pulled.iter().map(Bytes::len).sum();
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
            self.leave(self.place(id), Some(CloseReason::TooSlow));
            // That somebody was aborted is the caller's sign to wake whoever waits.
            self.released = true;
        }
        self.expire();
    }

    fn shut(&mut self) {
        if !self.room.is_shut() {
            self.room.shut(NOTICE);
            self.slow.shut(NOTICE);
            // Whoever shuts the room wakes everybody.
            self.released = true;
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

/// What one vectored write of the kernel accepts.
const SLICES_MAX: usize = 1024;
