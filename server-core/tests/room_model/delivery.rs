//! The delivery: what members are told there is, look at and take.

use std::io::{self, ErrorKind};

use server_core::Release;
use server_core::bytes::Bytes;

use super::Trial;

impl Trial {
    /// The server asks for one of those who have something for themselves alone.
    pub(super) fn serve(&mut self) {
        if let Some(id) = self.room.next_told() {
            let seat = self.slow.seats.iter_mut().find(|seat| seat.id == id);
            seat.expect("whoever is named is here").awake = true;
        }
    }

    pub(super) fn pull(&mut self, place: usize) {
        let seat = &mut self.slow.seats[place];
        if seat.pulled.is_empty() {
            let pulled = self.room.pull(seat.id, &mut seat.pulled).is_some();
            assert_eq!(seat.is_behind(), pulled);
        }
        assert!(seat.pulled.len() <= SLICES_MAX && seat.pulled.iter().all(|it| !it.is_empty()));
        let next = seat.pulled.iter().flatten().copied();
        assert!(seat.is_owed(next), "{} gets another's", seat.name);
    }

    pub(super) fn take(&mut self, place: usize, bytes: usize) {
        self.pull(place);
        let seat = &mut self.slow.seats[place];
        let slices = std::mem::take(&mut seat.pulled);
        let offered: usize = slices.iter().map(Bytes::len).sum();
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
        self.released = self.room.offered(seat.id, &slices, result) == Release::Waiters;
        if (seat.is_done() && !done) || (seat.aside_bytes() == 0 && answers > 0) {
            assert!(self.released, "{} has all that it waited for", seat.name);
        }
        self.tell_who_left();
    }
}

/// What one vectored write of the kernel accepts.
const SLICES_MAX: usize = 1024;
