//! The automorphisms X → X^g of Z_q\[X\]/(X^n + 1), in both domains.

use crate::Plan;

impl Plan {
    /// The coefficients of a(X^g) from those of a(X): coefficient i goes to place i·g modulo 2n, with
    /// a minus sign from n on.
    ///
    /// # Panics
    /// Unless `out` and `a` have n coefficients and g is odd.
    pub fn automorphism(&self, g: usize, out: &mut [u64], a: &[u64]) {
        let n = self.check_automorphism(g, out, a);
        let mut place = 0;
        for &x in a {
            let sign = ((place & n != 0) as u64).wrapping_neg();
            let negative = self.modulus().neg(x);
            out[place & (n - 1)] = x ^ ((x ^ negative) & sign);
            place = place.wrapping_add(g) & (2 * n - 1);
        }
    }

    /// The same in the transform's domain: the value at [`Plan::exponent`] e is a(ψ^e), and that of
    /// a(X^g) is a(ψ^(e·g)), so values only change places.
    ///
    /// # Panics
    /// Unless `out` and `a` have n values and g is odd.
    pub fn automorphism_transformed(&self, g: usize, out: &mut [u64], a: &[u64]) {
        let n = self.check_automorphism(g, out, a);
        for (place, out) in out.iter_mut().enumerate() {
            *out = a[self.place(self.exponent(place).wrapping_mul(g) & (2 * n - 1))];
        }
    }

    fn check_automorphism(&self, g: usize, out: &[u64], a: &[u64]) -> usize {
        assert!(g % 2 == 1, "X → X^{g} is no automorphism: the exponent is even");
        assert!(out.len() == self.n() && a.len() == self.n(), "polynomials of n = {}", self.n());
        self.n()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{VectorBackend, prime};
    use alloc::{vec, vec::Vec};

    #[test]
    fn both_domains_agree_with_the_definition() {
        for n in [8, 32, 64, 256] {
            for bits in [30, 47, 50, 60] {
                let q = prime::ntt_primes_below(n, bits, 1)[0];
                for backend in VectorBackend::available() {
                    let plan = Plan::with_backend(n, q, backend).unwrap();
                    let a: Vec<u64> = (0..n as u64).map(|i| (q - 1).wrapping_sub(i * i)).collect();
                    for g in [1, 3, 5, n + 1, 2 * n - 1, 2 * n + 3] {
                        let mut expected = vec![0; n];
                        for (i, &x) in a.iter().enumerate() {
                            let place = i * g % (2 * n);
                            expected[place % n] = if place < n { x } else { plan.modulus().neg(x) };
                        }
                        let mut found = vec![0; n];
                        plan.automorphism(g, &mut found, &a);
                        assert_eq!(found, expected, "{} {n} {q} {g}", backend.name());

                        let mut transformed = a.clone();
                        plan.forward(&mut transformed);
                        plan.automorphism_transformed(g, &mut found, &transformed);
                        plan.inverse(&mut found);
                        assert_eq!(found, expected, "{} {n} {q} {g}", backend.name());
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "even")]
    fn even_exponents_are_refused() {
        let plan = Plan::try_new(8, 17).unwrap();
        plan.automorphism(2, &mut [0; 8], &[0; 8]);
    }
}
