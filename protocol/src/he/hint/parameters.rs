//! Parameter sets with a power of two as modulus: checked, nothing below 128 bits of security.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::modular::Products;
use crate::error::Misuse;
use crate::he::parameters::check_security;

/// The largest λ: products of polynomials are exact below 2^92 (see [`Products`]).
const MAX_LOG2_Q: u32 = 60;

/// A ring-LWE parameter set with q = 2^λ: at least 128 bits secure. Cheap to clone.
#[derive(Clone)]
pub struct HintParameters(Arc<Inner>);

struct Inner {
    log2_q: u32,
    products: Products,
}

impl HintParameters {
    /// The set of degree `n` and modulus 2^`log2_q`.
    ///
    /// # Errors
    /// [`Misuse::Parameters`] unless n is 1,024 to 16,384, and λ at least 16 and at most what 128 bits
    /// of security allow for this n, and 60.
    pub fn try_new(n: usize, log2_q: u32) -> Result<Self, Misuse> {
        check_security(n, log2_q)?;
        if !(16..=MAX_LOG2_Q).contains(&log2_q) {
            let why = format!("q = 2^{log2_q}; a hint needs 2^16 to 2^{MAX_LOG2_Q}");
            return Err(Misuse::Parameters(why));
        }
        Ok(Self(Arc::new(Inner { log2_q, products: Products::new(n) })))
    }

    /// The sets that layers are planned with, the smallest first: 2^47 carries 8-bit weights, 2^52
    /// wider rings, n = 4096 whatever else there is. Each is made when it is first asked for.
    pub fn ladder() -> impl ExactSizeIterator<Item = Self> {
        static SETS: [LazyLock<HintParameters>; 3] = [
            LazyLock::new(|| HintParameters::of_the_ladder(2048, 47)),
            LazyLock::new(|| HintParameters::of_the_ladder(2048, 52)),
            LazyLock::new(|| HintParameters::of_the_ladder(4096, 60)),
        ];
        SETS.iter().map(|set| Self::clone(set))
    }

    fn of_the_ladder(n: usize, log2_q: u32) -> Self {
        Self::try_new(n, log2_q).expect("a set of the ladder is secure")
    }

    /// The ring's degree: values per polynomial.
    pub fn n(&self) -> usize {
        self.0.products.n()
    }

    /// λ: q = 2^λ.
    pub fn log2_q(&self) -> u32 {
        self.0.log2_q
    }

    /// q − 1, which reduces modulo q.
    pub(crate) fn mask(&self) -> u64 {
        (1 << self.0.log2_q) - 1
    }

    /// Products of polynomials.
    pub(crate) fn products(&self) -> &Products {
        &self.0.products
    }
}

impl PartialEq for HintParameters {
    fn eq(&self, other: &Self) -> bool {
        (self.n(), self.log2_q()) == (other.n(), other.log2_q())
    }
}

impl Eq for HintParameters {}

impl fmt::Debug for HintParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, log2_q) = (self.n(), self.log2_q());
        f.debug_struct("HintParameters").field("n", &n).field("log2_q", &log2_q).finish()
    }
}

impl fmt::Display for HintParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n = {}, q = 2^{}", self.n(), self.log2_q())
    }
}
