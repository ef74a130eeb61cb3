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
        _ => good,
    }
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
