//! Integration tests: one binary, so that linking happens once and all tests share a pair of servers.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod architecture;
mod bad_input;
mod bundled;
mod cli;
mod closure;
mod closure_corners;
mod collations;
mod connect;
mod corners;
mod detection;
mod economy;
mod explain;
mod faults;
mod landing;
mod left_behind;
mod leaks;
mod oracle;
mod pieces;
mod profile_life;
mod scan;
mod proofs;
mod report;
mod standby;
mod support;
mod throwaway;
mod traps;
mod vault;
mod vault_containment;
mod vault_faults;
mod vault_kill;
mod vault_objects;
mod vault_removal;
mod vault_remote;
mod vault_sample;
mod verify;
