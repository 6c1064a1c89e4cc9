//! The two parties' offline work for a planned layer.

use rand::CryptoRng;
use rayon::prelude::*;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::LinearPlan;
use crate::error::{Misuse, PeerFault};
use crate::he::{self, Blinding, Masked, PublicKey, Query, SecretKey, Term};

/// A layer's weights as polynomials in the transform domain, ready to multiply: 8·n·limbs bytes
/// for each of [`super::Cost::weights`].
pub struct EncodedWeights {
    /// One per block of outputs: chunk after chunk, limb after limb.
    blocks: Vec<Vec<u64>>,
}

impl EncodedWeights {
    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| 8 * block.len()).sum()
    }
}

/// The server's share t of a layer's result, uniform in Z_{2^k}. Used once: [`ServerShare::add_to`]
/// consumes it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ServerShare {
    values: Vec<u32>,
    ring_bits: u32,
}

impl ServerShare {
    /// How many values are shared.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing is shared.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// y + t in Z_{2^k}, for y = M·(x − r) + bias.
    ///
    /// # Panics
    /// If `y` has another length.
    pub fn add_to(self, y: &mut [u32]) {
        assert_eq!(y.len(), self.values.len(), "a share is added to a result of its layer");
        let mask = u32::MAX >> (u32::BITS - self.ring_bits);
        for (y, &t) in y.iter_mut().zip(&self.values) {
            *y = y.wrapping_add(t) & mask;
        }
    }
}

