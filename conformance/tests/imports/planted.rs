//! Planted: sources with a circle, or with something that looks like one, for the test of this
//! test.

use std::collections::BTreeSet;

use super::folders::{folders, violations};
use super::tree::Tree;
use super::{by_file, circles};

/// A file of a crate, and its text.
type File<'a> = (&'a str, &'a str);

const CLEAN: [&str; 0] = [];

/// The circles, each as the names of its files.
fn found(files: &[File<'_>]) -> Vec<String> {
    let circles = circles(&by_file(&tree(files).edges()));
    circles.iter().map(|circle| circle.join(" ")).collect()
}

fn tree(files: &[File<'_>]) -> Tree {
    let read = |wanted: &str| {
        files.iter().find(|(file, _)| *file == wanted).map(|(_, text)| (*text).to_owned())
    };
    let mut tree = Tree::default();
    tree.add("chat", "src/lib.rs", &read);
    tree
}

/// Two files of the root, `src/a.rs` and `src/b.rs`.
fn siblings(a: &str, b: &str) -> Vec<String> {
    found(&[("src/lib.rs", "mod a;\nmod b;\n"), ("src/a.rs", a), ("src/b.rs", b)])
}

/// A module `src/a.rs` and its submodule `src/a/part.rs`.
fn family(parent: &str, part: &str) -> Vec<String> {
    found(&[("src/lib.rs", "mod a;"), ("src/a.rs", parent), ("src/a/part.rs", part)])
}

const PAIR: &str = "src/a.rs src/b.rs";
const FAMILY: &str = "src/a.rs src/a/part.rs";

#[test]
fn two_files_that_import_each_other_are_found() {
    assert_eq!([PAIR], *siblings("use super::b::B;", "use crate::a::A;"));
    assert_eq!([PAIR], *siblings("use crate::{b::{self, B}};", "fn f() { super::a::f() }"));
    assert_eq!([PAIR], *siblings("fn f() -> crate::b::B { x }", "fn g() { use super::a::f; }"));
    assert_eq!([PAIR], *siblings("mod inner { use super::super::b::B; }", "use super::a::A;"));
    assert_eq!(CLEAN, *siblings("use super::b::B;", "pub struct B;"));
}

#[test]
fn a_circle_through_a_third_file_is_found() {
    let files = [
        ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
        ("src/a.rs", "use super::b::B;"),
        ("src/b/mod.rs", "use super::c::C;"),
        ("src/c.rs", "use super::a::A; use super::d::D;"),
        ("src/d.rs", "pub(crate) struct D;"),
    ];
    assert_eq!(["src/a.rs src/b/mod.rs src/c.rs"], *found(&files));
}

#[test]
fn a_reexport_is_followed_to_the_definition() {
    let files = |b| {
        [
            ("src/lib.rs", "mod a; mod b; pub use self::a::A; pub use b::*;"),
            ("src/a.rs", "use crate::B; pub struct A;"),
            ("src/b.rs", b),
        ]
    };
    assert_eq!([PAIR], *found(&files("use super::A as Other; pub struct B;")));
    assert_eq!(CLEAN, *found(&files("pub struct B;")));
}

#[test]
fn comments_strings_and_tests_import_nothing() {
    let uses = "use super::b::B;";
    let commented =
        "// use super::a::A;\n/* super::a::f() /* */ */ const C: &str = \"super::a::f()\";";
    assert_eq!(CLEAN, *siblings(uses, commented));
    let quoted = "const C: &str = r#\"\" super::a::f()\"#; fn f<'a>(c: &'a u8) { ('\\'', '\"') }";
    assert_eq!(CLEAN, *siblings(uses, quoted));
    let tests = "#[cfg(test)]\nmod tests { use super::super::a::A; }";
    assert_eq!(CLEAN, *siblings(uses, tests));
    assert_eq!(CLEAN, *siblings(uses, "#[cfg(test)] #[expect(x)] use super::a::A;"));
    let after = [tests, "fn f() { super::a::f() }"].concat();
    assert_eq!([PAIR], *siblings(uses, &after));
    let featured = "#[cfg(any(test, feature = \"x\"))] use super::a::A;";
    assert_eq!([PAIR], *siblings(uses, featured));
}

#[test]
fn a_module_and_its_submodule_that_import_each_other_are_found() {
    let part = "use super::LIMIT; pub(super) struct Part;";
    assert_eq!([FAMILY], *family("mod part; use self::part::Part; const LIMIT: u8 = 3;", part));
    assert_eq!([FAMILY], *family("mod part; const LIMIT: u8 = part::f();", part));
    // A re-export is an import if the module uses the name itself.
    let used = "mod part; pub use self::part::Part; const LIMIT: Part = Part;";
    assert_eq!([FAMILY], *family(used, part));
    assert_eq!(CLEAN, *family("mod part; pub use self::part::Part; const LIMIT: u8 = 3;", part));
    assert_eq!(CLEAN, *family("mod part; use self::part::Part;", "pub(super) struct Part;"));
}

#[test]
fn methods_in_a_submodule_are_a_part_of_their_type() {
    let parent = "mod part; use self::part::Extra; struct Stage(Extra); const LIMIT: u8 = 3;";
    let methods = "use super::{LIMIT, Stage}; struct Extra; impl<T: Into<u8>> Stage { fn f() {} }";
    assert_eq!(CLEAN, *family(parent, methods));
    let of_trait = "use super::{LIMIT, Stage}; struct Extra; impl From<Extra> for Stage {}";
    assert_eq!([FAMILY], *family(parent, of_trait));
    // Methods of a sibling's type are not.
    assert_eq!([PAIR], *siblings("use super::b::B; struct A;", "use super::a::A; impl A {}"));
}

#[test]
fn an_import_that_the_table_does_not_allow_is_found() {
    let files = [
        ("src/lib.rs", "mod low; mod high;"),
        ("src/low/mod.rs", "mod deep;"),
        ("src/low/deep.rs", "fn f() { crate::high::g() }"),
        ("src/high/mod.rs", "pub fn g() {}"),
    ];
    let between = folders(&tree(&files).edges(), "src/");
    let violation = BTreeSet::from([("low".to_owned(), "high".to_owned())]);
    assert_eq!(violation, violations(&between, &[("low", &[]), ("high", &["low"])]));
    assert_eq!(BTreeSet::new(), violations(&between, &[("low", &["high"])]));
}
