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

    /// Seconds on a processor, all its threads together, also those that have ended. `None` where the
    /// system does not tell.
    #[cfg(target_os = "linux")]
    pub(super) fn cpu_seconds(self) -> Option<f64> {
        use nix::{time::clock_getcpuclockid, unistd::Pid};
        let clock = clock_getcpuclockid(Pid::from_raw(self.0.try_into().ok()?)).ok()?;
        Some(std::time::Duration::from(clock.now().ok()?).as_secs_f64())
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn cpu_seconds(self) -> Option<f64> {
        None
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
    fn threads_that_have_ended_count() {
        let before = Watched::this().cpu_seconds().unwrap();
        let busy = move || while Watched::this().cpu_seconds().unwrap() < before + 0.02 {};
        std::thread::spawn(busy).join().unwrap();
        assert!(Watched::this().cpu_seconds().unwrap() >= before + 0.02);
    }

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
