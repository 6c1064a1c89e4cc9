//! AVX2: eight outputs in a register.

use core::arch::x86_64::*;

use super::Views;
use super::scalar::dot;

const LANES: usize = 8;

/// See [`Views::panel`].
///
/// # Safety
///
/// Every view lies inside the input, and `out` has `R` rows of `views.len` outputs.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn panel<const R: usize>(
    weights: &[[i32; R]],
    views: &Views<'_>,
    out: &mut [u32],
) {
    let pairs = views.len / (2 * LANES) * (2 * LANES);
    for at in (0..pairs).step_by(2 * LANES) {
        // SAFETY: at + 2·LANES ≤ len, and the caller keeps the rest of the contract.
        unsafe { tile::<R, 2>(weights, views, at, _mm256_set1_epi32(-1), out) };
    }
    let index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for at in (pairs..views.len).step_by(LANES) {
        let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((views.len - at).min(LANES) as i32), index);
        // SAFETY: the mask admits len − at lanes, and the caller keeps the rest of the contract.
        unsafe { tile::<R, 1>(weights, views, at, mask, out) };
    }
}

/// `V` vectors of outputs from `at` on, in each of `R` rows.
///
/// # Safety
///
/// The lanes of `mask` from `at` on lie inside the views; otherwise as [`panel`].
#[target_feature(enable = "avx2")]
unsafe fn tile<const R: usize, const V: usize>(
    weights: &[[i32; R]],
    views: &Views<'_>,
    at: usize,
    mask: __m256i,
    out: &mut [u32],
) {
    let mut sums = [[_mm256_setzero_si256(); V]; R];
    for (weights, offset) in weights.iter().zip(views.offsets) {
        let mut view = [_mm256_setzero_si256(); V];
        for (v, vector) in view.iter_mut().enumerate() {
            // SAFETY: the caller promises that these lanes lie inside the input.
            *vector = unsafe {
                let from = views.input.as_ptr().add(offset + at + v * LANES);
                _mm256_maskload_epi32(from.cast(), mask)
            };
        }
        for (sums, &w) in sums.iter_mut().zip(weights) {
            let w = _mm256_set1_epi32(w);
            for (sum, &x) in sums.iter_mut().zip(&view) {
                *sum = _mm256_add_epi32(*sum, _mm256_mullo_epi32(x, w));
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: the caller promises that these lanes lie inside row r of the outputs.
            unsafe {
                let place = out.as_mut_ptr().add(r * views.len + at + v * LANES).cast();
                let old = _mm256_maskload_epi32(place, mask);
                _mm256_maskstore_epi32(place, mask, _mm256_add_epi32(old, sum));
            }
        }
    }
}

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
