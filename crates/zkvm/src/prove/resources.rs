//! Memory of this process, as the kernel counts it.

/// Largest resident size of this process so far, in bytes. `None` where `/proc` does not tell.
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Starts [`peak_rss_bytes`] anew, so that it tells of one proof. Does nothing where the kernel does not allow it.
pub fn reset_peak_rss() {
    // Best effort: without it the figure covers the whole process, which is an upper bound.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
