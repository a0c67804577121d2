//! Which rows are chosen: compact key sets, and the fixpoint over tables that refer to each other.
//!
//! Pure: key values come in from `pg`, sets go out. A set holds keys in a canonical form, so that equal keys are equal
//! bytes whatever the referencing column's type. Memory is counted against one budget.

mod budget;
mod chosen;
mod fixpoint;
mod keys;

pub use budget::{Budget, CountedKeys};
pub use chosen::{BarredKeys, Chosen, Demand, Keys, LITERAL_KEYS_MAX, barrable, key_kind, needs_parent, text_bytes};
pub use fixpoint::{Group, GroupTable, Link, NO_PARENT, NULL_LINK, members};
pub use keys::{Key, KeyKind, KeySet};
