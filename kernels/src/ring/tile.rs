//! The inner loop of the vector twins, the same text for every width of registers.

/// Defines `tile` for registers of `LANES` outputs; `$load` and `$store` leave out the lanes that a
/// mask does not admit, `$pairs` adds the two products of each lane's halves to a sum.
macro_rules! tile {
    (
        $features:literal, $vector:ty, $mask:ty,
        zero: $zero:ident, set: $set:ident, add: $add:ident,
        pairs: |$sum:ident, $x:ident, $w:ident| $pairs:expr,
        load: |$admitted:ident, $from:ident| $load:expr, store: $store:ident $(,)?
    ) => {
        /// `V` vectors of outputs from `at` on, in each of `R` rows.
        ///
        /// # Safety
        ///
        /// The lanes of `mask` from `at` on lie inside the views; otherwise as [`panel`].
        #[target_feature(enable = $features)]
        unsafe fn tile<const R: usize, const V: usize>(
            weights: &[[i32; R]],
            plane: &[u32],
            views: &[View],
            at: usize,
            mask: $mask,
            out: &mut [u32],
        ) {
            let mut sums = [[$zero(); V]; R];
            for (weights, from) in weights.iter().zip(views) {
                let mut view = [$zero(); V];
                for (v, vector) in view.iter_mut().enumerate() {
                    let $admitted = mask;
                    // SAFETY: the caller promises that these lanes lie inside the input.
                    *vector = unsafe {
                        let $from = plane.as_ptr().add(from.offset + at + v * LANES).cast();
                        $load
                    };
                }
                for (sums, &w) in sums.iter_mut().zip(weights) {
                    let $w = $set(w);
                    for (sum, &$x) in sums.iter_mut().zip(&view) {
                        let $sum = *sum;
                        *sum = $pairs;
                    }
                }
            }
            let len = out.len() / R;
            for (r, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    let $admitted = mask;
                    // SAFETY: the caller promises that these lanes lie inside row r of the outputs.
                    unsafe {
                        let place: *mut i32 = out.as_mut_ptr().add(r * len + at + v * LANES).cast();
                        let $from = place.cast_const();
                        let old: $vector = $load;
                        $store(place, mask, $add(old, sum));
                    }
                }
            }
        }
    };
}

pub(super) use tile;
