//! Primes for negacyclic transforms.

use alloc::vec::Vec;

/// The `count` largest primes below 2^bits that are 1 modulo 2n, largest first; fewer if there are
/// not so many. More than 62 `bits` count as 62.
///
/// # Panics
/// Unless `n` is a power of two.
pub fn ntt_primes_below(n: usize, bits: u32, count: usize) -> Vec<u64> {
    assert!(n.is_power_of_two(), "the size {n} is not a power of two");
    // No prime below 2^62 is 1 modulo 2^63 or 2^64.
    let step = (n as u64).saturating_mul(2);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_without_primes_have_none() {
        for log_n in [61, 62, 63] {
            if let Some(n) = 1usize.checked_shl(log_n) {
                assert!(ntt_primes_below(n, 62, 1).is_empty(), "2^{log_n}");
            }
        }
        assert!(ntt_primes_below(8, 4, 1).is_empty());
        assert_eq!(ntt_primes_below(8, 5, 9), [17]);
    }

    #[test]
    #[should_panic(expected = "not a power of two")]
    fn no_size_has_no_primes() {
        ntt_primes_below(0, 47, 1);
    }
}
