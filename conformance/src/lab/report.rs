//! Report: the table of what was found, and what has to be known to read it.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};

use comfy_table::{CellAlignment, Table, presets};

use super::args::LabArgs;
use super::environment::Environment;
use super::trial::{Figures, TrialError, float};

/// One server's repeats, or why it has none.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) outcome: Result<Vec<Figures>, String>,
}

impl Row {
    /// Adds what a trial finds, unless an earlier one failed already.
    pub(super) fn add(&mut self, trial: impl FnOnce() -> Result<Figures, TrialError>) {
        if let Ok(figures) = &mut self.outcome {
            match trial() {
                Ok(found) => figures.push(found),
                Err(error) => self.outcome = Err(error.to_string()),
            }
        }
    }
}

/// The whole report as text: framed for a terminal, plain columns elsewhere.
pub(super) fn render(rows: &[Row], environment: &Environment, args: &LabArgs) -> String {
    let mut text = format!(
        "Fan-out, 1 speaker to {} listeners, {} B, at most {} messages in flight; \
         every delivery checked; median of {}\n{environment}\n\n",
        args.listeners, args.size, args.in_flight, args.repeats
    );
    text += &table(rows).lines().fold(String::new(), |text, line| text + line.trim_end() + "\n");
    for note in notes(rows, environment) {
        // Writing to a string cannot fail.
        writeln!(text, "{note}").expect("a string takes any text");
    }
    write!(text, "\nA quick look, not for quoting. Again: {}", args.command())
        .expect("a string takes any text");
    text
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    let is_framed = io::stdout().is_terminal();
    table.load_style(if is_framed { presets::UTF8_FULL_CONDENSED } else { presets::NOTHING });
    table.set_header(HEADER);
    for row in rows {
        table.add_row(match &row.outcome {
            Ok(figures) => cells(&row.name, figures),
            Err(_) => vec![row.name.clone(), "failed".into()],
        });
    }
    table.column_iter_mut().skip(1).for_each(|c| c.set_cell_alignment(CellAlignment::Right));
    table.to_string()
}

fn cells(name: &str, figures: &[Figures]) -> Vec<String> {
    let column = |pick: fn(&Figures) -> Option<f64>| -> Option<Vec<f64>> {
        let mut values: Vec<f64> = figures.iter().map(pick).collect::<Option<_>>()?;
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then_some(values)
    };
    let shown = |pick, show: fn(f64) -> String| {
        column(pick).map_or_else(|| "-".into(), |values| show(median(&values)))
    };
    let cost = column(|f| f.deliveries_per_cpu_second.map(|rate| MICROS / rate));
    vec![
        name.into(),
        shown(|f| Some(f.deliveries_per_second), millions),
        shown(|f| f.deliveries_per_cpu_second, millions),
        cost.map_or_else(|| "-".into(), |values| with_range(&values)),
        shown(|f| f.switches_per_1000, |value| format!("{value:.3}")),
        shown(|f| f.kib_per_member, |value| format!("{value:.1}")),
        shown(|f| f.threads.map(float), |value| format!("{value:.0}")),
        shown(|f| f.load_busy, |value| format!("{:.0} %", 100.0 * value)),
    ]
}

fn notes(rows: &[Row], environment: &Environment) -> Vec<String> {
    let mut notes = Vec::new();
    for row in rows {
        match &row.outcome {
            Err(reason) => notes.push(format!("{}: {reason}", row.name)),
            Ok(figures) => notes.extend(warnings(&row.name, figures)),
        }
    }
    if environment.shares_cores() {
        let cores = environment.cores;
        notes.push(format!("Load and servers share {cores} cores: compare the CPU columns only."));
    }
    notes
}

fn warnings(name: &str, figures: &[Figures]) -> Vec<String> {
    let mut warnings = Vec::new();
    if figures.iter().any(|figures| figures.load_busy.is_some_and(|busy| busy > CLIENT_BOUND)) {
        warnings.push(format!("{name}: client-bound, the load was its own limit; not for ranking"));
    }
    if let Some(strayed) = figures.iter().map(|figures| figures.strayed).max().filter(|s| *s > 0) {
        warnings
            .push(format!("{name}: up to {strayed} listeners heard another order than the first"));
    }
    warnings
}

/// The middle of sorted values; of an even number, the mean of the middle two.
fn median(sorted: &[f64]) -> f64 {
    let (below, above) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    f64::midpoint(below, above)
}

fn with_range(sorted: &[f64]) -> String {
    let (lowest, highest) = (sorted[0], sorted[sorted.len() - 1]);
    format!("{:.4} ({lowest:.4}–{highest:.4})", median(sorted))
}

fn millions(value: f64) -> String {
    format!("{:.2} M", value / 1e6)
}

const HEADER: [&str; 8] = [
    "server",
    "deliveries/s",
    "deliveries/CPU-s",
    "CPU-µs each (range)",
    "switches/1000 del.",
    "KiB/idle member",
    "threads",
    "load CPU",
];
const MICROS: f64 = 1e6;
/// Above this share of its one core, the load and not the server sets the pace.
const CLIENT_BOUND: f64 = 0.8;

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        lab: LabArgs,
    }

    fn figures(rate: f64) -> Figures {
        Figures {
            deliveries_per_second: rate,
            deliveries_per_cpu_second: Some(2.0 * rate),
            switches_per_1000: None,
            kib_per_member: Some(1.25),
            threads: Some(2),
            load_busy: Some(0.5),
            strayed: 0,
        }
    }

    fn report(outcome: Result<Vec<Figures>, String>) -> String {
        let rows = [Row { name: "select".into(), outcome }];
        render(&rows, &Environment::read(), &Line::parse_from(["lab", "--repeats", "3"]).lab)
    }

    #[test]
    fn the_median_and_the_range_of_the_repeats_are_shown() {
        let text = report(Ok([3e6, 1e6, 2e6].map(figures).to_vec()));
        let row = text.lines().find(|line| line.trim().starts_with("select")).unwrap();
        assert!(row.contains("2.00 M") && row.contains("4.00 M"), "{row}");
        assert!(row.contains("0.2500 (0.1667–0.5000)"), "{row}");
        assert!(row.contains(" - "), "what is not known is a dash: {row}");
    }

    #[test]
    fn a_server_that_fails_has_a_reason_instead_of_figures() {
        let text = report(Err("level 0: RLY-03 FAIL".into()));
        assert!(text.contains("select: level 0: RLY-03 FAIL"), "{text}");
        assert!(!text.contains(" M "), "{text}");
    }

    #[test]
    fn the_report_says_how_to_do_it_again() {
        let again = "cargo lab --servers threaded,select,async --listeners 1000 --size 64 \
                     --in-flight 1024 --repeats 3";
        assert!(report(Ok(vec![figures(1e6)])).ends_with(again));
    }
}
