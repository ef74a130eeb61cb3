//! Joining and sending, and the answers of the room.

use protocol::Name;
use server_core::{CloseReason, JoinError, MemberId, RESERVED, Relay, Said, name_key};

use super::{Pause, Trial};
use crate::slow::Seat;

impl Trial {
    pub(super) fn join(&mut self, name: usize) {
        let wanted = Name::new(NAMES[name].as_bytes()).expect("the tests' names are valid");
        let joined = self.room.join(&wanted, (), self.now);
        assert_eq!(self.expect_entry(&wanted).err(), joined.clone().err());
        if let Ok(id) = joined {
            self.seat(id, &wanted);
        }
    }

    /// Whether the room accepts a client that wants this name.
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

    /// A client that wanted this name has joined.
    pub(super) fn seat(&mut self, id: MemberId, wanted: &Name) {
        let name = self.room.name(id).expect("it has just joined").to_string();
        self.check_name(wanted.as_str(), &name, None);
        let mut seat = Seat::new(id, name.clone());
        if self.settings.extensions {
            self.slow.notify(None, &format!("{name} has joined"));
            seat.owe(RESERVED, welcome(&name, self.slow.seats.len()).as_bytes());
        }
        if name != wanted.as_str() {
            let notice = format!("the name {wanted} is taken: you are {name}");
            seat.owe(RESERVED, notice.as_bytes());
        }
        self.slow.seats.push(seat);
    }

    /// The given name is the wanted one, with a number after it if another member than the one at `except` has it. No
    /// other member has the given name.
    pub(super) fn check_name(&self, wanted: &str, given: &str, except: Option<usize>) {
        let holder =
            |name| self.slow.holder(&name_key(name)).filter(|place| Some(*place) != except);
        assert_eq!(None, holder(given), "{given} twice");
        if holder(wanted).is_none() {
            return assert_eq!(wanted, given, "no other member has it");
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

    /// The server sends a direct message.
    pub(super) fn notify(&mut self, place: usize, length: usize) {
        let text = self.text(length);
        let seat = &mut self.slow.seats[place];
        if !seat.is_draining() {
            self.room.notify(seat.id, &text);
            seat.owe(RESERVED, text.as_bytes());
        }
    }

    /// A text that no other message has, so that no two messages are confused.
    fn text(&mut self, length: usize) -> String {
        self.texts += 1;
        let number = format!("{} ", self.texts);
        number.chars().cycle().take(length % (self.settings.max_message + 1)).collect()
    }

    /// A member without a connection sends a text, which is cut to the limit.
    fn hear(&mut self, place: usize, text: &str) {
        let text = &text[..text.floor_char_boundary(self.settings.max_message)];
        let seat = &self.slow.seats[place];
        if !seat.is_draining() || self.room.is_closed() {
            let said = self.room.hear(seat.id, text.as_bytes(), self.now);
            assert_eq!(self.expect(place, text), said);
        }
    }

    /// The expected answer to a member's message. The slow model does the same as the room.
    pub(super) fn expect(&mut self, place: usize, text: &str) -> Said {
        if self.room.is_closed() {
            Said::Closed
        } else if self.slow.seats[place].has_answers() {
            Said::Paused
        } else if self.settings.extensions && text.starts_with('/') {
            self.expect_command(place, text)
        } else {
            self.expect_message(place, text)
        }
    }

    pub(super) fn expect_message(&mut self, place: usize, text: &str) -> Said {
        let takes_it = match self.settings.relay {
            Relay::Sender => {
                let direct_bytes = self.settings.direct_bytes;
                !self.slow.seats[place].has_no_space_for(text.as_bytes(), direct_bytes)
            }
            _ => self.takes_more(),
        };
        if !takes_it {
            return Said::Paused;
        }
        self.slow.say(place, text.as_bytes());
        Said::Appended
    }

    /// Whether the flow rule accepted a message. The room, which was asked first, may have paused after it: then its head
    /// has moved.
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

    /// Records that the room is paused.
    fn pause(&mut self) {
        if self.pause.is_none() {
            let lag = self.slow.lag_max(self.slow.head);
            let half = self.settings.window as u64 / 2;
            assert!(lag > half, "a pause although the largest lag is {lag}");
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

/// The key of the reserved name, none of whose letters has another skeleton.
pub(super) const RESERVED_KEY: &str = "server";
