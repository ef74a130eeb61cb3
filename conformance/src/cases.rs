//! Cases: rules that no conversation can show in full, tested by a few lines of code each.

mod close;
mod frame;
mod handshake;
mod order;
mod relay;
mod resource;

use crate::fault::Fault;
use crate::stage::Stage;

/// The test of one rule.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The rule.
    pub id: &'static str,
    /// What it takes to see it.
    pub needs: Needs,
    /// The test.
    pub run: fn(&mut Stage) -> Result<Finding, Fault>,
}

/// What it takes to see whether a rule is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A room: functions will do.
    Room,
    /// A server behind sockets.
    Sockets,
}

/// What a test found out about a server that kept the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// That it keeps it.
    Kept,
    /// And something worth knowing.
    Noted(String),
}

/// Every case, in the order of the specification.
pub const CASES: &[Case] = &[
    Case { id: "HSK-03", needs: Needs::Room, run: handshake::fifty_frames_with_the_name },
    Case { id: "HSK-04", needs: Needs::Sockets, run: handshake::sixty_leave_before_their_names },
    Case { id: "FRM-03", needs: Needs::Room, run: frame::every_size_is_exact },
    Case { id: "FRM-08", needs: Needs::Room, run: frame::spellings_accepted },
    Case { id: "SEG-02", needs: Needs::Sockets, run: frame::header_apart_from_payload },
    Case { id: "SEG-04", needs: Needs::Room, run: frame::thousand_frames_in_one_write },
    Case { id: "RLY-01", needs: Needs::Room, run: relay::each_message_once_to_each_other },
    Case { id: "RLY-04", needs: Needs::Room, run: relay::talking_to_oneself },
    Case { id: "RLY-06", needs: Needs::Sockets, run: relay::fragile_reader_stays_in_step },
    Case { id: "RLY-07", needs: Needs::Room, run: relay::newcomers_hear_no_history },
    Case { id: "RLY-08", needs: Needs::Sockets, run: relay::last_words_are_relayed },
    Case { id: "RLY-12", needs: Needs::Sockets, run: relay::idle_fragile_reader_finds_whole_pairs },
    Case { id: "ORD-01", needs: Needs::Room, run: order::each_sender_in_order },
    Case { id: "ORD-02", needs: Needs::Sockets, run: order::two_senders_never_interleave },
    Case { id: "BAD-01", needs: Needs::Room, run: frame::malformed_headers_harm_nobody },
    Case { id: "CLS-07", needs: Needs::Sockets, run: close::rejoining_fifty_times },
    Case { id: "RES-05", needs: Needs::Sockets, run: resource::fifty_connect_at_once },
    Case { id: "SHD-03", needs: Needs::Sockets, run: resource::restart_on_the_same_port },
    Case { id: "NAM-01", needs: Needs::Room, run: handshake::odd_names },
];

/// The case of a rule, if it has one.
pub fn case(id: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.id == id)
}
