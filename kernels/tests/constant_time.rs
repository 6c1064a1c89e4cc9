//! No branch and no address depends on a label or on Δ.
//!
//! Valgrind's memcheck reports every conditional jump and every address that is computed from
//! undefined memory. So the test marks labels and Δ as undefined, runs the kernels under valgrind
//! and wants no report (the method of Langley's ctgrind). Valgrind has AES-NI but neither VAES nor
//! AVX-512: it sees the backends `scalar` and `aesni`; the wider ones are the same text.
//!
//! Without valgrind the test is skipped, unless `GAZELLE_REQUIRE_VALGRIND` is set.

#![cfg(all(target_arch = "x86_64", target_os = "linux", feature = "std"))]

use std::env;
use std::hint::black_box;
use std::process::{Command, Stdio};

use gazelle_kernels::hash::{self, Hash, HashKind};
use gazelle_kernels::{AesBackend, half_gates};

/// The exit code of valgrind if it has something to report.
const REPORTED: i32 = 99;

/// Runs an ignored test of this file under memcheck; its exit code.
fn memcheck(test: &str) -> Option<i32> {
    let status = Command::new("valgrind")
        .args(["--quiet", &format!("--error-exitcode={REPORTED}")])
        .arg(env::current_exe().expect("this test has a path"))
        .args(["--ignored", "--exact", test, "--test-threads=1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) => Some(status.code().expect("valgrind exits by itself")),
        Err(_) if env::var_os("GAZELLE_REQUIRE_VALGRIND").is_some() => {
            panic!("GAZELLE_REQUIRE_VALGRIND is set, but valgrind does not start")
        }
        Err(_) => None,
    }
}

#[test]
fn kernels_are_constant_time() {
    match memcheck("garbling_of_undefined_labels") {
        Some(code) => assert_eq!(code, 0, "see `valgrind … garbling_of_undefined_labels`"),
        None => eprintln!("skipped: no valgrind"),
    }
}

/// The test's own test.
#[test]
fn a_branch_on_a_label_is_seen() {
    if let Some(code) = memcheck("branch_on_undefined_label") {
        assert_eq!(code, REPORTED);
    }
}

#[test]
#[ignore = "runs under valgrind"]
fn garbling_of_undefined_labels() {
    for backend in AesBackend::available() {
        for kind in HashKind::ALL {
            for n in [1, 3, 16, 64, 131, 300] {
                run(&Hash::new(kind, 5).with_backend(backend), n);
            }
        }
    }
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_undefined_label() {
    let label = secret(1);
    if black_box(label[0]) & 1 == 1 {
        black_box(&label);
    }
}

/// Garbles, evaluates and hashes secret labels.
fn run(h: &Hash, n: usize) {
    let (a, b, delta) = (secret(n), secret(n), secret(1)[0]);
    let (mut tables, mut out) = (vec![0; half_gates::TABLE_BYTES * n], vec![0; n]);
    half_gates::garble(h, 9, delta, [&a, &b], &mut tables, &mut out);
    // The tables are sent, labels stay secret.
    valgrind::make(valgrind::DEFINED, &mut tables);
    half_gates::evaluate(h, 9, [&a, &b], &tables, &mut out);
    let (mut zeros, mut ones) = (vec![0; n], vec![0; n]);
    hash::hash_colours(h, 9, delta, &a, [&mut zeros, &mut ones]);
    hash::hash(h, 9, &mut out);
    black_box((tables, out, zeros, ones));
}

fn secret(n: usize) -> Vec<u128> {
    let mut labels: Vec<u128> = (1..=n as u128).map(|i| i << 77 | i).collect();
    valgrind::make(valgrind::UNDEFINED, &mut labels);
    labels
}

/// Valgrind's client requests for memory; on a CPU they do nothing.
mod valgrind {
    use core::arch::asm;

    pub(super) const UNDEFINED: u64 = 0x4d43_0001;
    pub(super) const DEFINED: u64 = 0x4d43_0002;

    pub(super) fn make<T: Copy>(state: u64, memory: &mut [T]) {
        let bytes = size_of_val(memory) as u64;
        let request = [state, memory.as_mut_ptr() as u64, bytes, 0, 0, 0];
        // SAFETY: the rotations, by 128 bits in all, and the exchange change no register but the
        // flags; valgrind knows them and writes its answer to rdx.
        unsafe {
            asm!(
                "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
                in("rax") request.as_ptr(), inout("rdx") 0u64 => _, inout("rdi") 0u64 => _,
            );
        }
    }
}
