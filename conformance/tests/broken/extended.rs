//! Extended: the defects of the extensions.

use protocol::Pair;

use crate::corrupt::encoded;
use crate::defect::Defect;

/// The `number`th pair of a connection as a server with this defect sends it. `good` is the correct
/// pair.
pub(crate) fn corrupt_extension_pair(
    defect: Defect,
    pair: &Pair,
    number: usize,
    good: Vec<u8>,
) -> Vec<u8> {
    let (sender, text) = (&pair.sender[..], &pair.text[..]);
    match defect {
        Defect::LeaveNotifiedTwice if is_notice(pair, "has left") => [&good[..], &good].concat(),
        Defect::LateLeaveNotifiedTwice if number > LATE_PAIRS && is_notice(pair, "has left") => {
            [&good[..], &good].concat()
        }
        Defect::LatePrivateDoubled if number > LATE_PAIRS && text.starts_with(PRIVATE) => {
            [&good[..], &good].concat()
        }
        Defect::LateReportLost if number > LATE_PAIRS && is_notice(pair, "nobody here") => {
            Vec::new()
        }
        Defect::UnknownTargetSilent if is_notice(pair, "nobody here is called") => Vec::new(),
        Defect::NoGreeting if is_notice(pair, "welcome, ") => Vec::new(),
        Defect::LastOfHelpLost if text == b"/help tells this" => Vec::new(),
        Defect::LastOfWhoLost if is_notice(pair, "members: ") => {
            encoded(sender, text.rsplit(|byte| *byte == b',').next_back().unwrap_or_default())
        }
        Defect::PrivateUnmarked => encoded(sender, text.strip_prefix(PRIVATE).unwrap_or(text)),
        Defect::NickUnchecked if is_notice(pair, "you are now zed") => {
            encoded(sender, b"you are now zed")
        }
        _ => good,
    }
}

/// Brings the pairs of one batch into the order in which a server with this defect sends them.
pub(crate) fn reorder_notices(defect: Defect, batch: &mut [Vec<u8>]) {
    let holds = |pair: &[u8], text: &[u8]| pair.windows(text.len()).any(|part| part == text);
    let is_public = |pair: &Vec<u8>| !holds(pair, PRIVATE);
    match defect {
        // The sorts are stable, so all other pairs keep their order.
        Defect::LeaveNotifiedEarly => batch.sort_by_key(|pair| !holds(pair, b" has left")),
        Defect::JoinNotifiedLate => batch.sort_by_key(|pair| holds(pair, b" has joined")),
        Defect::LateDirectFirst if batch.len() <= LATE_PAIRS => {}
        Defect::DirectFirst | Defect::LateDirectFirst => batch.sort_by_key(is_public),
        _ => {}
    }
}

/// The message that a server with this defect reads from a payload.
pub(crate) fn reinterpret(defect: Defect, payload: &[u8]) -> Vec<u8> {
    match defect {
        Defect::SlashesKept if payload.starts_with(b"//") => [b"/", payload].concat(),
        Defect::CommandsByPrefix if payload.starts_with(b"/who") => b"/who".to_vec(),
        Defect::PrivateToAll if payload.starts_with(b"/msg bob ") => {
            [PRIVATE, &payload[9..]].concat()
        }
        _ => payload.to_vec(),
    }
}

fn is_notice(pair: &Pair, words: &str) -> bool {
    pair.sender == "server" && String::from_utf8_lossy(&pair.text).contains(words)
}

/// More pairs than any conversation about the extensions has.
const LATE_PAIRS: usize = 20;
const PRIVATE: &[u8] = b"(private) ";
