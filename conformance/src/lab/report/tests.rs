use super::*;
use crate::lab::result::record::LeftOut;
use crate::lab::result::record::tests::record;

fn row<'a>(text: &'a str, entrant: &str) -> Vec<&'a str> {
    let is_row = |line: &&str| line.trim_start().starts_with("S64/1000");
    let mut rows = text.lines().filter(is_row).map(|line| line.split_whitespace().collect());
    rows.find(|row: &Vec<&str>| row[1] == entrant && row[2] != "again").expect("it was measured")
}

#[test]
fn the_median_and_the_range_are_shown_with_the_rank() {
    let text = render(&record(&[3.0, 1.5, 2.0]), TableStyle::Plain);
    assert_eq!(["async", "2", "2.0000", "1.5000–3.0000"], row(&text, "async")[1..5]);
    assert_eq!(["select", "1", "1.0000"], row(&text, "select")[1..4]);
    assert!(text.contains("noise 10 %"), "{text}");
}

#[test]
fn a_difference_inside_the_noise_is_a_tie() {
    let text = render(&record(&[1.05, 1.05]), TableStyle::Plain);
    assert_eq!(["async", "1", "tie"], row(&text, "async")[1..4]);
    assert_eq!(["select", "1", "tie"], row(&text, "select")[1..4]);
}

#[test]
fn identical_servers_share_a_rank() {
    // The control's very runs, entered under a name that is ranked.
    let text = render(&record(&[1.05, 1.1]), TableStyle::Plain);
    for entrant in ["select", "async"] {
        assert_eq!(["1", "tie"], row(&text, entrant)[2..4], "{text}");
    }
}

#[test]
fn times_and_rates_are_ranked_only_on_cores_apart() {
    let mut record = record(&[1.5, 1.5]);
    for run in &mut record.runs {
        // Who costs more here is the faster one.
        let rate = run.figures["cpu_us"] * 1e6;
        run.figures.insert("deliveries".into(), rate);
    }
    let shared = render(&record, TableStyle::Plain);
    assert_eq!(["async", "2", "1.5000"], row(&shared, "async")[1..4]);
    assert!(shared.contains("Shared cores") && !shared.contains("time rank"), "{shared}");
    record.cores = serde_json::from_str(r#"{"load": [3], "servers": [1, 2]}"#).unwrap();
    let apart = render(&record, TableStyle::Plain);
    assert_eq!(["async", "2", "1", "1.5000"], row(&apart, "async")[1..5]);
    assert_eq!(["select", "1", "2", "1.0000"], row(&apart, "select")[1..5]);
    assert!(apart.contains("the load on 3, servers on 1, 2"), "{apart}");
    assert!(apart.contains("S64/1000: noise 10 % in M deliveries/s"), "{apart}");
}

#[test]
fn behind_the_range_stands_how_many_times_the_floors_it_is() {
    let mut record = record(&[1.5, 2.5]);
    assert!(!render(&record, TableStyle::Plain).contains("× floor"));
    let mut floor = record.entrants[0].clone();
    (floor.name, floor.kind) = ("floor".into(), crate::lab::result::record::Kind::Floor);
    record.entrants.push(floor);
    let of_async = record.runs.iter().filter(|run| run.entrant == "async");
    let of_floor = of_async.map(|run| {
        let mut run = run.clone();
        run.entrant = "floor".into();
        run.figures.insert("cpu_us".into(), 1.0);
        run
    });
    let of_floor: Vec<_> = of_floor.collect();
    record.runs.extend(of_floor);
    let text = render(&record, TableStyle::Plain);
    assert_eq!(["2.0000", "1.5000–2.5000", "2.00"], row(&text, "async")[3..6]);
    assert_eq!(["1.0000", "1.0000–1.0000", "1.00"], row(&text, "floor")[3..6]);
    assert!(text.contains("× floor: the figure before it"), "{text}");
    record.runs.iter_mut().find(|run| run.entrant == "async").unwrap().void = Some("lost".into());
    assert_eq!(["void", "-", "-", "-"], row(&render(&record, TableStyle::Plain), "async")[2..6]);
}

#[test]
fn a_loss_voids_the_cell_in_its_own_words() {
    let mut record = record(&[1.5, 1.6]);
    record.runs.last_mut().unwrap().void = Some("listener 3: message 7 was lost".into());
    let text = render(&record, TableStyle::Plain);
    assert_eq!(["async", "void", "-", "-"], row(&text, "async")[1..5]);
    assert!(text.contains("S64/1000: async: listener 3: message 7 was lost"), "{text}");
}

#[test]
fn whoever_the_load_held_back_is_not_ranked() {
    let mut record = record(&[0.5, 0.5, 0.5]);
    let of_async = record.runs.iter_mut().filter(|run| run.entrant == "async");
    of_async.take(2).for_each(|run| run.client_bound = Some("the load was busy".into()));
    let text = render(&record, TableStyle::Plain);
    assert_eq!(["async", "o", "0.5000"], row(&text, "async")[1..4]);
    assert_eq!(["select", "1"], row(&text, "select")[1..3]);
    assert!(text.contains("S64/1000: async: o, client-bound: the load was busy"), "{text}");
}

#[test]
fn what_is_left_out_is_named_with_its_reason() {
    let mut record = record(&[1.0]);
    let left = |entrant: Option<&str>, point: Option<&str>, reason: &str| LeftOut {
        entrant: entrant.map(String::from),
        point: point.map(String::from),
        reason: reason.into(),
    };
    record.left_out.extend([
        left(Some("mine"), Some("W7/1MiB"), "it takes flags"),
        left(Some("mine"), Some("W7/2MiB"), "it takes flags"),
        left(None, Some("MEM/9000"), "too many files"),
        left(None, None, "redis: it is not installed"),
    ]);
    let text = render(&record, TableStyle::Plain);
    for line in [
        "  W7/1MiB, W7/2MiB – mine: it takes flags",
        "  MEM/9000 – everybody: too many files",
        "  redis: it is not installed",
    ] {
        assert!(text.lines().any(|other| other == line), "{line:?} is missing:\n{text}");
    }
}

#[test]
fn whoever_was_measured_nowhere_is_no_entrant_unless_it_broke_a_rule() {
    let mut record = record(&[]);
    let is_listed = |record: &Record| {
        let text = render(record, TableStyle::Plain);
        text.lines().any(|line| line.trim_start().starts_with("async"))
    };
    assert!(!is_listed(&record));
    record.entrants[1].is_broken = true;
    assert!(is_listed(&record));
}

#[test]
fn what_is_alike_is_told_once_and_what_differs_in_its_row() {
    let mut record = record(&[1.0]);
    for (entrant, writes) in record.entrants.iter_mut().zip(["one", "two", "one"]) {
        entrant.manifest.push(("writes".into(), writes.into()));
    }
    record.entrants[2].kind = crate::lab::result::record::Kind::Yours;
    let text = render(&record, TableStyle::Plain);
    let told = |words: &str| text.matches(words).count();
    assert!(text.contains("All that are of this project: version: 1\n"), "{text}");
    assert_eq!((2, 2, 1), (told("version: 1"), told("writes: one"), told("writes: two")), "{text}");
}

#[test]
fn every_run_is_listed_in_its_order() {
    let text = all_runs(&record(&[1.5]));
    let order: Vec<&str> =
        text.lines().skip(1).map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!("S64/1000 select 1", order[0]);
    assert_eq!("S64/1000 async 1", order[4]);
}
