//! Products of polynomials over Z\[X\]/(X^n + 1), exact below 2^92 and reduced modulo powers of two:
//! transforms modulo two primes below 2^47 and the Chinese remainder, or modulo one of them where that is
//! enough.

use gazelle_ntt::{Modulus, Plan, prime, sample};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bits of each prime.
const PRIME_BITS: u32 = 47;

/// The transforms, for one degree.
pub(crate) struct Products {
    plans: [Plan; 2],
    /// 1/p₁ modulo p₂, once for every coefficient.
    inverses: Vec<u64>,
    /// ⌊2^64/p⌋ of each prime.
    quotients: [u64; 2],
}

/// A polynomial, transformed modulo both primes or the first alone. Wiped when dropped: it may be a secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Transformed {
    /// n residues modulo the first prime, then n modulo the second.
    values: Vec<u64>,
}

/// Both primes.
pub(crate) const BOTH: usize = 2;

impl Products {
    pub(crate) fn new(n: usize) -> Self {
        let plan = |q| Plan::try_new(n, q).expect("a prime that is 1 modulo 2n");
        let [p1, p2] = prime::ntt_primes_below(n, PRIME_BITS, 2)[..] else {
            unreachable!("two primes were asked for")
        };
        let plans = [plan(p1), plan(p2)];
        let inverses = vec![plans[1].modulus().inv(p1 % p2); n];
        let quotients = [p1, p2].map(|p| ((1 << 64) / u128::from(p)) as u64);
        Self { plans, inverses, quotients }
    }

    /// The ring's degree.
    pub(crate) fn n(&self) -> usize {
        self.plans[0].n()
    }

    /// Primes modulo which the product of a polynomial of signed numbers of `bits` bits and of a ternary one
    /// is known.
    pub(crate) fn primes_for(&self, bits: u32) -> usize {
        if bits + self.n().ilog2() < PRIME_BITS { 1 } else { BOTH }
    }

    /// The polynomial of these numbers modulo 2^bits, for a product with a ternary one modulo 2^bits.
    pub(crate) fn transform_for_ternary(&self, residues: &[u64], bits: u32) -> Transformed {
        if self.primes_for(bits) == BOTH {
            return self.transform(residues);
        }
        self.transform_by(1, |limb, out| {
            let p = self.modulus(limb).value();
            for (out, &c) in out.iter_mut().zip(residues) {
                // The signed number, and p if that is negative.
                let negative = (c >> (bits - 1)).wrapping_neg();
                *out = c.wrapping_add(p.wrapping_sub(1 << bits) & negative);
            }
        })
    }

    /// The polynomial of these coefficients, any 64-bit numbers.
    pub(crate) fn transform(&self, coefficients: &[u64]) -> Transformed {
        self.transform_by(BOTH, |limb, out| {
            let (p, quotient) = (self.modulus(limb).value(), self.quotients[limb]);
            self.plans[limb].backend().run(
                #[inline(always)]
                || {
                    for (out, &c) in out.iter_mut().zip(coefficients) {
                        // The estimate of the quotient is at most one too small.
                        let estimate = ((u128::from(c) * u128::from(quotient)) >> 64) as u64;
                        let rest = c.wrapping_sub(estimate.wrapping_mul(p));
                        let below = (rest.wrapping_sub(p) as i64 >> 63) as u64;
                        *out = rest.wrapping_sub(p & !below);
                    }
                },
            );
        })
    }

    /// The polynomial of these coefficients modulo so many primes, in constant time.
    pub(crate) fn transform_small(&self, coefficients: &[i8], primes: usize) -> Transformed {
        self.transform_by(primes, |limb, out| {
            sample::residues(coefficients, self.modulus(limb), out);
        })
    }

    /// The polynomial of these weights, in constant time.
    pub(crate) fn transform_weights(&self, coefficients: &[i16]) -> Transformed {
        self.transform_by(BOTH, |limb, out| {
            let modulus = *self.modulus(limb);
            for (out, &w) in out.iter_mut().zip(coefficients) {
                *out = modulus.add((i64::from(w) + (1 << 16)) as u64, modulus.value() - (1 << 16));
            }
        })
    }

