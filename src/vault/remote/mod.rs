//! Vaults on other machines: two programs, joined by a pair of pipes that the system's ssh carries.
//!
//! Whoever holds the target drives. It asks the other side what stands where (`far`), fetches content (`fetch`) and is
//! answered from a folder that is only read (`shelf`); so a pull and a push are the same conversation. For a push the
//! far side is first given the list of files and told to begin (`push`, `serve`).

pub(crate) mod ask;
pub(crate) mod far;
pub(crate) mod fetch;
mod frame;
mod job;
mod link;
mod message;
pub(crate) mod push;
mod serve;
mod shelf;
mod ssh;
mod treated;

pub(crate) use message::plain;
pub use serve::{ServeSettings, serve};
pub use ssh::RemoteSettings;
