//! Folders: the imports between folders, and those that the table does not allow.

use std::collections::BTreeSet;

use super::tree::Edge;

/// A folder, and a folder or crate that it imports.
type Import = (String, String);

/// The imports of the folders in `prefix`: of each other, and of other crates.
pub(super) fn folders(edges: &BTreeSet<Edge>, prefix: &str) -> BTreeSet<Import> {
    let between = edges.iter().filter_map(|edge| {
        let from = folder(&edge.from, prefix)?;
        let to =
            folder(&edge.to, prefix).map_or_else(|| foreign(edge, prefix), |to| Some(to.into()))?;
        (from != to && to != "protocol").then(|| (from.to_owned(), to))
    });
    between.collect()
}

/// The imports that the table does not allow.
pub(super) fn violations(
    imports: &BTreeSet<Import>,
    allowed: &[(&str, &[&str])],
) -> BTreeSet<Import> {
    let is_allowed = |(from, to): &&Import| {
        let mut lines = allowed.iter().filter(|(folder, _)| folder == from);
        lines.any(|(_, names)| names.contains(&&**to))
    };
    imports.iter().filter(|import| !is_allowed(import)).cloned().collect()
}

/// The folder in `prefix` that contains the file; `None` if there is none.
fn folder<'a>(file: &'a str, prefix: &str) -> Option<&'a str> {
    file.strip_prefix(prefix)?.split_once('/').map(|(folder, _)| folder)
}

/// The crate that an import leads to, with the folder if it is one of the two named ones of `load`.
/// `None` if it leads to the same crate.
fn foreign(edge: &Edge, prefix: &str) -> Option<String> {
    if edge.to.starts_with(prefix) {
        return None;
    }
    let name = edge.place[0].replace('_', "-");
    let part = edge.place.get(1).filter(|part| ["measure", "wire"].contains(&part.as_str()));
    Some(part.filter(|_| name == "load").map_or(name.clone(), |part| format!("{name}::{part}")))
}
