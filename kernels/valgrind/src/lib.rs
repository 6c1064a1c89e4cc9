//! Tests of constant time, for other crates' tests alone.
//!
//! Valgrind's memcheck reports every conditional jump and every address that is computed from
//! undefined memory. So a test marks its secrets as undefined, runs under valgrind and wants no
//! report (the method of Langley's ctgrind). Valgrind has AVX2 and AES-NI but neither VAES nor
//! AVX-512.
//!
//! A test comes as a pair: an `#[ignore]`d one does the work, the other runs it with
//! [`assert_constant_time`]. Without valgrind that does nothing, unless
//! `GAZELLE_REQUIRE_VALGRIND` is set, as `.ci/run` does. Elsewhere than on x86-64 Linux it never does anything.

mod rng;

pub use rng::SecretRng;

use std::env;
use std::process::{Command, Stdio};

/// The exit code of valgrind if it has something to report.
const REPORTED: i32 = 99;

/// Marks memory as secret: what is computed from it may decide neither a jump nor an address.
pub fn make_secret<T: Copy>(memory: &mut [T]) {
    request(0x4d43_0001, memory);
}

/// Marks memory as public, as what is sent to the peer is.
pub fn make_public<T: Copy>(memory: &mut [T]) {
    request(0x4d43_0002, memory);
}

/// Runs the ignored test of this name under memcheck and wants no report.
///
/// # Panics
/// If a jump or an address depended on a secret, or the test failed.
pub fn assert_constant_time(test: &str) {
    if let Some(code) = memcheck(test) {
        assert_eq!(code, 0, "run `valgrind … --ignored --exact {test}` to see why");
    }
}

/// Runs the ignored test of this name under memcheck and wants a report: a test's own test.
///
/// # Panics
/// If there was none.
pub fn assert_reported(test: &str) {
    if let Some(code) = memcheck(test) {
        assert_eq!(code, REPORTED, "{test} went unnoticed");
    }
}

/// The exit code of an ignored test of the running program under memcheck; None, and a word about it,
/// where there is no valgrind.
fn memcheck(test: &str) -> Option<i32> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return None;
    }
    let output = Command::new("valgrind")
        .args(["--quiet", &format!("--error-exitcode={REPORTED}")])
        .arg(env::current_exe().expect("this test has a path"))
        .args(["--ignored", "--exact", test, "--test-threads=1"])
        .stderr(Stdio::null())
        .output();
    match output {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("running 1 test"), "there is no ignored test {test}");
            Some(output.status.code().expect("valgrind exits by itself"))
        }
        Err(_) if env::var_os("GAZELLE_REQUIRE_VALGRIND").is_some() => {
            panic!("GAZELLE_REQUIRE_VALGRIND is set, but valgrind does not start")
        }
        Err(_) => {
            eprintln!("{test} skipped: valgrind does not start");
            None
        }
    }
}

/// A client request of memcheck; on a CPU it does nothing.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn request<T: Copy>(state: u64, memory: &mut [T]) {
    let bytes = size_of_val(memory) as u64;
    let request = [state, memory.as_mut_ptr() as u64, bytes, 0, 0, 0];
    // SAFETY: the rotations, by 128 bits in all, and the exchange change no register but the
    // flags; valgrind knows them and writes its answer to rdx.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") request.as_ptr(), inout("rdx") 0u64 => _, inout("rdi") 0u64 => _,
        );
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn request<T: Copy>(_state: u64, _memory: &mut [T]) {}