    fn transform_by(&self, primes: usize, residues: impl Fn(usize, &mut [u64])) -> Transformed {
        let mut values = vec![0; primes * self.n()];
        for (limb, out) in values.chunks_exact_mut(self.n()).enumerate() {
            residues(limb, out);
            self.plans[limb].forward(out);
        }
        Transformed { values }
    }

    /// Zero, modulo both primes.
    pub(crate) fn zero(&self) -> Transformed {
        Transformed { values: vec![0; BOTH * self.n()] }
    }

    /// `sum += a·b` modulo the primes of `sum`, which a and b have too.
    pub(crate) fn multiply_add(&self, sum: &mut Transformed, a: &Transformed, b: &Transformed) {
        let n = self.n();
        for (limb, plan) in self.plans[..sum.values.len() / n].iter().enumerate() {
            let part = limb * n..(limb + 1) * n;
            plan.pointwise_mul_add(
                &mut sum.values[part.clone()],
                &a.values[part.clone()],
                &b.values[part],
            );
        }
    }

    /// The coefficients of a polynomial modulo 2^64, in constant time; they must be below 2^91 in
    /// magnitude, below half the first prime if there is one alone.
    pub(crate) fn coefficients(&self, mut polynomial: Transformed) -> Vec<u64> {
        let n = self.n();
        for (plan, values) in self.plans.iter().zip(polynomial.values.chunks_exact_mut(n)) {
            plan.inverse(values);
        }
        let (first, second) = polynomial.values.split_at(n);
        if second.is_empty() {
            let p = self.modulus(0).value();
            return self.map(first, |x| x.wrapping_sub(p & is_negative((p / 2).wrapping_sub(x))));
        }
        self.recombine(first, second)
    }

    /// The numbers of these residues modulo both primes.
    fn recombine(&self, first: &[u64], second: &[u64]) -> Vec<u64> {
        let (p1, p2) = (self.modulus(0).value(), self.modulus(1).value());
        // d = (x₂ − x₁)/p₁ modulo p₂; the number is x₁ + p₁·d, and below zero if d > p₂/2.
        let mut difference: Vec<u64> = second.to_vec();
        // x₁ is below 2p₂.
        let mut reduced =
            self.map(first, |x| x.wrapping_sub(p2 & !is_negative(x.wrapping_sub(p2))));
        self.plans[1].sub_assign(&mut difference, &reduced);
        // The quotients, in the place of what is not needed any more.
        self.plans[1].pointwise_mul(&mut reduced, &difference, &self.inverses);
        let mut out = self.map(&reduced, |d| {
            let above = p1.wrapping_mul(p2) & is_negative((p2 / 2).wrapping_sub(d));
            p1.wrapping_mul(d).wrapping_sub(above)
        });
        [difference, reduced].iter_mut().for_each(Zeroize::zeroize);
        out.iter_mut().zip(first).for_each(|(out, &x)| *out = out.wrapping_add(x));
        out
    }

    /// A value for each, in a loop over registers as wide as there are.
    fn map(&self, values: &[u64], each: impl Fn(u64) -> u64) -> Vec<u64> {
        let mut out = vec![0; values.len()];
        self.plans[0].backend().run(
            #[inline(always)]
            || out.iter_mut().zip(values).for_each(|(out, &value)| *out = each(value)),
        );
        out
    }

    /// a·b modulo 2^64; modulo the first prime if one of them is given so.
    pub(crate) fn multiply(&self, a: &Transformed, b: &Transformed) -> Vec<u64> {
        let mut product = Transformed { values: vec![0; a.values.len().min(b.values.len())] };
        self.multiply_add(&mut product, a, b);
        self.coefficients(product)
    }

    fn modulus(&self, limb: usize) -> &Modulus {
        self.plans[limb].modulus()
    }
}

/// All ones if a number with a sign is below zero, else 0.
fn is_negative(x: u64) -> u64 {
    (x as i64 >> 63) as u64
}
