//! The suite is tested with broken servers: each breaks one rule, and the row of that rule has to see it.

#[path = "broken/proxy.rs"]
mod proxy;
#[path = "broken/room.rs"]
mod room;

use conformance::memory::MemoryRoom;
use conformance::spec::{Keyword, Rule, rules};
use conformance::suite::{Plan, Verdict, run_row};
use conformance::target::Subject;

use self::proxy::TwoWritesPerPair;
use self::room::{BrokenRoom, Defect};

#[test]
fn every_defect_is_seen_by_the_rows_of_its_rule() {
    for (defect, ids) in DEFECTS.iter().chain(PROCESS_DEFECTS) {
        for id in *ids {
            let verdict = verdict(&BrokenRoom { defect: *defect }, id);
            assert!(matches!(verdict, Verdict::Fail(_)), "{defect:?} passes {id}: {verdict:?}");
        }
    }
}

#[test]
fn the_same_rows_pass_on_a_room_without_defect() {
    for id in DEFECTS.iter().flat_map(|(_, ids)| *ids) {
        let verdict = verdict(&MemoryRoom, id);
        assert!(matches!(verdict, Verdict::Pass(_)), "{id}: {verdict:?}");
    }
}

#[test]
fn pairs_in_two_writes_are_a_weakness() {
    let verdict = verdict(&TwoWritesPerPair, "RLY-06");
    assert!(matches!(verdict, Verdict::Weak(_)), "{verdict:?}");
}

/// A row that no defect can fail is no test.
#[test]
fn every_row_of_level_0_is_failed_by_some_defect() {
    let table = DEFECTS.iter().chain(PROCESS_DEFECTS).flat_map(|(_, ids)| *ids);
    let failed: Vec<&str> = table.copied().chain(["RLY-06"]).collect();
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

fn verdict(subject: &dyn Subject, id: &str) -> Verdict {
    let rules = rules();
    let rule: &Rule = rules.iter().find(|rule| rule.id == id).expect("the table names rules");
    run_row(rule, subject, PLAN).verdict
}

/// Which rows have to see which defect. Others may see it too.
const DEFECTS: &[(Defect, &[&str])] = &[
    (Defect::Banner, &["HSK-01", "RLY-01"]),
    (Defect::NamesTrimmed, &["HSK-02"]),
    (Defect::OneFramePerWrite, &["HSK-03", "SEG-04"]),
    (Defect::DiesOfUnnamed, &["HSK-04"]),
    (Defect::NamesChange, &["HSK-09"]),
    (Defect::RightJustified, &["FRM-01"]),
    (Defect::CharactersCounted, &["FRM-02", "UTF-01"]),
    (Defect::CutAt4096, &["FRM-03"]),
    (Defect::EmptyLost, &["FRM-04"]),
    (Defect::PartsDropped, &["SEG-02"]),
    (Defect::Doubled, &["RLY-01", "RLY-03", "SEG-04", "ORD-01"]),
    (Defect::ThirdLost, &["RLY-01", "SEG-04", "HSK-03", "ORD-01"]),
    (Defect::Echo, &["RLY-02"]),
    (Defect::FramesSwapped, &["RLY-03"]),
    (Defect::DiesAlone, &["RLY-04"]),
    (Defect::ControlsLost, &["RLY-05"]),
    (Defect::History, &["RLY-07"]),
    (Defect::LastWordsLost, &["RLY-08"]),
    (Defect::Reversed, &["ORD-01"]),
    (Defect::PartsInterleaved, &["ORD-02"]),
    (Defect::DiesOfGarbage, &["BAD-01"]),
    (Defect::LeaversStay, &["CLS-07"]),
    (Defect::DiesOfLeavers, &["CLS-01"]),
];

/// The same for rows that no room in memory can pass.
const PROCESS_DEFECTS: &[(Defect, &[&str])] =
    &[(Defect::FewPlaces, &["RES-05"]), (Defect::StaysDown, &["SHD-03"])];

/// Short deadlines: nothing here has to be waited for.
const PLAN: Plan = Plan { seed: 1, slack: 0.1 };
