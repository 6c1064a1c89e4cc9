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
    panel_from(0, weights, plane, views, out);
}

/// The same for the outputs of each row from number `first` on.
pub(super) fn panel_from<const R: usize>(
    first: usize,
    weights: &[[i32; R]],
    plane: &[u32],
    views: &[View],
    out: &mut [u32],
) {
    let len = out.len() / R;
    if first == len {
        return;
    }
    for (weights, view) in weights.iter().zip(views) {
        let words = &plane[view.offset..][first..len];
        for (&w, row) in weights.iter().zip(out.chunks_exact_mut(len)) {
            row[first..]
                .iter_mut()
                .zip(words)
                .for_each(|(y, &x)| *y = y.wrapping_add(pair(w, x as i32)));
        }
    }
}

/// The sum of the products of the halves, modulo 2^32.
#[inline(always)]
fn pair(w: i32, x: i32) -> u32 {
    let low = i32::from(w as i16) * i32::from(x as i16);
    low.wrapping_add((w >> 16) * (x >> 16)) as u32
}

/// Adds the product of `a` and a vector to `y`: see [`super::matvec`]. The vector is `P` planes of signed
/// numbers of 16 bits, equally long, each with 2^16 times the weight of the next.
pub(super) fn matvec<const P: usize>(a: &[i16], planes: [&[i16]; P], y: &mut [u32]) {
    let len = planes[0].len();
    for (i, y) in y.iter_mut().enumerate() {
        *y = y.wrapping_add(dot(&a[i * len..][..len], planes));
    }
}

/// The inner product of a row of weights and a vector of `P` planes.
pub(super) fn dot<const P: usize>(row: &[i16], planes: [&[i16]; P]) -> u32 {
    planes.iter().fold(0, |sum: u32, plane| {
        let products = row.iter().zip(*plane).map(|(&w, &x)| (i32::from(w) * i32::from(x)) as u32);
        (sum << 16).wrapping_add(products.fold(0, u32::wrapping_add))
    })
}
