//! The ends: of a member, of the room's patience, and of the room.

use std::io::ErrorKind;
use std::time::Duration;

use server_core::{CloseReason, MemberId, RESERVED, Said, Wake};

use super::Trial;

impl Trial {
    pub(super) fn drain(&mut self, place: usize, farewell: Option<&str>) {
        let seat = &mut self.slow.seats[place];
        if !std::mem::replace(&mut seat.is_ending, true) {
            let id = seat.id;
            self.room.drain(id, farewell);
            if let Some(farewell) = farewell {
                seat.owe(RESERVED, farewell.as_bytes());
            }
            seat.drain(self.slow.head);
            self.drop_client(id, None);
        }
    }

    pub(super) fn abort(&mut self, place: usize) {
        let id = self.slow.seats[place].id;
        let reason = CloseReason::Lost(ErrorKind::ConnectionReset);
        self.woken = self.room.abort(id, &reason) == Wake::Waiters;
        assert!(self.woken, "the aborted member may itself be waiting");
        self.leave(place, Some(reason));
    }

    /// The end of a member; `aborted` is the reason if the room aborted it.
    pub(super) fn leave(&mut self, place: usize, aborted: Option<CloseReason>) {
        let seat = self.slow.seats.remove(place);
        assert_eq!(aborted.is_none(), self.room.name(seat.id).is_some());
        self.drop_client(seat.id, aborted.as_ref());
        let mut reason = CloseReason::Left;
        self.woken |= self.room.leave(Some(seat.id), &mut reason) == Wake::Waiters;
        assert_eq!(aborted.unwrap_or(CloseReason::Left), reason);
        if self.settings.extensions && !self.room.is_closed() {
            let before = self.slow.head;
            self.slow.notify(None, &format!("{} has left", seat.name));
            self.unasked += self.slow.head - before;
        }
        let sent = seat.batch.bytes();
        assert_eq!(Wake::None, self.room.advance(seat.id, &seat.batch, Ok(sent)));
        assert_eq!(Said::Closed, self.room.hear(seat.id, b"from a former member", self.now));
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
            // The caller of `overdue` wakes the waiters after an abort.
            self.woken = true;
        }
        self.expire();
    }

    pub(super) fn close(&mut self) {
        if !self.room.is_closed() {
            self.room.close(NOTICE);
            self.slow.close(NOTICE);
            // The caller that closes the room wakes all waiters.
            self.woken = true;
        }
    }
}

/// The last pair that members receive.
pub(super) const NOTICE: &str = "bye";
