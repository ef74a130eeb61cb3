//! The narrow report fits a terminal of 80 columns, whatever the names and figures are.

use super::*;
use crate::lab::layout::WIDTH;
use crate::lab::plan::scale::Scale;
use crate::lab::result::metric::METRICS;
use crate::lab::result::record::{EntrantRecord, Kind, PointRecord, Run, Trace};

const NAMES: [(&str, Kind); 4] = [
    ("select", Kind::Ours),
    ("select again", Kind::Control),
    ("a-server-with-a-name-of-forty-characters", Kind::Yours),
    ("floor-blocking", Kind::Floor),
];

/// Every workload at all points of the full lab, with large figures, on separate cores.
fn full() -> Record {
    let mut record = record(&[1.0]);
    let (entrant, run) = (record.entrants.remove(0), record.runs.remove(0));
    record.cores = serde_json::from_str(r#"{"load": [3], "servers": [1, 2]}"#).unwrap();
    let of_name = |&(name, kind): &(&str, Kind)| EntrantRecord {
        name: name.into(),
        kind,
        gate: "RLY-03 FAIL, ".repeat(12),
        ..entrant.clone()
    };
    record.entrants = NAMES.iter().map(of_name).collect();
    let mut ids: Vec<(String, &str)> =
        Scale::all_points().into_iter().map(|point| (point.id, point.workload.id)).collect();
    ids.push(("OWN/10000x65536B@1048576".into(), "OWN"));
    let command = "cargo lab --server 'mine=./a server' ".repeat(5);
    record.command.clone_from(&command);
    record.points = ids
        .into_iter()
        .map(|(id, workload)| PointRecord {
            id,
            workload: workload.into(),
            command: command.clone(),
        })
        .collect();
    record.runs.clear();
    for (point, (name, _)) in record.points.iter().flat_map(|point| NAMES.map(|name| (point, name)))
    {
        for repeat in 1..=2 {
            let value = 123_456.789 * f64::from(repeat);
            let figures = METRICS.iter().map(|metric| (metric.key.to_owned(), value));
            record.runs.push(Run {
                point: point.id.clone(),
                entrant: name.into(),
                repeat,
                figures: figures.collect(),
                client_bound: Some(
                    "the load used 81 % of its core, and much more than that".into(),
                ),
                is_unsteady: true,
                ..run.clone()
            });
        }
    }
    let calls = ["clock_nanosleep", "epoll_wait"].map(|name| (name.to_owned(), 123_456.78));
    record.traces = NAMES
        .map(|(name, _)| Trace { entrant: name.into(), calls: 123_456.78, most: calls.to_vec() })
        .to_vec();
    let left = |point: &PointRecord| LeftOut {
        entrant: Some(NAMES[2].0.into()),
        point: Some(point.id.clone()),
        reason: "a reason".into(),
    };
    record.left_out = record.points.iter().map(left).collect();
    record
}

#[test]
fn every_line_has_at_most_80_columns() {
    let mut record = full();
    for cores in [record.cores.take(), None] {
        record.cores = cores;
        let text = render(&record, Form::Narrow);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        for workload in WORKLOADS {
            assert!(text.contains(&format!("\n{}: {}", workload.id, &workload.title[..8])));
        }
    }
}

#[test]
fn no_figure_and_no_name_is_broken() {
    let record = full();
    let text = render(&record, Form::Narrow);
    let count = |word: &str| text.split_whitespace().filter(|other| *other == word).count();
    // Of every workload, the ranked figure and its main time or rate; 1.5 times the lesser of two runs.
    let points = record.points.len() * NAMES.len();
    assert!(count("185185.1835") + count("185185.2") + count("185185.18") >= points, "{text}");
    assert_eq!(
        points,
        text.matches("123456.7890–246913.5780").count()
            + text.matches("123456.8–246913.6").count()
            + text.matches("123456.79–246913.58").count()
    );
    assert!(record.points.len() <= text.matches(NAMES[2].0).count());
    assert!(text.matches("1234").count() == text.matches("12345").count(), "{text}");
}

#[test]
fn the_narrow_report_has_the_main_figures_and_the_wide_one_all() {
    let mut record = record(&[1.5, 1.6]);
    for run in &mut record.runs {
        run.figures.extend([("deliveries".into(), 5e6), ("switches".into(), 7.0)]);
    }
    let narrow = render(&record, Form::Narrow);
    let row = narrow.lines().find(|line| line.starts_with("  async")).expect("it was measured");
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(["async", "2", "1.5500", "1.5000–1.6000", "5.000"], cells[..], "{narrow}");
    assert!(!narrow.contains("switches") && narrow.contains("--wide"), "{narrow}");
    let wide = render(&record, Form::Wide);
    assert!(wide.contains("switches") && !wide.contains("--wide"), "{wide}");
}
