//! Out: the directory for reports.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A directory into which files can be written.
pub(crate) struct Out {
    directory: PathBuf,
}

impl Out {
    /// Creates the directory if it does not exist, and checks that files can be written, before
    /// anything is measured.
    ///
    /// # Errors
    ///
    /// The directory cannot be created or written to.
    pub(crate) fn prepare(directory: &Path) -> io::Result<Self> {
        let failed = |error: io::Error| {
            let place = directory.display();
            let advice = "choose another directory for --out";
            io::Error::new(error.kind(), format!("cannot write to {place} ({error}): {advice}"))
        };
        fs::create_dir_all(directory).map_err(failed)?;
        // A file of its own, because an older report stays until there is a new one.
        let probe = directory.join(".lab-probe");
        File::create(&probe).map_err(failed)?;
        fs::remove_file(&probe).map_err(failed)?;
        Ok(Self { directory: directory.into() })
    }

    /// Writes one file.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.directory.join(name), text)
    }
}
