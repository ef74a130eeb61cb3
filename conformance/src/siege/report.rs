//! Report: the table of all attacks, and what is needed to read it.

use std::time::Duration;

use bytesize::ByteSize;

use super::args::SiegeArgs;
use super::kind::Kind;
use super::outcome::{Outcome, Verdict};
use crate::support::console::{TableStyle, columns};
use crate::support::environment::Environment;

/// One attack, or why it has no outcome.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) server: String,
    pub(super) kind: Kind,
    pub(super) outcome: Result<Outcome, String>,
}

impl Row {
    pub(super) fn verdict(&self) -> Verdict {
        self.outcome.as_ref().map_or(Verdict::Inconclusive, Outcome::verdict)
    }
}

/// The whole report as text: framed for a terminal, plain columns elsewhere.
pub(super) fn render(rows: &[Row], args: &SiegeArgs) -> String {
    let mut lines = vec![
        format!(
            "Siege: {} honest clients, {} messages/s, beside {} hostile ones of each kind for {:?}; \
             every honest delivery checked",
            args.honest(),
            args.rate,
            args.hostile(),
            args.lasting()
        ),
        Environment::read().to_string(),
        String::new(),
    ];
    lines.push(table(rows));
    lines.extend([String::new(), "How the hostile clients' connections ended:".into()]);
    lines.extend(rows.iter().filter_map(ends));
    let remarks = rows.iter().flat_map(remarks).collect::<Vec<_>>();
    if !remarks.is_empty() {
        lines.push(String::new());
        lines.extend(remarks);
    }
    lines.extend([String::new(), summary(rows)]);
    lines.join("\n")
}

fn table(rows: &[Row]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    columns(&HEADER, &rows, 2, TableStyle::of_output())
}

fn cells(row: &Row) -> Vec<String> {
    let names = [row.server.clone(), row.kind.to_string()];
    let Ok(outcome) = &row.outcome else {
        let unknown = (0..HEADER.len() - 3).map(|_| "-".to_owned());
        return names.into_iter().chain(unknown).chain([word(row.verdict()).into()]).collect();
    };
    let counts = outcome.counts;
    let size = |bytes: Option<u64>| {
        bytes.map_or_else(|| "-".into(), |bytes| ByteSize(bytes).display().iec().to_string())
    };
    let figures = [
        outcome.connected_max.to_string(),
        counts.expected.to_string(),
        counts.received.to_string(),
        counts.lost().to_string(),
        counts.duplicated.to_string(),
        counts.reordered.to_string(),
        counts.altered.to_string(),
        millis(outcome.median),
        millis(outcome.longest),
        outcome.cpu.map_or_else(|| "-".into(), |cpu| format!("{:.2} s", cpu.as_secs_f64())),
        size(outcome.peak),
        size(outcome.memory_limit),
        word(row.verdict()).into(),
    ];
    names.into_iter().chain(figures).collect()
}

fn ends(row: &Row) -> Option<String> {
    let outcome = row.outcome.as_ref().ok()?;
    let ends = outcome.ends.iter().map(|(end, count)| format!("{count} {end}"));
    let ends = ends.collect::<Vec<_>>().join(", ");
    Some(format!("  {:<9} {:<9} {ends}", row.server, row.kind))
}

fn remarks(row: &Row) -> Vec<String> {
    let line = |remark: &String| format!("{}, {}: {remark}", row.server, row.kind);
    match &row.outcome {
        Err(reason) => vec![line(reason)],
        Ok(outcome) => outcome.harms.iter().chain(&outcome.doubts).map(line).collect(),
    }
}

fn summary(rows: &[Row]) -> String {
    let count = |wanted| rows.iter().filter(|row| row.verdict() == wanted).count();
    let [harmless, harmed, inconclusive] =
        [Verdict::Harmless, Verdict::Harmed, Verdict::Inconclusive].map(count);
    format!("{harmless} harmless, {harmed} harmed, {inconclusive} inconclusive")
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Harmless => "harmless",
        Verdict::Harmed => "HARMED",
        Verdict::Inconclusive => "inconclusive",
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", 1000.0 * time.as_secs_f64())
}

const HEADER: [&str; 15] = [
    "server",
    "kind",
    "at once",
    "expected",
    "received",
    "lost",
    "duplicated",
    "reordered",
    "altered",
    "median",
    "longest",
    "CPU",
    "peak",
    "limit",
    "verdict",
];
