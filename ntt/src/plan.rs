//! A transform of one size modulo one prime, its tables and its kernels.

use crate::{Error, Modulus};
use alloc::{sync::Arc, vec, vec::Vec};
use gazelle_kernels::{
    VectorBackend,
    ntt::{
        Transform,
        scalar::{Factor, reduce_once},
    },
    pointwise::{Pointwise, Term},
};

/// The negacyclic transform modulo X^n + 1 over Z_q. Cheap to clone, `Send + Sync`.
///
/// All operations but [`Plan::reduce`] take residues in [0, q). Debug builds refuse others, on every
/// backend alike; release builds do not look, and give some wrong result for them.
///
/// Values of the transform's domain are in one order on every backend: [`Plan::exponent`] tells which
/// value a place holds.
#[derive(Clone, Debug)]
pub struct Plan(Arc<Tables>);

#[derive(Debug)]
struct Tables {
    n: usize,
    modulus: Modulus,
    backend: VectorBackend,
    transform: Transform,
    pointwise: Pointwise,
}

impl Plan {
    /// The transform of size `n` modulo `q` on the fastest backend of this CPU.
    ///
    /// # Errors
    /// If `n` is not a power of two from 8 to 2^17, `q` is not a prime below 2^62, or `q` is not 1
    /// modulo 2n.
    pub fn try_new(n: usize, q: u64) -> Result<Self, Error> {
        Self::with_backend(n, q, VectorBackend::best())
    }

    /// The same on a backend of the caller's choice.
    ///
    /// # Errors
    /// As [`Plan::try_new`].
    pub fn with_backend(n: usize, q: u64, backend: VectorBackend) -> Result<Self, Error> {
        let modulus = Modulus::try_new(q)?;
        if !n.is_power_of_two() || !(8..=1 << 17).contains(&n) {
            return Err(Error::Size(n));
        }
        if q % (2 * n as u64) != 1 {
            return Err(Error::NoRoot { q, two_n: 2 * n });
        }
        let psi = primitive_root(&modulus, n);
        Ok(Self(Arc::new(Tables {
            n,
            modulus,
            backend,
            transform: Transform::new(
                backend,
                q,
                powers(&modulus, psi, n),
                powers(&modulus, modulus.inv(psi), n),
                Factor::new(modulus.inv(n as u64), q),
            ),
            pointwise: Pointwise::new(backend, q),
        })))
    }

    /// The size: coefficients per polynomial.
    pub fn n(&self) -> usize {
        self.0.n
    }

    /// The modulus.
    pub fn modulus(&self) -> &Modulus {
        &self.0.modulus
    }

    /// The backend that was chosen.
    pub fn backend(&self) -> VectorBackend {
        self.0.backend
    }

    /// Transforms each polynomial of `a` in place; residues in [0, q) in and out.
    ///
    /// # Panics
    /// If the length of `a` is not a multiple of n.
    pub fn forward(&self, a: &mut [u64]) {
        self.each(a, Transform::forward);
    }

    /// Transforms each polynomial of `a` back, 1/n included; residues in [0, q) in and out.
    ///
    /// # Panics
    /// If the length of `a` is not a multiple of n.
    pub fn inverse(&self, a: &mut [u64]) {
        self.each(a, Transform::inverse);
    }

    /// As [`Plan::forward`], but residues in [0, 2q) out, which takes less time; which of the two a
    /// residue is depends on the backend. [`Plan::reduce`] brings them to [0, q), where all other
    /// operations want them.
    ///
    /// # Panics
    /// If the length of `a` is not a multiple of n.
    pub fn forward_lazy(&self, a: &mut [u64]) {
        self.each(a, Transform::forward_lazy);
    }

    /// As [`Plan::inverse`], but residues in [0, 2q) out, as [`Plan::forward_lazy`] gives them.
    ///
    /// # Panics
    /// If the length of `a` is not a multiple of n.
    pub fn inverse_lazy(&self, a: &mut [u64]) {
        self.each(a, Transform::inverse_lazy);
    }

    /// Residues in [0, 2q) to [0, q), in either domain.
    pub fn reduce(&self, a: &mut [u64]) {
        debug_assert!(a.iter().all(|&x| x < 2 * self.modulus().value()), "residues of 2q or more");
        a.iter_mut().for_each(|x| *x = reduce_once(*x, self.modulus().value()));
    }

    /// Which value stands at a place of the transform's domain: that of the polynomial at ψ^e for
    /// the e returned, odd and below 2n. It is 2·bitrev(i) + 1, where i is `place`; from n = 64 on with
    /// its lowest three bits and the three above them exchanged.
    ///
    /// # Panics
    /// If `place` is not below n.
    pub fn exponent(&self, place: usize) -> usize {
        assert!(place < self.0.n, "place {place} of {}", self.0.n);
        2 * self.reverse(self.exchange(place)) + 1
    }

    /// The place of the polynomial's value at ψ^`exponent`; odd and below 2n.
    pub(crate) fn place(&self, exponent: usize) -> usize {
        self.exchange(self.reverse(exponent / 2))
    }

