//! What a call costs on every backend there is: `cargo run --release -p gazelle-ntt --example call_costs`,
//! and the same as WebAssembly.

use gazelle_kernels::VectorBackend;
use gazelle_ntt::{Plan, prime};
use std::array;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Coefficients.
const N: usize = 4096;

/// Terms of an inner product.
const PAIRS: usize = 16;

fn main() {
    println!("microseconds at n = {N}; the shortest of many runs");
    for bits in [30, 46, 50, 60] {
        for backend in VectorBackend::available() {
            costs(bits, backend);
        }
    }
}

/// Of the calls modulo a prime of `bits` bits.
fn costs(bits: u32, backend: VectorBackend) {
    let q = prime::ntt_primes_below(N, bits, 1)[0];
    let plan = Plan::with_backend(N, q, backend).expect("a prime for this size");
    let residues = |seed: u64| -> Box<Polynomial> {
        let residue = |i: usize| (i as u64 ^ seed << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) % q;
        Box::new(Polynomial(array::from_fn(residue)))
    };
    let left: Vec<_> = (0..PAIRS as u64).map(residues).collect();
    let right: Vec<_> = (100..100 + PAIRS as u64).map(residues).collect();
    let pairs: Vec<_> = left.iter().zip(&right).map(|(a, b)| (&a.0[..], &b.0[..])).collect();
    let mut a = residues(7);
    let report = |call: &str, f: &mut dyn FnMut()| {
        println!("{:>8}  {bits} bits  {:>8.2}  {call}", backend.name(), microseconds(f));
    };
    report("forward", &mut || plan.forward(black_box(&mut a.0)));
    report("inverse", &mut || plan.inverse(black_box(&mut a.0)));
    let (b, c) = pairs[0];
    report("pointwise_mul", &mut || plan.pointwise_mul(black_box(&mut a.0), b, c));
    report("inner_product of 16 pairs", &mut || plan.inner_product(black_box(&mut a.0), &pairs));
}

/// Residues from a line of the cache on: elsewhere transforms take a tenth longer. Each stands in memory of
/// its own, for the terms of an inner product at distances of a power of two share the cache's sets.
#[repr(align(64))]
struct Polynomial([u64; N]);

/// The shortest of the runs that a tenth of a second has room for.
fn microseconds(f: &mut dyn FnMut()) -> f64 {
    let (begin, mut shortest) = (Instant::now(), Duration::MAX);
    while begin.elapsed() < Duration::from_millis(100) {
        let start = Instant::now();
        f();
        shortest = shortest.min(start.elapsed());
    }
    shortest.as_nanos() as f64 / 1000.0
}
