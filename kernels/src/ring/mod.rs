//! Matrix products and convolutions in Z_{2^32}: secret-shared activations times small weights.
//!
//! Values are `u32`, weights `i16`, all arithmetic wraps modulo 2^32; a caller whose ring is
//! smaller reduces at the end. Every function adds to its output, which a caller fills with the
//! biases beforehand.
//!
//! One kernel does all the work where an input row is used more than once: R rows of weights times
//! shifted views of the input (`panel`), with a view for each kernel cell and two channels (see
//! [`Prepared`]). CPUs multiply signed numbers of 16 bits and add two products in one instruction, so a
//! word of a view is two such numbers, to be multiplied by two weights. A value of 32 bits is two of
//! them, low + 2^16·high, in a plane each.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod convolution;
mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;
#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
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
        VectorIsa::Simd128 | VectorIsa::Avx2 => 4,
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
    let geometry = Convolution {
        input: [k, 1, n],
        outputs: m,
        kernel: [1; 2],
        stride: [1; 2],
        dilation: [1; 2],
        padding: [0; 4],
        groups: 1,
    };
    convolve(backend, geometry, a, b, c);
}

/// Adds the product of `a` (m × k, row-major) and the vector `x` (k) to `y` (m).
///
/// # Panics
/// If `a` does not have `x.len() · y.len()` weights.
pub fn matvec(backend: VectorBackend, a: &[i16], x: &[u32], y: &mut [u32]) {
    assert_eq!(a.len(), x.len() * y.len(), "a is m × k");
    let planes =
        [high_half, low_half].map(|half| -> Vec<_> { x.iter().map(|&x| half(x) as i16).collect() });
    let [high, low] = &planes;
    // SAFETY: the backend's value proves all that its twin asks for; the planes are as long as `x`.
    unsafe { vector_twin!(backend, matvec(a, [&high[..], &low[..]], y)) }
}

/// As [`matvec`], for signed values of 16 bits: in less time than others.
///
/// # Panics
/// As [`matvec`].
pub fn matvec_narrow(backend: VectorBackend, a: &[i16], x: &[i16], y: &mut [u32]) {
    assert_eq!(a.len(), x.len() * y.len(), "a is m × k");
    // SAFETY: the backend's value proves all that its twin asks for; there is one plane.
    unsafe { vector_twin!(backend, matvec(a, [x], y)) }
}

/// x = low + 2^16·high modulo 2^32, both of them signed numbers of 16 bits: the low one.
fn low_half(x: u32) -> u16 {
    x as u16
}

/// The high one.
fn high_half(x: u32) -> u16 {
    (x.wrapping_add(1 << 15) >> 16) as u16
}

/// A view of a plane, and which weights of a row its words are multiplied by.
struct View {
    /// Where it begins.
    offset: usize,
    /// The weight of the low halves.
    low: usize,
    /// The weight of the high halves, if they are not left out.
    high: Option<usize>,
}

impl View {
    /// The two weights as halves of a word.
    fn weights(&self, row: &[i16]) -> i32 {
        let high = self.high.map_or(0, |high| row[high]);
        i32::from(high) << 16 | i32::from(row[self.low] as u16)
    }
}

/// Equally long views of the planes of one input.
struct Views<'a> {
    /// What has the weight 2^16, if there is more than one, comes first.
    planes: &'a [&'a [u32]],
    views: &'a [View],
    len: usize,
}

impl Views<'_> {
    /// Sets up to [`ROWS`] rows of `len` outputs to as many rows of `depth` weights times the views.
    fn multiply(&self, backend: VectorBackend, depth: usize, weights: &[i16], mut out: &mut [u32]) {
        let last = self.views.iter().map(|view| view.offset + self.len).max().unwrap_or(0);
        let inside = self.planes.iter().all(|plane| last <= plane.len());
        assert!(inside, "every view lies inside the input");
        let mut rows = weights.chunks_exact(depth);
        while rows.len() > 0 {
            // The powers of two in the number of rows, largest first.
            let count = 1 << rows.len().min(rows_at_once(backend)).ilog2();
            let (now, later) = out.split_at_mut(count * self.len);
            match count {
                8 => self.panels::<8>(backend, rows.by_ref(), now),
                4 => self.panels::<4>(backend, rows.by_ref(), now),
                2 => self.panels::<2>(backend, rows.by_ref(), now),
                _ => self.panels::<1>(backend, rows.by_ref(), now),
            }
            out = later;
        }
    }

    /// Sets `out` (`R` × `len`) to `R` rows of weights times the views.
    fn panels<'w, const R: usize>(
        &self,
        backend: VectorBackend,
        rows: impl Iterator<Item = &'w [i16]>,
        out: &mut [u32],
    ) {
        let mut weights = vec![[0i32; R]; self.views.len()];
        for (r, row) in rows.take(R).enumerate() {
            weights.iter_mut().zip(self.views).for_each(|(w, view)| w[r] = view.weights(row));
        }
        assert_eq!(out.len(), R * self.len, "R rows of outputs");
        out.fill(0);
        for (i, plane) in self.planes.iter().enumerate() {
            if i > 0 {
                out.iter_mut().for_each(|sum| *sum <<= 16);
            }
            // SAFETY: the backend's value proves its twin's features; `multiply` checked the views, and
            // the lines above the outputs.
            unsafe { vector_twin!(backend, panel(&weights, plane, self.views, out)) }
        }
    }
}

#[cfg(test)]
mod tests;
