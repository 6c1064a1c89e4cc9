//! The classes of primes. The head of the parent module explains b.

/// What a class of primes decides at compile time.
pub(super) trait Class: Copy {
    /// Bits of the word that factors' quotients and products are taken by: 52 (IFMA) or 64.
    const BITS: u32;
    /// Whether levels go without reductions, which leaves noise above the word.
    const LAZY: bool;
    /// The b of a product.
    const PRODUCT: u64;
    /// The largest b.
    const RANGE: u64 = if Self::LAZY { 32 } else { 2 * Self::PRODUCT };
}

/// A class, once per transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Narrow,
    Wide,
    Word,
    Full,
}

impl Kind {
    /// The fastest class for `n` coefficients modulo a prime `q` below 2^62.
    pub(super) const fn of(n: usize, q: u64) -> Self {
        match u64::BITS - q.leading_zeros() {
            0..=47 if n <= 1 << 15 => Self::Narrow,
            0..=50 => Self::Wide,
            51..=61 => Self::Word,
            _ => Self::Full,
        }
    }

    /// [`Class::BITS`] of the class.
    pub(super) const fn bits(self) -> u32 {
        match self {
            Self::Narrow => Narrow::BITS,
            Self::Wide => Wide::BITS,
            Self::Word => Word::BITS,
            Self::Full => Full::BITS,
        }
    }
}

macro_rules! class {
    ($(#[$doc:meta])* $name:ident: $bits:literal, lazy: $lazy:literal, product: $product:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $name;

        impl Class for $name {
            const BITS: u32 = $bits;
            const LAZY: bool = $lazy;
            const PRODUCT: u64 = $product;
        }
    };
}

class!(
    /// q < 2^47, n ≤ 2^15.
    Narrow: 52, lazy: true, product: 2
);
class!(
    /// q < 2^50.
    Wide: 52, lazy: false, product: 2
);
class!(
    /// q < 2^61.
    Word: 64, lazy: false, product: 4
);
class!(
    /// q < 2^62.
    Full: 64, lazy: false, product: 2
);
