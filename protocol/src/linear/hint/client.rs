//! The client's work for a planned map, all of it before the image is known.

use gazelle_ntt::pack;
use rand::CryptoRng;

use super::HintPlan;
use crate::error::Misuse;
use crate::he::hint::{LayerHint, OneTimeSecret, Place, TileKey, correlate};
use crate::linear::guard::ClientHalf;
use crate::linear::packing::Class;
use crate::wiped::Wiped;

/// What the client makes of the secret of each tile for its message: −a·s + e of the key and of every input
/// polynomial.
type Bodies = Vec<Vec<Wiped<u64>>>;

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
        let mut halves = vec![0; self.output_len()];
        let bodies = self.correlate(hint, rng, &mut halves);
        Ok((self.message(mask, &bodies), ClientHalf::new(halves, self.ring_bits())))
    }

    /// Writes the halves of all results, and returns what the message is made of.
    fn correlate(
        &self,
        hint: LayerHint<'_>,
        rng: &mut impl CryptoRng,
        halves: &mut [u64],
    ) -> Bodies {
        let parameters = &self.layer.format.parameters;
        let (secrets, results) = (self.secrets(rng), self.results());
        let body = |_: usize, place: Place, zero: &[u64]| {
            let truncate = |&c: &u64| TileKey::truncate(parameters, c);
            match place {
                Place::Key => zero.iter().map(truncate).collect(),
                Place::Input(_) => Wiped::from(zero.to_vec()),
            }
        };
        let half = |tile: usize, phases: &[u64], maps: &mut [u64]| {
            self.place(&results[tile], maps, |at| self.layer.format.client_half(phases[at]));
        };
        correlate(secrets, hint, rng, body, (halves, self.block_len(), half))
    }

    /// A fresh secret for each tile.
    fn secrets(&self, rng: &mut impl CryptoRng) -> Vec<OneTimeSecret> {
        let parameters = &self.layer.format.parameters;
        (0..self.packing.tiles()).map(|_| OneTimeSecret::random(parameters, rng)).collect()
    }

    /// The message: of every tile the key, then of every coefficient that is read the bits below its top
    /// k, then of those that do not give the mask the top k.
    fn message(&self, mask: &mut [u32], bodies: &Bodies) -> Vec<u8> {
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
                        mask[input as usize] = own.wrapping_neg() & ring;
                        mask[input as usize]
                    }
                    Class::First(input) | Class::Again(input) => mask[input as usize],
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
