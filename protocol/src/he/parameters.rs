//! Parameter sets: checked constructors, nothing below 128 bits of security.

use std::fmt;
use std::sync::{Arc, LazyLock};

use gazelle_ntt::{Plan, pack::packed_len, prime};

use crate::error::Misuse;

/// Largest log2 q for 128 bits of classical security with ternary secrets, by log2 n from 10:
/// Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption" (2024), Table 5.2.
const MAX_LOG2_Q: [(usize, u32); 5] =
    [(1024, 26), (2048, 53), (4096, 106), (8192, 214), (16384, 430)];

/// Errors are centred binomial: the difference of two sums of η bits. |e| ≤ η, variance η/2.
pub(crate) const ETA: u32 = 21;

/// Bits of the prime in which a large answer is decrypted.
const WIDE_BITS: u32 = 61;

/// Checks that a modulus of so many bits has 128 bits of security in the ring of degree `n`.
///
/// # Errors
/// [`Misuse::Parameters`] if it has not, or n is not 1,024 to 16,384.
pub(crate) fn check_security(n: usize, log2_q: u32) -> Result<(), Misuse> {
    let refuse = |why: String| Err(Misuse::Parameters(why));
    let Some(&(_, limit)) = MAX_LOG2_Q.iter().find(|(degree, _)| *degree == n) else {
        return refuse(format!("the degree {n} is not one of 1024, 2048, 4096, 8192, 16384"));
    };
    if log2_q == 0 || log2_q > limit {
        return refuse(format!("q of {log2_q} bits; 128-bit security at n = {n} allows {limit}"));
    }
    Ok(())
}

/// A ring-LWE parameter set: the ring's degree n and the primes of q, at least 128 bits secure.
/// Cheap to clone.
#[derive(Clone)]
pub struct Parameters(Arc<Inner>);

struct Inner {
    n: usize,
    plans: Vec<Plan>,
    wide: Plan,
    fractions: Vec<Fraction>,
    q: f64,
}

impl Parameters {
    /// A set over the ring of degree `n` with the given distinct primes.
    ///
    /// # Errors
    /// [`Misuse::Parameters`] unless n is 1,024 to 16,384, the primes are distinct, prime and
    /// ≡ 1 mod 2n, and their bit lengths add up to at most what 128 bits of security allow for this
    /// n.
    pub fn try_new(n: usize, primes: &[u64]) -> Result<Self, Misuse> {
        let refuse = |why: String| Err(Misuse::Parameters(why));
        let bits: u32 = primes.iter().map(|q| u64::BITS - q.leading_zeros()).sum();
        check_security(n, bits)?;
        if (1..primes.len()).any(|i| primes[..i].contains(&primes[i])) {
            return refuse("the primes must be distinct".into());
        }
        let plan = |q: u64| Plan::try_new(n, q).map_err(|e| Misuse::Parameters(e.to_string()));
        let plans = primes.iter().map(|&q| plan(q)).collect::<Result<Vec<_>, _>>()?;
        let fractions = (0..primes.len()).map(|i| Fraction::new(&plans, i)).collect();
        let wide = plan(prime::ntt_primes_below(n, WIDE_BITS, 1)[0])?;
        let q = primes.iter().map(|&q| q as f64).product();
        Ok(Self(Arc::new(Inner { n, plans, wide, fractions, q })))
    }

    /// The sets that layers are planned with. Of each degree the smaller q come first; the planner
    /// prices them all. One prime of n = 2048 carries most layers, and each has the fewest bits
    /// that suffice, since they are what queries consist of. Up to 47 and up to 50 bits the kernels
    /// have faster classes, 53 is the most that is secure. n = 4096 fits larger maps, and wider
    /// rings with two primes; n = 8192 kernels of more than 4,096 taps. Each is made when it is
    /// first asked for.
    pub fn ladder() -> impl ExactSizeIterator<Item = Self> {
        macro_rules! sets {
            ($(($n:literal, $bits:literal, $primes:literal)),* $(,)?) => {
                [$(LazyLock::new(|| Parameters::largest_primes($n, $bits, $primes))),*]
            };
        }
        static SETS: [LazyLock<Parameters>; 11] = sets![
            (2048, 38, 1),
            (2048, 41, 1),
            (2048, 44, 1),
            (2048, 47, 1),
            (2048, 50, 1),
            (2048, 53, 1),
            (4096, 44, 1),
            (4096, 47, 1),
            (4096, 50, 1),
            (4096, 38, 2),
            (8192, 38, 2),
        ];
        SETS.iter().map(|set| Self::clone(set))
    }

