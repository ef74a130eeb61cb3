//! Memory: which rules' tests have to detect which defect of a room in memory.

use crate::defect::Defect;
use crate::proxy::Cut;
use crate::{Kill, Mutant};

pub(crate) const KILLS: &[Kill] = &[
    (
        Mutant::Memory(Defect::Banner),
        &[("HSK-01", "at `bob < ann: hello`"), ("RLY-01", "at `bob < ann: hello`")],
    ),
    (
        Mutant::Memory(Defect::NamesTrimmed),
        &[("HSK-02", "received       15        Bob  the Second2")],
    ),
    (Mutant::Memory(Defect::NamesCut), &[("HSK-02", "received       32        🦀🦀🦀🦀🦀🦀🦀🦀5")]),
    (
        Mutant::Memory(Defect::OneFramePerWrite),
        &[("HSK-03", "at `bob < ann: hello`"), ("SEG-04", "at `bob < ann: bb`")],
    ),
    (Mutant::Memory(Defect::DiesOfUnnamed), &[("HSK-04", "at `dan connects`")]),
    (Mutant::Memory(Defect::NamesChange), &[("HSK-09", "at `bob < ann: cyd`")]),
    (Mutant::Memory(Defect::RightJustified), &[("FRM-01", "received                3ann")]),
    (
        Mutant::Memory(Defect::CharactersCounted),
        &[("FRM-02", "received       3         ann4         سل")],
    ),
    (Mutant::Memory(Defect::JoinersLost), &[("UTF-01", "at `bob < \"\\u{645}")]),
    (Mutant::Memory(Defect::CutAt4096), &[("FRM-03", "received       3         ann4096")]),
    (Mutant::Memory(Defect::EmptyLost), &[("FRM-04", "at `bob < ann:`")]),
    (Mutant::Memory(Defect::PartsDropped), &[("SEG-02", "at `bob < ann: hello`")]),
    (
        Mutant::Memory(Defect::Doubled),
        &[
            ("RLY-01", "at `bob < cyd: hi`"),
            ("RLY-03", "at `cyd < bob: two`"),
            ("SEG-04", "at `bob < ann: bb`"),
            ("ORD-01", "at `bob < ann: 2`"),
            ("RLY-09", "of them twice"),
        ],
    ),
    (
        Mutant::Memory(Defect::ThirdLost),
        &[
            ("RLY-01", "at `bob < ann: hello`"),
            ("SEG-04", "at `bob < ann:`"),
            ("HSK-03", "at `bob < ann: !`"),
            ("ORD-01", "at `bob < ann: 1`"),
            ("RLY-09", "of 500 messages of member"),
        ],
    ),
    (Mutant::Memory(Defect::Echo), &[("RLY-02", "received       3         ann5         first")]),
    (
        Mutant::Memory(Defect::FramesSwapped),
        &[("RLY-03", "received       3         one3         ann")],
    ),
    (
        Mutant::Memory(Defect::DiesWithOneMember),
        &[("RLY-04", "the server does not accept a connection")],
    ),
    (
        Mutant::Memory(Defect::ControlsLost),
        &[("RLY-05", "received       3         ann8         twolines")],
    ),
    (Mutant::Memory(Defect::History), &[("RLY-07", "received       3         ann5         early")]),
    (Mutant::Memory(Defect::LastMessageLost), &[("RLY-08", "at `bob < ann: words`")]),
    (
        Mutant::Memory(Defect::Reversed),
        &[
            ("ORD-01", "received       3         ann1         5"),
            ("ORD-04", "at `cyd < ann: tea or coffee?`"),
        ],
    ),
    (
        Mutant::Memory(Defect::PartsInterleaved),
        &[("ORD-02", "received       3         bob3         cyd")],
    ),
    (Mutant::Memory(Defect::DiesOfGarbage), &[("BAD-01", "at `bob < ann: still here`")]),
    (
        Mutant::Memory(Defect::LeaversNotClosed),
        &[("CLS-07", "the server did not end ann's connection")],
    ),
    (
        Mutant::Memory(Defect::DiesOfLeavers),
        &[
            ("CLS-01", "at `bob < ann: gone?`"),
            ("CLS-03", "the server ended bob's connection before the expected pair"),
        ],
    ),
    (
        Mutant::Memory(Defect::ResetsAtTheEnd),
        &[
            ("CLS-06", "the server reset ann's connection instead of closing it with a FIN"),
            ("CLS-08", "the server reset ann's connection instead of closing it with a FIN"),
        ],
    ),
    (Mutant::Memory(Defect::RejectsSilently), &[("CLS-08", "at `ann < server: ...`")]),
    (
        Mutant::Memory(Defect::WaitsForNames),
        &[("HSK-05", "the server relays none of ann's messages, at `ann joins`")],
    ),
    (
        Mutant::Memory(Defect::SmallPool),
        &[
            ("HSK-05", "the server relays none of ann's messages"),
            ("SLO-01", "the server relays none of parked32's messages"),
        ],
    ),
    (
        Mutant::Memory(Defect::UnnamedReceive),
        &[("HSK-06", "cyd received a pair before the end of the connection")],
    ),
    (
        Mutant::Memory(Defect::HalfNamesJoin),
        &[("HSK-07", "the server did not end cyd's connection")],
    ),
    (Mutant::Memory(Defect::CutAt65536), &[("FRM-05", "received       3         ann65536")]),
    (Mutant::Memory(Defect::HeadersKept), &[("FRM-06", "a header that is not canonical")]),
    (Mutant::Memory(Defect::LenientNumbers), &[("FRM-07", "at `ann is refused`")]),
    (
        Mutant::Memory(Defect::ThirdPartsLost),
        &[
            ("SEG-01", "the server sent no further pair to bob"),
            ("SEG-03", "with a cut after byte ["),
        ],
    ),
    (
        Mutant::Memory(Defect::WaitsForFrames),
        &[("SEG-05", "at `bob < ann: hello`"), ("SLO-01", "at `bob < ann: hello`")],
    ),
    (Mutant::Memory(Defect::ShortWrites), &[("SEG-06", "the server sent bob only 8192 of")]),
    (Mutant::Memory(Defect::LastFrameWaits), &[("SEG-07", "at `bob < ann: two`")]),
    (
        Mutant::Memory(Defect::BusySendersFirst),
        &[("ORD-05", "the server delivered cyd's message after 3000 messages that ann sent later")],
    ),
    (
        Mutant::Memory(Defect::ReversedUnderLoad),
        &[
            ("ORD-01", " after its message "),
            ("ORD-03", "received the messages in another order than a member that sent none"),
        ],
    ),
    (
        Mutant::Memory(Defect::PartsInterleavedUnderLoad),
        &[("ORD-02", "received a header that is not canonical")],
    ),
    (
        Mutant::Memory(Defect::OwnOrderUnderLoad),
        &[
            ("ORD-03", "received the messages in another order than a member that sent none"),
            ("ORD-04", "cyd received an answer before its question"),
        ],
    ),
    (Mutant::Memory(Defect::PiecesDecoded), &[("UTF-04", "bob received a different pair")]),
    (
        Mutant::Memory(Defect::DiesOfBadText),
        &[("UTF-02", "at `bob joins`"), ("UTF-03", "at `bob < ann: still here`")],
    ),
    (
        Mutant::Memory(Defect::BadTextRelayed),
        &[("UTF-06", "received       3         ann4         caf\\xe9")],
    ),
    (
        Mutant::Memory(Defect::RepairedTextCutAnywhere),
        &[(
            "UTF-05",
            "at `bob < ann: 12345678901234567890123456789012345678901234567890123456789012`",
        )],
    ),
    (
        Mutant::Memory(Defect::OffendersNotClosed),
        &[
            ("BAD-02", "at `ann is refused`"),
            ("BAD-03", "at `ann is refused`"),
            ("BAD-04", "at `ann is refused`"),
        ],
    ),
    (Mutant::Memory(Defect::BufferDiscarded), &[("BAD-05", "at `bob < ann: ok`")]),
    (Mutant::Memory(Defect::BytesAfterErrorRelayed), &[("BAD-06", "at `cyd < bob: quiet here`")]),
    (Mutant::Memory(Defect::FragmentsRelayed), &[("CLS-04", "at `cyd < bob: quiet here`")]),
    (Mutant::Memory(Defect::DiesOfResets), &[("CLS-02", "at `bob < ann: one`")]),
    (
        Mutant::Memory(Defect::NamesUnchecked),
        &[
            ("NAM-03", "at `ann is refused`"),
            ("NAM-04", "at `ann is refused`"),
            ("NAM-06", "at `ann is refused`"),
        ],
    ),
    (
        Mutant::Memory(Defect::NumbersLost),
        &[("NAM-05", "at `cyd < server: ...`"), ("NAM-07", "at `cyd < server: ...`")],
    ),
    (
        Mutant::Memory(Defect::OtherServerName),
        &[("NAM-08", "a pair that is not from `server` before the end of the connection")],
    ),
    (Mutant::Memory(Defect::CommandsTaken), &[("EXT-02", "at `bob < ann: /who`")]),
    (
        Mutant::Cuts(Cut::Frames),
        &[
            ("RLY-06", "pairs in parts, which a client that reads once would lose"),
            ("RLY-12", "the server sent pair "),
        ],
    ),
    (
        Mutant::Cuts(Cut::Bytes),
        &[("RLY-06", "pairs in parts, which a client that reads once would lose")],
    ),
    (
        Mutant::Memory(Defect::TwentyConnections),
        &[
            ("RES-04", "the server does not accept a connection"),
            ("RES-05", "the server does not accept a connection"),
        ],
    ),
    (Mutant::Memory(Defect::StartsAnyway), &[("LIM-04", "the server starts with a window")]),
    (
        Mutant::Memory(Defect::FailsToStartSilently),
        &[("LIM-04", "does not name the limits that contradict each other")],
    ),
    (Mutant::Memory(Defect::RestartFails), &[("SHD-03", "address already in use")]),
    (
        Mutant::Memory(Defect::LeaveNotifiedTwice),
        &[("EXT-01", "received       6         server12        cyd has left")],
    ),
    (Mutant::Memory(Defect::LeaveNotifiedEarly), &[("EXT-01", "at `ann < cyd: bye`")]),
    (Mutant::Memory(Defect::JoinNotifiedLate), &[("EXT-01", "at `ann < server: cyd has joined`")]),
    (
        Mutant::Memory(Defect::PrivateToAll),
        &[("EXT-03", "cyd received an unexpected pair"), ("EXT-04", "at `ann < server")],
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
        &[("EXT-06", "30 members asked for the name zed, and the server named them [\"zed\"]")],
    ),
    (Mutant::Memory(Defect::NoGreeting), &[("EXT-07", "at `bob joins`")]),
    (
        Mutant::Memory(Defect::LastOfWhoLost),
        &[("EXT-08", "at `bob < server: 3 members: ann, bob, cyd`")],
    ),
    (Mutant::Memory(Defect::LastOfHelpLost), &[("EXT-09", "at `ann < server: /help tells this`")]),
    (Mutant::Memory(Defect::CommandsByPrefix), &[("EXT-10", "at `bob < ann: /whoami`")]),
    (Mutant::Memory(Defect::PrivateUnmarked), &[("EXT-11", "received       4         Zoë")]),
    (Mutant::Memory(Defect::DirectFirst), &[("ORD-06", "at `bob < ann: one`")]),
    (
        Mutant::Memory(Defect::LateLeaveNotifiedTwice),
        &[("EXT-01", "bob received other pairs about newcomer0")],
    ),
    (
        Mutant::Memory(Defect::LateReportLost),
        &[("EXT-04", "0 of 5 private messages reached bob or cyd, and the server reported 3")],
    ),
    (Mutant::Memory(Defect::LatePrivateDoubled), &[("EXT-04", "reached 2 connections")]),
    (
        Mutant::Memory(Defect::LateDirectFirst),
        &[("ORD-06", "bob did not receive `0` in its place")],
    ),
    (
        Mutant::Memory(Defect::NeverFull),
        &[
            ("EXT-12", "private messages unread, and the server reports nothing"),
            ("EXT-13", "received a different pair"),
        ],
    ),
];
