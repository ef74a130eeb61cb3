use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    lab: LabArgs,
}

fn points(line: &str) -> Result<Vec<String>, String> {
    let points = parsed(line).points()?;
    Ok(points.into_iter().map(|point| point.id).collect())
}

fn parsed(line: &str) -> LabArgs {
    let line = Line::try_parse_from(["lab"].into_iter().chain(line.split_whitespace()));
    line.expect("it is a command line of the lab").lab
}

#[test]
fn the_id_of_a_point_selects_it_in_every_scale() {
    for scale in ["", "--quick", "--full"] {
        for id in ["S64/300", "W3/32", "W2/50@400", "S64/1to10", "S1024/10to100x1KiB", "ONE/9000"] {
            let line = format!("{scale} --only {}", id.to_lowercase());
            assert_eq!(Ok(vec![id.to_owned()]), points(&line), "{line}");
        }
    }
}

#[test]
fn a_workload_or_a_sweep_selects_points_of_the_scale() {
    for (line, expected) in [
        ("--only S64", &["S64/1000"][..]),
        ("--quick --only S64", &["S64/300"]),
        ("--only W2/50", &["W2/50@400", "W2/50@1600", "W2/50@6400"]),
        ("--only S64/1to10,W1,s64", &["W1", "S64/1000", "S64/1to10"]),
        ("--listeners 7", &["OWN/7x64B@1024"]),
        ("--listeners 7 --only W1", &["OWN/7x64B@1024", "W1"]),
    ] {
        assert_eq!(expected, points(line).expect("all words select points"), "{line}");
    }
    assert_eq!(Ok(8), points("--full --only S64").map(|points| points.len()));
}

#[test]
fn the_targets_are_points_of_the_full_lab_at_the_scale_of_the_usual_one() {
    let targets = points("--targets").expect("no word is unknown");
    for (workload, count) in [("S64/", 8), ("S1024/", 8), ("SIZE/", 3), ("RATE/", 3)] {
        let of_it = targets.iter().filter(|id| id.starts_with(workload));
        assert_eq!(count, of_it.count(), "{workload}");
    }
    for id in ["W1", "W4/10000", "MEM/9000", "STORM/2000", "ONE/9000"] {
        assert!(targets.iter().any(|target| target == id), "{id}");
    }
    assert_eq!(8 + 8 + 3 + 3 + 5, targets.len());
    assert_eq!(Ok(3), points("--targets --only RATE").map(|points| points.len()));
    assert_eq!(Scale::Usual, parsed("--targets").scale());
    assert_eq!(5, parsed("--targets").repeats());
}

#[test]
fn flags_keep_their_old_names_as_aliases() {
    for flags in [["--naive", "--rungs"], ["--brokers", "--peers"], ["--tutorial", "--guests"]] {
        let [new, old] = flags.map(|flag| {
            let args = parsed(flag);
            [args.naive, args.brokers, args.tutorial]
        });
        assert_eq!(new, old, "{flags:?}");
        assert_eq!(1, new.iter().filter(|is_set| **is_set).count(), "{flags:?}");
    }
}

#[test]
fn an_unknown_word_is_an_error() {
    for (line, word) in
        [("--only S64,W99", "W99"), ("--only RATE", "RATE"), ("--only S64/", "S64/")]
    {
        let error = points(line).expect_err("there is no such point");
        assert!(error.starts_with(&format!("--only {word}: ")), "{error}");
    }
}
