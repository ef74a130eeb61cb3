//! Which rows have to see which defect of a room in memory.

use crate::room::Defect;
use crate::{Kill, Mutant};

pub(crate) const KILLS: &[Kill] = &[
    (
        Mutant::Memory(Defect::Banner),
        &[("HSK-01", "at `bob < ann: hello`"), ("RLY-01", "at `bob < ann: hello`")],
    ),
    (
        Mutant::Memory(Defect::NamesTrimmed),
        &[("HSK-02", "got            15        Bob  the Second2")],
    ),
    (Mutant::Memory(Defect::NamesCut), &[("HSK-02", "got            32        🦀🦀🦀🦀🦀🦀🦀🦀5")]),
    (
        Mutant::Memory(Defect::OneFramePerWrite),
        &[("HSK-03", "at `bob < ann: hello`"), ("SEG-04", "at `bob < ann: bb`")],
    ),
    (Mutant::Memory(Defect::DiesOfUnnamed), &[("HSK-04", "at `dan connects`")]),
    (Mutant::Memory(Defect::NamesChange), &[("HSK-09", "at `bob < ann: cyd`")]),
    (Mutant::Memory(Defect::RightJustified), &[("FRM-01", "got                     3ann")]),
    (
        Mutant::Memory(Defect::CharactersCounted),
        &[("FRM-02", "got            3         ann4         سل")],
    ),
    (Mutant::Memory(Defect::JoinersLost), &[("UTF-01", "at `bob < \"\\u{645}")]),
    (Mutant::Memory(Defect::CutAt4096), &[("FRM-03", "got            3         ann4096")]),
    (Mutant::Memory(Defect::EmptyLost), &[("FRM-04", "at `bob < ann:`")]),
    (Mutant::Memory(Defect::PartsDropped), &[("SEG-02", "at `bob < ann: hello`")]),
    (
        Mutant::Memory(Defect::Doubled),
        &[
            ("RLY-01", "at `bob < cyd: hi`"),
            ("RLY-03", "at `cyd < bob: two`"),
            ("SEG-04", "at `bob < ann: bb`"),
            ("ORD-01", "at `bob < ann: 2`"),
        ],
    ),
    (
        Mutant::Memory(Defect::ThirdLost),
        &[
            ("RLY-01", "at `bob < ann: hello`"),
            ("SEG-04", "at `bob < ann:`"),
            ("HSK-03", "at `bob < ann: !`"),
            ("ORD-01", "at `bob < ann: 1`"),
        ],
    ),
    (Mutant::Memory(Defect::Echo), &[("RLY-02", "got            3         ann5         first")]),
    (
        Mutant::Memory(Defect::FramesSwapped),
        &[("RLY-03", "got            3         one3         ann")],
    ),
    (Mutant::Memory(Defect::DiesAlone), &[("RLY-04", "the server does not accept a connection")]),
    (
        Mutant::Memory(Defect::ControlsLost),
        &[("RLY-05", "got            3         ann8         twolines")],
    ),
    (Mutant::Memory(Defect::History), &[("RLY-07", "got            3         ann5         early")]),
    (Mutant::Memory(Defect::LastWordsLost), &[("RLY-08", "at `bob < ann: words`")]),
    (Mutant::Memory(Defect::Reversed), &[("ORD-01", "got            3         ann1         5")]),
    (
        Mutant::Memory(Defect::PartsInterleaved),
        &[("ORD-02", "got            3         bob3         cyd")],
    ),
    (Mutant::Memory(Defect::DiesOfGarbage), &[("BAD-01", "at `bob < ann: still here`")]),
    (Mutant::Memory(Defect::LeaversStay), &[("CLS-07", "ann is not closed")]),
    (Mutant::Memory(Defect::DiesOfLeavers), &[("CLS-01", "at `bob < ann: gone?`")]),
    (
        Mutant::Memory(Defect::ResetsAtTheEnd),
        &[
            ("CLS-06", "ann is reset instead of closed in order"),
            ("CLS-08", "ann is reset instead of closed in order"),
        ],
    ),
    (Mutant::TwoWrites, &[("RLY-06", "relays came in parts")]),
    (Mutant::Memory(Defect::FewPlaces), &[("RES-05", "the server does not accept a connection")]),
    (Mutant::Memory(Defect::StaysDown), &[("SHD-03", "address already in use")]),
    (
        Mutant::Memory(Defect::LeaveToldTwice),
        &[("EXT-01", "got            6         server12        cyd has left")],
    ),
    (Mutant::Memory(Defect::LeaveToldEarly), &[("EXT-01", "at `ann < cyd: bye`")]),
    (Mutant::Memory(Defect::JoinToldLate), &[("EXT-01", "at `ann < server: cyd has joined`")]),
    (
        Mutant::Memory(Defect::PrivateToAll),
        &[("EXT-03", "cyd received a pair that is not its due"), ("EXT-04", "at `ann < server")],
    ),
    (
        Mutant::Memory(Defect::UnknownTargetSilent),
        &[
            ("EXT-03", "at `ann < server: nobody here is called dan`"),
            ("EXT-04", "at `ann < server: nobody here is called bob`"),
        ],
    ),
    (Mutant::Memory(Defect::SlashesKept), &[("EXT-05", "at `bob < ann: /who`")]),
    (Mutant::Memory(Defect::NickOnlyAnswered), &[("EXT-06", "at `bob < server: ann is now Zo")]),
    (
        Mutant::Memory(Defect::NickUnchecked),
        &[("EXT-06", "30 members asked for the name zed, and are now [\"zed\"]")],
    ),
    (Mutant::Memory(Defect::NobodyGreeted), &[("EXT-07", "at `bob joins`")]),
    (
        Mutant::Memory(Defect::LastOfWhoLost),
        &[("EXT-08", "at `bob < server: 3 members: ann, bob, cyd`")],
    ),
    (Mutant::Memory(Defect::LastOfHelpLost), &[("EXT-09", "at `ann < server: /help tells this`")]),
    (Mutant::Memory(Defect::CommandsByPrefix), &[("EXT-10", "at `bob < ann: /whoami`")]),
    (Mutant::Memory(Defect::PrivateUnmarked), &[("EXT-11", "got            4         Zoë")]),
    (Mutant::Memory(Defect::AsidesFirst), &[("ORD-06", "at `bob < ann: one`")]),
    (Mutant::Memory(Defect::LateLeaveToldTwice), &[("EXT-01", "others hear otherwise of comer0")]),
    (
        Mutant::Memory(Defect::LateReportLost),
        &[("EXT-04", "of 5 private messages 0 arrive, and of 3 their sender is told")],
    ),
    (Mutant::Memory(Defect::LatePrivateDoubled), &[("EXT-04", "reaches 2 connections")]),
    (Mutant::Memory(Defect::LateAsidesFirst), &[("ORD-06", "bob does not hear `0` at its place")]),
    (
        Mutant::Memory(Defect::TakesEverything),
        &[("EXT-12", "unread, and nobody is told"), ("EXT-13", "received another pair")],
    ),
];
