//! What a process has used, read from outside: it need not take part.

use std::fs;

/// A process to watch.
#[derive(Clone, Copy)]
pub(super) struct Watched(u32);

impl Watched {
    pub(super) fn new(id: u32) -> Self {
        Self(id)
    }

    pub(super) fn this() -> Self {
        Self(std::process::id())
    }

    /// Seconds on a processor, all living threads together. `None` where there is no `/proc`.
    pub(super) fn cpu_seconds(self) -> Option<f64> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).ok()?;
        let of = |task: fs::DirEntry| -> Option<u64> {
            // A thread may end between the listing and this.
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse().ok()
        };
        let nanoseconds: u64 = tasks.flatten().filter_map(of).sum();
        Some(nanoseconds as f64 / 1e9)
    }

    /// The most bytes that it had in memory at once. `None` where there is no `/proc`.
    pub(super) fn peak_memory(self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(1024 * kilobytes)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_something() {
        let before = Watched::this().cpu_seconds().unwrap();
        let mut sum = 0u64;
        while Watched::this().cpu_seconds().unwrap() < before + 0.01 {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        assert!(Watched::this().peak_memory().unwrap() > 100_000);
    }
}
