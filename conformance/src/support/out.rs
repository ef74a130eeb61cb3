//! Out: a directory that reports are kept in.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A directory that can be written to.
pub(crate) struct Out {
    directory: PathBuf,
}

impl Out {
    /// Makes the directory if it is not there, and finds out now whether the report can be kept.
    pub(crate) fn prepare(directory: &Path) -> io::Result<Self> {
        let failed = |error: io::Error| {
            let place = directory.display();
            let advice = "choose another directory for --out";
            io::Error::new(error.kind(), format!("{place} cannot be written ({error}): {advice}"))
        };
        fs::create_dir_all(directory).map_err(failed)?;
        // A report that is there already stays until there is another.
        let probe = directory.join(".lab-probe");
        File::create(&probe).map_err(failed)?;
        fs::remove_file(&probe).map_err(failed)?;
        Ok(Self { directory: directory.into() })
    }

    /// Writes one file.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.directory.join(name), text)
    }
}
