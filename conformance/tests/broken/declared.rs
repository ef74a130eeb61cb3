//! One of our servers that runs otherwise than it declares, and which rows have to see that.

use conformance::declared::Declared;
use conformance::target::{NotStarted, Origin, Subject, Target};

use crate::{Kill, Mutant, our_server};

/// It runs without these flags.
pub(crate) struct Deaf {
    pub(crate) to: &'static [&'static str],
}

impl Subject for Deaf {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
        let kept: Vec<String> =
            flags.iter().filter(|flag| !self.to.contains(&flag.as_str())).cloned().collect();
        our_server().start(&kept)
    }

    fn origin(&self) -> Origin {
        Origin::Ours
    }

    fn declared(&self, flags: &[String]) -> Declared {
        our_server().declared(flags)
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        format!("rerun {id} {seed}")
    }
}

/// Whatever it is asked for, it runs with the flags in `really`.
pub(crate) struct Misdeclared {
    pub(crate) really: &'static [&'static str],
}

impl Subject for Misdeclared {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
        let replaced = |flag: &String| self.really.contains(&flag.as_str());
        // A flag and its value go together.
        let kept = flags.chunks(2).filter(|pair| !pair.first().is_some_and(replaced)).flatten();
        let really = self.really.iter().copied().map(String::from);
        our_server().start(&kept.cloned().chain(really).collect::<Vec<_>>())
    }

    fn origin(&self) -> Origin {
        Origin::Ours
    }

    fn declared(&self, flags: &[String]) -> Declared {
        our_server().declared(flags)
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        format!("rerun {id} {seed}")
    }
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
