use super::*;

/// A record of one point: `select` and its control, with 10 % noise, and `async` with these runs.
pub(crate) fn record(of_async: &[f64]) -> Record {
    let entrant = |name: &str, kind| EntrantRecord {
        name: name.into(),
        kind,
        gate: "kept".into(),
        is_broken: false,
        manifest: vec![("version".into(), "1".into())],
    };
    let run = |entrant: &str, repeat: u32, value: f64| Run {
        point: "S64/1000".into(),
        entrant: entrant.into(),
        repeat,
        figures: [("cpu_us".to_owned(), value)].into(),
        void: None,
        client_bound: None,
        is_unsteady: false,
    };
    let mut runs = vec![run("select", 1, 1.0), run("select again", 1, 1.05)];
    runs.extend([run("select again", 2, 1.1), run("select", 2, 1.0)]);
    runs.extend(of_async.iter().zip(1..).map(|(value, repeat)| run("async", repeat, *value)));
    Record {
        format: FORMAT,
        started: "2026-01-01T00:00:00Z".into(),
        command: "cargo lab".into(),
        seed: 7,
        scale: "usual".into(),
        repeats: 3,
        is_interrupted: false,
        environment: Environment::read(),
        cores: None,
        entrants: vec![
            entrant("select", Kind::Ours),
            entrant("async", Kind::Ours),
            entrant("select again", Kind::Control),
        ],
        points: vec![PointRecord {
            id: "S64/1000".into(),
            workload: "S64".into(),
            command: "cargo lab --only S64/1000".into(),
        }],
        left_out: Vec::new(),
        runs,
        traces: Vec::new(),
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let written = record(&[1.0, 2.5]);
    let read = Record::parse(&written.to_json(), Path::new("lab.json")).unwrap();
    assert_eq!(written, read);
    assert_eq!(vec![1.0, 2.5], read.values("S64/1000", "async", "cpu_us"));
    assert_eq!(Some(("select", "select again")), read.twins());
}

#[test]
fn names_of_older_reports_are_read() {
    let written = record(&[1.0]);
    let older = written.to_json();
    let older = older.replace("\"kind\": \"control\"", "\"kind\": \"again\"");
    let older = older.replace("\"command\": \"cargo lab --only", "\"again\": \"cargo lab --only");
    assert!(older.contains("\"kind\": \"again\"") && older.contains("\"again\": \"cargo"));
    assert_eq!(written, Record::parse(&older, Path::new("lab.json")).unwrap());
}

#[test]
fn void_runs_have_no_figures() {
    let mut record = record(&[1.0, 2.5]);
    record.runs.last_mut().unwrap().void = Some("lost".into());
    assert_eq!(vec![1.0], record.values("S64/1000", "async", "cpu_us"));
}