    fn reverse(&self, i: usize) -> usize {
        i.reverse_bits() >> (usize::BITS - self.0.n.trailing_zeros())
    }

    fn exchange(&self, i: usize) -> usize {
        if self.0.n < 64 { i } else { i & !63 | (i & 7) << 3 | i >> 3 & 7 }
    }

    /// `out[i] = a[i]·b[i]`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn pointwise_mul(&self, out: &mut [u64], a: &[u64], b: &[u64]) {
        self.0.pointwise.mul(out, a, b);
    }

    /// `acc[i] += a[i]·b[i]`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn pointwise_mul_add(&self, acc: &mut [u64], a: &[u64], b: &[u64]) {
        self.0.pointwise.mul_add(acc, a, b);
    }

    /// `out[i] = Σ_j a_j[i]·b_j[i]` over the pairs, with one reduction at the end.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn inner_product(&self, out: &mut [u64], pairs: &[(&[u64], &[u64])]) {
        self.0.pointwise.inner_product(out, pairs);
    }

    /// `out[k][i] = Σ_j a_j[i]·b_j[k][i]` over the terms `(a_j, b_j)`: K inner products that share
    /// their left factors, such as a plaintext's products with both halves of a ciphertext.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn inner_products<const K: usize>(&self, out: [&mut [u64]; K], terms: &[Term<'_, K>]) {
        self.0.pointwise.inner_products(out, terms);
    }

    /// `a[i] += b[i]`, in either domain.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn add_assign(&self, a: &mut [u64], b: &[u64]) {
        self.0.pointwise.add_assign(a, b);
    }

    /// `a[i] −= b[i]`, in either domain.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn sub_assign(&self, a: &mut [u64], b: &[u64]) {
        self.0.pointwise.sub_assign(a, b);
    }

    /// `a[i] = −a[i]`, in either domain.
    pub fn negate(&self, a: &mut [u64]) {
        debug_assert!(a.iter().all(|&x| x < self.modulus().value()), "unreduced residues");
        a.iter_mut().for_each(|x| *x = self.modulus().neg(*x));
    }

    /// `a[i] *= factor` for a factor in [0, q), in either domain.
    pub fn scale_assign(&self, a: &mut [u64], factor: u64) {
        debug_assert!(a.iter().all(|&x| x < self.modulus().value()), "unreduced residues");
        let factor = Factor::new(factor, self.modulus().value());
        a.iter_mut().for_each(|x| *x = factor.mul(*x, self.modulus().value()));
    }

    /// Transforms each polynomial of `a`.
    fn each(&self, a: &mut [u64], transform: fn(&Transform, &mut [u64])) {
        let (n, len) = (self.0.n, a.len());
        assert!(len.is_multiple_of(n), "the length {len} is not a multiple of {n}");
        a.chunks_exact_mut(n).for_each(|polynomial| transform(&self.0.transform, polynomial));
    }
}

/// A primitive 2n-th root of unity: x^((q−1)/2n) for the smallest x that gives one.
fn primitive_root(modulus: &Modulus, n: usize) -> u64 {
    let q = modulus.value();
    (2..q)
        .map(|x| modulus.pow(x, (q - 1) / (2 * n as u64)))
        .find(|&psi| modulus.pow(psi, n as u64) == q - 1)
        .expect("a prime that is 1 modulo 2n has a primitive 2n-th root of unity")
}

/// ψ^bitrev(i) at place i.
fn powers(modulus: &Modulus, psi: u64, n: usize) -> Vec<Factor> {
    let mut out = vec![Factor::default(); n];
    let shift = usize::BITS - n.trailing_zeros();
    let mut power = 1;
    for i in 0..n {
        out[i.reverse_bits() >> shift] = Factor::new(power, modulus.value());
        power = modulus.mul(power, psi);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prime;

    fn schoolbook(m: &Modulus, a: &[u64], b: &[u64]) -> Vec<u64> {
        let n = a.len();
        let mut c = vec![0; n];
        for (i, &x) in a.iter().enumerate() {
            for (j, &y) in b.iter().enumerate() {
                let p = m.mul(x, y);
                let k = (i + j) % n;
                c[k] = if i + j < n { m.add(c[k], p) } else { m.sub(c[k], p) };
            }
        }
        c
    }

    #[test]
    fn products_equal_the_schoolbook() {
        for bits in [20, 30, 47, 50, 62] {
            for n in [8, 64, 256] {
                let q = prime::ntt_primes_below(n, bits, 1)[0];
                let plan = Plan::try_new(n, q).unwrap();
                let a: Vec<u64> = (0..n as u64).map(|i| (q - 1 - i * i) % q).collect();
                let b: Vec<u64> = (0..n as u64).map(|i| (q / 2 + i * 7919) % q).collect();
                let (mut x, mut y) = (a.clone(), b.clone());
                plan.forward(&mut x);
                plan.forward(&mut y);
                let mut z = vec![0; n];
                plan.inner_product(&mut z, &[(&x, &y)]);
                plan.inverse(&mut z);
                assert_eq!(z, schoolbook(plan.modulus(), &a, &b));
                plan.inverse(&mut x);
                assert_eq!(x, a);
            }
        }
    }
}
