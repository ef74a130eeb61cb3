//! Extensions: the notices that the room sends when they are switched on.

use protocol::{Name, pair};

use super::{MemberId, Room};
use crate::member::Kind;
use crate::names::RESERVED;
use crate::settings::Settings;

/// The limits that only a room with extensions needs.
#[derive(Debug)]
pub(super) struct Extensions {
    /// Longest text of a message, in bytes.
    pub(super) max_message: usize,
    /// Longest name that a member can choose, in bytes.
    pub(super) max_name: usize,
}

impl Extensions {
    pub(super) fn new(settings: &Settings) -> Self {
        let Settings { max_message, max_name, .. } = *settings;
        Self { max_message, max_name }
    }
}

// These functions are not inlined, for the same reason as `run_command`.
impl<H: Clone> Room<H> {
    /// Notifies all members of a client that is about to join (SPEC EXT-01).
    #[inline(never)]
    pub(super) fn announce_join(&mut self, name: &Name) {
        if self.extensions.is_some() {
            self.append_notice(format!("{name} has joined").as_bytes());
        }
    }

    /// Greets a new member: the first pair that it receives (SPEC EXT-07).
    #[inline(never)]
    pub(super) fn greet(&mut self, id: MemberId) {
        if self.extensions.is_none() {
            return;
        }
        let name = &self.members[id.place].name;
        let others = match self.members.len() - 1 {
            0 => "nobody else is here".to_owned(),
            1 => "1 other is here".to_owned(),
            others => format!("{others} others are here"),
        };
        let welcome = format!("welcome, {name}: {others}; /help lists the commands");
        self.notify(id, &welcome);
    }

    /// Notifies all members of one that left (SPEC EXT-01), also during a pause. No client joins during a
    /// pause, so there are never more of these notices than there were members.
    #[inline(never)]
    pub(super) fn announce_leave(&mut self, name: &Name) {
        // The notice of the shutdown is the last one.
        if self.extensions.is_some() && !self.closed {
            self.append_notice(format!("{name} has left").as_bytes());
        }
    }

    /// Notifies all other members of a member's new name.
    pub(super) fn announce_rename(&mut self, place: usize, before: &Name) {
        let start = self.log.head();
        let notice = format!("{before} is now {}", self.members[place].name);
        let end = self.append_notice(notice.as_bytes());
        self.members[place].skip(start..end);
    }

    /// Answers a command, to the member that sent it.
    pub(super) fn answer(&mut self, place: usize, text: &str) {
        self.queue_direct(place, pair(RESERVED.as_bytes(), text.as_bytes()), Kind::Answer);
    }
}
