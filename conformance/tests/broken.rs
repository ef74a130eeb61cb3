//! The suite is tested with broken servers: each breaks one rule, and the row of that rule has to see it.

#[path = "broken/proxy.rs"]
mod proxy;
#[path = "broken/room.rs"]
mod room;
#[path = "broken/spoil.rs"]
mod spoil;

use conformance::failure::Failure;
use conformance::memory::MemoryRoom;
use conformance::spec::{Keyword, Rule, rules};
use conformance::suite::{Plan, Verdict, run_row};
use conformance::target::Subject;

use self::proxy::TwoWritesPerPair;
use self::room::{BrokenRoom, Defect};

#[test]
fn every_defect_is_seen_by_the_rows_of_its_rule() {
    for (defect, ids) in DEFECTS.iter().chain(PROCESS_DEFECTS) {
        for (id, expected) in *ids {
            let verdict = verdict(&BrokenRoom { defect: *defect }, id);
            let Verdict::Fail(failure) = verdict else {
                panic!("{defect:?} passes {id}: {verdict:?}")
            };
            let said = what_happened(&failure);
            assert!(said.contains(expected), "{defect:?}, {id}: `{expected}` is not in\n{said}");
        }
    }
}

#[test]
fn the_same_rows_pass_on_a_room_without_defect() {
    for (id, _) in DEFECTS.iter().flat_map(|(_, ids)| *ids) {
        let verdict = verdict(&MemoryRoom, id);
        assert!(matches!(verdict, Verdict::Pass(_)), "{id}: {verdict:?}");
    }
}

#[test]
fn pairs_in_two_writes_are_a_weakness() {
    for id in ["RLY-06", "RLY-12"] {
        let verdict = verdict(&TwoWritesPerPair, id);
        assert!(matches!(verdict, Verdict::Weak(_)), "{id}: {verdict:?}");
    }
}

/// A row that no defect can fail is no test.
#[test]
fn every_row_of_level_0_is_failed_by_some_defect() {
    let table = DEFECTS.iter().chain(PROCESS_DEFECTS).flat_map(|(_, ids)| *ids);
    let failed: Vec<&str> = table.map(|(id, _)| *id).chain(["RLY-06"]).collect();
    let binding = |rule: &Rule| matches!(rule.keyword, Keyword::Must | Keyword::Should);
    for rule in rules().iter().filter(|rule| rule.level == 0 && binding(rule)) {
        assert!(failed.contains(&&*rule.id), "{} is failed by nothing", rule.id);
    }
}

#[test]
fn a_failure_tells_everything_there_is_to_know() {
    let Verdict::Fail(failure) = verdict(&BrokenRoom { defect: Defect::Echo }, "RLY-02") else {
        panic!("an echo passes")
    };
    let text = failure.to_string();
    for part in [
        "RLY-02: A sender MUST NOT",
        "got            3         ann5         first",
        "likely cause   the sender is left out",
        "ann      >> 5         first",
        "seed           1",
        "again with     rerun RLY-02 1",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

/// The part of a report that is about the server: neither the rule nor its likely cause.
fn what_happened(failure: &Failure) -> String {
    let report = failure.to_string();
    let (_, happened) = report.split_once("  what happened  ").expect("every report has it");
    happened.split("  likely cause").next().unwrap_or_default().into()
}

fn verdict(subject: &dyn Subject, id: &str) -> Verdict {
    let rules = rules();
    let rule: &Rule = rules.iter().find(|rule| rule.id == id).expect("the table names rules");
    run_row(rule, subject, PLAN).verdict
}

/// Which rows have to see which defect, and what they have to say of it: a defect that ends a row before
/// its rule is tried has not been seen. Others may see it too.
const DEFECTS: &[(Defect, &[(&str, &str)])] = &[
    (Defect::Banner, &[("HSK-01", "at `bob < ann: hello`"), ("RLY-01", "at `bob < ann: hello`")]),
    (Defect::NamesTrimmed, &[("HSK-02", "got            15        Bob  the Second2")]),
    (Defect::NamesCut, &[("HSK-02", "got            32        🦀🦀🦀🦀🦀🦀🦀🦀5")]),
    (
        Defect::OneFramePerWrite,
        &[("HSK-03", "at `bob < ann: hello`"), ("SEG-04", "at `bob < ann: bb`")],
    ),
    (Defect::DiesOfUnnamed, &[("HSK-04", "at `dan connects`")]),
    (Defect::NamesChange, &[("HSK-09", "at `bob < ann: cyd`")]),
    (Defect::RightJustified, &[("FRM-01", "got                     3ann")]),
    (Defect::CharactersCounted, &[("FRM-02", "got            3         ann4         سل")]),
    (Defect::JoinersLost, &[("UTF-01", "at `bob < \"\\u{645}")]),
    (Defect::CutAt4096, &[("FRM-03", "got            3         ann4096")]),
    (Defect::EmptyLost, &[("FRM-04", "at `bob < ann:`")]),
    (Defect::PartsDropped, &[("SEG-02", "at `bob < ann: hello`")]),
    (
        Defect::Doubled,
        &[
            ("RLY-01", "at `bob < cyd: hi`"),
            ("RLY-03", "at `cyd < bob: two`"),
            ("SEG-04", "at `bob < ann: bb`"),
            ("ORD-01", "at `bob < ann: 2`"),
        ],
    ),
    (
        Defect::ThirdLost,
        &[
            ("RLY-01", "at `bob < ann: hello`"),
            ("SEG-04", "at `bob < ann:`"),
            ("HSK-03", "at `bob < ann: !`"),
            ("ORD-01", "at `bob < ann: 1`"),
        ],
    ),
    (Defect::Echo, &[("RLY-02", "got            3         ann5         first")]),
    (Defect::FramesSwapped, &[("RLY-03", "got            3         one3         ann")]),
    (Defect::DiesAlone, &[("RLY-04", "the server does not accept a connection")]),
    (Defect::ControlsLost, &[("RLY-05", "got            3         ann8         twolines")]),
    (Defect::History, &[("RLY-07", "got            3         ann5         early")]),
    (Defect::LastWordsLost, &[("RLY-08", "at `bob < ann: words`")]),
    (Defect::Reversed, &[("ORD-01", "got            3         ann1         5")]),
    (Defect::PartsInterleaved, &[("ORD-02", "got            3         bob3         cyd")]),
    (Defect::DiesOfGarbage, &[("BAD-01", "at `bob < ann: still here`")]),
    (Defect::LeaversStay, &[("CLS-07", "ann is not closed")]),
    (Defect::DiesOfLeavers, &[("CLS-01", "at `bob < ann: gone?`")]),
    (
        Defect::ResetsAtTheEnd,
        &[
            ("CLS-06", "ann is reset instead of closed in order"),
            ("CLS-08", "ann is reset instead of closed in order"),
        ],
    ),
];

/// The same for rows that no room in memory can pass.
const PROCESS_DEFECTS: &[(Defect, &[(&str, &str)])] = &[
    (Defect::FewPlaces, &[("RES-05", "the server does not accept a connection")]),
    (Defect::StaysDown, &[("SHD-03", "address already in use")]),
];

/// Short deadlines: nothing here has to be waited for.
const PLAN: Plan = Plan { seed: 1, slack: 0.1 };
