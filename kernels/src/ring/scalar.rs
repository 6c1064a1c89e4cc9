//! The portable twins, which are the specification.

use super::View;

/// Adds `R` rows of weights times the views of a plane to `out` (`R` rows of outputs). Words of both are
/// two signed numbers of 16 bits.
pub(super) fn panel<const R: usize>(
    weights: &[[i32; R]],
    plane: &[u32],
    views: &[View],
    out: &mut [u32],
) {
    let len = out.len() / R;
    if len == 0 {
        return;
    }
    for (weights, view) in weights.iter().zip(views) {
        let words = &plane[view.offset..][..len];
        for (&w, row) in weights.iter().zip(out.chunks_exact_mut(len)) {
            row.iter_mut().zip(words).for_each(|(y, &x)| *y = y.wrapping_add(pair(w as u32, x)));
        }
    }
}

/// The sum of the products of the halves, modulo 2^32.
fn pair(w: u32, x: u32) -> u32 {
    let [low, high] = [0, 16].map(|at| i32::from((w >> at) as i16) * i32::from((x >> at) as i16));
    low.wrapping_add(high) as u32
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
