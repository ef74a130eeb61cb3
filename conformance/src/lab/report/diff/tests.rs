use std::path::Path;

use super::*;
use crate::lab::result::record::tests::record;

#[test]
fn a_record_does_not_differ_from_itself() {
    let record = record(&[1.0, 1.1, 1.05]);
    let comparison = compare(&record, &record);
    assert_eq!(Vec::<Change>::new(), comparison.changes);
    assert_eq!(3, comparison.within_noise, "three entrants, one figure");
}

#[test]
fn a_change_beyond_the_noise_is_listed() {
    let (before, after) = (record(&[1.0, 1.05, 1.1]), record(&[1.5, 1.55, 1.6]));
    let [change] = &compare(&before, &after).changes[..] else { panic!("one changed") };
    assert_eq!(("S64/1000", "async", "cpu_us"), (&*change.point, &*change.entrant, change.metric));
    assert!(change.is_worse());
    assert!(!compare(&after, &before).changes[0].is_worse());
    let text = render(&compare(&before, &after));
    assert!(text.contains("worse") && text.contains("+47.6"), "{text}");
    assert!(text.ends_with("beyond the noise: 1; within the noise: 2"), "{text}");
}

#[test]
fn a_change_within_the_noise_is_not_listed() {
    // The noise is 10 %.
    for after in [&[1.08, 1.09, 1.1][..], &[1.05, 1.2, 1.3]] {
        let comparison = compare(&record(&[1.0, 1.0, 1.05]), &record(after));
        assert!(comparison.changes.is_empty(), "{comparison:?}");
    }
}

#[test]
fn a_cell_that_has_become_void_is_worse_and_has_no_figures() {
    let (before, mut after) = (record(&[1.0, 1.0]), record(&[9.0, 9.0]));
    after.runs.last_mut().unwrap().void = Some("message 7 was lost".into());
    let comparison = compare(&before, &after);
    assert!(comparison.changes.is_empty(), "{comparison:?}");
    assert_eq!(["S64/1000: async: message 7 was lost"], comparison.void[..]);
    assert!(render(&comparison).contains("now void: S64/1000: async"));
    assert!(compare(&after, &before).void.is_empty(), "it was void before");
}

#[test]
fn nothing_is_compared_without_a_control() {
    let mut alone = record(&[1.0]);
    alone.runs.retain(|run| run.entrant != "select again");
    let comparison = compare(&alone, &record(&[9.0]));
    assert!(comparison.changes.is_empty() && comparison.not_compared > 0, "{comparison:?}");
}

#[test]
fn reports_of_other_machines_and_scales_are_rejected() {
    let one = record(&[1.0]);
    assert_eq!(Vec::<String>::new(), obstacles(&one, &one));
    let mut other = one.clone();
    other.environment.cores += 1;
    other.scale = "full".into();
    let found = obstacles(&one, &other);
    assert_eq!(2, found.len(), "{found:?}");
    assert!(found[0].starts_with("cores: "), "{found:?}");
}

#[test]
fn an_unreadable_report_is_an_error_with_advice() {
    let parse = |text: &str| Record::parse(text, Path::new("a.json")).unwrap_err().to_string();
    assert!(parse("no JSON").contains("a.json is no lab.json"));
    assert!(parse("{}").contains("it has no format number"));
    assert!(parse("{\"format\": 1}").contains("missing field"));
    assert!(parse("{\"format\": 99}").contains("has format 99, but this program reads format 1"));
}
