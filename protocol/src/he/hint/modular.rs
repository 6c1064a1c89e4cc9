//! Products of polynomials over Z\[X\]/(X^n + 1), exact below 2^92 and reduced modulo powers of two:
//! transforms modulo two primes below 2^47 and the Chinese remainder, or modulo one prime where that is enough.

use std::ops::Range;

use gazelle_kernels::{VectorBackend, memory};
use gazelle_ntt::{Modulus, Plan, prime, sample};

use crate::wiped::Wiped;

/// Bits of each of the two primes.
const PRIME_BITS: u32 = 47;

/// The transforms, for one degree.
pub(crate) struct Products {
    plans: [Plan; 2],
    /// 1/p₁ modulo p₂, once for every coefficient.
    inverses: Wiped<u64>,
    /// ⌊2^64/p⌋ of each prime.
    quotients: [u64; 2],
}

/// The coefficient of a polynomial at an exponent below n.
pub type Term = (u32, i16);

/// Coefficients of a sum that registers hold.
const BLOCK: usize = 32;

/// The primes that a polynomial is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moduli {
    /// The first.
    First,
    /// Both.
    Both,
}

/// A polynomial, transformed modulo some primes. Wiped when dropped: it may be a secret.
#[derive(Clone)]
pub(crate) struct Transformed {
    /// n residues modulo each prime.
    values: Wiped<u64>,
    moduli: Moduli,
}

/// Memory for one product after the other; wiped when dropped.
#[derive(Default)]
pub(crate) struct Room(Wiped<u64>);

/// A product of two polynomials in a [`Room`].
pub(crate) struct Product<'a> {
    values: &'a [u64],
    /// What the values are residues of; 0 if they are numbers modulo 2^64.
    prime: u64,
    backend: VectorBackend,
}

impl Product<'_> {
    /// Sets each element of `out` to what `change` makes of a coefficient modulo 2^64, of those from number
    /// `first` on; in constant time if `change` is. Mark it `#[inline(always)]`.
    #[inline(always)]
    pub(crate) fn write<T>(&self, first: usize, out: &mut [T], change: impl Fn(u64) -> T) {
        self.write_with(
            first,
            out,
            std::iter::repeat(()),
            #[inline(always)]
            move |c, ()| change(c),
        );
    }

    /// The same with a partner for each.
    #[inline(always)]
    pub(crate) fn write_with<T, U>(
        &self,
        first: usize,
        out: &mut [T],
        partners: impl Iterator<Item = U>,
        change: impl Fn(u64, U) -> T,
    ) {
        let (values, p) = (&self.values[first..][..out.len()], self.prime);
        // What the loop reads stands in the closure itself, where no store to `out` can change it.
        self.backend.run(
            #[inline(always)]
            move || {
                for ((out, &x), partner) in out.iter_mut().zip(values).zip(partners) {
                    let signed = x.wrapping_sub(p & is_negative((p / 2).wrapping_sub(x)));
                    *out = change(signed, partner);
                }
            },
        );
    }
}

impl Transformed {
    /// Asks for it before it is read.
    pub(super) fn fetch(&self) {
        memory::fetch(&self.values);
    }
}

impl Products {
    pub(crate) fn new(n: usize) -> Self {
        let plan = |q| Plan::try_new(n, q).expect("a prime that is 1 modulo 2n");
        let [p1, p2] = prime::ntt_primes_below(n, PRIME_BITS, 2)[..] else {
            unreachable!("two primes were asked for")
        };
        let plans = [p1, p2].map(plan);
        let mut inverses = Wiped::zeros(n);
        inverses.fill(plans[1].modulus().inv(p1 % p2));
        let quotients = [p1, p2].map(|p| ((1 << 64) / u128::from(p)) as u64);
        Self { plans, inverses, quotients }
    }

    /// The ring's degree.
    pub(crate) fn n(&self) -> usize {
        self.plans[0].n()
    }

    /// Primes modulo which the product of a polynomial of signed numbers of `bits` bits and of a ternary one
    /// is known; the ternary one is known modulo both.
    pub(crate) fn moduli_for(&self, bits: u32) -> Moduli {
        if bits + self.n().ilog2() < PRIME_BITS { Moduli::First } else { Moduli::Both }
    }

    /// The same where the ternary one is known by the same primes and has a zero: n − 1 numbers up to
    /// 2^(bits−1) are then below half of the first prime.
    pub(crate) fn moduli_alone(&self, bits: u32) -> Moduli {
        let largest = (self.n() as u64 - 1).checked_mul(1 << (bits - 1));
        let fits = largest.is_some_and(|sum| sum < self.modulus(0).value() / 2);
        if fits { Moduli::First } else { Moduli::Both }
    }

    /// Which of the plans a polynomial's residues belong to.
    fn limbs(moduli: Moduli) -> Range<usize> {
        match moduli {
            Moduli::First => 0..1,
            Moduli::Both => 0..2,
        }
    }

