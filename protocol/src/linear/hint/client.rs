//! The client's work for a planned map, all of it before the image is known.

use gazelle_kernels::VectorBackend;
use gazelle_ntt::pack;
use rand::CryptoRng;

use super::HintPlan;
use crate::error::Misuse;
use crate::he::hint::{LayerHint, OneTimeSecret, Place, Product, TileKey, correlate};
use crate::linear::guard::ClientHalf;
use crate::linear::packing::{Holds, Segment};
use crate::wiped::Wiped;

/// What the client makes of the secrets of all tiles for its message: −a·s + e of the key, as it is sent, and of
/// every input polynomial, and of each of them for every tile.
type Bodies = Vec<Wiped<u64>>;

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
        let format = &self.layer.format;
        let parameters = &format.parameters;
        let (secrets, results) = (self.secrets(rng), self.results());
        let body = |place: Place, zero: Wiped<u64>| match place {
            Place::Key => zero.iter().map(|&c| TileKey::truncate(parameters, c)).collect(),
            Place::Input(_) => zero,
        };
        let (unsent, rounding) = (parameters.log2_q() - format.hint_bits, format.rounding());
        let half = |tile: usize, product: &Product<'_>, maps: &mut [u64]| {
            self.place(&results[tile], maps, |first, row| {
                product.write(
                    first,
                    row,
                    #[inline(always)]
                    move |c| rounding.client_half(c << unsent),
                );
            });
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
        let (cost, tiles, n) = (self.cost(), self.segments.len(), format.parameters.n());
        let mut message = Vec::with_capacity(cost.upload_bytes);
        let (keys, inputs) = bodies.split_at(tiles);
        for key in keys {
            pack::pack_u64(key, TileKey::sent_bits(&format.parameters), &mut message);
        }
        let (mut digits, mut tops) = (vec![0; cost.coefficients], vec![0; cost.whole]);
        let mut rest = (&mut digits[..], &mut tops[..]);
        VectorBackend::best().run(
            #[inline(always)]
            || {
                for (tile, segments) in self.segments.iter().enumerate() {
                    for segment in segments {
                        let (input, first) =
                            (segment.place as usize / n, segment.place as usize % n);
                        let values = &inputs[input * tiles + tile][first..][..segment.len as usize];
                        self.send(segment, values, mask, &mut rest);
                    }
                }
            },
        );
        pack::pack_u32(&digits, format.digit_bits(), &mut message);
        pack::pack_u32(&tops, format.ring_bits, &mut message);
        message
    }

    /// Writes what is sent of the coefficients of a segment, −a·s + e being `zeros`, to the front of what is left
    /// of the digits and of the tops, or from it what their mask is.
    #[inline(always)]
    fn send(
        &self,
        segment: &Segment,
        zeros: &[u64],
        mask: &mut [u32],
        (digits, tops): &mut (&mut [u32], &mut [u32]),
    ) {
        let format = &self.layer.format;
        let (dropped, top) = (format.dropped, format.digit_bits());
        let (digit, ring) = ((1u32 << top) - 1, u32::MAX >> (32 - format.ring_bits));
        let (q, step) = (format.parameters.mask(), self.packing.step());
        let whole = Self::is_whole(segment.holds, self.gives_mask);
        let count = if whole { zeros.len() } else { 0 };
        let digits = digits.split_off_mut(..zeros.len()).expect("as many as the plan says");
        let tops = tops.split_off_mut(..count).expect("as many as the plan says");
        // The ring's top k bits are whole multiples of Δ, and d is below them.
        let sent = zeros.iter().map(|&zero| (zero & q) >> dropped);
        for (out, sent) in digits.iter_mut().zip(sent.clone()) {
            *out = sent as u32 & digit;
        }
        let own = sent.map(|sent| (sent >> top) as u32);
        for (out, own) in tops.iter_mut().zip(own.clone()) {
            *out = own & ring;
        }
        let Holds::Inputs { first, .. } = segment.holds else { return };
        let values = &mut mask[first as usize..];
        if whole {
            add(tops, values, step, ring);
        } else {
            write_negatives(values, own, step, ring);
        }
    }
}

/// Adds values, so many apart, modulo a power of two.
#[inline(always)]
fn add(sums: &mut [u32], values: &[u32], step: usize, ring: u32) {
    match step {
        1 => sums.iter_mut().zip(values).for_each(|(s, v)| *s = s.wrapping_add(*v) & ring),
        _ => {
            let values = values.iter().step_by(step);
            sums.iter_mut().zip(values).for_each(|(s, v)| *s = s.wrapping_add(*v) & ring);
        }
    }
}

/// Writes the negatives of numbers to values so many apart, modulo a power of two.
#[inline(always)]
fn write_negatives(
    values: &mut [u32],
    numbers: impl ExactSizeIterator<Item = u32>,
    step: usize,
    ring: u32,
) {
    match step {
        1 => {
            let values = &mut values[..numbers.len()];
            values.iter_mut().zip(numbers).for_each(|(v, n)| *v = n.wrapping_neg() & ring);
        }
        _ => {
            let values = values.iter_mut().step_by(step);
            values.zip(numbers).for_each(|(v, n)| *v = n.wrapping_neg() & ring);
        }
    }
}
