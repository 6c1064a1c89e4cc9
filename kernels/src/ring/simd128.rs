//! WebAssembly's registers: four outputs in each, eight at a time.

use core::arch::wasm32::*;

use super::View;
use super::scalar::{dot, panel_from};
use super::tile::tile;

const LANES: usize = 4;

/// See [`super::scalar::panel`].
///
/// # Safety
///
/// Every view of `out.len() / R` words lies inside the plane; R divides `out.len()`.
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
        unsafe { tile::<R, 2>(weights, plane, views, at, (), out) };
    }
    panel_from(pairs, weights, plane, views, out);
}

// Whole registers alone: there are no masks.
tile!(
    "simd128",
    v128,
    (),
    zero: zero,
    set: i32x4_splat,
    add: i32x4_add,
    pairs: |sum, x, w| i32x4_add(sum, i32x4_dot_i16x8(x, w)),
    load: |_mask, from| load(from),
    store: store,
);

#[inline(always)]
fn zero() -> v128 {
    i32x4_splat(0)
}

/// # Safety
///
/// There are four words at `from`.
#[inline(always)]
unsafe fn load(from: *const i32) -> v128 {
    // SAFETY: the caller promises the words.
    unsafe { v128_load(from.cast()) }
}

/// # Safety
///
/// There are four words at `place`.
#[inline(always)]
unsafe fn store(place: *mut i32, (): (), words: v128) {
    // SAFETY: the caller promises the words.
    unsafe { v128_store(place.cast(), words) };
}

/// See [`super::scalar::matvec`].
///
/// # Safety
///
/// All planes are equally long.
pub(super) unsafe fn matvec<const P: usize>(a: &[i16], planes: [&[i16]; P], y: &mut [u32]) {
    let len = planes[0].len();
    let whole = len / (2 * LANES) * (2 * LANES);
    let rest = planes.map(|plane| &plane[whole..]);
    for (i, y) in y.iter_mut().enumerate() {
        let row = &a[i * len..][..len];
        let mut sums = [zero(); P];
        for at in (0..whole).step_by(2 * LANES) {
            // SAFETY: at + 2·LANES ≤ len, the length of the row.
            let w = unsafe { v128_load(row.as_ptr().add(at).cast()) };
            for (sum, plane) in sums.iter_mut().zip(planes) {
                // SAFETY: it is the length of all planes too, as the caller promises.
                let x = unsafe { v128_load(plane.as_ptr().add(at).cast()) };
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(w, x));
            }
        }
        let total =
            sums.into_iter().fold(zero(), |total, sum| i32x4_add(i32x4_shl(total, 16), sum));
        let total = u32x4_extract_lane::<0>(total)
            .wrapping_add(u32x4_extract_lane::<1>(total))
            .wrapping_add(u32x4_extract_lane::<2>(total))
            .wrapping_add(u32x4_extract_lane::<3>(total));
        *y = y.wrapping_add(total).wrapping_add(dot(&row[whole..], rest));
    }
}
