//! Where a test may stop the program: debug builds end dead at the step that `TITHE_ABORT_AT_STEP` counts to, as after
//! a kill or a power cut, and wait at that of `TITHE_PAUSE_AT_STEP`. Release builds have none of it.

/// A state in which a run may be killed, or met by somebody else, has been reached.
#[cfg(debug_assertions)]
pub(super) fn step() {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicI64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    type Counter = LazyLock<Option<AtomicI64>>;
    fn counter(variable: &str) -> Option<AtomicI64> {
        std::env::var(variable).ok()?.parse().ok().map(AtomicI64::new)
    }
    fn is_reached(counter: &Counter) -> bool {
        counter.as_ref().is_some_and(|left| left.fetch_sub(1, Ordering::Relaxed) == 1)
    }
    static ABORT: Counter = LazyLock::new(|| counter("TITHE_ABORT_AT_STEP"));
    static PAUSE: Counter = LazyLock::new(|| counter("TITHE_PAUSE_AT_STEP"));
    if is_reached(&ABORT) {
        std::process::abort();
    }
    if is_reached(&PAUSE) {
        let _ = kill_process(getpid(), Signal::STOP);
        // The signal may meet another thread first.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(super) const fn step() {}
