//! Imports: the files of the workspace import each other without circles, and the folders of this
//! crate import only the folders that they may.
//!
//! A file imports another file if it names an item that is defined there: in a `use`, or by a path
//! such as `crate::a::f()`, `super::f()` or `part::f()`. Re-exports are followed to the definition,
//! so the module through which an item is named does not matter. For a module and its submodules
//! this means:
//!
//! - To declare a submodule (`mod part`) is not an import. To re-export an item of it (`pub use
//!   self::part::Name`) is not an import, unless the module uses the item itself.
//! - A submodule that adds methods to a type of its parent (`impl Fixture { … }`) counts as a part of
//!   the parent's file: what it uses of the parent is not an import.
//! - Everything else that a submodule uses of its parent is an import. The parent then may use
//!   nothing of the submodule.
//!
//! Items that the root of a crate defines can be used by all of its modules. Code that is compiled
//! only for tests may import everything.

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
use self::folders::{folders, violations};
use self::tree::{Edge, Tree};

/// The folders and crates that each folder of this crate may import, besides `protocol`.
/// `load::wire` and `load::measure` are those folders of the crate `load`; `load` is the rest of
/// it.
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

/// The folders of the lab that each of its folders may import. The lab's own module file may import
/// all of them.
const LAB: [(&str, &[&str]); 4] = [
    ("plan", &["result"]),
    ("report", &["plan", "result"]),
    ("result", &[]),
    ("run", &["plan", "result"]),
];

#[test]
fn no_files_import_each_other_in_a_circle() {
    let none: Vec<Vec<String>> = Vec::new();
    assert_eq!(none, circles(&by_file(&workspace().edges())), "circles of imports");
}

#[test]
fn folders_import_only_what_they_may() {
    let edges = workspace().edges();
    let between = folders(&edges, "conformance/src/");
    assert!(between.len() > 20, "only {between:?} were found: the search for imports is wrong");
    let of_crate = violations(&between, &FOLDERS);
    assert_eq!(BTreeSet::new(), of_crate, "a folder, and what it must not import");
    let of_lab = folders(&edges, "conformance/src/lab/");
    let inside = of_lab.into_iter().filter(|(_, to)| LAB.iter().any(|(name, _)| name == to));
    let of_lab = violations(&inside.collect(), &LAB);
    assert_eq!(BTreeSet::new(), of_lab, "a folder of the lab, and what it must not import");
}

#[test]
fn the_allowed_imports_have_no_circle() {
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

/// The modules of all crates of the workspace.
fn workspace() -> Tree {
    let mut tree = Tree::default();
    let read = |file: &str| fs::read_to_string(root().join(file)).ok();
    let manifest = read("Cargo.toml").expect("the workspace has a Cargo.toml");
    let members = manifest.split_once("members = [").expect("it has members").1;
    let members = members.split_once(']').expect("the list ends").0;
    for member in members.split('"').skip(1).step_by(2) {
        let name = member.rsplit('/').next().expect("a folder has a name").replace('-', "_");
        tree.add(&name, &format!("{member}/src/lib.rs"), &read);
    }
    tree
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a folder of the workspace")
        .into()
}
