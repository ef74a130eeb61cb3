//! The trial: a room and its slow model side by side, compared after every step.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use protocol::Name;
use server_core::bytes::Bytes;
use server_core::{CloseReason, MemberId, Outside, RESERVED, Relay, Release, Room, Said, Settings};

use crate::Op;
use crate::slow::{Seat, Slow};

pub(crate) struct Trial {
    room: Room<()>,
    slow: Slow,
    settings: Settings,
    now: Instant,
    pause: Option<Pause>,
    /// Whether the step released the waiters.
    released: bool,
    messages: usize,
    pulse: u64,
    /// Who has left while the room was paused.
    left: Vec<String>,
    /// Bytes of notices about leavers since the flow rule was asked: they do not wait for it.
    unasked: u64,
}

/// What is known about a pause: the head it began at, and when laggards are given up.
struct Pause {
    head: u64,
    deadline: Instant,
}

impl Trial {
    pub(crate) fn new(settings: Settings, now: Instant) -> Self {
        let settings = Settings { aside_bytes: ASIDE_BYTES, ..settings };
        let (room, slow) = (Room::of(&settings), Slow::new(settings.relay));
        let (pause, released, messages) = (None, false, 0);
        let (pulse, left, unasked) = (0, Vec::new(), 0);
        Self { room, slow, settings, now, pause, released, messages, pulse, left, unasked }
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
            Op::Nick { who, name } => self.with(who, |trial, place| trial.nick(place, name)),
            Op::Ask { who } => self.with(who, Self::ask),
            Op::Msg { who, to, length } => {
                self.with(who, |trial, place| trial.whisper(place, to, length));
            }
            Op::Serve => self.serve(),
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
        while self.room.told() > 0 {
            self.serve();
        }
        self.compare_news();
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
        let little = (self.settings.window / 64).max(notice) as u64 + self.unasked;
        assert!(self.room.held() <= little, "{} bytes held for nobody", self.room.held());
    }

    fn with(&mut self, who: usize, act: impl FnOnce(&mut Self, usize)) {
        if let Some(place) = who.checked_rem(self.slow.seats.len()) {
            act(self, place);
        }
    }

    fn join(&mut self, name: usize) {
        let wanted = Name::new(NAMES[name].as_bytes()).expect("the tests' names are good");
        let joined = self.room.join(&wanted, (), self.now);
        if self.room.is_shut() {
            return assert_eq!(Err(Outside::Refused(CloseReason::Shutdown)), joined);
        }
        if joined == Err(Outside::Paused) {
            assert!(self.settings.extensions, "nobody is told, so nobody is waited for");
            return self.pause();
        }
        let id = joined.expect("none of the names is reserved");
        let name = self.room.name(id).expect("it has just joined").to_string();
        let mut seat = Seat::new(id, name.clone());
        if self.settings.extensions {
            self.asked();
            self.slow.notify(None, &format!("{name} has joined"));
            seat.tell(RESERVED, welcome(&name, self.slow.seats.len()).as_bytes());
        }
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
        match self.room.hear(id, &text, self.now) {
            Said::Closed => assert!(self.room.is_shut()),
            Said::Renamed => unreachable!("no text of this test is a command"),
            Said::Paused if seat.has_answers() => {}
            Said::Paused if self.settings.relay == Relay::Sender => {
                assert!(aside > 0 && aside + pair > ASIDE_BYTES, "{aside} bytes wait for it");
            }
            Said::Paused => self.pause(),
            Said::Appended => {
                let gated = self.settings.relay != Relay::Sender;
                assert!(!self.room.is_shut());
                assert!(!gated || !self.room.is_paused());
                assert!(!seat.has_answers(), "it was heard although answers wait for it");
                if gated {
                    self.asked();
                }
                self.slow.say(place, &text);
            }
        }
    }

    /// The flow rule has been asked and said yes.
    fn asked(&mut self) {
        self.unasked = 0;
    }

