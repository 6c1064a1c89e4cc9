//! The client's work for a planned map, all of it before the image is known.

use gazelle_ntt::pack;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{HintPlan, Results};
use crate::error::Misuse;
use crate::he::hint::{LayerHint, OneTimeSecret, Place, TileKey, correlate};
use crate::linear::guard::ClientHalf;
use crate::linear::packing::Class;

/// What the client makes of the secrets of a map's tiles: for each tile −a·s + e of the key and of every
/// input polynomial, and its halves of the results of every block of outputs.
type Correlation = (Vec<Vec<Zeroizing<Vec<u64>>>>, Vec<Vec<Zeroizing<Vec<u64>>>>);

impl HintPlan {
    /// Client: encrypts a mask of the map's input under fresh secrets. Returns the message for the server,
    /// [`HintCost::upload_bytes`](super::HintCost::upload_bytes) long, and the halves of the results. If
    /// the plan gives the mask, what the results read of it is overwritten.
    ///
    /// # Errors
    /// [`Misuse::Values`] if `mask` is not one value per input.
    ///
    /// # Panics
    /// If the hint is of another plan.
    pub fn encrypt(
        &self,
        mask: &mut [u32],
        hint: LayerHint<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<u8>, ClientHalf), Misuse> {
        Misuse::check_values("the mask", mask, self.input_len())?;
        assert!(hint.format() == &self.layer, "the hint is of this plan");
        let results = self.results();
        let (bodies, halves) = self.correlate(&results, hint, rng);
        let out = self.gather(&results, |tile, block| &halves[tile][block]);
        Ok((self.message(mask, &bodies), ClientHalf::new(out, self.ring_bits())))
    }

    fn correlate(
        &self,
        results: &[Results],
        hint: LayerHint<'_>,
        rng: &mut impl CryptoRng,
    ) -> Correlation {
        let parameters = &self.layer.format.parameters;
        let secrets = self.secrets(rng);
        let body = |_: usize, place: Place, zero: &[u64]| {
            let truncate = |&c: &u64| TileKey::truncate(parameters, c);
            Zeroizing::new(match place {
                Place::Key => zero.iter().map(truncate).collect(),
                Place::Input(_) => zero.to_vec(),
            })
        };
        let half = |tile: usize, block: usize, phases: &[u64]| {
            self.halves(block, &results[tile], |at| self.layer.format.client_half(phases[at]))
        };
        correlate(secrets, hint, rng, body, half)
    }

    /// A fresh secret for each tile.
    fn secrets(&self, rng: &mut impl CryptoRng) -> Vec<OneTimeSecret> {
        let parameters = &self.layer.format.parameters;
        (0..self.packing.tiles()).map(|_| OneTimeSecret::random(parameters, rng)).collect()
    }

    /// The message: of every tile the key, then of every coefficient that is read the bits below its top
    /// k, then of those that do not give the mask the top k.
    fn message(&self, mask: &mut [u32], bodies: &[Vec<Zeroizing<Vec<u64>>>]) -> Vec<u8> {
        let format = &self.layer.format;
        let top = format.digit_bits();
        let ring = u32::MAX >> (32 - format.ring_bits);
        let cost = self.cost();
        let mut digits = Vec::with_capacity(cost.coefficients);
        let mut tops = Vec::with_capacity(cost.whole);
        let mut seen = vec![false; mask.len()];
        let mut message = Vec::with_capacity(cost.upload_bytes);
        for (tile, places) in bodies.iter().enumerate() {
            let (key, inputs) = places.split_first().expect("a key and inputs");
            pack::pack_u64(key, TileKey::sent_bits(&format.parameters), &mut message);
            let values = inputs.iter().flat_map(|input| input.iter());
            for (class, &zero) in self.classes(tile, &mut seen).into_iter().zip(values) {
                // The ring's top k bits are whole multiples of Δ, and d is below them.
                let sent = format.truncate(zero);
                let (own, digit) = ((sent >> top) as u32, sent as u32 & ((1 << top) - 1));
                let value = match class {
                    Class::Unread => continue,
                    Class::Zero => 0,
                    Class::First(input) if self.gives_mask => {
                        mask[input] = own.wrapping_neg() & ring;
                        mask[input]
                    }
                    Class::First(input) | Class::Again(input) => mask[input],
                };
                digits.push(digit);
                if Self::is_whole(class, self.gives_mask) {
                    tops.push(own.wrapping_add(value) & ring);
                }
            }
        }
        pack::pack_u32(&digits, top, &mut message);
        pack::pack_u32(&tops, format.ring_bits, &mut message);
        message
    }
}
