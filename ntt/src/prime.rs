//! Primes for negacyclic transforms.

use alloc::vec::Vec;

/// The `count` largest primes below 2^bits that are 1 modulo 2n, largest first; fewer if there are
/// not so many. `n` is a power of two, `bits` at most 62.
pub fn ntt_primes_below(n: usize, bits: u32, count: usize) -> Vec<u64> {
    let step = 2 * n as u64;
    let top = (1u64 << bits.min(62)) / step * step;
    let candidates = (1..=top / step).map(|i| top - i * step + 1);
    candidates.filter(|&q| is_prime(q)).take(count).collect()
}

/// Whether `q` is prime: Miller–Rabin with the first twelve primes as bases, which decides every
/// 64-bit number (Sorenson and Webster, 2015).
pub fn is_prime(q: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if q < 2 || BASES.iter().any(|&p| q != p && q.is_multiple_of(p)) {
        return false;
    }
    let mul = |a: u64, b: u64| (a as u128 * b as u128 % q as u128) as u64;
    let pow = |base: u64, mut e: u64| {
        let (mut b, mut r) = (base, 1);
        while e > 0 {
            if e & 1 == 1 {
                r = mul(r, b);
            }
            b = mul(b, b);
            e >>= 1;
        }
        r
    };
    let twos = (q - 1).trailing_zeros();
    BASES.iter().filter(|&&p| p != q).all(|&base| {
        let mut x = pow(base, (q - 1) >> twos);
        if x == 1 || x == q - 1 {
            return true;
        }
        for _ in 1..twos {
            x = mul(x, x);
            if x == q - 1 {
                return true;
            }
        }
        false
    })
}
