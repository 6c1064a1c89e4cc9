//! What a call of the kernels of garbling and of oblivious transfer costs on every backend there is:
//! `cargo run --release -p gazelle-kernels --example kernel_costs`, and the same as WebAssembly.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gazelle_kernels::hash::{Hash, HashKind};
use gazelle_kernels::ntt::{Transform, scalar::Factor};
use gazelle_kernels::pointwise::Pointwise;
use gazelle_kernels::prg::Seeds;
use gazelle_kernels::ring::{Convolution, convolve};
use gazelle_kernels::transpose::{low_rows, transpose128};
use gazelle_kernels::{AesBackend, VectorBackend, gf128, ggm, half_gates, label, lpn};

/// Instances of a gate, transfers of a chunk, elements of a sum.
const N: usize = 2048;

fn main() {
    println!("nanoseconds for one of {N}; the shortest of many runs");
    for backend in AesBackend::available() {
        aes(backend);
    }
    for backend in VectorBackend::available() {
        vector(backend);
        residues(backend);
    }
}

fn aes(backend: AesBackend) {
    let report = |kernel: &str, count: usize, f: &mut dyn FnMut()| {
        println!("{:>9}  {:>8.2}  {kernel}", backend.name(), nanoseconds(f) / count as f64);
    };
    let labels = |seed: u128| -> Vec<u128> {
        (1..=N as u128).map(|i| (i ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c)).collect()
    };
    let (a, b, mut out) = (labels(0), labels(1 << 90), vec![0; N]);
    // Not zeros: pages that nobody has written are all the same one, and caches that are searched by the
    // addresses of programs (AMD's) miss what was read at another.
    let mut tables = vec![1; 32 * N];
    for kind in HashKind::ALL {
        let h = Hash::new(kind, 77).with_backend(backend);
        let name = kind.name();
        report(&format!("hash a label, {name}"), N, &mut || {
            gazelle_kernels::hash::hash(&h, 5, &mut out);
        });
        report(&format!("evaluate an AND, {name}"), N, &mut || {
            half_gates::evaluate(&h, 5, [&a, &b], &tables, &mut out);
        });
        report(&format!("garble an AND, {name}"), N, &mut || {
            half_gates::garble(&h, 5, 3, [&a, &b], &mut tables, &mut out);
        });
    }
    report("add two labels", N, &mut || drop(black_box(label::xor(backend, &a, &b))));
    let seeds = Seeds::new(backend, &a[..16]);
    let (mut sum, mut planes) = ([0; 16], [0; 64]);
    report("block of 16 summed streams", 16 * 16, &mut || {
        seeds.sums(0..16, 1, 0, &mut sum, &mut planes);
    });
    report("block of a stream", N, &mut || seeds.stream(1, 1, 0, &mut out));
    let mut sums = [0; 10];
    report("leaf of a tree", N, &mut || ggm::grow(backend, 3, 4, 5, &mut sums, &mut out));
    report("output of the local code", N, &mut || lpn::add_code(backend, 7, 0, &a, &mut out));
    let mut totals = [0; 16];
    report("product in GF(2^128), of rows", 1024, &mut || {
        gf128::inner_products(backend, &a[..64], &b[..1024], &mut totals);
    });
    let (hash, message) = (gf128::PolynomialHash::new(backend, 7), vec![5; 1 << 16]);
    report("block of an authenticator", 1 << 12, &mut || {
        black_box(hash.update(0, &message));
    });
}

fn vector(backend: VectorBackend) {
    let report = |kernel: &str, count: usize, f: &mut dyn FnMut()| {
        println!("{:>9}  {:>8.2}  {kernel}", backend.name(), nanoseconds(f) / count as f64);
    };
    let rows: Vec<u128> = (1..=N as u128).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let mut columns = vec![0; N];
    report("column of 128 bits", N, &mut || transpose128(backend, &rows, &mut columns));
    let square = rows.first_chunk().expect("128 of them");
    report("column, its 8 lowest bits", 128, &mut || low_rows(backend, square, &mut columns[..8]));
    let geometry = Convolution {
        input: [16, 16, 16],
        outputs: 16,
        kernel: [3; 2],
        stride: [1; 2],
        dilation: [1; 2],
        padding: [1; 4],
        groups: 1,
    };
    let (input, weights) = (vec![0x1234_5678; 16 * 256], vec![-77; 16 * 16 * 9]);
    let mut output = vec![0; 16 * 256];
    report("product of a convolution", 256 * 16 * 16 * 9, &mut || {
        convolve(backend, geometry, &weights, &input, &mut output);
    });
}

/// Transforms of `N` coefficients and products of residues modulo primes of two classes. The time does
/// not depend on the factors, so they are no roots of unity.
fn residues(backend: VectorBackend) {
    for q in [0x0fff_ffff_d001u64, 0x0fff_ffff_ffff_d001] {
        let report = |kernel: &str, f: &mut dyn FnMut()| {
            let (time, bits) = (nanoseconds(f) / N as f64, q.ilog2() + 1);
            println!("{:>9}  {time:>8.2}  {kernel}, q of {bits} bits", backend.name());
        };
        let factors: Vec<_> = (1..=N as u64).map(|i| Factor::new(i * 0x1234_5677, q)).collect();
        let transform = Transform::new(backend, q, factors.clone(), factors.clone(), factors[7]);
        let mut a: Vec<u64> = (1..=N as u64).map(|i| i * 0x0765_4321).collect();
        let b = a.clone();
        report("coefficient of a forward transform", &mut || transform.forward(&mut a));
        report("coefficient of an inverse transform", &mut || transform.inverse(&mut a));
        let pointwise = Pointwise::new(backend, q);
        report("product of residues", &mut || pointwise.mul(&mut a, &b, &b));
    }
}

/// The shortest of the runs that a fifth of a second has room for.
fn nanoseconds(f: &mut dyn FnMut()) -> f64 {
    let (begin, mut shortest) = (Instant::now(), Duration::MAX);
    while begin.elapsed() < Duration::from_millis(200) {
        let start = Instant::now();
        f();
        shortest = shortest.min(start.elapsed());
    }
    shortest.as_nanos() as f64
}
