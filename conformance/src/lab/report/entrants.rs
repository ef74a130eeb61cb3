//! Entrants: the table of entrants, with their rules and, in the wide form, how each works.

use crate::lab::layout::{Form, Row, table};
use crate::lab::result::record::{EntrantRecord, Record};

/// The table of all entrants that were measured or broke a rule. The others are among those left out.
pub(super) fn entrants(record: &Record, form: Form) -> String {
    let is_listed = |entrant: &&EntrantRecord| {
        entrant.is_broken || record.runs.iter().any(|run| run.entrant == entrant.name)
    };
    let listed: Vec<&EntrantRecord> = record.entrants.iter().filter(is_listed).collect();
    if form == Form::Narrow {
        let rows = listed
            .iter()
            .map(|entrant| Row::Cells(vec![entrant.name.clone(), entrant.gate.clone()]));
        return table(&["entrant", "rules"], &rows.collect::<Vec<_>>(), 2, form.width());
    }
    let common = in_common(&listed);
    let rows = listed.iter().map(|entrant| {
        let is_common =
            |known: &&(String, String)| entrant.is_of_project() && common.contains(known);
        let own: Vec<_> = entrant.manifest.iter().filter(|known| !is_common(known)).collect();
        Row::Cells(vec![entrant.name.clone(), entrant.gate.clone(), list(&own)])
    });
    let header = ["entrant", "rules", "how it works"];
    let table = table(&header, &rows.collect::<Vec<_>>(), header.len(), form.width());
    if common.is_empty() {
        return table;
    }
    format!("{table}\nAll programs of this project: {}", list(&common))
}

/// The properties that all programs of this project among these share. A row lists only the others.
fn in_common<'a>(entrants: &[&'a EntrantRecord]) -> Vec<&'a (String, String)> {
    let mut ours = entrants.iter().filter(|entrant| entrant.is_of_project());
    let Some(first) = ours.next() else { return Vec::new() };
    let others: Vec<_> = ours.collect();
    let is_common =
        |known: &&(String, String)| others.iter().all(|other| other.manifest.contains(known));
    first.manifest.iter().filter(is_common).collect()
}

fn list(known: &[&(String, String)]) -> String {
    let known: Vec<String> = known.iter().map(|(what, how)| format!("{what}: {how}")).collect();
    known.join("; ")
}
