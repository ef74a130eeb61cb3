//! The ends: of a member, of the room's patience, and of the room.

use std::io::ErrorKind;
use std::time::Duration;

use server_core::{CloseReason, MemberId, RESERVED, Said, Wake};

use super::Trial;

impl Trial {
    pub(super) fn finish(&mut self, place: usize, farewell: Option<&str>) {
        let seat = &mut self.slow.seats[place];
        if !std::mem::replace(&mut seat.departs, true) {
            let id = seat.id;
            self.room.drain(id, farewell);
            if let Some(farewell) = farewell {
                seat.tell(RESERVED, farewell.as_bytes());
            }
            seat.finish(self.slow.head);
            self.hang_up(id, None);
        }
    }

    pub(super) fn abort(&mut self, place: usize) {
        let id = self.slow.seats[place].id;
        let reason = CloseReason::Lost(ErrorKind::ConnectionReset);
        self.released = self.room.abort(id, &reason) == Wake::Waiters;
        assert!(self.released, "whoever was aborted may itself be waiting");
        self.leave(place, Some(reason));
    }

    /// A connection's end, for the reason the room `aborted` it if it did.
    pub(super) fn leave(&mut self, place: usize, aborted: Option<CloseReason>) {
        let seat = self.slow.seats.remove(place);
        assert_eq!(aborted.is_none(), self.room.name(seat.id).is_some());
        self.hang_up(seat.id, aborted.as_ref());
        let mut reason = CloseReason::Left;
        self.released |= self.room.leave(Some(seat.id), &mut reason) == Wake::Waiters;
        assert_eq!(aborted.unwrap_or(CloseReason::Left), reason);
        if self.settings.extensions && !self.room.is_closed() {
            let before = self.slow.head;
            self.slow.notify(None, &format!("{} has left", seat.name));
            self.unasked += self.slow.head - before;
        }
        let sent = seat.pulled.bytes();
        assert_eq!(Wake::None, self.room.advance(seat.id, &seat.pulled, Ok(sent)));
        assert_eq!(Said::Closed, self.room.hear(seat.id, b"a ghost speaks", self.now));
    }

    pub(super) fn wait(&mut self, millis: u64) {
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
            self.leave(self.place(id), Some(CloseReason::TooSlow));
            // That somebody was aborted is the caller's sign to wake whoever waits.
            self.released = true;
        }
        self.expire();
    }

    pub(super) fn close(&mut self) {
        if !self.room.is_closed() {
            self.room.close(NOTICE);
            self.slow.close(NOTICE);
            // Whoever shuts the room wakes everybody.
            self.released = true;
        }
    }
}

/// What everybody is told last.
pub(super) const NOTICE: &str = "bye";
