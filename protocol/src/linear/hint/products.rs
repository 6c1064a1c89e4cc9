//! The server's sums where several outputs share a polynomial: products of polynomials, by transforms.
//!
//! A result then meets the weights of all outputs of its polynomial, those of the others at coefficients
//! that hold nothing, but were sent with noise like any other. No convolution of the tile gives that.

use crate::parallel::prelude::*;
use zeroize::Zeroizing;

use super::server::{Coefficients, Upload};
use super::{HintPlan, Results};
use crate::he::hint::{HintSecret, Transformed};

impl HintPlan {
    /// The halves of each block's results of every tile.
    pub(super) fn by_products(
        &self,
        upload: &Upload,
        weights: &[i16],
        results: &[Results],
        (secret, layer): (&HintSecret, usize),
    ) -> Vec<Vec<Zeroizing<Vec<u64>>>> {
        let format = &self.layer.format;
        let tiles: Vec<_> = self.coefficients(upload).map(|sent| self.inputs(&sent)).collect();
        let block = |block: usize| {
            let sums = self.sums(block, weights, &tiles);
            let blindings = secret.products(&format.parameters, &upload.keys, (layer, block));
            let tiles = sums.into_iter().zip(blindings).zip(results);
            let halves = |((sum, blinding), results): ((Vec<u64>, Zeroizing<Vec<u64>>), _)| {
                let phase = |at: usize| sum[at].wrapping_add(blinding[at]);
                self.halves(block, results, |at| format.server_half(phase(at)))
            };
            tiles.map(halves).collect()
        };
        (0..self.packing.blocks).into_par_iter().map(block).collect()
    }

    /// A tile's polynomials: each coefficient as it was sent, with the middle of what was not.
    fn inputs(&self, sent: &Coefficients) -> Vec<Transformed> {
        let format = &self.layer.format;
        let (top, half) = (format.digit_bits(), 1u64 << (format.dropped - 1));
        let coefficient = |(&digit, &of_top): (&u32, &u32)| {
            (u64::from(digit) | u64::from(of_top) << top) << format.dropped | half
        };
        let values: Vec<u64> = sent.digits.iter().zip(&sent.tops).map(coefficient).collect();
        let ring = format.parameters.products();
        values.par_chunks_exact(ring.n()).map(|input| ring.transform(input)).collect()
    }

    /// Σᵢ w_{o,i}·cᵢ of block o and every tile, modulo 2^64.
    fn sums(&self, block: usize, weights: &[i16], tiles: &[Vec<Transformed>]) -> Vec<Vec<u64>> {
        let ring = self.layer.format.parameters.products();
        let mut sums: Vec<_> = tiles.iter().map(|_| ring.zero()).collect();
        let mut weight = Zeroizing::new(vec![0; ring.n()]);
        for input in self.packing.chunks_of(block) {
            weight.fill(0);
            self.packing.weight(block, input, weights, &mut weight);
            let weight = ring.transform_weights(&weight);
            for (sum, inputs) in sums.iter_mut().zip(tiles) {
                ring.multiply_add(sum, &inputs[input], &weight);
            }
        }
        sums.into_iter().map(|sum| ring.coefficients(sum)).collect()
    }
}
