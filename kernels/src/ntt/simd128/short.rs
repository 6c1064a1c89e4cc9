//! Primes below 2^50: quotients are doubles, products integers.
//!
//! Between levels a residue is a signed integer in (−b·q, b·q); b is followed in comments, and b·q ≤ 2^51
//! so that doubles take it. A product of `y` and a root |w| ≤ q/2 is y·w less its nearest multiple of q, in
//! words of 64 bits that may overflow before the difference is taken. The quotient is y times the double nearest to
//! w/q, which is at most 2^−55 off (2^−4 in the product), rounded below 2^50 by up to 2^−4, then by up to 1/2 to
//! an integer: a product has b' = 5/8. There are two classes of primes:
//!
//! - *narrow*, q < 2^47: b may be 16. Forward levels take b to b + b', from 1 to 12 in 17 levels. Backward, two
//!   levels leave 4·b in the first of four outputs, which is reduced to 1, and 2·b' at most in others: b ≤ 1.25
//!   and 5 in between.
//! - *wide*, q < 2^50: b may be 2. Every level brings x, or the sum, from 2 to 1.

use core::arch::wasm32::*;

use super::{Arithmetic, Factor, Halves, HalvesOfFour, Words};

#[derive(Clone, Copy, Debug)]
pub(in crate::ntt) struct Short<const WIDE: bool> {
    q: u64,
    halves: Halves,
    q_inverse: f64,
}

/// A factor w in (−q/2, q/2) and w/q, rounded once.
#[derive(Clone, Copy, Debug)]
pub(in crate::ntt) struct Centred {
    value: i64,
    over_q: f64,
}

#[derive(Clone, Debug)]
pub(in crate::ntt) struct Lanes {
    value: HalvesOfFour,
    over_q: [f64; 4],
}

#[derive(Clone, Copy)]
pub(in crate::ntt) struct Root {
    value: Halves,
    over_q: [v128; 2],
}

impl<const WIDE: bool> Short<WIDE> {
    /// `y·w` modulo q with the b of products, for |y| < 2^51.
    #[inline(always)]
    fn mul(&self, y: Words, w: &Root) -> Words {
        let [y0, y1] = y.to_doubles();
        let quotient =
            Words::nearest([f64x2_mul(y0, w.over_q[0]), f64x2_mul(y1, w.over_q[1])]).halves();
        let rest =
            Halves::difference([y.halves(), w.value.fetch()], [quotient, self.halves.fetch()]);
        // What the quotient stands above, times q.
        rest.plus(Words::splat(Words::INTEGERS.wrapping_mul(self.q)))
    }

    /// From b = 2 to 1.
    #[inline(always)]
    fn wrap(&self, x: Words) -> Words {
        x.add_if_negative(2 * self.q).minus(Words::splat(self.q))
    }

    /// With b = 1/2 and a little.
    #[inline(always)]
    fn reduce(&self, x: Words) -> Words {
        let [q, inverse] = [f64x2_splat(self.q as f64), f64x2_splat(self.q_inverse)];
        // Quotients are at most 16, and all products and differences exact.
        let rest = Words(x.to_doubles()).each(|x| {
            let quotient = f64x2_nearest(f64x2_mul(x, inverse));
            f64x2_sub(x, f64x2_mul(quotient, q))
        });
        Words::nearest(rest.0).minus(Words::splat(Words::INTEGERS))
    }

    /// From b = 1 to [0, q).
    #[inline(always)]
    fn canonical(&self, x: Words) -> Words {
        x.add_if_negative(self.q)
    }
}

impl<const WIDE: bool> Arithmetic for Short<WIDE> {
    type Factor = Centred;
    type Lanes = Lanes;
    type Root = Root;

    fn new(q: u64) -> Self {
        Self { q, halves: Halves::splat(q), q_inverse: 1.0 / q as f64 }
    }

    fn factor(w: Factor, q: u64) -> Centred {
        let w = w.value;
        let value = if w > q / 2 { -((q - w) as i64) } else { w as i64 };
        Centred { value, over_q: value as f64 / q as f64 }
    }

    fn lanes(w: [Centred; 4]) -> Lanes {
        Lanes { value: HalvesOfFour::new(w.map(|w| w.value as u64)), over_q: w.map(|w| w.over_q) }
    }

    #[inline(always)]
    fn broadcast(w: Centred) -> Root {
        Root { value: Halves::splat(w.value as u64), over_q: [f64x2_splat(w.over_q); 2] }
    }

    #[inline(always)]
    fn load(w: &Lanes) -> Root {
        let [a, b, c, d] = w.over_q;
        Root { value: w.value.load(), over_q: [f64x2(a, b), f64x2(c, d)] }
    }

    #[inline(always)]
    fn forward(&self, x: Words, y: Words, w: &Root) -> [Words; 2] {
        let x = if WIDE { self.wrap(x) } else { x };
        let t = self.mul(y, w);
        [x.plus(t), x.minus(t)]
    }

    #[inline(always)]
    fn inverse(&self, x: Words, y: Words, w: &Root) -> [Words; 2] {
        let sum = x.plus(y);
        [if WIDE { self.wrap(sum) } else { sum }, self.mul(x.minus(y), w)]
    }

    #[inline(always)]
    fn settle(&self, x: Words) -> Words {
        if WIDE { x } else { self.reduce(x) }
    }

    #[inline(always)]
    fn finish<const LAZY: bool>(&self, x: Words) -> Words {
        self.canonical(if WIDE { self.wrap(x) } else { self.reduce(x) })
    }

    #[inline(always)]
    fn inverse_last<const LAZY: bool>(
        &self,
        x: Words,
        y: Words,
        [n_inverse, w]: &[Root; 2],
    ) -> [Words; 2] {
        let [sum, difference] = [self.mul(x.plus(y), n_inverse), self.mul(x.minus(y), w)];
        [self.canonical(sum), self.canonical(difference)]
    }
}
