//! The client's offline work for a planned layer.

use rand::CryptoRng;
use rayon::prelude::*;

use super::LinearPlan;
use crate::error::{Misuse, PeerFault};
use crate::he::{self, SecretKey};

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
        let message = |index: usize, out: &mut [u32]| {
            let (tile, chunk) = (index / self.packing.chunks, index % self.packing.chunks);
            self.packing.message(tile, chunk, mask, out);
        };
        Ok(he::encrypt(key, &self.encoder, self.packing.queries(), message, rng))
    }

    /// Client: decrypts its share M·r − t of the layer's result.
    ///
    /// # Errors
    /// [`PeerFault::Length`] or [`PeerFault::Padding`] if `message` is not an answer of this plan.
    ///
    /// # Panics
    /// If the key is of other parameters than the plan.
    pub fn decrypt(&self, message: &[u8], key: &SecretKey) -> Result<Vec<u32>, PeerFault> {
        assert_eq!(key.parameters(), &self.parameters, "the key is of the plan's parameters");
        PeerFault::check_length("answer", message, self.cost().answer_bytes)?;
        let mut rest = message;
        let answers: Vec<&[u8]> = (0..self.packing.answers())
            .map(|index| {
                let results = self.packing.results_len(index);
                let len = he::answer_len(&self.parameters, &self.format, results);
                let (answer, tail) = rest.split_at(len);
                rest = tail;
                answer
            })
            .collect();
        let decrypt = |(index, answer): (usize, &&[u8])| {
            let positions: Vec<usize> = self.packing.results(index).map(|(p, _)| p).collect();
            he::decrypt(key, &self.format, &positions, answer)
        };
        let shares: Vec<Vec<u32>> =
            answers.par_iter().enumerate().map(decrypt).collect::<Result<_, _>>()?;
        let mut out = vec![0; self.output_len()];
        for (index, share) in shares.iter().enumerate() {
            self.packing.scatter(index, share, &mut out);
        }
        Ok(out)
    }
}
