//! Primes from 2^50 on: words, as the AVX2 kernel has them.
//!
//! Between levels a residue is an integer below b·q ≤ 2^64. A product with a factor w and
//! w' = ⌊w·2^64/q⌋ is y·w − ⌊y·w'/2^64⌋·q (Shoup; Harvey, 2014, section 3). The product of the low
//! halves is left out of the high product, so that its estimate is at most 3 too small: b = 4 for any
//! word y. From 2^61 on products are reduced to b = 2. Forward levels take twice the b of products to
//! the same, backward ones that of products; x or the sum is reduced at every level.

use super::{Arithmetic, Factor, Halves, HalvesOfFour, Words};
use crate::words::product;

/// `PRODUCT` is the b of a product, 2 or 4.
#[derive(Clone, Copy, Debug)]
pub(in crate::ntt) struct Word<const PRODUCT: u64> {
    q: u64,
    halves: Halves,
}

#[derive(Clone, Debug)]
pub(in crate::ntt) struct Lanes {
    value: HalvesOfFour,
    quotient: HalvesOfFour,
}

#[derive(Clone, Copy)]
pub(in crate::ntt) struct Root {
    value: Halves,
    quotient: Halves,
}

impl<const PRODUCT: u64> Word<PRODUCT> {
    /// `y·w` modulo q with the b of products, for any `y`.
    #[inline(always)]
    fn mul(&self, y: Words, w: &Root) -> Words {
        let y = y.halves();
        let quotient = high_product(y, w.quotient.fetch()).halves();
        let rest = Halves::difference([y, w.value.fetch()], [quotient, self.halves.fetch()]);
        if PRODUCT == 4 { rest } else { rest.reduce_once(2 * self.q) }
    }

    /// From twice the b of products to that.
    #[inline(always)]
    fn reduce(&self, x: Words) -> Words {
        x.reduce_once(PRODUCT * self.q)
    }

    /// x + y and x − y, with twice the b of products.
    #[inline(always)]
    fn sum_and_difference(&self, x: Words, y: Words) -> [Words; 2] {
        [x.plus(y), x.plus(Words::splat(PRODUCT * self.q)).minus(y)]
    }

    /// `x` in [0, q), or [0, 2q) if `LAZY`, for the b of products.
    #[inline(always)]
    fn finish_product<const LAZY: bool>(&self, x: Words) -> Words {
        let x = if PRODUCT == 4 { x.reduce_once(2 * self.q) } else { x };
        if LAZY { x } else { x.reduce_once(self.q) }
    }
}

impl<const PRODUCT: u64> Arithmetic for Word<PRODUCT> {
    type Factor = Factor;
    type Lanes = Lanes;
    type Root = Root;

    fn new(q: u64) -> Self {
        Self { q, halves: Halves::splat(q) }
    }

    fn factor(w: Factor, _: u64) -> Factor {
        w
    }

    fn lanes(w: [Factor; 4]) -> Lanes {
        Lanes {
            value: HalvesOfFour::new(w.map(|w| w.value)),
            quotient: HalvesOfFour::new(w.map(|w| w.quotient)),
        }
    }

    #[inline(always)]
    fn broadcast(w: Factor) -> Root {
        Root { value: Halves::splat(w.value), quotient: Halves::splat(w.quotient) }
    }

    #[inline(always)]
    fn load(w: &Lanes) -> Root {
        Root { value: w.value.load(), quotient: w.quotient.load() }
    }

    #[inline(always)]
    fn forward(&self, x: Words, y: Words, w: &Root) -> [Words; 2] {
        self.sum_and_difference(self.reduce(x), self.mul(y, w))
    }

    #[inline(always)]
    fn inverse(&self, x: Words, y: Words, w: &Root) -> [Words; 2] {
        let [sum, difference] = self.sum_and_difference(x, y);
        [self.reduce(sum), self.mul(difference, w)]
    }

    #[inline(always)]
    fn settle(&self, x: Words) -> Words {
        x
    }

    #[inline(always)]
    fn finish<const LAZY: bool>(&self, x: Words) -> Words {
        self.finish_product::<LAZY>(self.reduce(x))
    }

    #[inline(always)]
    fn inverse_last<const LAZY: bool>(
        &self,
        x: Words,
        y: Words,
        [n_inverse, w]: &[Root; 2],
    ) -> [Words; 2] {
        let [sum, difference] = self.sum_and_difference(x, y);
        let [sum, difference] = [self.mul(sum, n_inverse), self.mul(difference, w)];
        [self.finish_product::<LAZY>(sum), self.finish_product::<LAZY>(difference)]
    }
}

/// ⌊y·w' / 2^64⌋, or up to 2 less: the product of the low halves is left out, which is less than 1, and the
/// floor of each cross product leaves out less than 1. With the rounding of w' itself, the estimate is
/// less than 4 below y·w/q.
#[inline(always)]
fn high_product(y: Halves, w: Halves) -> Words {
    let [left, right] = [product(y.high, w.low), product(y.low, w.high)];
    product(y.high, w.high).plus(left.shr(32)).plus(right.shr(32))
}
