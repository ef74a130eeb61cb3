//! Entrants: who takes part, how it is started, and how it is tested.

use std::ffi::OsString;
use std::{env, io};

use crate::model::Model;
use crate::process::{ServerProcess, StartError, our_command};
use crate::subject::OurServer;
use crate::target::Subject;

/// A server that takes part.
pub(super) struct Entrant {
    /// What it is called in the table.
    pub(super) name: String,
    /// Program and arguments, with `{port}` where the port belongs.
    command: Vec<OsString>,
    /// The same server, as the suite knows it.
    pub(super) subject: Box<dyn Subject>,
}

impl Entrant {
    /// These of our own servers, run by this very program.
    pub(super) fn ours(models: &[Model]) -> io::Result<Vec<Self>> {
        let exe = env::current_exe()?;
        let ours = |&model: &Model| Self {
            name: model.name().into(),
            command: our_command(model, &exe),
            subject: Box::new(OurServer { model, exe: exe.clone() }),
        };
        Ok(models.iter().map(ours).collect())
    }

    pub(super) fn start(&self) -> Result<ServerProcess, StartError> {
        ServerProcess::start_on(&self.command, 0)
    }
}
