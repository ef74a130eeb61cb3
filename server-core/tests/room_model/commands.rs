//! The commands of the specification, answered by the slow model.

use protocol::{NAME_CHARS_MAX, Name, pair_len};
use server_core::{CloseReason, Said, name_key};

use super::Trial;
use super::talk::RESERVED_KEY;

impl Trial {
    /// The result of a text that begins with a slash.
    pub(super) fn expect_command(&mut self, place: usize, text: &str) -> Said {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "/who" => self.answer(place, &self.who()),
            "/help" => HELP.lines().for_each(|line| self.answer(place, line)),
            "/msg" => self.expect_private(place, rest.trim_start_matches(' ')),
            "/nick" => return self.expect_nick(place, rest.trim_matches(' ')),
            _ if text.starts_with("//") => return self.expect_message(place, &text[1..]),
            _ => return self.expect_message(place, text),
        }
        Said::Appended
    }

    fn answer(&mut self, place: usize, text: &str) {
        self.slow.seats[place].answer(text);
    }

    /// The list of all members, or of as many as fit with the number of the others.
    fn who(&self) -> String {
        let mut seats: Vec<_> = self.slow.seats.iter().collect();
        seats.sort_by_key(|seat| seat.id.next_place());
        let limit = self.settings.max_message.min(self.settings.direct_bytes);
        let count = seats.len();
        let members = if count == 1 { "1 member".into() } else { format!("{count} members") };
        let list = |names: usize| {
            let names: Vec<_> = seats[..names].iter().map(|seat| seat.name.as_str()).collect();
            let gap = if names.is_empty() { "" } else { ": " };
            format!("{members}{gap}{}", names.join(", "))
        };
        // Space is reserved for the largest possible number of others.
        let reserve = format!(" and {count} more").len();
        let listed = (1..count).take_while(|&names| list(names).len() + reserve <= limit).count();
        if listed + 1 == count && list(count).len() <= limit {
            return list(count);
        }
        format!("{} and {} more", list(listed), count - listed)
    }

    fn expect_private(&mut self, place: usize, rest: &str) {
        match self.addressee(rest) {
            Some((to, text)) if !text.is_empty() => {
                if let Err(why) = self.deliver(place, to, &format!("(private) {text}")) {
                    self.answer(place, &why);
                }
            }
            None if rest.contains(' ') => {
                let (word, _) = rest.split_once(' ').expect("it has a space");
                let name: String = word.chars().take(NAME_CHARS_MAX).collect();
                self.answer(place, &format!("nobody here is called {name}"));
            }
            _ => self.answer(place, "usage: /msg NAME TEXT"),
        }
    }

    /// The receiver and the text. The longest prefix before a space that is a name counts.
    fn addressee<'a>(&self, rest: &'a str) -> Option<(usize, &'a str)> {
        let gaps = rest.match_indices(' ').map(|(gap, _)| (&rest[..gap], &rest[gap + 1..]));
        let spelled: Vec<_> =
            gaps.filter(|(name, _)| name.chars().count() < ADDRESS_CHARS_MAX).collect();
        spelled.into_iter().rev().find_map(|(name, text)| {
            let to = self.slow.holder(&name_key(name))?;
            (!self.slow.seats[to].is_draining()).then_some((to, text))
        })
    }

    /// Delivers a private message, or returns why not.
    fn deliver(&mut self, place: usize, to: usize, text: &str) -> Result<(), String> {
        let limit = self.settings.max_message;
        if text.len() > limit {
            let limit = limit.saturating_sub("(private) ".len());
            return Err(format!("too long: a private message has at most {limit} bytes"));
        }
        let target = &self.slow.seats[to];
        let pair = pair_len(self.slow.seats[place].name.as_bytes(), text.as_bytes());
        let waiting = target.direct_bytes();
        if waiting > 0 && waiting + pair > self.settings.direct_bytes {
            return Err(format!("{} has too much unread: not delivered", target.name));
        }
        self.slow.send_private(place, to, text);
        Ok(())
    }

    fn expect_nick(&mut self, place: usize, wanted: &str) -> Said {
        if let Some(why) = self.reason_against(place, wanted) {
            self.answer(place, &why);
            return Said::Appended;
        }
        if !self.takes_more() {
            return Said::Paused;
        }
        let seat = &self.slow.seats[place];
        let name = self.room.name(seat.id).expect("it is here").to_string();
        self.check_name(wanted, &name, Some(place));
        let before = seat.name.clone();
        if name == before {
            self.answer(place, &format!("you are {before} already"));
            return Said::Appended;
        }
        self.slow.notify(Some(place), &format!("{before} is now {name}"));
        self.answer(place, &format!("you are now {name}"));
        self.slow.seats[place].rename(name);
        Said::Renamed
    }

    fn reason_against(&self, place: usize, wanted: &str) -> Option<String> {
        let limit = self.settings.max_name;
        if wanted.is_empty() {
            return Some("usage: /nick NAME".into());
        }
        if wanted.len() > limit {
            let length = wanted.len();
            return Some(format!("a name has at most {limit} bytes, and this one {length}"));
        }
        if let Err(error) = Name::new(wanted.as_bytes()) {
            return Some(error.to_string());
        }
        if name_key(wanted) == RESERVED_KEY {
            return Some(CloseReason::ReservedName.to_string());
        }
        let is_named_so = self.slow.seats[place].name == wanted;
        is_named_so.then(|| format!("you are {wanted} already"))
    }
}

const HELP: &str = "/who tells who is here
/msg NAME TEXT tells NAME alone
/nick NAME gives you another name
/help tells this
//TEXT says /TEXT";

/// Characters of a chosen name, a dash and a number of 64 bits.
const ADDRESS_CHARS_MAX: usize = NAME_CHARS_MAX + 22;
