//! Inner products with carry-less multiplication, on registers of three widths: the same text
//! three times.

use core::arch::x86_64::*;

macro_rules! products {
    (
        $ops:ident, $features:literal, $multiply:ident, |$wide:ident| $fold:expr
    ) => {
        pub(super) mod $ops {
            use super::*;
            use crate::aes::$ops::*;

            /// As [`super::super::inner_products`].
            #[target_feature(enable = $features)]
            pub(in super::super) fn inner_products(
                factors: &[u128],
                rows: &[u128],
                sums: &mut [u128],
            ) {
                for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(factors.len())) {
                    *sum ^= inner_product(factors, bytemuck::must_cast_slice(row), [0; 2]);
                }
            }

            /// As [`super::super::inner_product`].
            #[target_feature(enable = $features)]
            #[inline]
            pub(in super::super) fn inner_product(
                factors: &[u128],
                message: &[u8],
                [a, b]: [u128; 2],
            ) -> u128 {
                let (whole, rest) = message.as_chunks::<{ 16 * BLOCKS }>();
                let (groups, last) = factors.as_chunks::<BLOCKS>();
                let mut sum = [broadcast(&0); 3];
                for (factors, blocks) in groups.iter().zip(whole) {
                    sum = add_product(sum, load(factors), load_bytes(blocks));
                }
                // What fills no register, and a last block that is not whole.
                let last = if whole.len() < groups.len() { &groups[whole.len()] } else { last };
                if !last.is_empty() {
                    let (mut factors, mut blocks) = ([0; BLOCKS], [0; 16 * BLOCKS]);
                    factors[..last.len()].copy_from_slice(last);
                    blocks[..rest.len()].copy_from_slice(rest);
                    sum = add_product(sum, load(&factors), load_bytes(&blocks));
                }
                let sum = sum.map(
                    #[inline(always)]
                    |$wide| $fold,
                );
                let one = |x: u128| crate::aes::xmm::load(&[x]);
                reduce(super::xmm::add_product(sum, one(a), one(b)))
            }

            /// Adds each block's product to a sum: its lower half, its middle (two places of 64
            /// bits up) and its upper half.
            #[target_feature(enable = $features)]
            #[inline]
            pub(super) fn add_product([low, middle, high]: [V; 3], a: V, b: V) -> [V; 3] {
                let cross = xor($multiply::<0x01>(a, b), $multiply::<0x10>(a, b));
                [
                    xor(low, $multiply::<0x00>(a, b)),
                    xor(middle, cross),
                    xor(high, $multiply::<0x11>(a, b)),
                ]
            }
        }
    };
}

products!(xmm, "pclmulqdq,aes,ssse3,avx", _mm_clmulepi64_si128, |v| v);
products!(ymm, "vpclmulqdq,vaes,avx2", _mm256_clmulepi64_epi128, |v| halves(v));
products!(zmm, "vpclmulqdq,vaes,avx512f,avx512bw", _mm512_clmulepi64_epi128, |v| {
    halves(_mm256_xor_si256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64::<1>(v)))
});

/// The sum of two blocks.
#[target_feature(enable = "avx2")]
#[inline]
fn halves(v: __m256i) -> __m128i {
    _mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v))
}

/// A sum of products modulo X^128 + X^7 + X^2 + X + 1.
#[target_feature(enable = "pclmulqdq,aes,ssse3,avx")]
#[inline]
fn reduce([low, middle, high]: [__m128i; 3]) -> u128 {
    let polynomial = _mm_set_epi64x(0, 0x87);
    let low = _mm_xor_si128(low, _mm_slli_si128::<8>(middle));
    let high = _mm_xor_si128(high, _mm_srli_si128::<8>(middle));
    // The upper 64 bits come down first, to places 64 … 134, then the 64 below them and what these
    // got: 0x87 has 8 bits, so nothing passes the top a second time.
    let upper = _mm_clmulepi64_si128::<0x01>(high, polynomial);
    let high = _mm_xor_si128(high, _mm_srli_si128::<8>(upper));
    let lower = _mm_clmulepi64_si128::<0x00>(high, polynomial);
    let mut block = [0];
    let sum = _mm_xor_si128(_mm_xor_si128(low, _mm_slli_si128::<8>(upper)), lower);
    crate::aes::xmm::store(&mut block, sum);
    block[0]
}
