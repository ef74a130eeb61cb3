//! Measured: the figures of one trial.

use crate::lab::result::metric::Figures;

/// The figures of one trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Measured {
    pub(in super::super) figures: Figures,
    /// Whether no two successive slices of the warm-up agreed.
    pub(in super::super) is_unsteady: bool,
}
