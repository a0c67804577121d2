//! Where a test may end the program: debug builds stop dead at the step that `TITHE_ABORT_AT_STEP` counts to, as a
//! killed process or a power cut would. Release builds have none of it.

/// A state that a killed run may leave behind has been reached.
#[cfg(debug_assertions)]
pub fn step() {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI64, Ordering};

    static LEFT: OnceLock<Option<AtomicI64>> = OnceLock::new();
    let left = LEFT.get_or_init(|| std::env::var("TITHE_ABORT_AT_STEP").ok()?.parse().ok().map(AtomicI64::new));
    if left.as_ref().is_some_and(|left| left.fetch_sub(1, Ordering::Relaxed) == 1) {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub const fn step() {}
