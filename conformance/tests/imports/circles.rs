//! Circles: names that import each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet};

/// Every largest set of names in which each name leads to all others, sorted. An edge leads from a
/// name to a name that it imports.
pub(super) fn circles(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        edges.keys().map(|name| (name, reached_from(name, edges))).collect();
    let mut found = BTreeSet::new();
    for (name, others) in &reached {
        let back =
            |other: &&&String| reached.get(**other).is_some_and(|theirs| theirs.contains(name));
        let circle: Vec<String> =
            others.iter().filter(back).map(|other| (*other).clone()).collect();
        if !circle.is_empty() {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

fn reached_from<'a>(
    name: &String,
    edges: &'a BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = edges.get(name).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(edges.get(next).into_iter().flatten());
        }
    }
    reached
}
