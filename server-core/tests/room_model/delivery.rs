//! The delivery: which members are owed something, their batches, and what their sockets take.

use std::io::{self, ErrorKind};

use server_core::Wake;
use server_core::bytes::Bytes;

use super::Trial;
use crate::slow::Seat;

impl Trial {
    /// The server asks for a member that is owed a direct message.
    pub(super) fn next_direct(&mut self) {
        if let Some(id) = self.room.next_to_serve() {
            let seat = self.slow.seats.iter_mut().find(|seat| seat.id == id);
            seat.expect("the room names a member").awake = true;
        }
    }

    /// A member's full socket is writable again.
    pub(super) fn unblock(&mut self, place: usize) {
        let seat = &mut self.slow.seats[place];
        seat.full = false;
        self.room.unblock(seat.id);
    }

    pub(super) fn next_batch(&mut self, place: usize) {
        let seat = &mut self.slow.seats[place];
        if seat.batch.is_empty() {
            let has_more = self.room.next_batch(seat.id, &mut seat.batch, self.now).is_some();
            assert_eq!(seat.is_behind(), has_more);
        }
        let slices = seat.batch.slices();
        assert!(slices.len() <= SLICES_MAX && slices.iter().all(|it| !it.is_empty()));
        let next = slices.iter().flatten().copied();
        assert!(seat.is_owed(next), "{} gets bytes that it is not owed", seat.name);
        compare_writes(seat);
    }

    pub(super) fn take(&mut self, place: usize, bytes: usize) {
        self.next_batch(place);
        let seat = &mut self.slow.seats[place];
        let batch = std::mem::take(&mut seat.batch);
        let size = batch.bytes();
        if size == 0 {
            return;
        }
        let (was_drained, answers) = (seat.is_drained(), seat.direct_bytes());
        let taken = bytes.min(size);
        seat.full = taken < size;
        seat.take(taken);
        seat.awake &= seat.is_behind();
        let result =
            if taken > 0 { Ok(taken) } else { Err(io::Error::from(ErrorKind::WouldBlock)) };
        self.woken = self.room.advance(seat.id, &batch, result) == Wake::Waiters;
        if (seat.is_drained() && !was_drained) || (seat.direct_bytes() == 0 && answers > 0) {
            assert!(self.woken, "{} has everything that it waited for", seat.name);
        }
    }
}

/// Every write ends with a pair, and is small: no member takes enough here to be streaming.
fn compare_writes(seat: &Seat) {
    let mut start = 0;
    for write in seat.batch.writes() {
        let bytes: usize = write.iter().map(Bytes::len).sum();
        let end = start + bytes;
        let ends = seat.ends().filter(|pair| (start + 1..=end).contains(pair));
        let (pairs, last) = ends.fold((0, start), |(pairs, _), pair| (pairs + 1, pair));
        assert_eq!(end, last, "{} gets a write that ends inside a pair", seat.name);
        assert!(bytes <= GROUP_BYTES || pairs == 1, "{bytes} bytes with {pairs} pairs");
        start = end;
    }
    assert_eq!(start, seat.batch.bytes());
}

/// Bytes of a write with more than one pair, at most.
const GROUP_BYTES: usize = 1400;

/// Slices that the kernel accepts in one vectored write.
const SLICES_MAX: usize = 1024;
