//! CPU time of this thread, its allocations, and the memory and CPU time of processes.

use std::path::PathBuf;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What one recipient costs a thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// CPU time in microseconds: the median round, user and system.
    pub cpu_us: f64,
    /// CPU time in microseconds: the best round.
    pub best_cpu_us: f64,
    /// Allocations.
    pub allocations: f64,
    /// Allocated bytes.
    pub allocated_bytes: f64,
}

/// Gives the CPU time that this thread has used, user and system.
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Measures rounds of work for so many recipients each: the last round counts allocations, the others CPU time.
///
/// `round` does the work of the round with this number, on the calling thread.
pub fn rounds<E>(recipients: u32, count: u32, mut round: impl FnMut(u32) -> Result<(), E>) -> Result<Measured, E> {
    let mut times = Vec::new();
    for number in 0..count.saturating_sub(1) {
        let before = thread_cpu();
        round(number)?;
        times.push((thread_cpu() - before).as_secs_f64() * 1e6 / f64::from(recipients));
    }
    times.sort_by(f64::total_cmp);
    let mut outcome = Ok(());
    let counted = allocation_counter::measure(|| outcome = round(count - 1));
    outcome?;
    Ok(Measured {
        cpu_us: times.get(times.len() / 2).copied().unwrap_or_default(),
        best_cpu_us: times.first().copied().unwrap_or_default(),
        allocations: counted.count_total as f64 / f64::from(recipients),
        allocated_bytes: counted.bytes_total as f64 / f64::from(recipients),
    })
}

/// Gives the peak of a process's resident memory in kilobytes, `VmHWM` of `proc_pid_status(5)`.
pub fn peak_memory_kb(process: &str) -> u64 {
    let status = std::fs::read_to_string(PathBuf::from("/proc").join(process).join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Gives the CPU time of a process in seconds: fields 14 and 15 of `proc_pid_stat(5)`, in ticks of 10 ms.
pub fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(PathBuf::from("/proc").join(process).join("stat")).unwrap_or_default();
    // The second field is a name in parentheses, which may hold spaces.
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>();
    ticks / 100.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn allocations_are_counted_per_recipient_in_the_last_round() {
        let measured = rounds(10, 2, |_| {
            (0..20).map(Box::new).for_each(|boxed| drop(std::hint::black_box(boxed)));
            Ok::<(), ()>(())
        });

        assert!((measured.unwrap().allocations - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn this_process_has_used_memory_and_a_thread_that_works_uses_time() {
        let before = thread_cpu();

        std::hint::black_box((0..1_000_000_u64).fold(0, |sum, number| std::hint::black_box(sum ^ number)));

        assert!(thread_cpu() > before);
        assert!(peak_memory_kb("self") > 0);
    }
}
