//! Σ a_j·b_j of polynomials modulo X^n + 1 and q, written with tfhe-ntt and then with gazelle-ntt.

use gazelle_ntt::{Plan, prime};
use rand::{RngExt, SeedableRng, rngs::ChaCha20Rng};

/// Polynomials of n residues modulo q, in pairs.
type Pairs = Vec<[Vec<u64>; 2]>;

fn with_tfhe_ntt(n: usize, q: u64, mut pairs: Pairs) -> Vec<u64> {
    let plan = tfhe_ntt::prime64::Plan::try_new(n, q).expect("a prime for this size");
    let mut sum = vec![0; n];
    for [a, b] in &mut pairs {
        plan.fwd(a);
        plan.fwd(b);
        plan.mul_accumulate(&mut sum, a, b);
    }
    plan.inv(&mut sum);
    plan.normalize(&mut sum);
    sum
}

/// All terms are handed over at once, so that a sum is reduced once; the inverse includes 1/n.
fn with_gazelle_ntt(n: usize, q: u64, mut pairs: Pairs) -> Vec<u64> {
    let plan = Plan::try_new(n, q).expect("a prime for this size");
    pairs.iter_mut().flatten().for_each(|polynomial| plan.forward(polynomial));
    let terms: Vec<_> = pairs.iter().map(|[a, b]| (&a[..], &b[..])).collect();
    let mut sum = vec![0; n];
    plan.inner_product(&mut sum, &terms);
    plan.inverse(&mut sum);
    sum
}

fn main() {
    let n = 2048;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for bits in [30, 47, 50, 60, 62] {
        let q = prime::ntt_primes_below(n, bits, 1)[0];
        let mut polynomial = |_| (0..n).map(|_| rng.random_range(0..q)).collect();
        let pairs: Pairs = (0..20).map(|_| [0, 1].map(&mut polynomial)).collect();
        assert_eq!(with_gazelle_ntt(n, q, pairs.clone()), with_tfhe_ntt(n, q, pairs));
        println!("20 products of n = {n} modulo {q}: equal");
    }
}
