//! The life of a profile after it was written: what production gained and lost since, the profile brought up to
//! date, and how two profiles differ.
//!
//! Pure: no connection, no values, no files. Nothing here decides anything; what is new is written as `"undecided"`,
//! with a proposal in a comment, and stops a run until a person has decided.

mod differences;
mod drift;
mod update;

pub use differences::{Difference, differences};
pub use drift::{Drift, GainedColumn, GainedTable, LostColumn, Partition, Unsuited, drift};
pub use update::{Update, update};

#[cfg(test)]
mod tests;
