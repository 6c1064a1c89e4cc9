//! Sums with parts of registers, where the three widths have different means: floating-point blends
//! by the sign bit with AVX, ternary logic and mask registers with AVX-512.

use core::arch::x86_64::*;

macro_rules! blends {
    (
        $name:ident, $features:literal, $vector:ident, $colours:ident,
        $xor:ident, $and:ident, $upper:expr, $shuffle_words:ident, $shift_left:ident,
        $zero:ident, $blend:ident, $to_colours:ident, $from_colours:ident
    ) => {
        pub(crate) mod $name {
            use super::*;

            /// Which blocks have their lowest bit set: the sign of each word.
            pub(crate) type Colours = $colours;

            /// The colours of labels.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn colours(x: $vector) -> Colours {
                $to_colours($shift_left::<31>($shuffle_words::<0>(x)))
            }

            /// `sum` plus the blocks of `x` that have colour 1.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn add_where(sum: $vector, colours: Colours, x: $vector) -> $vector {
                $xor(sum, $from_colours($blend($zero(), $to_colours(x), colours)))
            }

            /// `sum` plus the blocks of `x` and of `y` that have colour 1.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn add_both_where(
                sum: $vector,
                colours: Colours,
                x: $vector,
                y: $vector,
            ) -> $vector {
                add_where(sum, colours, $xor(x, y))
            }

            /// `sum` plus the upper halves of blocks.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn add_upper(sum: $vector, x: $vector) -> $vector {
                $xor(sum, $and(x, $upper))
            }

            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn xor3(a: $vector, b: $vector, c: $vector) -> $vector {
                $xor($xor(a, b), c)
            }
        }
    };
}

blends!(
    xmm,
    "aes,ssse3,avx",
    __m128i,
    __m128,
    _mm_xor_si128,
    _mm_and_si128,
    _mm_set_epi64x(-1, 0),
    _mm_shuffle_epi32,
    _mm_slli_epi32,
    _mm_setzero_ps,
    _mm_blendv_ps,
    _mm_castsi128_ps,
    _mm_castps_si128
);
blends!(
    ymm,
    "vaes,avx2",
    __m256i,
    __m256,
    _mm256_xor_si256,
    _mm256_and_si256,
    _mm256_set_epi64x(-1, 0, -1, 0),
    _mm256_shuffle_epi32,
    _mm256_slli_epi32,
    _mm256_setzero_ps,
    _mm256_blendv_ps,
    _mm256_castsi256_ps,
    _mm256_castps_si256
);

pub(crate) mod zmm {
    use super::*;

    /// Ternary logic: a ⊕ b ⊕ c, and a ⊕ (b ∧ c).
    const XOR: i32 = 0x96;
    const XOR_AND: i32 = 0x78;

    /// Which blocks have their lowest bit set: a bit for each word.
    pub(crate) type Colours = __mmask16;

    /// The colours of labels.
    #[target_feature(enable = "vaes,avx512f,avx512bw")]
    #[inline]
    pub(crate) fn colours(x: __m512i) -> Colours {
        let (words, one) = (_mm512_shuffle_epi32::<0>(x), _mm512_set1_epi32(1));
        let colours;
        // The intrinsic lets the compiler invert the mask, which costs each use of it an
        // instruction.
        // SAFETY: the instruction, of AVX-512 F, computes a mask from two registers and does
        // nothing else.
        unsafe {
            core::arch::asm!(
                "vptestmd {colours}, {words}, {one}",
                colours = lateout(kreg) colours,
                words = in(zmm_reg) words,
                one = in(zmm_reg) one,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        colours
    }

    /// `sum` plus the blocks of `x` that have colour 1.
    #[target_feature(enable = "vaes,avx512f,avx512bw")]
    #[inline]
    pub(crate) fn add_where(sum: __m512i, colours: Colours, x: __m512i) -> __m512i {
        _mm512_mask_xor_epi32(sum, colours, sum, x)
    }

    /// `sum` plus the blocks of `x` and of `y` that have colour 1.
    #[target_feature(enable = "vaes,avx512f,avx512bw")]
    #[inline]
    pub(crate) fn add_both_where(
        sum: __m512i,
        colours: Colours,
        x: __m512i,
        y: __m512i,
    ) -> __m512i {
        _mm512_mask_ternarylogic_epi32::<XOR>(sum, colours, x, y)
    }

    /// `sum` plus the upper halves of blocks.
    #[target_feature(enable = "vaes,avx512f,avx512bw")]
    #[inline]
    pub(crate) fn add_upper(sum: __m512i, x: __m512i) -> __m512i {
        let upper = _mm512_broadcast_i32x4(_mm_set_epi64x(-1, 0));
        _mm512_ternarylogic_epi64::<XOR_AND>(sum, x, upper)
    }

    #[target_feature(enable = "vaes,avx512f,avx512bw")]
    #[inline]
    pub(crate) fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        _mm512_ternarylogic_epi64::<XOR>(a, b, c)
    }
}
