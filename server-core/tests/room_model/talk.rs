//! The talk: who joins, what is said, and what the room makes of it.

use protocol::Name;
use server_core::{CloseReason, JoinError, MemberId, RESERVED, Relay, Said, name_key};

use super::{Pause, Trial};
use crate::slow::Seat;

impl Trial {
    pub(super) fn join(&mut self, name: usize) {
        let wanted = Name::new(NAMES[name].as_bytes()).expect("the tests' names are good");
        let joined = self.room.join(&wanted, (), self.now);
        assert_eq!(self.expect_entry(&wanted).err(), joined.clone().err());
        if let Ok(id) = joined {
            self.seat(id, &wanted);
        }
    }

    /// Whether the room lets somebody in who wants this name.
    pub(super) fn expect_entry(&mut self, wanted: &Name) -> Result<(), JoinError> {
        if self.room.is_closed() {
            return Err(JoinError::Refused(CloseReason::Shutdown));
        }
        if self.settings.extensions && !self.takes_more() {
            return Err(JoinError::Paused);
        }
        let is_reserved = name_key(wanted.as_str()) == RESERVED_KEY;
        if is_reserved { Err(JoinError::Refused(CloseReason::ReservedName)) } else { Ok(()) }
    }

    /// A member has joined who wanted this name.
    pub(super) fn seat(&mut self, id: MemberId, wanted: &Name) {
        let name = self.room.name(id).expect("it has just joined").to_string();
        self.check_name(wanted.as_str(), &name, None);
        let mut seat = Seat::new(id, name.clone());
        if self.settings.extensions {
            self.slow.notify(None, &format!("{name} has joined"));
            seat.tell(RESERVED, welcome(&name, self.slow.seats.len()).as_bytes());
        }
        if name != wanted.as_str() {
            let notice = format!("the name {wanted} is taken: you are {name}");
            seat.tell(RESERVED, notice.as_bytes());
        }
        self.slow.seats.push(seat);
    }

    /// A name is given as it was wanted, and a number behind it if another member than the one at
    /// `except` has it; nobody else has what is given.
    pub(super) fn check_name(&self, wanted: &str, given: &str, except: Option<usize>) {
        let holder =
            |name| self.slow.holder(&name_key(name)).filter(|place| Some(*place) != except);
        assert_eq!(None, holder(given), "{given} twice");
        if holder(wanted).is_none() {
            return assert_eq!(wanted, given, "nobody has it");
        }
        let number = given.strip_prefix(wanted).and_then(|it| it.strip_prefix('-'));
        assert!(number.is_some_and(|it| it.parse::<u64>().is_ok()), "{given} for {wanted}");
    }

    pub(super) fn say(&mut self, place: usize, length: usize) {
        let text = self.text(length);
        self.hear(place, &text);
    }

    pub(super) fn nick(&mut self, place: usize, name: usize) {
        self.hear(place, &format!("/nick {}", NAMES[name]));
    }

    pub(super) fn send_private(&mut self, place: usize, to: usize, length: usize) {
        let text = self.text(length);
        let to = &self.slow.seats[to % self.slow.seats.len()].name;
        self.hear(place, &format!("/msg {to} {text}"));
    }

    pub(super) fn ask(&mut self, place: usize, what: usize) {
        self.hear(place, ["/who", "/help", "/nick ", "/msg"][what]);
    }

    /// The server tells a member something.
    pub(super) fn tell(&mut self, place: usize, length: usize) {
        let text = self.text(length);
        let seat = &mut self.slow.seats[place];
        if !seat.is_finished() {
            self.room.notify(seat.id, &text);
            seat.tell(RESERVED, text.as_bytes());
        }
    }

    /// A text like no other, so that no two can be mistaken for each other.
    fn text(&mut self, length: usize) -> String {
        self.texts += 1;
        let number = format!("{} ", self.texts);
        number.chars().cycle().take(length % (self.settings.max_message + 1)).collect()
    }

    /// A member says something without a connection, cut to the limit.
    fn hear(&mut self, place: usize, text: &str) {
        let text = &text[..text.floor_char_boundary(self.settings.max_message)];
        let seat = &self.slow.seats[place];
        if !seat.is_finished() || self.room.is_closed() {
            let said = self.room.hear(seat.id, text.as_bytes(), self.now);
            assert_eq!(self.expect(place, text), said);
        }
    }

    /// What becomes of a member's message that the room has heard; the slow model does the same.
    pub(super) fn expect(&mut self, place: usize, text: &str) -> Said {
        if self.room.is_closed() {
            Said::Closed
        } else if self.slow.seats[place].has_answers() {
            Said::Paused
        } else if self.settings.extensions && text.starts_with('/') {
            self.expect_command(place, text)
        } else {
            self.expect_saying(place, text)
        }
    }

    pub(super) fn expect_saying(&mut self, place: usize, text: &str) -> Said {
        let takes_it = match self.settings.relay {
            Relay::Sender => {
                let direct_bytes = self.settings.direct_bytes;
                !self.slow.seats[place].is_full_of_answers(text.as_bytes(), direct_bytes)
            }
            _ => self.takes_more(),
        };
        if !takes_it {
            return Said::Paused;
        }
        self.slow.say(place, text.as_bytes());
        Said::Appended
    }

    /// Whether the flow rule let something be appended. The room that has been asked may have paused since:
    /// then it has appended all that was let.
    pub(super) fn takes_more(&mut self) -> bool {
        let more = self.slow.head < self.room.head() || !self.room.is_paused();
        let takes_more = self.pause.is_none() && more;
        if takes_more {
            self.unasked = 0;
        } else {
            self.pause();
        }
        takes_more
    }

    /// The room has paused, or has done so before.
    fn pause(&mut self) {
        if self.pause.is_none() {
            let lag = self.slow.lag_max(self.slow.head);
            let half = self.settings.window as u64 / 2;
            assert!(lag > half, "a pause although nobody is over {lag} behind");
            let deadline = self.now + self.settings.patience;
            self.pause = Some(Pause { head: self.slow.head, deadline });
        }
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

const NAMES: [&str; 4] = ["ann", "bob", "cid", "Ann"];

/// What the reserved name looks like: it has no letter that another looks like.
pub(super) const RESERVED_KEY: &str = "server";
