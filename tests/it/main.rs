//! Integration tests: one binary, so that linking happens once and all tests share a pair of servers.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod architecture;
mod fixtures;
mod oracle;
mod support;
mod throwaway;
