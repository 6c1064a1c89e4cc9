//! AVX-512: sixteen outputs in a register.

use core::arch::x86_64::*;

use super::View;
use super::scalar::dot;
use super::tile::tile;

const LANES: usize = 16;

/// See [`super::scalar::panel`].
///
/// # Safety
///
/// Every view of `out.len() / R` words lies inside the plane; R divides `out.len()`.
#[target_feature(enable = "avx512f,avx512vnni")]
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
        unsafe { tile::<R, 2>(weights, plane, views, at, __mmask16::MAX, out) };
    }
    for at in (pairs..len).step_by(LANES) {
        let mask = __mmask16::MAX >> (LANES - (len - at).min(LANES));
        // SAFETY: the mask admits len − at lanes, and the caller keeps the rest of the contract.
        unsafe { tile::<R, 1>(weights, plane, views, at, mask, out) };
    }
}

tile!(
    "avx512f,avx512vnni",
    __m512i,
    __mmask16,
    zero: _mm512_setzero_si512,
    set: _mm512_set1_epi32,
    add: _mm512_add_epi32,
    pairs: |sum, x, w| _mm512_dpwssd_epi32(sum, x, w),
    load: |mask, from| _mm512_maskz_loadu_epi32(mask, from),
    store: _mm512_mask_storeu_epi32,
);

/// See [`super::matvec`].
#[target_feature(enable = "avx512f")]
pub(super) fn matvec(a: &[i16], x: &[u32], y: &mut [u32]) {
    let (whole, rest) = x.as_chunks::<LANES>();
    for (i, y) in y.iter_mut().enumerate() {
        let (weights, last) = a[i * x.len()..][..x.len()].as_chunks::<LANES>();
        let mut sum = _mm512_setzero_si512();
        for (w, x) in weights.iter().zip(whole) {
            // SAFETY: both arrays have 16 elements.
            let (w, x) = unsafe {
                (_mm256_loadu_si256(w.as_ptr().cast()), _mm512_loadu_si512(x.as_ptr().cast()))
            };
            sum = _mm512_add_epi32(sum, _mm512_mullo_epi32(_mm512_cvtepi16_epi32(w), x));
        }
        let sum = _mm512_reduce_add_epi32(sum) as u32;
        *y = y.wrapping_add(sum).wrapping_add(dot(last, rest));
    }
}
