//! The client's side: secrets that are used once.

use crate::parallel::prelude::*;
use gazelle_ntt::sample;
use rand::CryptoRng;

use super::builder::Place;
use super::file::LayerHint;
use super::modular::{Moduli, Transformed};
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
/// of them. `body` gets a tile, a place and −a·s + e modulo q for every place of every tile; what it returns
/// comes back in the order of tiles and of places, the key first. `product` gets a tile, ĉ·s modulo q and
/// the output's part of `maps`, of `part` values (the last one's may be shorter), for every output of every
/// tile.
pub fn correlate<B: Send, T: Send>(
    secrets: Vec<OneTimeSecret>,
    hint: LayerHint<'_>,
    rng: &mut impl CryptoRng,
    body: impl Fn(usize, Place, &[u64]) -> B + Sync,
    (maps, part, product): (&mut [T], usize, impl Fn(usize, &[u64], &mut [T]) + Sync),
) -> Vec<Vec<B>> {
    let coins = Coins::random(rng);
    let places = 1 + hint.layer.inputs;
    // A transformed polynomial of the hint serves all tiles.
    let bodies = (0..places).into_par_iter().map(|place| {
        let (index, place) = (place, if place == 0 { Place::Key } else { Place::Input(place - 1) });
        let a = hint.public(place);
        let tiles = secrets.iter().enumerate();
        let body = |(tile, secret)| {
            let coins = &mut coins.stream((tile * places + index) as u64);
            body(tile, place, &encrypt_zero(&hint.layer.format, &a, secret, coins))
        };
        tiles.map(body).collect()
    });
    let bodies = transpose(bodies.collect(), secrets.len());
    maps.par_chunks_mut(part).enumerate().for_each(|(output, map)| {
        let Format { parameters, hint_bits, .. } = &hint.layer.format;
        let (published, ring) = (hint.transformed(output), parameters.products());
        let unsent = parameters.log2_q() - hint_bits;
        for (tile, secret) in secrets.iter().enumerate() {
            let mut values = ring.multiply(&published, &secret.0);
            values.iter_mut().for_each(|v| *v = *v << unsent & parameters.mask());
            product(tile, &values, map);
        }
    });
    bodies
}

/// −a·s + e modulo q.
fn encrypt_zero(
    format: &Format,
    a: &Transformed,
    secret: &OneTimeSecret,
    rng: &mut impl CryptoRng,
) -> Wiped<u64> {
    let parameters = &format.parameters;
    let mut error = Wiped::zeros(parameters.n());
    sample::centred_binomial(ETA, rng, &mut error);
    let mut body = parameters.products().multiply(a, &secret.0);
    for (v, &e) in body.iter_mut().zip(&*error) {
        *v = (e as u64).wrapping_sub(*v) & parameters.mask();
    }
    body
}

/// From the values of all tiles for each place to those of all places for each tile.
fn transpose<T>(places: Vec<Vec<T>>, tiles: usize) -> Vec<Vec<T>> {
    let mut out: Vec<Vec<T>> = (0..tiles).map(|_| Vec::with_capacity(places.len())).collect();
    for place in places {
        out.iter_mut().zip(place).for_each(|(tile, value)| tile.push(value));
    }
    out
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
