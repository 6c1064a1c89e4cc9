//! What the process does with memory that it frees.

/// Lets the process keep up to `bytes` of freed memory at the end of each heap, to use again, where
/// the system's allocator can be told so (glibc); whether it could. For a program's first lines.
///
/// Otherwise glibc gives buffers of more than 128 KiB back at once, and the system clears every page
/// of them anew when it is touched again: a session frees and takes again hundreds of megabytes for
/// each inference. Secrets do not stay in what is kept: whoever holds them wipes them.
pub fn keep_freed(bytes: usize) -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
        let options = [(libc::M_MMAP_THRESHOLD, LARGEST_IN_HEAP), (libc::M_TRIM_THRESHOLD, bytes)];
        // SAFETY: glibc takes any value of these two options, at any time.
        options.iter().all(|&(option, value)| unsafe { libc::mallopt(option, value) } == 1)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        let _ = bytes;
        false
    }
}

/// Asks for values that will be read soon, where the CPU can be asked: beside other work they come from memory
/// without anybody waiting for them.
pub fn fetch(values: &[u64]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(8) {
        use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: any address may be asked for, and nothing but time depends on it; newer compilers know it.
        #[allow(unused_unsafe)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// The largest threshold that glibc takes; what is larger has pages of its own.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGEST_IN_HEAP: libc::c_int = 32 << 20;

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// How often a page was provided to this thread.
    fn faults() -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // The name may hold spaces; after it, minor faults are the eighth number.
        let numbers = stat.rsplit_once(')').unwrap().1;
        numbers.split_whitespace().nth(7).unwrap().parse().unwrap()
    }

    #[test]
    fn freed_memory_is_used_again() {
        assert!(keep_freed(64 << 20));
        let touch = || {
            let before = faults();
            std::hint::black_box(std::iter::repeat_n(1u8, 16 << 20).collect::<Vec<u8>>());
            faults() - before
        };
        // 4096 pages the first time; the heap may grow a second time if others share it.
        let faults: Vec<u64> = (0..4).map(|_| touch()).collect();
        assert!(faults[0] >= 2048 && faults.iter().min() < Some(&256), "{faults:?}");
    }
}
