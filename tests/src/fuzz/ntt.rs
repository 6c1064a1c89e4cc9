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
    let words: Vec<u64> = words(rest, q).collect();
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
    plan.forward_lazy(&mut b_hat);
    plan.reduce(&mut b_hat);
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

/// Inner products are the same on every backend, and equal to division term by term where that is
/// quick. The first byte chooses the bits of the prime and the second how many terms; the rest are
/// factors, repeated until there are enough.
pub fn inner_product_agrees(data: &[u8]) {
    let [bits, terms, rest @ ..] = data else { return };
    let (n, bits) = (32, 20 + u32::from(bits % 43));
    let Some(&q) = prime::ntt_primes_below(n, bits, 1).first() else { return };
    let words: Vec<u64> = words(rest, q).collect();
    let terms = usize::from(*terms);
    let factor = |j: usize| words.iter().copied().cycle().skip(j).take(n).collect::<Vec<_>>();
    let factors: Vec<_> = (0..=terms + 1).map(factor).collect();
    let pairs: Vec<_> = (0..terms).map(|j| (&factors[j][..], &factors[j + 1][..])).collect();
    let shared: Vec<_> =
        pairs.iter().zip(&factors[2..]).map(|(&(a, b), c)| (a, [b, &c[..]])).collect();

    let expected: Vec<u64> = (0..n)
        .map(|i| {
            let term = |(a, b): &(&[u64], &[u64])| u128::from(a[i]) * u128::from(b[i]);
            let sum = |sum, pair| (sum + term(pair)) % u128::from(q);
            pairs.iter().fold(0, sum) as u64
        })
        .collect();
    for backend in VectorBackend::available() {
        let plan = Plan::with_backend(n, q, backend).expect("the prime is one of n's");
        let id = format!("{} with {terms} terms, q = {q}", backend.name());
        let mut found = vec![1; n];
        plan.inner_product(&mut found, &pairs);
        assert_eq!(found, expected, "{id}");
        let (mut first, mut second) = (vec![1; n], vec![1; n]);
        plan.inner_products([&mut first, &mut second], &shared);
        assert_eq!(first, expected, "{id}");
        let alone: Vec<_> = shared.iter().map(|&(a, [_, c])| (a, c)).collect();
        plan.inner_product(&mut found, &alone);
        assert_eq!(second, found, "{id}");
    }
}

/// Eight bytes at a time as residues, and the largest residue last.
fn words(bytes: &[u8], q: u64) -> impl Iterator<Item = u64> {
    let word = move |chunk: &[u8]| chunk.iter().fold(0, |word, &b| word << 8 | u64::from(b)) % q;
    bytes.chunks(8).map(word).chain([q - 1])
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
