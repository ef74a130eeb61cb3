//! Measured: what one trial found.

use crate::lab::result::metric::Figures;

/// What one trial found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Measured {
    pub(in super::super) figures: Figures,
    /// Whether it never became steady while it warmed up.
    pub(in super::super) is_unsteady: bool,
}
