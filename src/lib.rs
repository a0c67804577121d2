//! Tithe takes a small, consistent, anonymized share of a production PostgreSQL database and lands it where
//! developers work.
//!
//! Data moves one way: profile and catalog make a plan; the plan and the root draw make key sets; the key sets make
//! copy queries; rows stream through masks into a new database; the new database is proven and swapped in.
//! A module may import only modules above it in the list below; `tests/it/architecture.rs` holds it to that.

pub mod error;
pub mod types;
pub mod wording;
pub mod report;
pub mod digest;
pub mod monitor;
pub mod rate;
pub mod schema;
pub mod profile;
pub mod detect;
pub mod copyfmt;
pub mod anonymize;
pub mod leaks;
pub mod graph;
pub mod plan;
pub mod propose;
pub mod upkeep;
pub mod closure;
pub mod attest;
pub mod page;
pub mod vault;
pub mod pg;
pub mod engine;
pub mod demo;
pub mod cli;