    /// Hands the room a command of a member that can say something; what is expected when it is carried
    /// out. To a room in base mode it is a message like any other, and said elsewhere.
    fn command(&mut self, place: usize, command: &str) -> Option<Said> {
        let seat = &self.slow.seats[place];
        if !self.settings.extensions || seat.is_finished() {
            return None;
        }
        let said = self.room.hear(seat.id, command.as_bytes(), self.now);
        assert_eq!(said == Said::Closed, self.room.is_shut());
        if seat.has_answers() {
            assert_eq!(Said::Paused, said, "it was heard although answers wait for it");
            return None;
        }
        Some(said)
    }

    fn ask(&mut self, place: usize) {
        if let Some(said) = self.command(place, "/nick ") {
            assert_eq!(Said::Appended, said);
            self.slow.seats[place].answer("usage: /nick NAME");
        }
    }

    fn nick(&mut self, place: usize, name: usize) {
        let wanted = NAMES[name];
        let Some(said) = self.command(place, &format!("/nick {wanted}")) else { return };
        let before = self.slow.seats[place].name.clone();
        let id = self.slow.seats[place].id;
        match said {
            Said::Closed => {}
            Said::Paused => self.pause(),
            Said::Appended => {
                assert!(before == wanted || before.starts_with(&format!("{wanted}-")), "{before}");
                self.slow.seats[place].answer(&format!("you are {before} already"));
            }
            Said::Renamed => {
                self.asked();
                let name = self.room.name(id).expect("it is here").to_string();
                assert!(name == wanted || name.starts_with(&format!("{wanted}-")), "{name}");
                assert!(self.slow.seats.iter().all(|other| other.name != name), "{name} twice");
                self.slow.notify(Some(place), &format!("{before} is now {name}"));
                self.slow.seats[place].answer(&format!("you are now {name}"));
                self.slow.seats[place].name = name;
            }
        }
    }

    fn whisper(&mut self, place: usize, to: usize, length: usize) {
        let text = String::from_utf8(self.text(length)).expect("it is digits");
        let to = to % self.slow.seats.len();
        let (target, sender) = (&self.slow.seats[to], &self.slow.seats[place]);
        let (sender, name) = (sender.name.clone(), target.name.clone());
        let (gone, waiting) = (target.is_finished(), target.aside_bytes());
        if self.command(place, &format!("/msg {name} {text}")) != Some(Said::Appended) {
            return;
        }
        let private = format!("(private) {text}");
        let pair = protocol::pair_len(sender.as_bytes(), private.as_bytes());
        let limit = self.settings.max_message;
        let why = if gone {
            format!("nobody here is called {name}")
        } else if text.trim_start_matches(' ').is_empty() {
            "usage: /msg NAME TEXT".into()
        } else if private.len() > limit {
            format!("too long: a private message has at most {} bytes", limit.saturating_sub(10))
        } else if waiting > 0 && waiting + pair > ASIDE_BYTES {
            format!("{name} has too much unread: not delivered")
        } else {
            return self.slow.seats[to].tell(&sender, private.as_bytes());
        };
        self.slow.seats[place].answer(&why);
    }

    /// The server asks for one of those who have something for themselves alone.
    fn serve(&mut self) {
        if let Some(id) = self.room.next_told() {
            let seat = self.slow.seats.iter_mut().find(|seat| seat.id == id);
            seat.expect("whoever is named is here").awake = true;
        }
    }

