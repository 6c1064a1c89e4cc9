//! The server's sums where several outputs share a polynomial: products of polynomials, by transforms.
//!
//! A result then meets the weights of all outputs of its polynomial, those of the others at coefficients
//! that hold nothing, but were sent with noise like any other. No convolution of the tile gives that.

use crate::parallel::prelude::*;

use super::HintPlan;
use super::server::{Coefficients, Upload};
use crate::he::hint::{HintSecret, Room, Transformed};
use crate::wiped::Wiped;

impl HintPlan {
    /// Writes the halves of all results.
    pub(super) fn by_products(
        &self,
        upload: &Upload,
        weights: &[i16],
        (secret, layer): (&HintSecret, usize),
        halves: &mut [u64],
    ) {
        let format = &self.layer.format;
        let tiles: Vec<_> = self.coefficients(upload).map(|sent| self.inputs(&sent)).collect();
        let (results, rounding) = (self.results(), format.rounding());
        let blocks = halves.par_chunks_mut(self.block_len()).enumerate();
        blocks.for_each_init(Room::default, |room, (block, maps)| {
            let sums = self.sums(block, weights, &tiles);
            let output = (layer, block);
            secret.products(&format.parameters, &upload.keys, output, room, |tile, blinded| {
                self.place(&results[tile], maps, |first, row| {
                    blinded.write_with(
                        first,
                        row,
                        sums[tile][first..].iter(),
                        #[inline(always)]
                        move |blinding, &sum| rounding.server_half(sum.wrapping_add(blinding)),
                    );
                });
            });
        });
    }

    /// A tile's polynomials: each coefficient as it was sent, with the middle of what was not.
    fn inputs(&self, sent: &Coefficients) -> Vec<Transformed> {
        let format = &self.layer.format;
        let (top, half) = (format.digit_bits(), 1u64 << (format.dropped - 1));
        let coefficient = |(&digit, &of_top): (&u32, &u32)| {
            (u64::from(digit) | u64::from(of_top) << top) << format.dropped | half
        };
        let values: Vec<u64> = sent.digits.iter().zip(&sent.tops).map(coefficient).collect();
        let (ring, bits) = (format.parameters.products(), format.parameters.log2_q());
        let inputs = values.par_chunks_exact(ring.n());
        inputs.map(|input| ring.transform_below(bits, input)).collect()
    }

    /// Σᵢ w_{o,i}·cᵢ of block o and every tile, modulo 2^64.
    fn sums(&self, block: usize, weights: &[i16], tiles: &[Vec<Transformed>]) -> Vec<Wiped<u64>> {
        let ring = self.layer.format.parameters.products();
        let mut sums: Vec<_> = tiles.iter().map(|_| ring.zero()).collect();
        let mut weight = Wiped::zeros(ring.n());
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
