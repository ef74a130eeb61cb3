//! Command: a target whose instances a command starts.

use std::ffi::OsString;

use super::child::{start_foreign, translate};
use super::manifest::manifest_flag;
use super::{Declared, Instance, Manifest, NotStarted, Origin, Target};
use crate::support::quote::quoted;

/// A target whose instances a command starts.
#[derive(Clone, Debug)]
pub struct CommandServer {
    /// Program and arguments; `{port}` is the placeholder for the port on which it listens.
    pub command: Vec<OsString>,
    /// What it declares; without it, nothing is declared.
    pub manifest: Option<Manifest>,
}

impl Target for CommandServer {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotStarted> {
        start_foreign(&self.command, self.manifest.as_ref(), flags)
    }

    fn takes(&self, flags: &[String]) -> bool {
        translate(self.manifest.as_ref(), flags).is_some()
    }

    fn origin(&self) -> Origin {
        Origin::Foreign
    }

    fn declared(&self, flags: &[String]) -> Declared {
        self.manifest.as_ref().map(|manifest| manifest.declared(flags)).unwrap_or_default()
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        let words: Vec<String> = self.command.iter().map(quoted).collect();
        let manifest = manifest_flag(self.manifest.as_ref());
        format!("conformance check --only {id} --seed {seed}{manifest} -- {}", words.join(" "))
    }
}
