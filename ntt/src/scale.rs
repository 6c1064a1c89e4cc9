//! Scaling from a prime modulus to a smaller one with exact rounding.

use crate::Modulus;
use gazelle_kernels::ntt::scalar::{Factor, reduce_once};

/// x → ⌊t·x/q⌉ mod t for residues modulo a prime q: decryption, or the switch to a modulus t < q of
/// any kind. Exact; halves do not occur, q being odd.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    q: u64,
    t: Factor,
}

impl Scale {
    /// From `q` to `t`.
    ///
    /// # Panics
    /// Unless q is odd and 1 ≤ t < q.
    pub fn new(q: &Modulus, t: u64) -> Self {
        let q = q.value();
        assert!(q % 2 == 1 && (1..q).contains(&t), "no scaling from {q} to {t}");
        Self { q, t: Factor::new(t, q) }
    }

    /// ⌊t·x/q⌉ mod t, for `x` in [0, q), without a division or a branch.
    pub const fn of(&self, x: u64) -> u64 {
        debug_assert!(x < self.q);
        // The floor of t·x/q or one less, so the rest is below 2q.
        let estimate = ((x as u128 * self.t.quotient as u128) >> 64) as u64;
        let rest = x.wrapping_mul(self.t.value).wrapping_sub(estimate.wrapping_mul(self.q));
        // A bound is passed where subtracting from it turns negative; all are below 2^63.
        let above = (self.q - 1).wrapping_sub(rest) >> 63;
        let upper_half = (self.q / 2).wrapping_sub(reduce_once(rest, self.q)) >> 63;
        // At most t, which is 0 modulo t.
        reduce_once(estimate + above + upper_half, self.t.value)
    }

    /// [`Scale::of`] for each value.
    pub fn assign(&self, values: &mut [u64]) {
        values.iter_mut().for_each(|x| *x = self.of(*x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_residue_of_small_primes_is_rounded_exactly() {
        for q in [3, 5, 17, 97, 257] {
            let modulus = Modulus::try_new(q).unwrap();
            for t in 1..q {
                let mut values: Vec<u64> = (0..q).collect();
                Scale::new(&modulus, t).assign(&mut values);
                for (x, found) in values.into_iter().enumerate() {
                    assert_eq!(found, (2 * t * x as u64 + q) / (2 * q) % t, "{t}·{x}/{q}");
                }
            }
        }
    }

    #[test]
    fn large_primes_are_rounded_exactly_at_the_steps() {
        let q = crate::prime::ntt_primes_below(8, 62, 1)[0];
        let modulus = Modulus::try_new(q).unwrap();
        for t in [1, 2, 3, 1 << 20, (1 << 40) + 1, q / 2, q - 1] {
            let scale = Scale::new(&modulus, t);
            let (t, q) = (u128::from(t), u128::from(q));
            for step in [0, 1, t / 3, t / 2, t - 1] {
                // Around the x at which the rounded value goes from `step` to the next.
                let edge = (2 * step + 1) * q / (2 * t);
                for x in edge.saturating_sub(2)..=(edge + 2).min(q - 1) {
                    let expected = (t * x + q / 2) / q % t;
                    assert_eq!(u128::from(scale.of(x as u64)), expected, "{t}·{x}/{q}");
                }
            }
        }
    }
}
