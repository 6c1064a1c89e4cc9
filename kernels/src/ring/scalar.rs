//! The portable twins, which are the specification.

use super::Views;

/// See [`Views::panel`].
pub(super) fn panel<const R: usize>(weights: &[[i32; R]], views: &Views<'_>, out: &mut [u32]) {
    if views.len == 0 {
        return;
    }
    for (weights, &offset) in weights.iter().zip(views.offsets) {
        let view = &views.input[offset..][..views.len];
        for (&w, row) in weights.iter().zip(out.chunks_exact_mut(views.len)) {
            for (y, &x) in row.iter_mut().zip(view) {
                *y = y.wrapping_add(x.wrapping_mul(w as u32));
            }
        }
    }
}

/// See [`super::matvec`].
pub(super) fn matvec(a: &[i16], x: &[u32], y: &mut [u32]) {
    if x.is_empty() {
        return;
    }
    for (y, row) in y.iter_mut().zip(a.chunks_exact(x.len())) {
        *y = y.wrapping_add(dot(row, x));
    }
}

/// The inner product of equally long slices.
pub(super) fn dot(row: &[i16], x: &[u32]) -> u32 {
    row.iter().zip(x).fold(0, |sum, (&w, &x)| sum.wrapping_add(x.wrapping_mul(w as u32)))
}
