//! Extensions: what the room says by itself when they are switched on.

use protocol::{Name, pair};

use super::{MemberId, Room};
use crate::member::Kind;
use crate::names::RESERVED;
use crate::settings::Settings;

/// What a room with extensions knows beyond one in base mode.
#[derive(Debug)]
pub(super) struct Extensions {
    /// Longest text of a message, in bytes.
    pub(super) max_message: usize,
    /// Longest name that can be chosen, in bytes.
    pub(super) max_name: usize,
}

impl Extensions {
    pub(super) fn new(settings: &Settings) -> Self {
        let Settings { max_message, max_name, .. } = *settings;
        Self { max_message, max_name }
    }
}

// Nothing here is inlined, so that a parked thread's stack holds nothing of it (see `carry_out_command`).
impl<H: Clone> Room<H> {
    /// Tells everybody of a newcomer, which is not in the room yet (SPEC EXT-01).
    #[inline(never)]
    pub(super) fn announce_join(&mut self, name: &Name) {
        if self.extensions.is_some() {
            self.append_notice(format!("{name} has joined").as_bytes());
        }
    }

    /// The first that a newcomer gets (SPEC EXT-07).
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
        self.tell(id, &welcome);
    }

    /// Tells everybody that somebody has left (SPEC EXT-01), also while the room is paused: nobody joins meanwhile,
    /// so there are never more of these notices than there were members.
    #[inline(never)]
    pub(super) fn announce_leave(&mut self, name: &Name) {
        // After the notice of the shutdown nobody is told anything.
        if self.extensions.is_some() && !self.closed {
            self.append_notice(format!("{name} has left").as_bytes());
        }
    }

    /// Tells everybody else that a member has another name now.
    pub(super) fn announce_rename(&mut self, place: usize, before: &Name) {
        let start = self.log.head();
        let notice = format!("{before} is now {}", self.members[place].name);
        let end = self.append_notice(notice.as_bytes());
        self.members[place].skip_range(start..end);
    }

    /// Answers a member's own command, to it alone.
    pub(super) fn answer(&mut self, place: usize, text: &str) {
        self.queue_direct(place, pair(RESERVED.as_bytes(), text.as_bytes()), Kind::Answer);
    }
}
