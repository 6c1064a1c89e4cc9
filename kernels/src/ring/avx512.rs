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

/// See [`super::scalar::matvec`].
///
/// # Safety
///
/// All planes are equally long.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn matvec<const P: usize>(a: &[i16], planes: [&[i16]; P], y: &mut [u32]) {
    let len = planes[0].len();
    let whole = len / (2 * LANES) * (2 * LANES);
    let rest = planes.map(|plane| &plane[whole..]);
    for (i, y) in y.iter_mut().enumerate() {
        let row = &a[i * len..][..len];
        let mut sums = [_mm512_setzero_si512(); P];
        for at in (0..whole).step_by(2 * LANES) {
            // SAFETY: at + 2·LANES ≤ len, the length of the row.
            let w = unsafe { _mm512_loadu_si512(row.as_ptr().add(at).cast()) };
            for (sum, plane) in sums.iter_mut().zip(planes) {
                // SAFETY: it is the length of all planes too, as the caller promises.
                let x = unsafe { _mm512_loadu_si512(plane.as_ptr().add(at).cast()) };
                *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(w, x));
            }
        }
        let mut total = _mm512_setzero_si512();
        for sum in sums {
            total = _mm512_add_epi32(_mm512_slli_epi32::<16>(total), sum);
        }
        let total = _mm512_reduce_add_epi32(total) as u32;
        *y = y.wrapping_add(total).wrapping_add(dot(&row[whole..], rest));
    }
}
