//! One of our servers that runs otherwise than it declares, and which rows have to see that.

use conformance::target::Subject;

use crate::altered::Altered;
use crate::{Kill, Mutant, our_server};

/// It runs without these flags.
pub(crate) fn deaf(to: &'static [&'static str]) -> impl Subject {
    Altered(move |flags: &[String]| {
        let heard = |flag: &&String| !to.contains(&flag.as_str());
        our_server().start(&flags.iter().filter(heard).cloned().collect::<Vec<_>>())
    })
}

/// Whatever it is asked for, it runs with these flags.
pub(crate) fn misdeclared(really: &'static [&'static str]) -> impl Subject {
    Altered(move |flags: &[String]| {
        let replaced = |flag: &String| really.contains(&flag.as_str());
        // A flag and its value go together.
        let kept = flags.chunks(2).filter(|pair| !pair.first().is_some_and(replaced)).flatten();
        let really = really.iter().copied().map(String::from);
        our_server().start(&kept.cloned().chain(really).collect::<Vec<_>>())
    })
}

pub(crate) const KILLS: &[Kill] = &[
    (Mutant::Deaf(&["--console"]), &[("EXT-14", "received nothing more for")]),
    (Mutant::Declares(&["--name-timeout", "1h"]), &[("HSK-08", "silent is not closed")]),
    (Mutant::Declares(&["--frame-timeout", "1h"]), &[("SLO-02", "header is not closed")]),
    (
        Mutant::Declares(&["--patience", "1h"]),
        &[
            ("BPR-01", "the room stood still"),
            ("BPR-05", "the room stood still"),
            ("BPR-08", "the room stood still"),
            ("BPR-09", "a member that does not read its answers is waited for"),
        ],
    ),
    (Mutant::Declares(&["--patience", "1ms"]), &[("BPR-07", "was closed after")]),
    (Mutant::Declares(&["--max-clients", "100"]), &[("RES-09", "late is not closed")]),
    (
        Mutant::Declares(&["--grace", "1h"]),
        &[("SHD-02", "the server has not ended in the declared time")],
    ),
    (Mutant::Declares(&["--max-message", "1KiB"]), &[("LIM-02", "at `ann is refused`")]),
    (
        Mutant::Declares(&["--max-name", "128"]),
        &[("LIM-02", "at `cyd is refused`"), ("LIM-03", "at `ann is refused`")],
    ),
    (
        Mutant::Declares(&["--relay", "others"]),
        &[("RLY-10", "at `ann < ann: hello`"), ("RLY-11", "at `ann < ann: hello`")],
    ),
];
