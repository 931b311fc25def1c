//! The kernel's figures for the machine and for a process (Linux).

use std::time::Duration;

/// The kernel counts in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// The work of all processors since the start, in ticks.
pub(super) struct Machine {
    idle: u64,
    total: u64,
}

impl Machine {
    /// The present state.
    ///
    /// # Errors
    /// Fails if the kernel does not report it.
    pub(super) fn now() -> Result<Self, String> {
        let text = read("/proc/stat")?;
        let line =
            text.lines().next().and_then(|line| line.strip_prefix("cpu ")).ok_or("/proc/stat has no line cpu")?;
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
        let ticks: Vec<u64> = line.split_whitespace().take(8).filter_map(|word| word.parse().ok()).collect();
        let idle = ticks.iter().skip(3).take(2).sum();
        Ok(Self { idle, total: ticks.iter().sum() })
    }

    /// The share of the time since then in which nothing was to be done.
    pub(super) fn idle_since(&self, before: &Self) -> f64 {
        let total = self.total.saturating_sub(before.total).max(1);
        self.idle.saturating_sub(before.idle) as f64 / total as f64
    }
}

/// The processor time of a process, in user and kernel mode.
///
/// # Errors
/// Fails if there is no such process.
pub(super) fn processor_time(process: u32) -> Result<Duration, String> {
    let text = read(&format!("/proc/{process}/stat"))?;
    // The name, which may contain anything, ends with the last bracket.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let ticks: u32 = rest.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u32>().ok()).sum();
    Ok(TICK * ticks)
}

/// How often a thread of a process has waited and was woken. Threads that have ended are not counted.
///
/// # Errors
/// Fails if there is no such process.
pub(super) fn wake_ups(process: u32) -> Result<u64, String> {
    let folder = format!("/proc/{process}/task");
    let threads = std::fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
    // A thread may end meanwhile.
    let states = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("status")).ok());
    let waits = |state: String| {
        let line = state.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse::<u64>().ok()
    };
    Ok(states.filter_map(waits).sum())
}

/// The resident memory of a process, in MiB.
///
/// # Errors
/// Fails if there is no such process.
pub(crate) fn resident(process: u32) -> Result<f64, String> {
    memory(process, "VmRSS:")
}

/// The most resident memory that a process has had since its start, in MiB.
///
/// # Errors
/// Fails if there is no such process, or if it has ended.
pub(super) fn most_resident(process: u32) -> Result<f64, String> {
    memory(process, "VmHWM:")
}

/// The number of file descriptors that a process has open.
///
/// # Errors
/// Fails if there is no such process.
pub(crate) fn descriptors(process: u32) -> Result<usize, String> {
    let folder = format!("/proc/{process}/fd");
    std::fs::read_dir(&folder).map(Iterator::count).map_err(|error| format!("{folder}: {error}"))
}

fn memory(process: u32, field: &str) -> Result<f64, String> {
    let text = read(&format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).ok_or("the process has no memory")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().map_err(|_| format!("{field} is not understood"))?;
    Ok(kib / 1024.0)
}

fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))
}
