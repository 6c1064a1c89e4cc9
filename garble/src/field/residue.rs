//! Numbers modulo p < 2^31, all of them secrets: no division and no branch. Of a mask made by
//! arithmetic alone the compiler knows that it is 0 or −1, and branches on it; of a [`Choice`] it
//! knows nothing.

use subtle::{Choice, ConditionallySelectable};

/// `x` where x < p, x − p where x < 2p.
pub(super) fn reduce(x: u32, p: u32) -> u32 {
    let less = x.wrapping_sub(p);
    // x < 2p ≤ 2^32 − 2, so less is in [−p, p) and its highest bit is its sign.
    less.wrapping_add(times(p, less >> 31))
}

pub(super) fn add(a: u32, b: u32, p: u32) -> u32 {
    reduce(a + b, p)
}

pub(super) fn subtract(a: u32, b: u32, p: u32) -> u32 {
    reduce(a + p - b, p)
}

/// `x` where the bit is 1, else 0.
pub(super) fn times(x: u32, bit: u32) -> u32 {
    u32::conditional_select(&0, &x, Choice::from(bit as u8))
}

/// ⌊h·p / 2^128⌋ for a hash h: uniform but for p / 2^128.
pub(super) fn from_hash(hash: u128, p: u32) -> u32 {
    let [low, high] =
        [hash as u64, (hash >> 64) as u64].map(|half| u128::from(half) * u128::from(p));
    ((high + (low >> 64)) >> 64) as u32
}

/// 2^t.
pub(super) fn power(t: usize, p: u32) -> u32 {
    (0..t).fold(1, |power, _| add(power, power, p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_reduced_at_the_edges() {
        for p in [3, 5, 127, 1_032_193, (1 << 31) - 1] {
            let edges = [0, 1, p / 2, p / 2 + 1, p - 2, p - 1];
            for (a, b) in edges.iter().flat_map(|a| edges.map(|b| (*a, b))) {
                let (wide, modulus) = (u64::from(a) + u64::from(b), u64::from(p));
                assert_eq!(u64::from(add(a, b, p)), wide % modulus);
                assert_eq!(add(subtract(a, b, p), b, p), a);
            }
            assert_eq!(from_hash(0, p), 0);
            assert_eq!(from_hash(u128::MAX, p), p - 1);
            assert_eq!(from_hash(u128::MAX / u128::from(p) + 1, p), 1);
            assert_eq!(from_hash(u128::MAX / u128::from(p), p), 0);
            assert_eq!(u64::from(power(31, p)), (1 << 31) % u64::from(p));
        }
    }
}