    /// The polynomial of these numbers modulo 2^bits as signed ones, modulo some primes above 2^(bits−1).
    pub(crate) fn transform_signed(
        &self,
        residues: &[u64],
        bits: u32,
        moduli: Moduli,
    ) -> Transformed {
        self.transform_by(moduli, |limb, out| {
            let above = self.modulus(limb).value().wrapping_sub(1 << bits);
            // The signed number, and p if that is negative.
            self.each(
                out,
                residues,
                #[inline(always)]
                move |_, c| c.wrapping_add(above & (c >> (bits - 1)).wrapping_neg()),
            );
        })
    }

    /// The polynomial of these numbers modulo 2^bits, for a product with a ternary one modulo 2^bits.
    pub(crate) fn transform_for_ternary(&self, residues: &[u64], bits: u32) -> Transformed {
        match self.moduli_for(bits) {
            Moduli::Both => self.transform_below(bits, residues),
            moduli => self.transform_signed(residues, bits, moduli),
        }
    }

    /// The polynomial of these coefficients, any 64-bit numbers.
    #[cfg(test)]
    pub(crate) fn transform(&self, coefficients: &[u64]) -> Transformed {
        self.transform_below(u64::BITS, coefficients)
    }

    /// The polynomial of these coefficients below 2^bits.
    pub(crate) fn transform_below(&self, bits: u32, coefficients: &[u64]) -> Transformed {
        self.transform_by(Moduli::Both, |limb, out| {
            let (p, quotient) = (self.modulus(limb).value(), self.quotients[limb]);
            // A number below 2p is its own rest: p is above 2^46.
            let is_rest = bits <= PRIME_BITS;
            self.each(
                out,
                coefficients,
                #[inline(always)]
                move |_, c| {
                    // The estimate of the quotient is at most one too small.
                    let estimate = ((u128::from(c) * u128::from(quotient)) >> 64) as u64;
                    let rest = if is_rest { c } else { c.wrapping_sub(estimate.wrapping_mul(p)) };
                    rest.wrapping_sub(p & !is_negative(rest.wrapping_sub(p)))
                },
            );
        })
    }

    /// The polynomial of these coefficients modulo so many primes, in constant time.
    pub(crate) fn transform_small(&self, coefficients: &[i8], moduli: Moduli) -> Transformed {
        self.transform_by(moduli, |limb, out| {
            sample::residues(coefficients, self.modulus(limb), out);
        })
    }

    /// The polynomial of these weights, in constant time.
    pub(crate) fn transform_weights(&self, coefficients: &[i16]) -> Transformed {
        self.transform_by(Moduli::Both, |limb, out| {
            let p = self.modulus(limb).value();
            self.plans[limb].backend().run(
                #[inline(always)]
                move || {
                    for (out, &w) in out.iter_mut().zip(coefficients) {
                        let w = i64::from(w) as u64;
                        *out = w.wrapping_add(p & is_negative(w));
                    }
                },
            );
        })
    }

    fn transform_by(&self, moduli: Moduli, residues: impl Fn(usize, &mut [u64])) -> Transformed {
        let limbs = Self::limbs(moduli);
        let mut values = Wiped::zeros(limbs.len() * self.n());
        for (limb, out) in limbs.zip(values.chunks_exact_mut(self.n())) {
            residues(limb, out);
            self.plans[limb].forward(out);
        }
        Transformed { values, moduli }
    }

    /// Zero, modulo both primes.
    pub(crate) fn zero(&self) -> Transformed {
        Transformed { values: Wiped::zeros(2 * self.n()), moduli: Moduli::Both }
    }

    /// `sum += a·b`, all of them modulo both primes.
    pub(crate) fn multiply_add(&self, sum: &mut Transformed, a: &Transformed, b: &Transformed) {
        let n = self.n();
        let terms = a.values.chunks_exact(n).zip(b.values.chunks_exact(n));
        for ((plan, sum), (a, b)) in
            self.plans.iter().zip(sum.values.chunks_exact_mut(n)).zip(terms)
        {
            plan.pointwise_mul_add(sum, a, b);
        }
    }

    /// A polynomial for [`Products::add_terms`]: before its coefficients their negatives.
    pub(crate) fn unroll(&self, coefficients: &[u64]) -> Vec<u64> {
        let negatives = coefficients.iter().map(|c| c.wrapping_neg());
        negatives.chain(coefficients.iter().copied()).collect()
    }

