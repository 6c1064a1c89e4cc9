//! The server's work for a planned map and one image.

use crate::parallel::prelude::*;
use gazelle_ntt::pack;

use super::HintPlan;
use super::convolution::{Pieces, Tile};
use crate::error::PeerFault;
use crate::he::hint::{HintSecret, Room, TileKey};
use crate::linear::guard::ServerHalf;
use crate::linear::packing::{Run, Segment};
use crate::wire::{Payload, Query};

/// A client's message, unpacked.
pub(super) struct Upload {
    /// Of each tile.
    pub(super) keys: Vec<TileKey>,
    pub(super) digits: Vec<u32>,
    pub(super) tops: Vec<u32>,
}

/// A tile's coefficients as they were sent, by their places in its polynomials; zero where nothing was.
pub(super) struct Coefficients {
    pub(super) digits: Vec<u32>,
    pub(super) tops: Vec<u32>,
}

impl HintPlan {
    /// Server: its halves of M·r from the client's message. `secret` is that of the hint, in which the map
    /// is layer number `layer`.
    ///
    /// # Errors
    /// [`PeerFault::Length`] or [`PeerFault::Padding`] if `message` is none of this plan.
    pub fn apply(
        &self,
        message: &[u8],
        weights: &[i16],
        (secret, layer): (&HintSecret, usize),
    ) -> Result<ServerHalf, PeerFault> {
        let upload = self.read(message)?;
        let mut halves = vec![0; self.output_len()];
        match self.packing.slots {
            1 => self.by_convolution(&upload, weights, (secret, layer), &mut halves),
            _ => self.by_products(&upload, weights, (secret, layer), &mut halves),
        }
        Ok(ServerHalf::new(halves, self.ring_bits()))
    }

    /// Writes the halves of all results, where each output has a polynomial of its own.
    fn by_convolution(
        &self,
        upload: &Upload,
        weights: &[i16],
        (secret, layer): (&HintSecret, usize),
        halves: &mut [u64],
    ) {
        let sums = self.convolve(upload, weights);
        let format = &self.layer.format;
        let (dropped, rounding) = (format.dropped, format.rounding());
        let middle = (self.pieces().middle() << dropped) + (1u64 << (dropped - 1));
        let results = self.results();
        let maps = halves.par_chunks_exact_mut(self.block_len());
        let maps = maps.zip(weights.par_chunks_exact(self.conv.row_len())).enumerate();
        maps.for_each_init(Room::default, |room, (output, (map, row))| {
            // What was taken off the digits, and what stands for the bits that were not sent, is the same of
            // every coefficient.
            let taps = row.iter().map(|&w| i64::from(w)).sum::<i64>();
            let middles = middle.wrapping_mul(taps as u64);
            let output = (layer, output);
            secret.products(&format.parameters, &upload.keys, output, room, |tile, blinded| {
                let count = sums[tile].len() / self.conv.outputs;
                let mut sums = &sums[tile][output.1 * count..][..count];
                self.place(&results[tile], map, |first, row| {
                    blinded.write_with(
                        first,
                        row,
                        sums.iter(),
                        #[inline(always)]
                        move |blinding, &sum| {
                            let sum = (sum << dropped).wrapping_add(middles);
                            rounding.server_half(sum.wrapping_add(blinding))
                        },
                    );
                    sums = &sums[row.len()..];
                });
            });
        });
    }

