//! Integration tests: one binary, so that linking happens once and all tests share a pair of servers.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and say what it did")]

mod architecture;
mod bad_input;
mod connect;
mod faults;
mod landing;
mod standby;
mod support;
mod throwaway;
mod traps;
