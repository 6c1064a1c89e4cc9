//! Four words of 64 bits in two of WebAssembly's registers, and products of them.
//!
//! The product there is of 64-bit lanes, low words alone, takes nine instructions of an x86 CPU. What
//! has an instruction is the whole product of two pairs of 32-bit lanes that stand side by side, so the
//! halves of four words are gathered in a register each.

use core::arch::wasm32::*;
use core::ptr;

/// Four words, by twos.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words(pub(crate) [v128; 2]);

/// The low and the high halves of four words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halves {
    pub(crate) low: v128,
    pub(crate) high: v128,
}

/// 1.5·2^52: an integer x, |x| < 2^51, added to it is the low bits of the sum's representation.
const INTEGERS: f64 = 1.5 * (1u64 << 52) as f64;

impl Words {
    #[inline(always)]
    pub(crate) fn splat(x: u64) -> Self {
        Self([u64x2_splat(x); 2])
    }

    #[inline(always)]
    pub(crate) fn load(x: &[u64; 4]) -> Self {
        let [a, b, c, d] = *x;
        Self([u64x2(a, b), u64x2(c, d)])
    }

    #[inline(always)]
    pub(crate) fn store(self, to: &mut [u64; 4]) {
        let [low, high] = self.0;
        *to = [
            u64x2_extract_lane::<0>(low),
            u64x2_extract_lane::<1>(low),
            u64x2_extract_lane::<0>(high),
            u64x2_extract_lane::<1>(high),
        ];
    }

    /// The sums modulo 2^64.
    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self([u64x2_add(self.0[0], other.0[0]), u64x2_add(self.0[1], other.0[1])])
    }

    /// The differences modulo 2^64.
    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self([u64x2_sub(self.0[0], other.0[0]), u64x2_sub(self.0[1], other.0[1])])
    }

    /// Both registers: an array's `map` is not inlined everywhere.
    #[inline(always)]
    pub(crate) fn each(self, f: impl Fn(v128) -> v128) -> Self {
        Self([f(self.0[0]), f(self.0[1])])
    }

    #[inline(always)]
    pub(crate) fn shr(self, bits: u32) -> Self {
        self.each(|x| u64x2_shr(x, bits))
    }

    #[inline(always)]
    pub(crate) fn shl(self, bits: u32) -> Self {
        self.each(|x| u64x2_shl(x, bits))
    }

    #[inline(always)]
    pub(crate) fn and(self, mask: u64) -> Self {
        self.each(|x| v128_and(x, u64x2_splat(mask)))
    }

    #[inline(always)]
    pub(crate) fn halves(self) -> Halves {
        let [a, b] = self.0;
        Halves { low: i32x4_shuffle::<0, 2, 4, 6>(a, b), high: i32x4_shuffle::<1, 3, 5, 7>(a, b) }
    }

    /// x + m where x is negative as a signed number, else x.
    #[inline(always)]
    pub(crate) fn add_if_negative(self, m: u64) -> Self {
        let sign = |x| i32x4_shr(i32x4_shuffle::<1, 1, 3, 3>(x, x), 31);
        let added = |x| v128_and(sign(x), u64x2_splat(m));
        self.each(|x| u64x2_add(x, added(x)))
    }

    /// x − m if that is not negative, else x; for x < m + 2^63, m < 2^63.
    #[inline(always)]
    pub(crate) fn reduce_once(self, m: u64) -> Self {
        self.minus(Self::splat(m)).add_if_negative(m)
    }

    /// Signed numbers, |x| < 2^51, as doubles.
    #[inline(always)]
    pub(crate) fn to_doubles(self) -> [v128; 2] {
        let of =
            |x| f64x2_sub(u64x2_add(x, u64x2_splat(INTEGERS.to_bits())), f64x2_splat(INTEGERS));
        self.each(of).0
    }

    /// Doubles below 2^51 either way, rounded to the nearest integers, above [`Words::INTEGERS`].
    #[inline(always)]
    pub(crate) fn nearest(x: [v128; 2]) -> Self {
        Self(x).each(|x| f64x2_add(x, f64x2_splat(INTEGERS)))
    }

    /// What [`Words::nearest`] stands above.
    pub(crate) const INTEGERS: u64 = INTEGERS.to_bits();
}

impl Halves {
    /// The same for each word.
    #[inline(always)]
    pub(crate) fn splat(x: u64) -> Self {
        Self { low: u32x4_splat(x as u32), high: u32x4_splat((x >> 32) as u32) }
    }

    /// The same halves, read from memory here and now. Of a factor that stays the same in a loop, or is the
    /// same in all lanes, the compiler would prepare words of 64 bits outside, and multiply by those, which
    /// takes three times as long.
    #[inline(always)]
    pub(crate) fn fetch(&self) -> Self {
        // SAFETY: a reference can be read.
        unsafe { ptr::read_volatile(self) }
    }

    /// The low words of the products.
    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Words {
        product(self.low, other.low).plus(upper(self.cross(other)))
    }

    /// The low words of a·b − c·d.
    #[inline(always)]
    pub(crate) fn difference([a, b]: [Self; 2], [c, d]: [Self; 2]) -> Words {
        let low = product(a.low, b.low).minus(product(c.low, d.low));
        low.plus(upper(i32x4_sub(a.cross(b), c.cross(d))))
    }

    /// The low halves of what products have at bit 32.
    #[inline(always)]
    fn cross(self, other: Self) -> v128 {
        i32x4_add(i32x4_mul(self.low, other.high), i32x4_mul(self.high, other.low))
    }
}

/// The products of 32-bit numbers.
#[inline(always)]
pub(crate) fn product(a: v128, b: v128) -> Words {
    Words([u64x2_extmul_low_u32x4(a, b), u64x2_extmul_high_u32x4(a, b)])
}

/// Halves as high ones, above zeros.
#[inline(always)]
fn upper(x: v128) -> Words {
    let zero = u64x2_splat(0);
    Words([i32x4_shuffle::<0, 4, 1, 5>(zero, x), i32x4_shuffle::<2, 6, 3, 7>(zero, x)])
}
