//! The server's work for a planned map and one image.

use crate::parallel::prelude::*;
use gazelle_ntt::pack;

use super::HintPlan;
use super::convolution::{Pieces, Tile};
use crate::error::PeerFault;
use crate::he::hint::{HintSecret, TileKey};
use crate::linear::guard::ServerHalf;
use crate::linear::packing::{Cell, Class};
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
    /// Whether some top was sent.
    has_tops: bool,
}

/// Sums of one tile, of every result: of the bits below the top k, less their middle, over the integers,
/// and of the tops modulo 2^32.
struct Sums {
    digits: Vec<u64>,
    tops: Vec<u32>,
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
        let (top, half) = (format.digit_bits(), 1u64 << (format.dropped - 1));
        let middle = (self.pieces().middle() << format.dropped) + half;
        let results = self.results();
        let maps = halves.par_chunks_exact_mut(self.block_len());
        let maps = maps.zip(weights.par_chunks_exact(self.conv.row_len())).enumerate();
        maps.for_each(|(output, (map, row))| {
            // What was taken off the digits, and what stands for the bits that were not sent, is the same of
            // every coefficient.
            let taps = row.iter().map(|&w| i64::from(w)).sum::<i64>();
            let middles = middle.wrapping_mul(taps as u64);
            let blindings = secret.products(&format.parameters, &upload.keys, (layer, output));
            for ((blinding, results), sums) in blindings.zip(&results).zip(&sums) {
                let own = output * results.len()..(output + 1) * results.len();
                let sent = sums.digits[own.clone()].iter().zip(&sums.tops[own]);
                for ((&digit, &of_top), &(coefficient, place)) in sent.zip(results) {
                    let sent = digit.wrapping_add(u64::from(of_top) << top);
                    let sum = (sent << format.dropped).wrapping_add(middles);
                    let phase = sum.wrapping_add(blinding[coefficient as usize]);
                    map[place as usize] = format.server_half(phase);
                }
            }
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

    /// The convolutions of every tile.
    fn convolve(&self, upload: &Upload, weights: &[i16]) -> Vec<Sums> {
        let tiles = self.coefficients(upload).enumerate();
        tiles.map(|(tile, sent)| self.convolve_tile(tile, &sent, weights)).collect()
    }

    /// The coefficients of each tile.
    pub(super) fn coefficients(&self, upload: &Upload) -> impl Iterator<Item = Coefficients> {
        let mut seen = vec![false; self.input_len()];
        let (mut digits, mut tops) = (&upload.digits[..], &upload.tops[..]);
        (0..self.packing.tiles()).map(move |tile| {
            let classes = self.classes(tile, &mut seen);
            Coefficients::take(&classes, self.gives_mask, &mut digits, &mut tops)
        })
    }

    fn convolve_tile(&self, index: usize, sent: &Coefficients, weights: &[i16]) -> Sums {
        let format = &self.layer.format;
        let reads = self.packing.reads(index);
        let shape = reads.shape();
        let [mut digits, mut tops] = [(); 2].map(|()| vec![0; shape.len()]);
        // −c is the complement of c but for one unit of what was not sent, which cancels: in the middle of
        // those units, c and its complement are each other's negatives.
        let flip = [(1u32 << format.digit_bits()) - 1, u32::MAX >> (32 - format.ring_bits)];
        let mut has_tops = sent.has_tops;
        reads.for_each(|Cell { index, place, negative, .. }| {
            let [digit, top] = if negative { flip } else { [0; 2] };
            digits[index] = sent.digits[place] ^ digit;
            tops[index] = sent.tops[place] ^ top;
            has_tops |= negative;
        });
        let outputs = self.packing.results(index).count() * self.conv.outputs;
        let tile = Tile { map: &self.tile_map, shape, weights, outputs };
        let tops = if has_tops { tile.wrapping(&tops) } else { vec![0; outputs] };
        Sums { digits: tile.centred(&digits, self.pieces()), tops }
    }

    /// How the server cuts the digits.
    fn pieces(&self) -> Pieces {
        Pieces::new(self.layer.format.digit_bits(), self.bounds.row_sum)
    }
}

impl Coefficients {
    /// Takes a tile's coefficients off the front of what was sent.
    fn take(classes: &[Class], gives_mask: bool, digits: &mut &[u32], tops: &mut &[u32]) -> Self {
        let next = |sent: &mut &[u32]| *sent.split_off_first().expect("as many as the plan says");
        let mut out =
            Self { digits: vec![0; classes.len()], tops: vec![0; classes.len()], has_tops: false };
        for (place, &class) in classes.iter().enumerate() {
            if class != Class::Unread {
                out.digits[place] = next(digits);
            }
            if HintPlan::is_whole(class, gives_mask) {
                out.tops[place] = next(tops);
                out.has_tops = true;
            }
        }
        out
    }
}
