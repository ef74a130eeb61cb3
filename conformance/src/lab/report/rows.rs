//! Rows: the columns of a workload's table, and a row for each entrant at each point.

use std::iter;

use super::floor::{compared, times_floor};
use crate::lab::layout::{Form, Row};
use crate::lab::plan::workload::Workload;
use crate::lab::result::metric::Metric;
use crate::lab::result::record::{PointRecord, Record};
use crate::lab::result::standing::{Standing, noise_at, standings};
use crate::lab::result::statistics::Summary;

/// A column of figures; each names the key of its metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Rank(&'static str),
    Median(&'static str),
    /// The lowest and the highest run.
    Range(&'static str),
    /// The median, divided by the floor's.
    TimesFloor(&'static str),
}

/// The columns of a workload's table after the names. The narrow form has the rank, the ranked figure and the main time
/// or rate. A time is ranked only if load and servers have separate cores.
pub(super) fn columns(record: &Record, workload: &Workload, form: Form) -> Vec<Column> {
    let (ranked, compared) = (workload.columns[0], compared(record, workload));
    let mut columns = vec![Column::Rank(ranked)];
    columns.extend(timed(record, workload).map(Column::Rank));
    for &key in workload.columns {
        let is_main = key == ranked || Some(key) == workload.timed();
        if form == Form::Narrow && !is_main {
            continue;
        }
        columns.push(Column::Median(key));
        if key == ranked {
            columns.push(Column::Range(key));
        }
        if compared.contains(&key) && (form == Form::Wide || key == ranked) {
            columns.push(Column::TimesFloor(key));
        }
    }
    columns
}

impl Column {
    /// Its title in the table of a workload.
    pub(super) fn title(self, workload: &Workload) -> &'static str {
        match self {
            Self::Rank(key) if key == workload.columns[0] => "rank",
            Self::Rank(_) => "time rank",
            Self::Median(key) => Metric::of(key).title,
            Self::Range(_) => "(range)",
            Self::TimesFloor(_) => TIMES_FLOOR,
        }
    }
}

/// The rows of all points of a workload. In the narrow form, a line with the point and its noise precedes its entrants.
pub(super) fn rows(record: &Record, workload: &Workload, form: Form) -> Vec<Row> {
    let columns = columns(record, workload, form);
    let points = record.points.iter().filter(|point| point.workload == workload.id);
    points.flat_map(|point| of_point(record, point, workload, &columns, form)).collect()
}

fn of_point(
    record: &Record,
    point: &PointRecord,
    workload: &Workload,
    columns: &[Column],
    form: Form,
) -> Vec<Row> {
    let standings = standings(record, point, workload.columns[0]);
    if standings.is_empty() {
        return Vec::new();
    }
    let figures: Vec<Vec<String>> =
        columns.iter().map(|column| cells(record, point, workload, *column)).collect();
    let row_of = |(index, standing): (usize, &Standing<'_>)| {
        let name = &standing.entrant.name;
        let names = match form {
            Form::Narrow => vec![format!("  {name}")],
            Form::Wide => vec![point.id.clone(), name.clone()],
        };
        let figures = figures.iter().map(|column| column[index].clone());
        Row::Cells(names.into_iter().chain(figures).collect())
    };
    let title = (form == Form::Narrow).then(|| Row::Line(noise(record, point, workload)));
    title.into_iter().chain(standings.iter().enumerate().map(row_of)).collect()
}

/// The time or rate that is ranked in this record.
fn timed(record: &Record, workload: &Workload) -> Option<&'static str> {
    record.cores.as_ref().and_then(|_| workload.timed())
}

/// The noise of a point, in every figure that is ranked.
pub(super) fn noise(record: &Record, point: &PointRecord, workload: &Workload) -> String {
    let keys = iter::once(workload.columns[0]).chain(timed(record, workload));
    let noises = keys.map(|key| {
        let title = Metric::of(key).title;
        noise_at(record, &point.id, key).map_or_else(
            || format!("noise unknown in {title} (no control), no ranks"),
            |noise| format!("noise {:.0} % in {title}", 100.0 * noise),
        )
    });
    format!("{}: {}", point.id, noises.collect::<Vec<_>>().join(", "))
}

/// The cells of one column at one point, in the order of the standings.
fn cells(record: &Record, point: &PointRecord, workload: &Workload, column: Column) -> Vec<String> {
    if let Column::Rank(key) = column {
        return standings(record, point, key).iter().map(place).collect();
    }
    let standings = standings(record, point, workload.columns[0]);
    let cell = |standing: &Standing<'_>| {
        let shown = figure(record, point, workload, &standing.entrant.name, column);
        shown.filter(|_| standing.void.is_none()).unwrap_or_else(|| "-".into())
    };
    standings.iter().map(cell).collect()
}

/// A figure of an entrant's runs; `None` if it is missing.
fn figure(
    record: &Record,
    point: &PointRecord,
    workload: &Workload,
    name: &str,
    column: Column,
) -> Option<String> {
    let summary = |key: &str| Summary::of(&record.values(&point.id, name, key));
    match column {
        Column::Rank(_) => None,
        Column::Median(key) => summary(key).map(|s| Metric::of(key).show(s.median)),
        Column::Range(key) => summary(key).map(|s| {
            let [least, most] = [s.least, s.most].map(|value| Metric::of(key).show(value));
            format!("{least}–{most}")
        }),
        Column::TimesFloor(key) => summary(key)
            .and_then(|_| times_floor(record, &point.id, workload, name, key))
            .map(|times| format!("{times:.2}")),
    }
}

/// The place in the ranking, or the mark that says why there is none.
fn place(standing: &Standing<'_>) -> String {
    match standing.rank {
        _ if standing.void.is_some() => "void".into(),
        _ if standing.is_client_bound => "o".into(),
        Some(rank) if rank.is_tied => format!("{} tie", rank.place),
        Some(rank) => rank.place.to_string(),
        None => "-".into(),
    }
}

/// The title of the columns of figures that are divided by the floor's.
pub(super) const TIMES_FLOOR: &str = "× floor";
