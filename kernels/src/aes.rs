//! AES instructions on registers of 128, 256 and 512 bits, by the same names.
//!
//! Kernels are written once, as text that takes one of these modules; `V` is a register, `BLOCKS`
//! how many blocks it holds.

mod masked;

use core::arch::x86_64::*;

/// The eleven round keys of AES-128.
pub(crate) type RoundKeys = [u128; 11];

/// The round constants of the key schedule (FIPS 197, section 5.2), in every word.
pub(crate) const ROUND_CONSTANTS: [u128; 10] = {
    let bytes = [0x01u128, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];
    let mut words = [0; 10];
    let mut i = 0;
    while i < 10 {
        words[i] = bytes[i] * 0x0000_0001_0000_0001_0000_0001_0000_0001;
        i += 1;
    }
    words
};

/// Moves the last word, rotated down by a byte, to every word.
pub(crate) const ROTATED_LAST_WORD: u128 = 0x0c0f_0e0d_0c0f_0e0d_0c0f_0e0d_0c0f_0e0d;

macro_rules! registers {
    (
        $name:ident, $features:literal, $vector:ident, $blocks:literal,
        $load:ident, $store:ident, $xor:ident, $add:ident,
        $shift_bytes:ident, $shuffle_bytes:ident, $shuffle_words:ident,
        $round:ident, $last_round:ident, |$block:ident| $broadcast:expr
    ) => {
        pub(crate) mod $name {
            use super::*;
            pub(crate) use masked::$name::{add_both_where, add_where, colours, xor3};

            pub(crate) type V = $vector;

            /// Blocks that a register holds.
            pub(crate) const BLOCKS: usize = $blocks;

            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn load(blocks: &[u128; BLOCKS]) -> V {
                // SAFETY: the array is as long as the register.
                unsafe { $load(blocks.as_ptr().cast()) }
            }

            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn store(blocks: &mut [u128; BLOCKS], v: V) {
                // SAFETY: the array is as long as the register.
                unsafe { $store(blocks.as_mut_ptr().cast(), v) }
            }

            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn load_bytes(bytes: &[u8; 16 * BLOCKS]) -> V {
                // SAFETY: the array is as long as the register.
                unsafe { $load(bytes.as_ptr().cast()) }
            }

            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn store_bytes(bytes: &mut [u8; 16 * BLOCKS], v: V) {
                // SAFETY: the array is as long as the register.
                unsafe { $store(bytes.as_mut_ptr().cast(), v) }
            }

            /// The same block everywhere.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn broadcast(block: &u128) -> V {
                // SAFETY: a u128 is 16 bytes long.
                let $block = unsafe { _mm_loadu_si128(core::ptr::from_ref(block).cast()) };
                $broadcast
            }

            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn xor(a: V, b: V) -> V {
                $xor(a, b)
            }

            /// A round of AES on every block.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn round(state: V, key: V) -> V {
                $round(state, key)
            }

            /// The last round.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn last_round(state: V, key: V) -> V {
                $last_round(state, key)
            }

            /// The round key after each block's, number `number` from 0 on. Substituting a block of
            /// four equal words is one last round: shifting rows does not move anything.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn next_key(key: V, number: usize) -> V {
                let word = $shuffle_bytes(key, broadcast(&ROTATED_LAST_WORD));
                let word = last_round(word, broadcast(&ROUND_CONSTANTS[number]));
                let sums = xor(key, $shift_bytes::<4>(key));
                xor3(sums, $shift_bytes::<8>(sums), word)
            }

            /// σ of every block, plus another block.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn sigma_plus(x: V, other: V) -> V {
                masked::$name::add_upper(xor($shuffle_words::<0x4e>(x), other), x)
            }

            /// `first`, `first` + 1, … as blocks; the low half wraps by itself.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn count_from(first: u128) -> V {
                advance(load(&core::array::from_fn(|i| i as u128)), broadcast(&first))
            }

            /// Adds numbers to the low halves, which wrap by themselves, and to the high halves.
            #[target_feature(enable = $features)]
            #[inline]
            pub(crate) fn advance(a: V, b: V) -> V {
                $add(a, b)
            }
        }
    };
}

registers!(
    xmm,
    "aes,ssse3,avx",
    __m128i,
    1,
    _mm_loadu_si128,
    _mm_storeu_si128,
    _mm_xor_si128,
    _mm_add_epi64,
    _mm_bslli_si128,
    _mm_shuffle_epi8,
    _mm_shuffle_epi32,
    _mm_aesenc_si128,
    _mm_aesenclast_si128,
    |block| block
);
registers!(
    ymm,
    "vaes,avx2",
    __m256i,
    2,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_xor_si256,
    _mm256_add_epi64,
    _mm256_bslli_epi128,
    _mm256_shuffle_epi8,
    _mm256_shuffle_epi32,
    _mm256_aesenc_epi128,
    _mm256_aesenclast_epi128,
    |block| _mm256_broadcastsi128_si256(block)
);
registers!(
    zmm,
    "vaes,avx512f,avx512bw",
    __m512i,
    4,
    _mm512_loadu_si512,
    _mm512_storeu_si512,
    _mm512_xor_si512,
    _mm512_add_epi64,
    _mm512_bslli_epi128,
    _mm512_shuffle_epi8,
    _mm512_shuffle_epi32,
    _mm512_aesenc_epi128,
    _mm512_aesenclast_epi128,
    |block| _mm512_broadcast_i32x4(block)
);