impl LinearPlan {
    /// Client: encrypts a mask of the layer's input.
    ///
    /// # Errors
    /// [`Misuse::Values`] if `mask` is not one value per input.
    ///
    /// # Panics
    /// If the key is of other parameters than the plan.
    pub fn encrypt(
        &self,
        mask: &[u32],
        key: &SecretKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, Misuse> {
        Misuse::check_values("the mask", mask, self.input_len())?;
        assert_eq!(key.parameters(), &self.parameters, "the key is of the plan's parameters");
        let n = self.parameters.n();
        let mut messages = Zeroizing::new(vec![0; n * self.packing.queries()]);
        messages.par_chunks_exact_mut(n).enumerate().for_each(|(index, message)| {
            let (tile, chunk) = (index / self.packing.chunks, index % self.packing.chunks);
            self.packing.message(tile, chunk, mask, message);
        });
        Ok(he::encrypt(key, &self.encoder, &messages, rng))
    }

    /// Server: encodes the layer's weights, once for all inputs.
    ///
    /// # Errors
    /// [`Misuse::Values`] for another number of weights, [`Misuse::Weights`] if they break the bounds
    /// that the card promises and the noise statement rests on.
    pub fn prepare(&self, weights: &[i16]) -> Result<EncodedWeights, Misuse> {
        Misuse::check_values("the weights", weights, self.conv.weights_len())?;
        self.check_weights(weights)?;
        let blocks = (0..self.packing.blocks).into_par_iter();
        Ok(EncodedWeights {
            blocks: blocks.map(|block| self.encode_block(block, weights)).collect(),
        })
    }

    fn check_weights(&self, weights: &[i16]) -> Result<(), Misuse> {
        for (output, row) in weights.chunks_exact(self.conv.row_len()).enumerate() {
            let magnitudes = || row.iter().map(|w| u64::from(w.unsigned_abs()));
            let (largest, sum) = (magnitudes().max().unwrap_or(0), magnitudes().sum::<u64>());
            if largest > self.largest_weight || sum > self.largest_row_sum {
                return Err(Misuse::Weights(format!(
                    "output {output} has a weight of {largest} (at most {}) and a sum of {sum} (at \
                     most {})",
                    self.largest_weight, self.largest_row_sum
                )));
            }
        }
        Ok(())
    }

    fn encode_block(&self, block: usize, weights: &[i16]) -> Vec<u64> {
        let (n, plans) = (self.parameters.n(), self.parameters.plans());
        let chunks = self.packing.chunks_of(block);
        let mut out = vec![0; n * plans.len() * chunks.len()];
        let mut coefficients = vec![0i16; n];
        for (chunk, limbs) in chunks.zip(out.chunks_exact_mut(n * plans.len())) {
            coefficients.fill(0);
            self.packing.weight(block, chunk, weights, &mut coefficients);
            for (plan, limb) in plans.iter().zip(limbs.chunks_exact_mut(n)) {
                let q = plan.modulus().value() as i64;
                for (out, &w) in limb.iter_mut().zip(&coefficients) {
                    let w = i64::from(w);
                    *out = (w + (q & (w >> 63))) as u64;
                }
                plan.forward(limb);
            }
        }
        out
    }

    /// Server: answers a query with an encryption of M·r − t, and keeps t.
    ///
    /// # Errors
    /// [`PeerFault::Length`] or [`PeerFault::Residue`] if `query` is not a query of this plan.
    ///
    /// # Panics
    /// If the weights are of another plan, or the key of other parameters.
    pub fn apply(
        &self,
        query: &[u8],
        weights: &EncodedWeights,
        key: &PublicKey,
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<u8>, ServerShare), PeerFault> {
        assert_eq!(key.parameters(), &self.parameters, "the key is of the plan's parameters");
        let query = Query::parse(&self.parameters, self.packing.queries(), query)?;
        let seeds = he::draw_seeds(self.packing.answers(), rng);
        let answer = |(index, seed): (usize, &[u8; 32])| {
            let positions: Vec<usize> = self.packing.results(index).map(|(p, _)| p).collect();
            let blinding = Blinding::sample(&self.parameters, &self.format, positions.len(), seed);
            let terms = |limb| self.terms(&query, weights, index, limb);
            he::answer(key, &self.format, &self.encoder, terms, &positions, blinding)
        };
        let answers: Vec<Masked> = seeds.par_iter().enumerate().map(answer).collect();
        let mut message = Vec::with_capacity(self.cost().answer_bytes);
        let mut share =
            ServerShare { values: vec![0; self.output_len()], ring_bits: self.ring_bits() };
        for (index, answer) in answers.iter().enumerate() {
            message.extend_from_slice(&answer.message);
            self.scatter(index, &answer.share, &mut share.values);
        }
        Ok((message, share))
    }

    /// The summands of an answer modulo one prime.
    pub(super) fn terms<'a>(
        &self,
        query: &'a Query,
        weights: &'a EncodedWeights,
        index: usize,
        limb: usize,
    ) -> Vec<Term<'a>> {
        let (n, limbs) = (self.parameters.n(), self.parameters.limbs());
        let (block, tile) = (index / self.packing.tiles(), index % self.packing.tiles());
        let term = |(place, chunk): (usize, usize)| {
            let (c0, c1) = query.limb(tile * self.packing.chunks + chunk, limb);
            let weight = &weights.blocks[block][(place * limbs + limb) * n..][..n];
            Term { weight, c0, c1 }
        };
        self.packing.chunks_of(block).enumerate().map(term).collect()
    }

    /// Client: decrypts its share M·r − t of the layer's result.
    ///
    /// # Errors
    /// [`PeerFault::Length`] or [`PeerFault::Padding`] if `answer` is not an answer of this plan.
    ///
    /// # Panics
    /// If the key is of other parameters than the plan.
    pub fn decrypt(&self, answer: &[u8], key: &SecretKey) -> Result<Vec<u32>, PeerFault> {
        assert_eq!(key.parameters(), &self.parameters, "the key is of the plan's parameters");
        PeerFault::check_length("answer", answer, self.cost().answer_bytes)?;
        let mut rest = answer;
        let parts: Vec<&[u8]> = (0..self.packing.answers())
            .map(|index| {
                let results = self.packing.results_len(index);
                let (part, tail) =
                    rest.split_at(he::answer_len(&self.parameters, &self.format, results));
                rest = tail;
                part
            })
            .collect();
        let decrypt = |(index, bytes): (usize, &&[u8])| {
            let positions: Vec<usize> = self.packing.results(index).map(|(p, _)| p).collect();
            he::decrypt(key, &self.format, &positions, bytes)
        };
        let shares: Vec<Vec<u32>> =
            parts.par_iter().enumerate().map(decrypt).collect::<Result<_, PeerFault>>()?;
        let mut out = vec![0; self.output_len()];
        for (index, share) in shares.iter().enumerate() {
            self.scatter(index, share, &mut out);
        }
        Ok(out)
    }

    /// Puts the results of one answer to their places.
    fn scatter(&self, index: usize, values: &[u32], out: &mut [u32]) {
        for ((_, place), &value) in self.packing.results(index).zip(values) {
            out[place] = value;
        }
    }
}
