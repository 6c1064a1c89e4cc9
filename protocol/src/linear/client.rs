//! The client's offline work for a planned layer.

use crate::parallel::prelude::*;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::CoefficientPlan;
use super::guard::ClientHalf;
use crate::error::{Misuse, PeerFault};
use crate::he::{self, SecretKey};

impl CoefficientPlan {
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

    /// Client: decrypts its halves of the layer's results.
    ///
    /// # Errors
    /// [`PeerFault::Length`] or [`PeerFault::Padding`] if `message` is not an answer of this plan.
    ///
    /// # Panics
    /// If the key is of other parameters than the plan.
    pub fn decrypt(&self, message: &[u8], key: &SecretKey) -> Result<ClientHalf, PeerFault> {
        assert_eq!(key.parameters(), &self.parameters, "the key is of the plan's parameters");
        PeerFault::check_length("answer", message, self.cost().answer_bytes)?;
        let answers = message.par_chunks_exact(he::answer_len(&self.parameters, &self.format));
        let decrypt = |(index, answer)| {
            let positions = self.packing.results(index).map(|(position, _)| position);
            he::decrypt(key, &self.format, positions, answer).map(Zeroizing::new)
        };
        let halves: Vec<Zeroizing<Vec<u64>>> =
            answers.enumerate().map(decrypt).collect::<Result<_, _>>()?;
        let mut out = vec![0; self.output_len()];
        for (index, halves) in halves.iter().enumerate() {
            self.packing.scatter(index, halves, &mut out);
        }
        Ok(ClientHalf::new(out, self.ring_bits()))
    }
}
