//! Replay: passes every file of a corpus to the body of its fuzz target.

use std::fs;
use std::panic::{RefUnwindSafe, catch_unwind};
use std::path::Path;

/// Passes every file of a folder of the crate under test to `check`, and names a file that fails.
pub(crate) fn replay(corpus: &str, check: impl Fn(&[u8]) + RefUnwindSafe) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(corpus);
    let files = fs::read_dir(&folder).expect("the corpus is committed");
    let mut seen = 0;
    for file in files {
        let path = file.expect("an entry can be read").path();
        let input = fs::read(&path).expect("an input can be read");
        assert!(catch_unwind(|| check(&input)).is_ok(), "{} fails", path.display());
        seen += 1;
    }
    assert!(seen >= INPUTS_MIN, "only {seen} inputs in {}", folder.display());
}

/// With fewer inputs, part of a corpus is missing.
const INPUTS_MIN: usize = 20;