    /// `sum += a·w` modulo 2^64 for the polynomial w of some terms, a by [`Products::unroll`]; no branch and no
    /// address depends on weights.
    pub(crate) fn add_terms(&self, sum: &mut [u64], unrolled: &[u64], terms: &[Term]) {
        let n = self.n();
        self.plans[0].backend().run(
            #[inline(always)]
            move || {
                for (i, sum) in sum.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
                    let mut block = *sum;
                    for &(exponent, weight) in terms {
                        let first = n - exponent as usize + i * BLOCK;
                        let factor = i64::from(weight) as u64;
                        for (s, a) in block.iter_mut().zip(&unrolled[first..first + BLOCK]) {
                            *s = s.wrapping_add(a.wrapping_mul(factor));
                        }
                    }
                    *sum = block;
                }
            },
        );
    }

    /// The coefficients of a polynomial modulo 2^64, in constant time; they must be below 2^91 in
    /// magnitude, below half the prime if there is one alone.
    pub(crate) fn coefficients(&self, mut polynomial: Transformed) -> Wiped<u64> {
        let (n, limbs) = (self.n(), Self::limbs(polynomial.moduli));
        for (limb, values) in limbs.clone().zip(polynomial.values.chunks_exact_mut(n)) {
            self.plans[limb].inverse(values);
        }
        let Transformed { mut values, .. } = polynomial;
        let mut out = Wiped::zeros(n);
        match limbs.len() {
            1 => self.product(&values, Moduli::First).write(0, &mut out, |c| c),
            _ => {
                let (first, second) = values.split_at_mut(n);
                self.recombine(first, second, &mut out);
            }
        }
        out
    }

    /// Writes the numbers of these residues modulo both primes; what the second ones are afterwards says
    /// nothing.
    fn recombine(&self, first: &[u64], second: &mut [u64], out: &mut [u64]) {
        let (p1, p2) = (self.modulus(0).value(), self.modulus(1).value());
        // d = (x₂ − x₁)/p₁ modulo p₂; the number is x₁ + p₁·d, and below zero if d > p₂/2.
        self.each(
            second,
            first,
            #[inline(always)]
            move |x2, x1| {
                // x₁ is below 2p₂.
                let reduced = x1.wrapping_sub(p2 & !is_negative(x1.wrapping_sub(p2)));
                let difference = x2.wrapping_sub(reduced);
                difference.wrapping_add(p2 & is_negative(difference))
            },
        );
        self.plans[1].pointwise_mul(out, second, &self.inverses);
        self.each(
            out,
            first,
            #[inline(always)]
            move |d, x1| {
                let above = p1.wrapping_mul(p2) & is_negative((p2 / 2).wrapping_sub(d));
                p1.wrapping_mul(d).wrapping_sub(above).wrapping_add(x1)
            },
        );
    }

    /// Changes each value by its partner in a loop over registers as wide as there are.
    fn each(&self, values: &mut [u64], partners: &[u64], change: impl Fn(u64, u64) -> u64) {
        self.plans[0].backend().run(
            #[inline(always)]
            move || values.iter_mut().zip(partners).for_each(|(x, &y)| *x = change(*x, y)),
        );
    }

    /// a·b modulo 2^64, from the first prime alone if one of them is known by that alone.
    #[cfg(test)]
    pub(crate) fn multiply(&self, a: &Transformed, b: &Transformed) -> Wiped<u64> {
        let mut out = Wiped::zeros(self.n());
        self.multiply_in(&mut Room::default(), a, b).write(0, &mut out, |c| c);
        out
    }

    /// The same, in memory that is used again.
    pub(crate) fn multiply_in<'a>(
        &'a self,
        room: &'a mut Room,
        a: &Transformed,
        b: &Transformed,
    ) -> Product<'a> {
        let moduli = if a.moduli == b.moduli { a.moduli } else { Moduli::First };
        let (n, limbs) = (self.n(), Self::limbs(moduli));
        if room.0.len() < 3 * n {
            room.0 = Wiped::zeros(3 * n);
        }
        let (values, out) = room.0.split_at_mut(2 * n);
        let factors = a.values.chunks_exact(n).zip(b.values.chunks_exact(n));
        for ((limb, out), (a, b)) in limbs.zip(values.chunks_exact_mut(n)).zip(factors) {
            self.plans[limb].pointwise_mul(out, a, b);
            self.plans[limb].inverse(out);
        }
        let (first, second) = values.split_at_mut(n);
        if moduli == Moduli::Both {
            self.recombine(first, second, &mut out[..n]);
            return self.product(&out[..n], moduli);
        }
        self.product(first, moduli)
    }

    /// A product by its residues modulo the first prime, or by its numbers where both were needed.
    fn product<'a>(&'a self, values: &'a [u64], moduli: Moduli) -> Product<'a> {
        let prime = if moduli == Moduli::First { self.modulus(0).value() } else { 0 };
        Product { values, prime, backend: self.plans[0].backend() }
    }

    fn modulus(&self, limb: usize) -> &Modulus {
        self.plans[limb].modulus()
    }
}

/// All ones if a number with a sign is below zero, else 0.
fn is_negative(x: u64) -> u64 {
    (x as i64 >> 63) as u64
}