    /// The room has paused, or has done so before.
    fn pause(&mut self) {
        if self.pause.is_none() {
            let lag = self.slow.lag_max(self.slow.head);
            assert!(
                lag > self.settings.window as u64 / 2,
                "a pause although nobody is over {lag} behind"
            );
            let deadline = self.now + self.settings.patience;
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
        let length_max = self.settings.max_message;
        let number = format!("{} ", self.messages);
        number.bytes().cycle().take(length % (length_max + 1)).collect()
    }

    fn pull(&mut self, place: usize) {
        let seat = &mut self.slow.seats[place];
        if seat.pulled.is_empty() {
            let pulled = self.room.pull(seat.id, &mut seat.pulled, self.now).is_some();
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
        seat.awake &= seat.is_behind();
        let result =
            if taken > 0 { Ok(taken) } else { Err(io::Error::from(ErrorKind::WouldBlock)) };
        self.released = self.room.offered(seat.id, &offer, result) == Release::Waiters;
        if (seat.is_done() && !done) || (seat.aside_bytes() == 0 && answers > 0) {
            assert!(self.released, "{} has all that it waited for", seat.name);
        }
        self.tell_who_left();
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
        if self.settings.extensions && !self.room.is_shut() {
            self.left.push(seat.name.clone());
        }
        self.tell_who_left();
        let sent = seat.pulled.bytes();
        assert_eq!(Release::Nobody, self.room.offered(seat.id, &seat.pulled, Ok(sent)));
        assert_eq!(Said::Closed, self.room.hear(seat.id, b"a ghost speaks", self.now));
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        let mut expected = Vec::new();
        if let Some(pause) = self.pause.as_mut().filter(|pause| pause.deadline <= self.now) {
            pause.deadline = self.now + self.settings.patience / 4;
            expected = self.slow.full_beyond(self.settings.window as u64 / 4, pause.head);
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
            self.append_leavers();
            self.slow.shut(NOTICE);
        }
    }

    /// Whoever left is told of once the room is not paused.
    fn tell_who_left(&mut self) {
        if !self.pause_lasts() {
            self.append_leavers();
        }
    }

    fn append_leavers(&mut self) {
        for name in std::mem::take(&mut self.left) {
            let before = self.slow.head;
            self.slow.notify(None, &format!("{name} has left"));
            self.unasked += self.slow.head - before;
        }
    }

    fn compare(&mut self) {
        assert_eq!(self.slow.head, self.room.head());
        let held_max = self.settings.window as u64 + self.unasked;
        assert!(self.room.held() <= held_max, "{} bytes held", self.room.held());
        self.compare_news();
        assert_eq!(self.slow.seats.len(), self.room.len());
        for seat in &self.slow.seats {
            let is = (seat.is_behind(), seat.is_done(), seat.full);
            let room = &self.room;
            let got = (room.is_behind(seat.id), room.is_done(seat.id), room.is_full(seat.id));
            assert_eq!(is, got, "(behind, done, full) of {}", seat.name);
        }
        self.compare_pause();
    }

    /// Who has something to get is known to the server: by the pulse, or by name.
    fn compare_news(&mut self) {
        assert!(self.room.told() <= self.room.len(), "nobody stands in the list twice");
        let moved = self.pulse != self.room.pulse();
        self.pulse = self.room.pulse();
        for seat in &mut self.slow.seats {
            seat.awake = (seat.awake || moved) && seat.is_behind();
            let known = seat.awake || !seat.is_behind() || self.room.told() > 0;
            assert!(known, "{} has something and nobody knows", seat.name);
        }
    }

    fn pause_lasts(&self) -> bool {
        let quarter = self.settings.window as u64 / 4;
        self.pause.as_ref().is_some_and(|it| self.slow.lag_max(it.head) > quarter)
    }

    fn compare_pause(&mut self) {
        let lasts = self.pause_lasts();
        assert_eq!(lasts, self.room.is_paused());
        if !lasts && self.pause.take().is_some() {
            assert!(self.released, "a pause ended and nobody was told");
        }
        assert_eq!(self.pause.as_ref().map(|pause| pause.deadline), self.room.deadline());
    }
}

fn welcome(name: &str, others: usize) -> String {
    let others = match others {
        0 => "nobody else is here".into(),
        1 => "1 other is here".into(),
        _ => format!("{others} others are here"),
    };
    format!("welcome, {name}: {others}; /help lists the commands")
}

const NOTICE: &str = "bye";

const NAMES: [&str; 4] = ["ann", "bob", "cid", "Ann"];

/// So little that speakers who only hear themselves must wait.
const ASIDE_BYTES: usize = 300;

/// Larger writes are single pairs.
const GROUP_BYTES: usize = 1400;

/// What one vectored write of the kernel accepts.
const SLICES_MAX: usize = 1024;