    fn largest_primes(n: usize, bits: u32, count: usize) -> Self {
        let primes = prime::ntt_primes_below(n, bits, count);
        Self::try_new(n, &primes).expect("a set of the ladder is secure")
    }

    /// The ring's degree: values per polynomial.
    pub fn n(&self) -> usize {
        self.0.n
    }

    /// The primes of q.
    pub fn primes(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.0.plans.iter().map(|p| p.modulus().value())
    }

    /// How many primes q has.
    pub fn limbs(&self) -> usize {
        self.0.plans.len()
    }

    /// q, to 53 bits of precision.
    pub(crate) fn q(&self) -> f64 {
        self.0.q
    }

    /// The transforms, one per prime.
    pub(crate) fn plans(&self) -> &[Plan] {
        &self.0.plans
    }

    /// Fixed-point fractions, one per prime.
    pub(crate) fn fractions(&self) -> &[Fraction] {
        &self.0.fractions
    }

    /// The transform in which an answer with `bits`-bit c₁ decrypts without wrapping, and whether
    /// it is the wide one: the product of a ternary polynomial with one of coefficients in
    /// [−2^(bits−1), 2^(bits−1)) stays within n·2^(bits−1), which must be below half the prime.
    pub(crate) fn decryption(&self, bits: u32) -> (&Plan, bool) {
        let product = (self.n() as u64) << (bits - 1);
        let first = &self.0.plans[0];
        if product < first.modulus().value() / 2 { (first, false) } else { (&self.0.wide, true) }
    }

    /// The prime of [`Parameters::decryption`]'s wide case.
    pub(crate) fn wide(&self) -> &Plan {
        &self.0.wide
    }

    /// The most bits that c₁ may have.
    pub(crate) fn max_c1_bits(&self) -> u32 {
        WIDE_BITS - 2 - self.n().ilog2()
    }

    /// Bytes of one polynomial modulo q, bit-packed limb by limb.
    pub(crate) fn packed_len(&self) -> usize {
        self.0.plans.iter().map(|p| packed_len(self.n(), p.modulus().bits())).sum()
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        self.n() == other.n() && self.primes().eq(other.primes())
    }
}

impl Eq for Parameters {}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let primes: Vec<_> = self.primes().collect();
        f.debug_struct("Parameters").field("n", &self.n()).field("primes", &primes).finish()
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n = {}, log q = {:.1}", self.n(), self.q().log2())
    }
}

/// What limb i contributes to c/q: by the Chinese remainder theorem,
/// c/q ≡ Σᵢ cᵢ·hᵢ/qᵢ mod 1 with hᵢ = (q/qᵢ)⁻¹ mod qᵢ. Here hᵢ/qᵢ is rounded down to 128 bits.
pub(crate) struct Fraction {
    high: u64,
    low: u64,
}

impl Fraction {
    fn new(plans: &[Plan], i: usize) -> Self {
        let modulus = plans[i].modulus();
        let q = modulus.value();
        let others = plans.iter().enumerate().filter(|(j, _)| *j != i);
        let cofactor = others.fold(1, |acc, (_, p)| modulus.mul(acc, p.modulus().value() % q));
        let h = modulus.inv(cofactor);
        let divide = |x: u64| {
            let x = u128::from(x) << 64;
            ((x / u128::from(q)) as u64, (x % u128::from(q)) as u64)
        };
        let (high, remainder) = divide(h);
        Self { high, low: divide(remainder).0 }
    }

    /// The fraction cᵢ·hᵢ/qᵢ mod 1 in units of 2^−64, for a residue below 2^62: at most the exact
    /// value, and less than 2 units below it (2^62·2^−128 of rounding `self`, and the last unit).
    pub(crate) fn of(&self, residue: u64) -> u64 {
        let low = (u128::from(residue) * u128::from(self.low)) >> 64;
        residue.wrapping_mul(self.high).wrapping_add(low as u64)
    }
}
