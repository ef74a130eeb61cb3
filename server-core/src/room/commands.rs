//! Commands: the messages that a room with extensions carries out instead of relaying them. Each takes effect at its
//! place in the one order of the log.

use std::time::Instant;

use protocol::{NAME_CHARS_MAX, Name, pair};

use super::{MemberId, Room, Said};
use crate::close::CloseReason;
use crate::member::Kind;

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command<'a> {
    /// No command: to be relayed.
    Say(&'a str),
    Who,
    Help,
    /// The new name.
    Nick(&'a str),
    /// A name, a space and a text.
    Msg(&'a str),
}

impl<'a> Command<'a> {
    /// Parses a message. Only its first word decides; every other message is relayed (SPEC EXT-05, EXT-10).
    fn of(text: &'a str) -> Self {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "/who" => Self::Who,
            "/help" => Self::Help,
            "/nick" => Self::Nick(rest.trim_matches(' ')),
            "/msg" => Self::Msg(rest.trim_start_matches(' ')),
            _ if word.starts_with("//") => Self::Say(&text[1..]),
            _ => Self::Say(text),
        }
    }
}

impl<H: Clone> Room<H> {
    /// Carries out a command. It stays a function of its own, with its own stack frame: each page of a parked
    /// thread's stack that was ever touched stays in memory, and most clients never send a command.
    #[inline(never)]
    pub(super) fn run_command(&mut self, id: MemberId, text: &str, now: Instant) -> Said {
        match Command::of(text) {
            Command::Say(text) => return self.say(id, text.as_bytes(), now),
            Command::Nick(wanted) => return self.rename(id.place, wanted, now),
            Command::Msg(rest) => self.send_private(id.place, rest),
            Command::Who => self.list_members(id.place),
            Command::Help => HELP.iter().for_each(|line| self.answer(id.place, line)),
        }
        Said::Appended
    }

    /// `/who`: the names of the members, as many as fit one answer (SPEC EXT-08).
    fn list_members(&mut self, place: usize) {
        let extensions = self.extensions.as_ref();
        let limit =
            extensions.map_or(0, |extensions| extensions.max_message).min(self.direct_bytes_max);
        let members = self.members.len();
        let mut text = format!("{members} member{}", if members == 1 { "" } else { "s" });
        let reserve = format!(" and {members} more").len();
        for (listed, (_, member)) in self.members.iter().enumerate() {
            let gap = if listed == 0 { ": " } else { ", " };
            let is_last = listed + 1 == members;
            let end = text.len() + gap.len() + member.name.as_bytes().len();
            if end + if is_last { 0 } else { reserve } > limit {
                text.extend([" and ", &(members - listed).to_string(), " more"]);
                break;
            }
            text += gap;
            text += member.name.as_str();
        }
        self.answer(place, &text);
    }

    /// `/nick NAME`: changes the member's name by the rules of joining, and notifies all others (SPEC EXT-06).
    fn rename(&mut self, place: usize, wanted: &str, now: Instant) -> Said {
        let name = match self.acceptable(wanted) {
            Ok(name) => name,
            Err(why) => {
                self.answer(place, &why);
                return Said::Appended;
            }
        };
        let before = self.members[place].name.clone();
        if name == before {
            self.answer(place, &format!("you are {name} already"));
            return Said::Appended;
        }
        if !self.accepts_more(now) {
            return Said::Paused;
        }
        // The old name is freed first, so that another spelling of it does not count as taken.
        self.names.free(&before);
        let taken = self.names.take(&name, place).expect("the reserved name is not acceptable");
        if taken == before {
            // It had a numbered name, and was given the same number again.
            self.answer(place, &format!("you are {before} already"));
            return Said::Appended;
        }
        self.members[place].name = taken.clone();
        self.announce_rename(place, &before);
        self.answer(place, &format!("you are now {taken}"));
        Said::Renamed
    }

    /// Checks a new name by the rules for the first frame of a connection, or says what is wrong with it.
    fn acceptable(&self, wanted: &str) -> Result<Name, String> {
        if wanted.is_empty() {
            return Err("usage: /nick NAME".into());
        }
        let limit = self.extensions.as_ref().map_or(0, |extensions| extensions.max_name);
        if wanted.len() > limit {
            return Err(format!("a name has at most {limit} bytes, and this one {}", wanted.len()));
        }
        let name = Name::new(wanted.as_bytes()).map_err(|error| error.to_string())?;
        if self.names.is_reserved(&name) {
            return Err(CloseReason::ReservedName.to_string());
        }
        Ok(name)
    }

    /// `/msg NAME TEXT`: sends a text to one member. If that is impossible, its sender receives the reason
    /// (SPEC EXT-03, EXT-12).
    fn send_private(&mut self, place: usize, rest: &str) {
        if let Err(why) = self.try_send_private(place, rest) {
            self.answer(place, &why);
        }
    }

    fn try_send_private(&mut self, place: usize, rest: &str) -> Result<(), String> {
        let (target, text) = match self.recipient(rest) {
            Some((target, text)) if !text.is_empty() => (target, text),
            None if rest.contains(' ') => {
                let word = rest.split(' ').next().unwrap_or_default();
                let name: String = word.chars().take(NAME_CHARS_MAX).collect();
                return Err(format!("nobody here is called {name}"));
            }
            _ => return Err("usage: /msg NAME TEXT".into()),
        };
        let text = [PRIVATE, text].concat();
        let limit = self.extensions.as_ref().map_or(0, |extensions| extensions.max_message);
        if text.len() > limit {
            return Err(format!("too long: a private message has at most {} bytes", {
                limit.saturating_sub(PRIVATE.len())
            }));
        }
        let pair = pair(self.members[place].name.as_bytes(), text.as_bytes());
        let waiting = self.members[target].direct_bytes();
        if waiting > 0 && waiting + pair.len() > self.direct_bytes_max {
            let name = &self.members[target].name;
            return Err(format!("{name} has too much unread: not delivered"));
        }
        self.queue_direct(target, pair, Kind::Other);
        self.counters.said(text.len());
        Ok(())
    }

    /// The member that `NAME TEXT` is addressed to, and the text. A name may contain spaces, so the longest name of a
    /// member wins. A member that is draining receives nothing new and counts as gone.
    fn recipient<'a>(&self, rest: &'a str) -> Option<(usize, &'a str)> {
        let mut named = self.names.matches(rest, NAME_MATCH_CHARS_MAX);
        named.find(|(place, _)| !self.members[*place].is_ending())
    }
}

/// The beginning of a private message (SPEC EXT-11).
const PRIVATE: &str = "(private) ";

/// Characters of the longest name: the longest that can be chosen, a dash, and the digits of a 64-bit number. It
/// bounds how many beginnings of a text are looked up, whatever a client sends.
const NAME_MATCH_CHARS_MAX: usize = NAME_CHARS_MAX + 22;

/// The answer to `/help`, one pair per line (SPEC EXT-09).
const HELP: [&str; 5] = [
    "/who tells who is here",
    "/msg NAME TEXT tells NAME alone",
    "/nick NAME gives you another name",
    "/help tells this",
    "//TEXT says /TEXT",
];
