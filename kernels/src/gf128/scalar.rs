//! The portable twin, on integer products.

/// See [`super::inner_products`], which checks the lengths.
pub(super) fn inner_products(factors: &[u128], rows: &[u128], sums: &mut [u128]) {
    for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(factors.len())) {
        let products = factors.iter().zip(row).map(|(&f, &x)| wide_product(f, x));
        *sum ^= reduce(products.fold([0; 2], add));
    }
}

/// See [`super::inner_product`].
pub(super) fn inner_product(factors: &[u128], message: &[u8], [a, b]: [u128; 2]) -> u128 {
    let products = factors.iter().zip(message.chunks(16)).map(|(&f, bytes)| {
        let mut block = [0; 16];
        block[..bytes.len()].copy_from_slice(bytes);
        wide_product(f, u128::from_le_bytes(block))
    });
    reduce(products.fold(wide_product(a, b), add))
}

/// The lower and the upper half of a sum.
fn add([a, b]: [u128; 2], [c, d]: [u128; 2]) -> [u128; 2] {
    [a ^ c, b ^ d]
}

/// The lower and the upper half of the product of two polynomials.
fn wide_product(a: u128, b: u128) -> [u128; 2] {
    let [a0, a1, b0, b1] = [a as u64, (a >> 64) as u64, b as u64, (b >> 64) as u64];
    let (low, high) = (product(a0, b0), product(a1, b1));
    let middle = product(a0, b1) ^ product(a1, b0);
    [low ^ middle << 64, high ^ middle >> 64]
}

/// A product modulo the field's polynomial.
fn reduce([low, high]: [u128; 2]) -> u128 {
    // X^128 = X^7 + X^2 + X + 1: the upper half comes down four times, and what its seven highest
    // bits push past the top comes down once more.
    let over = high >> 127 ^ high >> 126 ^ high >> 121;
    let down = |x: u128| x ^ x << 1 ^ x << 2 ^ x << 7;
    low ^ down(high) ^ down(over)
}

/// The product of two polynomials of 64 coefficients.
fn product(a: u64, b: u64) -> u128 {
    // Reversed bits make reversed products, one place further up.
    let upper = lower_product(a.reverse_bits(), b.reverse_bits()).reverse_bits() >> 1;
    u128::from(upper) << 64 | u128::from(lower_product(a, b))
}

/// The 64 lower coefficients of a product, by integer products of operands that have a bit in
/// every fourth place only (Pornin, BearSSL, `ghash_ctmul64.c`): at most 16 terms meet in a place,
/// 16 in the last one alone, whose carry leaves the word, so no carry reaches a place that counts.
fn lower_product(a: u64, b: u64) -> u64 {
    const EVERY_FOURTH: u64 = 0x1111_1111_1111_1111;
    let place = |x: u64, i: usize| x & EVERY_FOURTH << (i % 4);
    (0..4).fold(0, |sum, i| {
        let terms = (0..4).fold(0, |sum, j| sum ^ place(a, j).wrapping_mul(place(b, i + 4 - j)));
        sum | place(terms, i)
    })
}
