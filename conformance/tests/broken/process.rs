//! Which rows have to see which defect of a server in a process of its own.

use crate::server::Defect;
use crate::{Kill, Mutant};

pub(crate) const KILLS: &[Kill] =
    &[(Mutant::Process(Defect::EndsIdle), &[("HSK-08", "bob was closed")])];
