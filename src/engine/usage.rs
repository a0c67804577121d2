//! What this process used, as Linux tells it; zero elsewhere.

/// Highest resident memory so far, in bytes.
pub(super) fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.split_whitespace().next());
    kilobytes.and_then(|text| text.parse::<u64>().ok()).map_or(0, |kilobytes| kilobytes * 1024)
}

/// User and system CPU time so far, in seconds.
pub(super) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The command's name stands in parentheses and may hold spaces; utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    // USER_HZ has been 100 on every Linux architecture that matters.
    (ticks(11) + ticks(12)) / 100.0
}
