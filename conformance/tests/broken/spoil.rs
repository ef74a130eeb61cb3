//! What a defect does to a pair on its way to a client.

use bytes::BytesMut;
use protocol::{Pair, encode_pair};

use crate::room::Defect;

/// The `number`th pair of a connection as a server with this defect sends it.
pub(crate) fn spoilt(defect: Defect, pair: &Pair, number: usize) -> Vec<u8> {
    let (sender, text) = (&pair.sender[..], &pair.text[..]);
    let good = encoded(sender, text);
    match defect {
        Defect::NamesTrimmed => encoded(sender.trim_ascii(), text),
        Defect::NamesCut => encoded(&sender[..sender.len().min(NAME_BYTES_KEPT)], text),
        Defect::RightJustified => {
            [&right_justified(sender)[..], sender, &right_justified(text), text].concat()
        }
        Defect::CharactersCounted => [characters(sender), characters(text)].concat(),
        Defect::JoinersLost => {
            encoded(sender, String::from_utf8_lossy(text).replace('\u{200c}', "").as_bytes())
        }
        Defect::CutAt4096 => encoded(sender, &text[..text.len().min(4096)]),
        Defect::EmptyLost if text.is_empty() => Vec::new(),
        Defect::Doubled => [&good[..], &good].concat(),
        Defect::ThirdLost if number.is_multiple_of(3) => Vec::new(),
        // Whoever joins is heard: only then can the row see anything.
        Defect::FramesSwapped if !text.starts_with(b"~") => encoded(text, sender),
        Defect::ControlsLost => {
            let kept: Vec<u8> =
                text.iter().copied().filter(|byte| !byte.is_ascii_control()).collect();
            encoded(sender, &kept)
        }
        Defect::LeaveToldTwice if is_notice(pair, "has left") => [&good[..], &good].concat(),
        Defect::LateLeaveToldTwice if number > A_WHILE && is_notice(pair, "has left") => {
            [&good[..], &good].concat()
        }
        Defect::LatePrivateDoubled if number > A_WHILE && text.starts_with(PRIVATE) => {
            [&good[..], &good].concat()
        }
        Defect::LateReportLost if number > A_WHILE && is_notice(pair, "nobody here") => Vec::new(),
        Defect::UnknownTargetSilent if is_notice(pair, "nobody here is called") => Vec::new(),
        Defect::NobodyGreeted if is_notice(pair, "welcome, ") => Vec::new(),
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

/// Puts what came together into the order of a server with this defect.
pub(crate) fn arrange(defect: Defect, batch: &mut [Vec<u8>]) {
    let holds = |pair: &[u8], text: &[u8]| pair.windows(text.len()).any(|part| part == text);
    let is_public = |pair: &Vec<u8>| !holds(pair, PRIVATE);
    match defect {
        Defect::Reversed => batch.reverse(),
        // The sorts are stable: everything else keeps its order.
        Defect::LeaveToldEarly => batch.sort_by_key(|pair| !holds(pair, b" has left")),
        Defect::JoinToldLate => batch.sort_by_key(|pair| holds(pair, b" has joined")),
        Defect::LateAsidesFirst if batch.len() <= A_WHILE => {}
        Defect::AsidesFirst | Defect::LateAsidesFirst => batch.sort_by_key(is_public),
        _ => {}
    }
}

/// What a server with this defect takes a message for.
pub(crate) fn said(defect: Defect, payload: &[u8]) -> Vec<u8> {
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

fn right_justified(payload: &[u8]) -> Vec<u8> {
    format!("{:>10}", payload.len()).into_bytes()
}

/// A frame whose header counts characters.
fn characters(payload: &[u8]) -> Vec<u8> {
    let count = String::from_utf8_lossy(payload).chars().count();
    [format!("{count:<10}").as_bytes(), payload].concat()
}

/// A pair as it stands on the wire.
pub(crate) fn encoded(sender: &[u8], text: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode_pair(sender, text, &mut bytes);
    bytes.to_vec()
}

const NAME_BYTES_KEPT: usize = 32;
/// More pairs than any conversation about the extensions has.
const A_WHILE: usize = 20;
const PRIVATE: &[u8] = b"(private) ";
