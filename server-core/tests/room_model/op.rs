//! The operations: what can happen to a room and its connections.

use protocol::encode_frame;

/// One operation on a room. `who` selects a member, modulo their number; for operations on connections it selects an
/// open connection.
///
/// After `NextBatch` the server has the next batch for a member and does not send it yet. With `Take` a socket takes at
/// most `bytes` bytes of the batch. With `NextDirect` the server asks which member is owed a direct message. In
/// base mode the commands are ordinary messages.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Join {
        name: usize,
    },
    Say {
        who: usize,
        length: usize,
    },
    Notify {
        who: usize,
        length: usize,
    },
    Nick {
        who: usize,
        name: usize,
    },
    Msg {
        who: usize,
        to: usize,
        length: usize,
    },
    /// A command that is only answered.
    Ask {
        who: usize,
        what: usize,
    },
    NextDirect,
    NextBatch {
        who: usize,
    },
    /// A full socket is writable again.
    Unblock {
        who: usize,
    },
    Take {
        who: usize,
        bytes: usize,
    },
    Drain {
        who: usize,
    },
    Reject {
        who: usize,
    },
    Abort {
        who: usize,
    },
    Leave {
        who: usize,
    },
    Wait {
        millis: u64,
    },
    Close,
    /// A connection is accepted. It joins with the bytes that arrive.
    Connect,
    /// Bytes arrive on an open connection.
    Feed {
        who: usize,
        bytes: Vec<u8>,
    },
    /// The client of an open connection sends EOF.
    Eof {
        who: usize,
    },
    /// An open connection is lost.
    Reset {
        who: usize,
    },
}

/// One frame that a client sends.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_frame(payload, &mut frame);
    frame
}
