//! Commands: what a member may ask of a room with extensions, carried out where it stands in the one order.

use std::time::Instant;

use protocol::{NAME_CHARS_MAX, Name, pair};

use super::{MemberId, Room, Said};
use crate::close::CloseReason;
use crate::member::Kind;

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command<'a> {
    /// To be relayed.
    Say(&'a str),
    Who,
    Help,
    /// A name.
    Nick(&'a str),
    /// A name, a space and a text.
    Msg(&'a str),
}

impl<'a> Command<'a> {
    /// The first word alone decides; what is no command is a message (SPEC EXT-05, EXT-10).
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
    /// Takes a message, which is UTF-8 and within the limit: it is said, or, with extensions, carried out
    /// if it is a command. A member that has yet to read the answers to its commands is not heard (SPEC
    /// EXT-13).
    pub fn hear(&mut self, id: MemberId, text: &[u8], now: Instant) -> Said {
        let Some(place) = self.member(id).filter(|_| !self.closed) else { return Said::Closed };
        if self.extensions.is_none() {
            return self.say(id, text, now);
        }
        if self.members[place].answer_bytes() > 0 {
            return Said::Paused;
        }
        let command = text.strip_prefix(b"/").and_then(|_| str::from_utf8(text).ok());
        match command {
            Some(command) => self.carry_out_command(id, Command::of(command), now),
            None => self.say(id, text, now),
        }
    }

    /// Kept out of the functions that call it: what a thread has ever had on its stack is held for as long
    /// as it is parked for its client.
    #[inline(never)]
    fn carry_out_command(&mut self, id: MemberId, command: Command<'_>, now: Instant) -> Said {
        match command {
            Command::Say(text) => return self.say(id, text.as_bytes(), now),
            Command::Nick(wanted) => return self.rename(id.place, wanted, now),
            Command::Msg(rest) => self.send_private(id.place, rest),
            Command::Who => self.list_members(id.place),
            Command::Help => HELP.iter().for_each(|line| self.answer(id.place, line)),
        }
        Said::Appended
    }

    /// `/who`: everybody's name, as many as an answer holds (SPEC EXT-08).
    fn list_members(&mut self, place: usize) {
        let extensions = self.extensions.as_ref();
        let limit =
            extensions.map_or(0, |extensions| extensions.max_message).min(self.direct_bytes);
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

    /// `/nick NAME`: another name by the rules of joining, told to all (SPEC EXT-06).
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
        if !self.takes_more(now) {
            return Said::Paused;
        }
        // Free before it is taken: another spelling of one's own name is not taken by somebody else.
        self.names.free(&before);
        let taken = self.names.take(&name, place).expect("the reserved name is not acceptable");
        if taken == before {
            // It had a number already, and gets the same one again.
            self.answer(place, &format!("you are {before} already"));
            return Said::Appended;
        }
        self.members[place].name = taken.clone();
        self.announce_rename(place, &before);
        self.answer(place, &format!("you are now {taken}"));
        Said::Renamed
    }

    /// A name that the decoder would have let in as the first frame, and the room as a newcomer's.
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

    /// `/msg NAME TEXT`: a text for one member alone; if it cannot be delivered, its sender is told why
    /// (SPEC EXT-03, EXT-12).
    fn send_private(&mut self, place: usize, rest: &str) {
        if let Err(why) = self.try_send_private(place, rest) {
            self.answer(place, &why);
        }
    }

    fn try_send_private(&mut self, place: usize, rest: &str) -> Result<(), String> {
        let (target, text) = match self.addressee(rest) {
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
        if waiting > 0 && waiting + pair.len() > self.direct_bytes {
            let name = &self.members[target].name;
            return Err(format!("{name} has too much unread: not delivered"));
        }
        self.queue_direct(target, pair, Kind::Other);
        self.counters.said(text.len());
        Ok(())
    }

    /// Whom `NAME TEXT` is for, and the text: the longest name of somebody here wins, because a name may
    /// hold spaces. Who is leaving gets nothing any more and counts as gone.
    fn addressee<'a>(&self, rest: &'a str) -> Option<(usize, &'a str)> {
        let mut named = self.names.addressees(rest, ADDRESS_CHARS_MAX);
        named.find(|(place, _)| !self.members[*place].is_ending())
    }
}

/// What a private message begins with (SPEC EXT-11).
const PRIVATE: &str = "(private) ";

/// No name is longer than the longest that can be chosen, a dash and the digits of a 64-bit number; so no
/// more ends of names are looked up, whatever a client sends.
const ADDRESS_CHARS_MAX: usize = NAME_CHARS_MAX + 22;

/// One pair each (SPEC EXT-09).
const HELP: [&str; 5] = [
    "/who tells who is here",
    "/msg NAME TEXT tells NAME alone",
    "/nick NAME gives you another name",
    "/help tells this",
    "//TEXT says /TEXT",
];
