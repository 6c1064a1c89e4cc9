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

/// See [`super::scalar::matvec`].
///
/// # Safety
///
/// All planes are equally long.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn matvec<const P: usize>(a: &[i16], planes: [&[i16]; P], y: &mut [u32]) {
    let len = planes[0].len();
    let whole = len / (2 * LANES) * (2 * LANES);
    let rest = planes.map(|plane| &plane[whole..]);
    for (i, y) in y.iter_mut().enumerate() {
        let row = &a[i * len..][..len];
        let mut sums = [_mm256_setzero_si256(); P];
        for at in (0..whole).step_by(2 * LANES) {
            // SAFETY: at + 2·LANES ≤ len, the length of the row.
            let w = unsafe { _mm256_loadu_si256(row.as_ptr().add(at).cast()) };
            for (sum, plane) in sums.iter_mut().zip(planes) {
                // SAFETY: it is the length of all planes too, as the caller promises.
                let x = unsafe { _mm256_loadu_si256(plane.as_ptr().add(at).cast()) };
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(w, x));
            }
        }
        let mut total = _mm256_setzero_si256();
        for sum in sums {
            total = _mm256_add_epi32(_mm256_slli_epi32::<16>(total), sum);
        }
        let mut lanes = [0u32; LANES];
        // SAFETY: the array has 8 elements.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), total) };
        let total = lanes.into_iter().fold(0, u32::wrapping_add);
        *y = y.wrapping_add(total).wrapping_add(dot(&row[whole..], rest));
    }
}
