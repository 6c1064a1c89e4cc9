//! AVX2: eight outputs in a register.

use core::arch::x86_64::*;

use super::View;
use super::scalar::dot;
use super::tile::tile;

const LANES: usize = 8;

/// See [`super::scalar::panel`].
///
/// # Safety
///
/// Every view of `out.len() / R` words lies inside the plane; R divides `out.len()`.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn panel<const R: usize>(
    weights: &[[i32; R]],
    plane: &[u32],
    views: &[View],
    out: &mut [u32],
) {
    let len = out.len() / R;
    let pairs = len / (2 * LANES) * (2 * LANES);
    for at in (0..pairs).step_by(2 * LANES) {
        // SAFETY: at + 2·LANES ≤ len, and the caller keeps the rest of the contract.
        unsafe { tile::<R, 2>(weights, plane, views, at, _mm256_set1_epi32(-1), out) };
    }
    let index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for at in (pairs..len).step_by(LANES) {
        let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((len - at).min(LANES) as i32), index);
        // SAFETY: the mask admits len − at lanes, and the caller keeps the rest of the contract.
        unsafe { tile::<R, 1>(weights, plane, views, at, mask, out) };
    }
}

tile!(
    "avx2",
    __m256i,
    __m256i,
    zero: _mm256_setzero_si256,
    set: _mm256_set1_epi32,
    add: _mm256_add_epi32,
    pairs: |sum, x, w| _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)),
    load: |mask, from| _mm256_maskload_epi32(from, mask),
    store: _mm256_maskstore_epi32,
);

/// See [`super::matvec`].
#[target_feature(enable = "avx2")]
pub(super) fn matvec(a: &[i16], x: &[u32], y: &mut [u32]) {
    let (whole, rest) = x.as_chunks::<LANES>();
    for (i, y) in y.iter_mut().enumerate() {
        let (weights, last) = a[i * x.len()..][..x.len()].as_chunks::<LANES>();
        let mut sum = _mm256_setzero_si256();
        for (w, x) in weights.iter().zip(whole) {
            // SAFETY: both arrays have 8 elements.
            let (w, x) = unsafe {
                (_mm_loadu_si128(w.as_ptr().cast()), _mm256_loadu_si256(x.as_ptr().cast()))
            };
            sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(_mm256_cvtepi16_epi32(w), x));
        }
        let mut lanes = [0u32; LANES];
        // SAFETY: the array has 8 elements.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sum) };
        let sum = lanes.into_iter().fold(dot(last, rest), u32::wrapping_add);
        *y = y.wrapping_add(sum);
    }
}
