//! A vault in an object store that speaks S3.
//!
//! To the rest of the program it is synchronous: calls block the thread they come from (the vault's threads, never
//! one that drives async work), while one small runtime of the process, which is never dropped, does the waiting for
//! all of them. Requests of one call are in flight together, so many at most.
//!
//! What is on disk a rename is here a conditional put: an object appears whole or not at all, and only where nothing
//! stood or what was compared still stands (`put`). Tithe's own records are objects below `.tithe/` (`own`, `lock`),
//! in the formats that they have on disk. `side` and `fetch` answer what the comparison and the bringing ask;
//! `target` is one run's work on a bucket that files go to.

mod address;
mod fault;
mod fetch;
mod link;
mod lock;
mod look;
mod own;
mod push;
mod put;
mod read;
mod remove;
mod restore;
mod side;
mod status;
mod target;

pub use address::StoreSettings;
pub(crate) use fetch::Objects;
pub(crate) use link::ObjectVault;
pub use lock::wait_for_locks;
pub(crate) use restore::restore;
pub(crate) use side::ObjectSide;
pub(crate) use target::{InBucket, installed, plan};
