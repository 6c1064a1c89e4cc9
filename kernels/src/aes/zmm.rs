//! 512-bit registers: VAES with AVX-512 F and BW.

use core::arch::x86_64::*;

use super::{ROTATED_LAST_WORD, ROUND_CONSTANTS};

pub(crate) type V = __m512i;

/// Blocks that a register holds.
pub(crate) const BLOCKS: usize = 4;

#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn load(blocks: &[u128; BLOCKS]) -> V {
    // SAFETY: the array is as long as the register.
    unsafe { _mm512_loadu_si512(blocks.as_ptr().cast()) }
}

#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn store(blocks: &mut [u128; BLOCKS], v: V) {
    // SAFETY: the array is as long as the register.
    unsafe { _mm512_storeu_si512(blocks.as_mut_ptr().cast(), v) }
}

#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn load_bytes(bytes: &[u8; 16 * BLOCKS]) -> V {
    // SAFETY: the array is as long as the register.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn store_bytes(bytes: &mut [u8; 16 * BLOCKS], v: V) {
    // SAFETY: the array is as long as the register.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), v) }
}

/// The same block everywhere.
#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn broadcast(block: &u128) -> V {
    // SAFETY: a u128 is 16 bytes long.
    let block = unsafe { _mm_loadu_si128(core::ptr::from_ref(block).cast()) };
    _mm512_broadcast_i32x4(block)
}

#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn xor(a: V, b: V) -> V {
    _mm512_xor_si512(a, b)
}

#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn and(a: V, b: V) -> V {
    _mm512_and_si512(a, b)
}

/// A round of AES on every block.
#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn round(state: V, key: V) -> V {
    _mm512_aesenc_epi128(state, key)
}

/// The last round.
#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn last_round(state: V, key: V) -> V {
    _mm512_aesenclast_epi128(state, key)
}

/// The round key after each block's, number `number` from 0 on. Substituting a block of four equal
/// words is one last round: shifting rows does not move anything.
#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn next_key(key: V, number: usize) -> V {
    let word = _mm512_shuffle_epi8(key, broadcast(&ROTATED_LAST_WORD));
    let word = last_round(word, broadcast(&ROUND_CONSTANTS[number]));
    let sums = xor(key, _mm512_bslli_epi128::<4>(key));
    let sums = xor(sums, _mm512_bslli_epi128::<8>(sums));
    xor(sums, word)
}

/// σ of every block.
#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn sigma(x: V) -> V {
    let upper = broadcast(&(u128::MAX << 64));
    _mm512_ternarylogic_epi64::<0x78>(_mm512_shuffle_epi32::<0x4e>(x), x, upper)
}

/// All ones in the blocks whose lowest bit is set.
#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn colours(x: V) -> V {
    _mm512_srai_epi32::<31>(_mm512_slli_epi32::<31>(_mm512_shuffle_epi32::<0>(x)))
}

/// `first`, `first` + 1, … as blocks; the low half wraps by itself.
#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn count_from(first: u128) -> V {
    advance(load(&core::array::from_fn(|i| i as u128)), broadcast(&first))
}

/// Adds numbers to the low halves, which wrap by themselves, and to the high halves.
#[target_feature(enable = "vaes,avx512f,avx512bw")]
#[inline]
pub(crate) fn advance(a: V, b: V) -> V {
    _mm512_add_epi64(a, b)
}
