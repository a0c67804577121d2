//! What a person without any server needs to try the program: PostgreSQL servers that live as long as the process,
//! and a made-up production to fill one with.
//!
//! The same servers carry the integration tests. Nothing here is used by a run against real databases.

pub mod binaries;
mod guard;
pub mod production;
pub mod throwaway;

pub use throwaway::{Options, Throwaway};
