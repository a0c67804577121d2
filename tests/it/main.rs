//! Integration tests: one binary, so that linking happens once and all tests share a pair of servers.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod architecture;
mod bad_input;
mod connect;
mod faults;
mod oracle;
mod support;
mod throwaway;
mod traps;
