//! The client's side: secrets that are used once.

use crate::parallel::prelude::*;
use gazelle_ntt::sample;
use rand::CryptoRng;

use super::blinding::Place;
use super::file::LayerHint;
use super::modular::{Moduli, Product, Room, Transformed};
use super::{Format, HintParameters};
use crate::he::Coins;
use crate::he::parameters::ETA;
use crate::wiped::Wiped;

/// The secret s of one tile of one linear map's input, ternary, for one image. Using it consumes it;
/// it is wiped when dropped, and is neither `Clone` nor stored. Two images under one secret would be
/// told apart by their messages' difference, and a server that deviates would look at the mask of one
/// tensor through the result of another (tests show both).
pub struct OneTimeSecret(pub(super) Transformed);

impl OneTimeSecret {
    /// A fresh secret.
    pub fn random(parameters: &HintParameters, rng: &mut impl CryptoRng) -> Self {
        let mut secret = Wiped::zeros(parameters.n());
        #[cfg(test)]
        if one_secret::is_taken() {
            sample::ternary(&mut one_secret::rng(), &mut secret);
            return Self(parameters.products().transform_small(&secret, Moduli::Both));
        }
        sample::ternary(rng, &mut secret);
        Self(parameters.products().transform_small(&secret, Moduli::Both))
    }
}

/// Uses up the secrets of a linear map's input, one for each tile: everything that the client makes
/// of them. `body` gets a place and −a·s + e modulo q for every place and every tile; what it returns
/// comes back in the order of places, the key first, and for each place of tiles. `product` gets a tile, the
/// product of a published polynomial with its secret, which is ĉ·s but for the bits that are not published, and the
/// output's part of `maps`, of `part` values (the last one's may be shorter), for every output of every tile.
pub(crate) fn correlate<B: Default + Send, T: Send>(
    secrets: Vec<OneTimeSecret>,
    hint: LayerHint<'_>,
    rng: &mut impl CryptoRng,
    body: impl Fn(Place, Wiped<u64>) -> B + Sync,
    (maps, part, product): (&mut [T], usize, impl Fn(usize, &Product<'_>, &mut [T]) + Sync),
) -> Vec<B> {
    let coins = Coins::random(rng);
    let (places, ring) = (1 + hint.layer.inputs, hint.layer.format.parameters.products());
    let mut bodies: Vec<B> = Vec::new();
    bodies.resize_with(places * secrets.len(), B::default);
    // A transformed polynomial of the hint serves all tiles.
    let of_places = bodies.par_chunks_mut(secrets.len()).enumerate();
    of_places.for_each_init(Room::default, |room, (index, tiles)| {
        let place = if index == 0 { Place::Key } else { Place::Input(index - 1) };
        let a = hint.public(place);
        for (tile, (out, secret)) in tiles.iter_mut().zip(&secrets).enumerate() {
            let coins = &mut coins.stream((tile * places + index) as u64);
            let product = ring.multiply_in(room, &a, &secret.0);
            *out = body(place, encrypt_zero(&hint.layer.format, &product, coins));
        }
    });
    maps.par_chunks_mut(part).enumerate().for_each_init(Room::default, |room, (output, map)| {
        let published = hint.transformed(output);
        hint.fetch(output + 1);
        for (tile, secret) in secrets.iter().enumerate() {
            product(tile, &ring.multiply_in(room, &published, &secret.0), map);
        }
    });
    bodies
}

/// −a·s + e modulo q, from a·s.
fn encrypt_zero(format: &Format, product: &Product<'_>, rng: &mut impl CryptoRng) -> Wiped<u64> {
    let parameters = &format.parameters;
    let (mut error, mask) = (Wiped::zeros(parameters.n()), parameters.mask());
    sample::centred_binomial(ETA, rng, &mut error);
    let mut body = Wiped::zeros(parameters.n());
    product.write_with(
        0,
        &mut body,
        error.iter(),
        #[inline(always)]
        move |product, &e| (e as u64).wrapping_sub(product) & mask,
    );
    body
}

/// The defence switched off, for tests that show what it is for: all maps and tiles have one secret.
#[cfg(test)]
pub(crate) mod one_secret {
    use std::cell::Cell;

    use rand::{SeedableRng, rngs::ChaCha20Rng};

    thread_local!(static TAKEN: Cell<bool> = const { Cell::new(false) });

    /// Whether clients of this thread take one secret for all.
    pub(super) fn is_taken() -> bool {
        TAKEN.get()
    }

    /// From now on they do, or do not.
    pub(crate) fn take(taken: bool) {
        TAKEN.set(taken);
    }

    /// What the one secret is drawn from.
    pub(super) fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(1)
    }
}
