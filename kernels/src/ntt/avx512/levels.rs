//! Several levels of the transform in registers.

use core::arch::x86_64::*;

use super::arithmetic::{Arithmetic, Root};
use super::class::Class;

impl<C: Class> Arithmetic<C> {
    /// As many levels as halve `LEN` to one, of `N` blocks: `w` holds each block's root of the first
    /// level, the two of the second and so on.
    #[inline(always)]
    pub(super) fn levels<const N: usize, const LEN: usize, const ROOTS: usize>(
        &self,
        mut x: [[__m512i; LEN]; N],
        w: [[Root; ROOTS]; N],
    ) -> [[__m512i; LEN]; N] {
        if N == 2 && LEN == 8 {
            // In the order that overlaps best: the second block begins before the first one ends.
            x[0] = self.level(x[0], &w[0], 0);
            x[1] = self.level(x[1], &w[1], 0);
            x[0] = self.level(x[0], &w[0], 1);
            x[0] = self.level(x[0], &w[0], 2);
            x[1] = self.level(x[1], &w[1], 1);
            x[1] = self.level(x[1], &w[1], 2);
            return x;
        }
        for (x, w) in x.iter_mut().zip(&w) {
            for level in 0..LEN.ilog2() {
                *x = self.level(*x, w, level);
            }
        }
        x
    }

    /// One of the levels of a block.
    #[inline(always)]
    fn level<const LEN: usize>(
        &self,
        mut x: [__m512i; LEN],
        w: &[Root],
        level: u32,
    ) -> [__m512i; LEN] {
        let half = LEN >> (level + 1);
        for (i, &w) in w[(1 << level) - 1..(2 << level) - 1].iter().enumerate() {
            for j in 2 * half * i..2 * half * i + half {
                [x[j], x[j + half]] = self.butterfly(x[j], x[j + half], w);
            }
        }
        x
    }

    /// The first three backward levels, from residues in [0, q): `w` holds the fourth root of unity,
    /// the eighth and its third power.
    #[inline(always)]
    pub(super) fn inverse_first(&self, x: [__m512i; 8], [i, w, w3]: [Root; 3]) -> [__m512i; 8] {
        // Narrow, where a butterfly may take q from x: differences that become x are above q.
        let [x0, x4] = self.trivial(x[0], x[4], 3);
        let [x1, x5] = self.trivial(x[1], x[5], 3);
        let [x2, x6] = self.trivial(x[2], x[6], 1);
        let [x3, x7] = self.trivial(x[3], x[7], 1);
        let [x0, x2] = self.trivial(x0, x2, if C::LAZY { 3 } else { 2 });
        let [x1, x3] = self.trivial(x1, x3, 2);
        let [x4, x6] = self.butterfly(x4, x6, i);
        let [x5, x7] = self.butterfly(x5, x7, i);
        // b = 4 of both.
        let [x0, x1] = if C::RANGE == 4 {
            self.trivial(self.halve(x0), self.halve(x1), 2)
        } else {
            self.trivial(x0, x1, 4)
        };
        let [x2, x3] = self.butterfly(x2, x3, i);
        let [x4, x5] = self.butterfly(x4, x5, w);
        let [x6, x7] = self.butterfly(x6, x7, w3);
        [x0, x1, x2, x3, x4, x5, x6, x7]
    }

    /// The last levels back, as many as double one to `LEN` (4 or 8), from the b of products to
    /// [0, q): sums, and differences times a root of a block (Gentleman and Sande).
    #[inline(always)]
    pub(super) fn inverse_last<const LEN: usize>(
        &self,
        mut x: [__m512i; LEN],
        w: [Root; 7],
    ) -> [__m512i; LEN] {
        // Narrow sums double their b from level to level.
        let double = if C::LAZY { 2 } else { 1 };
        let b = C::PRODUCT;
        for (i, x) in x.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let w =
                if LEN == 4 { [w[0], w[1], w[2]] } else { [w[1 + i], w[3 + 2 * i], w[4 + 2 * i]] };
            let [x0, x1] = self.back(x[0], x[1], w[1], b);
            let [x2, x3] = self.back(x[2], x[3], w[2], b);
            *x = if LEN == 4 {
                let [x0, x2] = self.back_to_canonical(x0, x2, w[0], double * b);
                let [x1, x3] = self.back_to_canonical(x1, x3, w[0], double * b);
                [x0, x1, x2, x3]
            } else {
                let [x0, x2] = self.back(x0, x2, w[0], double * b);
                let [x1, x3] = self.back(x1, x3, w[0], double * b);
                [x0, x1, x2, x3]
            };
        }
        if LEN == 8 {
            let b = double * double * b;
            [x[0], x[4]] = self.back_to_canonical(x[0], x[4], w[0], b);
            [x[1], x[5]] = self.back_to_canonical(x[1], x[5], w[0], b);
            [x[2], x[6]] = self.back_to_canonical(x[2], x[6], w[0], b);
            [x[3], x[7]] = self.back_to_canonical(x[3], x[7], w[0], b);
        }
        x
    }

    /// x + y and (x − y)·w, for `b`. Narrow: the sum has twice that. Others: half the largest.
    #[inline(always)]
    fn back(&self, x: __m512i, y: __m512i, w: Root, b: u64) -> [__m512i; 2] {
        let [sum, difference] = self.trivial(x, y, b);
        [if C::LAZY { sum } else { self.halve(sum) }, self.mul(difference, w)]
    }

    /// x + y and (x − y)·w in [0, q), for `b` of at most half the largest.
    #[inline(always)]
    fn back_to_canonical(&self, x: __m512i, y: __m512i, w: Root, b: u64) -> [__m512i; 2] {
        let [sum, difference] = self.trivial(x, y, b);
        [self.canonical(sum), self.canonical_product(self.mul(difference, w))]
    }
}
