//! Matrix products and convolutions in Z_{2^32}: secret-shared activations times small weights.
//!
//! Values are `u32`, weights `i16`, all arithmetic wraps modulo 2^32; a caller whose ring is
//! smaller reduces at the end. Every function adds to its output, which a caller fills with the
//! biases beforehand.
//!
//! One kernel does all the work where an input row is used more than once: R rows of weights times
//! shifted views of the input (`panel`). A matrix product is the case where view i is row i; a
//! convolution is the case where there is a view for each kernel cell (see [`convolve`]).

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod convolution;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod tile;

pub use convolution::{Convolution, Prepared, convolve};

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::{VectorBackend, VectorIsa};
use crate::dispatch::vector_twin;

/// The most rows of weights that a kernel takes at once.
const ROWS: usize = 8;

/// How many it takes: two vectors of sums for each row fill half the registers.
fn rows_at_once(backend: VectorBackend) -> usize {
    match backend.isa() {
        VectorIsa::Avx2 => 4,
        _ => ROWS,
    }
}

/// Adds the product of `a` (m × k, row-major) and `b` (k × n, row-major) to `c` (m × n).
///
/// For n = 1 [`matvec`] is the better choice.
///
/// # Panics
/// If a slice does not have the length that `[m, k, n]` asks for.
pub fn gemm(backend: VectorBackend, [m, k, n]: [usize; 3], a: &[i16], b: &[u32], c: &mut [u32]) {
    assert_eq!(a.len(), m * k, "a is m × k");
    assert_eq!(b.len(), k * n, "b is k × n");
    assert_eq!(c.len(), m * n, "c is m × n");
    if a.is_empty() || c.is_empty() {
        return;
    }
    let offsets: Vec<_> = (0..k).map(|i| i * n).collect();
    let views = Views { input: b, offsets: &offsets, len: n };
    for (weights, rows) in a.chunks(ROWS * k).zip(c.chunks_mut(ROWS * n)) {
        views.multiply_add(backend, weights, rows);
    }
}

/// Adds the product of `a` (m × k, row-major) and the vector `x` (k) to `y` (m).
///
/// # Panics
/// If `a` does not have `x.len() · y.len()` weights.
pub fn matvec(backend: VectorBackend, a: &[i16], x: &[u32], y: &mut [u32]) {
    assert_eq!(a.len(), x.len() * y.len(), "a is m × k");
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { vector_twin!(backend, matvec(a, x, y)) }
}

/// Equally long views of one input, view i from `offsets[i]` on.
struct Views<'a> {
    input: &'a [u32],
    offsets: &'a [usize],
    len: usize,
}

impl Views<'_> {
    /// Adds up to [`ROWS`] rows of weights (one weight for each view) times the views to as many
    /// rows of `len` outputs.
    fn multiply_add(&self, backend: VectorBackend, weights: &[i16], mut out: &mut [u32]) {
        let k = self.offsets.len();
        let last = self.offsets.iter().max().map_or(0, |o| o + self.len);
        assert!(last <= self.input.len(), "every view lies inside the input");
        let mut rows = weights.chunks_exact(k);
        while rows.len() > 0 {
            // The powers of two in the number of rows, largest first.
            let count = 1 << rows.len().min(rows_at_once(backend)).ilog2();
            let (now, later) = out.split_at_mut(count * self.len);
            match count {
                8 => self.panel::<8>(backend, rows.by_ref(), now),
                4 => self.panel::<4>(backend, rows.by_ref(), now),
                2 => self.panel::<2>(backend, rows.by_ref(), now),
                _ => self.panel::<1>(backend, rows.by_ref(), now),
            }
            out = later;
        }
    }

    /// Adds `R` rows of weights times the views to `out` (`R` × `len`).
    fn panel<'w, const R: usize>(
        &self,
        backend: VectorBackend,
        rows: impl Iterator<Item = &'w [i16]>,
        out: &mut [u32],
    ) {
        let mut weights = vec![[0i32; R]; self.offsets.len()];
        for (r, row) in rows.take(R).enumerate() {
            weights.iter_mut().zip(row).for_each(|(w, &v)| w[r] = v.into());
        }
        assert_eq!(out.len(), R * self.len, "R rows of outputs");
        // SAFETY: the backend's value proves its twin's features; `multiply_add` checked the views,
        // and the line above the outputs.
        unsafe { vector_twin!(backend, panel(&weights, self, out)) }
    }
}

#[cfg(test)]
mod tests;