    pub(super) fn read(&self, message: &[u8]) -> Result<Upload, PeerFault> {
        let name = Query::KIND.name();
        PeerFault::check_length(name, message, self.cost().upload_bytes)?;
        let format = &self.layer.format;
        let [keys, digits, _] = self.parts();
        let (keys, rest) = message.split_at(keys);
        let (digits, tops) = rest.split_at(digits);
        let padding = |_| PeerFault::Padding { message: name };
        let unpack = |bytes: &[u8], count: usize, bits: u32| -> Result<Vec<u32>, PeerFault> {
            let mut values = vec![0; count];
            pack::unpack_u32(bytes, bits, &mut values).map_err(padding)?;
            Ok(values)
        };
        let key = |bytes: &[u8]| -> Result<TileKey, PeerFault> {
            let parameters = &format.parameters;
            let mut values = vec![0; parameters.n()];
            pack::unpack_u64(bytes, TileKey::sent_bits(parameters), &mut values)
                .map_err(padding)?;
            Ok(TileKey::new(parameters, &values))
        };
        let cost = self.cost();
        let keys = keys.par_chunks_exact(keys.len() / cost.tiles);
        Ok(Upload {
            keys: keys.map(key).collect::<Result<_, PeerFault>>()?,
            digits: unpack(digits, cost.coefficients, format.digit_bits())?,
            tops: unpack(tops, cost.whole, format.ring_bits)?,
        })
    }

    /// Of every tile the sums of all results, less what [`Pieces`] take off, modulo 2^64.
    fn convolve(&self, upload: &Upload, weights: &[i16]) -> Vec<Vec<u64>> {
        let tiles = self.coefficients(upload).enumerate();
        tiles.map(|(tile, sent)| self.convolve_tile(tile, &sent, weights)).collect()
    }

    /// The coefficients of each tile.
    pub(super) fn coefficients(&self, upload: &Upload) -> impl Iterator<Item = Coefficients> {
        let len = self.packing.chunks * self.layer.format.parameters.n();
        let (mut digits, mut tops) = (&upload.digits[..], &upload.tops[..]);
        self.segments.iter().map(move |segments| {
            let mut out = Coefficients { digits: vec![0; len], tops: vec![0; len] };
            for &Segment { place, len, holds } in segments {
                let places = place as usize..(place + len) as usize;
                take(&mut digits, &mut out.digits[places.clone()]);
                if Self::is_whole(holds, self.gives_mask) {
                    take(&mut tops, &mut out.tops[places]);
                }
            }
            out
        })
    }

    fn convolve_tile(&self, index: usize, sent: &Coefficients, weights: &[i16]) -> Vec<u64> {
        let format = &self.layer.format;
        let (reads, step) = (self.packing.reads(index), self.packing.step());
        let shape = reads.shape();
        let [mut digits, mut tops] = [(); 2].map(|()| vec![0; shape.len()]);
        // −c is the complement of c but for one unit of what was not sent, which cancels: in the middle of
        // those units, c and its complement are each other's negatives.
        let flip = [(1u32 << format.digit_bits()) - 1, u32::MAX >> (32 - format.ring_bits)];
        reads.for_each(|Run { index, place, len, negative, .. }| {
            let [digit, top] = if negative { flip } else { [0; 2] };
            spread(&sent.digits[place..place + len], &mut digits[index..], (step, digit));
            spread(&sent.tops[place..place + len], &mut tops[index..], (step, top));
        });
        let results = self.results_of(index) * self.conv.outputs;
        let tile = Tile { map: &self.tile_map, shape, weights, outputs: results };
        let mut sums = tile.centred(&digits, self.pieces());
        tile.add_tops(&tops, &self.readers[index], format.digit_bits(), &mut sums);
        sums
    }

    /// How the server cuts the digits.
    fn pieces(&self) -> Pieces {
        Pieces::new(self.layer.format.digit_bits(), self.bounds.row_sum)
    }
}

/// Takes numbers off the front of what was sent.
fn take(sent: &mut &[u32], out: &mut [u32]) {
    out.copy_from_slice(sent.split_off(..out.len()).expect("as many as the plan says"));
}

/// Writes numbers, some of their bits flipped, to places so far apart.
fn spread(numbers: &[u32], out: &mut [u32], (step, flip): (usize, u32)) {
    match step {
        1 => out.iter_mut().zip(numbers).for_each(|(out, x)| *out = x ^ flip),
        _ => out.iter_mut().step_by(step).zip(numbers).for_each(|(out, x)| *out = x ^ flip),
    }
}
