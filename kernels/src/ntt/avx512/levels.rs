//! Several levels of the transform in registers.

use core::arch::x86_64::*;
use core::ops::Range;

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
        if LEN == 4 {
            self.turn(&mut x, &w, 0..4);
        } else {
            // Turns of three overlap best: one or two at a time, or a whole level, took up to 8 %
            // longer. Written out, since compilers do not unroll so long a loop.
            self.turn(&mut x, &w, 0..3);
            self.turn(&mut x, &w, 3..6);
            self.turn(&mut x, &w, 6..9);
            self.turn(&mut x, &w, 9..12);
        }
        x
    }

    /// Butterflies of one block after the other, by their numbers: each level has `LEN`/2.
    #[inline(always)]
    fn turn<const N: usize, const LEN: usize, const ROOTS: usize>(
        &self,
        x: &mut [[__m512i; LEN]; N],
        w: &[[Root; ROOTS]; N],
        numbers: Range<usize>,
    ) {
        for (x, w) in x.iter_mut().zip(w) {
            for number in numbers.clone() {
                let (level, in_level) = (number / (LEN / 2), number % (LEN / 2));
                let half = LEN >> (level + 1);
                let (block, place) = (in_level / half, in_level % half);
                let (i, j) = (2 * half * block + place, 2 * half * block + half + place);
                [x[i], x[j]] = self.butterfly(x[i], x[j], w[(1 << level) - 1 + block]);
            }
        }
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
    /// [0, q), or [0, 2q) if `LAZY`: sums, and differences times a root of a block (Gentleman and
    /// Sande).
    #[inline(always)]
    pub(super) fn inverse_last<const LEN: usize, const LAZY: bool>(
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
                let [x0, x2] = self.back_to_end::<LAZY>(x0, x2, w[0], double * b);
                let [x1, x3] = self.back_to_end::<LAZY>(x1, x3, w[0], double * b);
                [x0, x1, x2, x3]
            } else {
                let [x0, x2] = self.back(x0, x2, w[0], double * b);
                let [x1, x3] = self.back(x1, x3, w[0], double * b);
                [x0, x1, x2, x3]
            };
        }
        if LEN == 8 {
            let b = double * double * b;
            [x[0], x[4]] = self.back_to_end::<LAZY>(x[0], x[4], w[0], b);
            [x[1], x[5]] = self.back_to_end::<LAZY>(x[1], x[5], w[0], b);
            [x[2], x[6]] = self.back_to_end::<LAZY>(x[2], x[6], w[0], b);
            [x[3], x[7]] = self.back_to_end::<LAZY>(x[3], x[7], w[0], b);
        }
        x
    }

    /// x + y and (x − y)·w, for `b`. Narrow: the sum has twice that. Others: half the largest.
    #[inline(always)]
    fn back(&self, x: __m512i, y: __m512i, w: Root, b: u64) -> [__m512i; 2] {
        let [sum, difference] = self.trivial(x, y, b);
        [if C::LAZY { sum } else { self.halve(sum) }, self.mul(difference, w)]
    }

    /// x + y and (x − y)·w in [0, q), or [0, 2q) if `LAZY`, for `b` of at most half the largest.
    #[inline(always)]
    fn back_to_end<const LAZY: bool>(
        &self,
        x: __m512i,
        y: __m512i,
        w: Root,
        b: u64,
    ) -> [__m512i; 2] {
        let [sum, difference] = self.trivial(x, y, b);
        let product = self.mul(difference, w);
        [self.finish::<LAZY>(sum), self.finish_product::<LAZY>(product)]
    }
}
