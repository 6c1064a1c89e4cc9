//! Transforms and bit packing.

use gazelle_kernels::VectorBackend;
use gazelle_ntt::{Plan, pack, prime};

/// A product of two polynomials is the same on every backend, and the schoolbook one where that is
/// quick. The first byte chooses n (its low half) and the next the bits of the prime; the rest are
/// coefficients, repeated until there are enough.
pub fn ntt_backends_agree(data: &[u8]) {
    let [size, bits, rest @ ..] = data else { return };
    let n = 1 << (size % 13).max(3);
    let bits = 20 + u32::from(bits % 42);
    let Some(&q) = prime::ntt_primes_below(n, bits, 1).first() else { return };
    let words: Vec<u64> = rest
        .chunks(8)
        .map(|chunk| chunk.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)) % q)
        .chain([q - 1])
        .collect();
    let a: Vec<u64> = words.iter().copied().cycle().take(n).collect();
    let b: Vec<u64> = words.iter().rev().copied().cycle().take(n).collect();

    let mut products = VectorBackend::available().into_iter().map(|backend| {
        let plan = Plan::with_backend(n, q, backend).expect("the prime is one of n's");
        (backend, product(&plan, &a, &b))
    });
    let (_, expected) = products.next().expect("the scalar backend");
    for (backend, product) in products {
        assert_eq!(product, expected, "{} at n = {n}, q = {q}", backend.name());
    }
    if n <= 256 {
        assert_eq!(schoolbook(&a, &b, q), expected, "scalar at n = {n}, q = {q}");
    }
}

fn product(plan: &Plan, a: &[u64], b: &[u64]) -> Vec<u64> {
    let (mut a_hat, mut b_hat) = (a.to_vec(), b.to_vec());
    plan.forward(&mut a_hat);
    plan.forward(&mut b_hat);
    let mut product = vec![0; a.len()];
    plan.inner_product(&mut product, &[(&a_hat, &b_hat)]);
    plan.inverse(&mut product);
    plan.inverse(&mut a_hat);
    assert_eq!(a_hat, a, "forward and inverse with {}", plan.backend().name());
    product
}

fn schoolbook(a: &[u64], b: &[u64], q: u64) -> Vec<u64> {
    let (n, q) = (a.len(), u128::from(q));
    let mut product = vec![0u128; n];
    for (i, &x) in a.iter().enumerate() {
        for (j, &y) in b.iter().enumerate() {
            let term = u128::from(x) * u128::from(y) % q;
            let at = &mut product[(i + j) % n];
            *at = if i + j < n { *at + term } else { *at + q - term } % q;
        }
    }
    product.into_iter().map(|c| c as u64).collect()
}

/// Whatever unpacks, packs to the same bytes. The first byte chooses the width, the second how many
/// values.
pub fn unpack(data: &[u8]) {
    let [bits, count, rest @ ..] = data else { return };
    let bits = u32::from(bits % 64) + 1;
    let mut values = vec![0; (*count).into()];
    if pack::unpack_u64(rest, bits, &mut values).is_ok() {
        let mut packed = Vec::new();
        pack::pack_u64(&values, bits, &mut packed);
        assert_eq!(packed, rest);
    }
    let mut narrow = vec![0; (*count).into()];
    if bits <= 32 && pack::unpack_u32(rest, bits, &mut narrow).is_ok() {
        let mut packed = Vec::new();
        pack::pack_u32(&narrow, bits, &mut packed);
        assert_eq!(packed, rest);
    }
}
