//! The operations: what can happen to a room and its connections.

use protocol::encode_frame;

/// One thing that happens to a room. `who` counts round the members who are there, or round the
/// connections that are open where it says so.
///
/// With `Pull` the server looks at what is next for a member and is kept from sending it for a while;
/// with `Take` a socket takes so many bytes, at most, of what it is offered. With `Serve` it asks who has
/// something for itself alone. The commands are messages to a room in base mode.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Join {
        name: usize,
    },
    Say {
        who: usize,
        length: usize,
    },
    Tell {
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
    Serve,
    Pull {
        who: usize,
    },
    /// A full socket can take more.
    Unblock {
        who: usize,
    },
    Take {
        who: usize,
        bytes: usize,
    },
    Finish {
        who: usize,
    },
    Refuse {
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
    Shut,
    /// A connection is accepted: it joins by what is fed to it.
    Connect,
    /// Bytes arrive on an open connection.
    Feed {
        who: usize,
        bytes: Vec<u8>,
    },
    /// The client of an open connection has said its last.
    End {
        who: usize,
    },
    /// An open connection is lost.
    Reset {
        who: usize,
    },
}

/// One frame as a client sends it.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_frame(payload, &mut frame);
    frame
}
