//! Imports: no file of the workspace imports another one that leads back to it, and the folders of this crate
//! import only those that they may.
//!
//! A file imports another one if it names something that is defined there: in a `use`, or by a path such as
//! `crate::a::f()`, `super::f()` or `part::f()`. What is only passed on is followed to where it is defined, so it does
//! not matter through which module a name comes. For a module and its parts that means:
//!
//! - declaring a part (`mod part`) is no import, nor is passing on what it holds (`pub use self::part::Name`), as long
//!   as the module makes no use of that name itself;
//! - a part that adds methods to a type of its parent (`impl Fixture { … }`) is the rest of that type's file: what it
//!   uses of the parent is no import;
//! - whatever else a part uses of its parent is an import: then the parent may use nothing of that part.
//!
//! The root of a crate holds it together: what it defines itself is for all of its modules, and no import.
//! What only tests are built with may import what it likes.

#[path = "imports/circles.rs"]
mod circles;
#[path = "imports/folders.rs"]
mod folders;
#[path = "imports/module.rs"]
mod module;
#[path = "imports/planted.rs"]
mod planted;
#[path = "imports/tokens.rs"]
mod tokens;
#[path = "imports/tree.rs"]
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use self::circles::circles;
use self::folders::{breaches, folders};
use self::tree::{Edge, Tree};

/// What each folder of this crate may import, besides `protocol`. `load::wire` is that folder of the crate `load`, `load`
/// the rest of it.
const FOLDERS: [(&str, &[&str]); 9] = [
    (
        "cli",
        &[
            "baselines",
            "client-cli",
            "lab",
            "process",
            "server-core",
            "siege",
            "spec",
            "suite",
            "support",
            "target",
        ],
    ),
    (
        "lab",
        &[
            "baselines",
            "load",
            "load::measure",
            "load::wire",
            "process",
            "server-core",
            "spec",
            "suite",
            "support",
            "target",
        ],
    ),
    ("siege", &["load", "load::measure", "load::wire", "process", "support", "target"]),
    ("suite", &["load::measure", "process", "server-core", "spec", "support", "target"]),
    ("baselines", &["load::wire", "process", "server-core", "support"]),
    (
        "target",
        &[
            "process",
            "server-async",
            "server-core",
            "server-select",
            "server-threaded",
            "spec",
            "support",
        ],
    ),
    ("support", &["process"]),
    ("process", &[]),
    ("spec", &[]),
];

/// The same of the folders of the lab, whose own module file may import them all.
const LAB: [(&str, &[&str]); 4] = [
    ("plan", &["result"]),
    ("report", &["plan", "result"]),
    ("result", &[]),
    ("run", &["plan", "result"]),
];

#[test]
fn no_file_leads_back_to_itself() {
    let none: Vec<Vec<String>> = Vec::new();
    assert_eq!(none, circles(&by_file(&workspace().edges())), "circles of imports");
}

#[test]
fn folders_import_only_what_they_may() {
    let edges = workspace().edges();
    let between = folders(&edges, "conformance/src/");
    assert!(between.len() > 20, "only {between:?} were found: the search is wrong");
    assert_eq!(BTreeSet::new(), breaches(&between, &FOLDERS), "folder and what it may not import");
    let of_lab = folders(&edges, "conformance/src/lab/");
    let inside = of_lab.into_iter().filter(|(_, to)| LAB.iter().any(|(name, _)| name == to));
    assert_eq!(BTreeSet::new(), breaches(&inside.collect(), &LAB), "the same inside the lab");
}

#[test]
fn what_folders_may_import_makes_no_circle() {
    for table in [&FOLDERS[..], &LAB] {
        let edges = table.iter().map(|(folder, allowed)| {
            ((*folder).to_owned(), allowed.iter().map(ToString::to_string).collect())
        });
        assert_eq!(Vec::<Vec<String>>::new(), circles(&edges.collect()));
    }
}

fn by_file(edges: &BTreeSet<Edge>) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for edge in edges {
        all.entry(edge.from.clone()).or_default().insert(edge.to.clone());
    }
    all
}

/// Every crate of the workspace.
fn workspace() -> Tree {
    let mut tree = Tree::default();
    let read = |file: &str| fs::read_to_string(root().join(file)).ok();
    let manifest = read("Cargo.toml").expect("a workspace has a manifest");
    let members = manifest.split_once("members = [").expect("it has members").1;
    let members = members.split_once(']').expect("the list ends").0;
    for member in members.split('"').skip(1).step_by(2) {
        let name = member.rsplit('/').next().expect("a folder has a name").replace('-', "_");
        tree.add(&name, &format!("{member}/src/lib.rs"), &read);
    }
    tree
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate stands in a folder").into()
}
