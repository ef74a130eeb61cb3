//! The delivery: what members are told there is, look at and take.

use std::io::{self, ErrorKind};

use server_core::Wake;
use server_core::bytes::Bytes;

use super::Trial;
use crate::slow::Seat;

impl Trial {
    /// The server asks for one of those who have something for themselves alone.
    pub(super) fn serve(&mut self) {
        if let Some(id) = self.room.next_to_serve() {
            let seat = self.slow.seats.iter_mut().find(|seat| seat.id == id);
            seat.expect("whoever is named is here").awake = true;
        }
    }

    /// A member's full socket can take more.
    pub(super) fn unblock(&mut self, place: usize) {
        let seat = &mut self.slow.seats[place];
        seat.full = false;
        self.room.unblock(seat.id);
    }

    pub(super) fn next_batch(&mut self, place: usize) {
        let seat = &mut self.slow.seats[place];
        if seat.pulled.is_empty() {
            let pulled = self.room.next_batch(seat.id, &mut seat.pulled, self.now).is_some();
            assert_eq!(seat.is_behind(), pulled);
        }
        let slices = seat.pulled.slices();
        assert!(slices.len() <= SLICES_MAX && slices.iter().all(|it| !it.is_empty()));
        let next = slices.iter().flatten().copied();
        assert!(seat.is_owed(next), "{} gets another's", seat.name);
        compare_writes(seat);
    }

    pub(super) fn take(&mut self, place: usize, bytes: usize) {
        self.next_batch(place);
        let seat = &mut self.slow.seats[place];
        let offer = std::mem::take(&mut seat.pulled);
        let offered = offer.bytes();
        if offered == 0 {
            return;
        }
        let (done, answers) = (seat.is_drained(), seat.direct_bytes());
        let taken = bytes.min(offered);
        seat.full = taken < offered;
        seat.take(taken);
        seat.awake &= seat.is_behind();
        let result =
            if taken > 0 { Ok(taken) } else { Err(io::Error::from(ErrorKind::WouldBlock)) };
        self.released = self.room.advance(seat.id, &offer, result) == Wake::Waiters;
        if (seat.is_drained() && !done) || (seat.direct_bytes() == 0 && answers > 0) {
            assert!(self.released, "{} has all that it waited for", seat.name);
        }
    }
}

/// Nobody takes enough here to be given more at a time.
fn compare_writes(seat: &Seat) {
    let mut start = 0;
    for write in seat.pulled.writes() {
        let bytes: usize = write.iter().map(Bytes::len).sum();
        let end = start + bytes;
        let ends = seat.ends().filter(|pair| (start + 1..=end).contains(pair));
        let (pairs, last) = ends.fold((0, start), |(pairs, _), pair| (pairs + 1, pair));
        assert_eq!(end, last, "{} gets a write that ends inside a pair", seat.name);
        assert!(bytes <= GROUP_BYTES || pairs == 1, "{bytes} bytes with {pairs} pairs");
        start = end;
    }
    assert_eq!(start, seat.pulled.bytes());
}

/// Larger writes are single pairs.
const GROUP_BYTES: usize = 1400;

/// What one vectored write of the kernel accepts.
const SLICES_MAX: usize = 1024;
