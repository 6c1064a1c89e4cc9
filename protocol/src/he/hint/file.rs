//! A hint as it is stored and sent: a file with a name.
//!
//! ```text
//! magic (16) ‖ digest of the plan (32) ‖ seed of the public polynomials (16) ‖
//! for each layer, for each output polynomial: n coefficients of κ bits
//! ```
//!
//! Its name is its hash, so a file that has the name that was agreed on is the file that was meant,
//! wherever it comes from. Its length is a function of the plan.

use gazelle_ntt::pack;
use gazelle_ntt::prg::Seed;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use super::HintParameters;
use super::blinding::{HintSecret, LayerFormat, Place, public};
use super::modular::{Term, Transformed};
use super::publish::build_layer;
use crate::domain;
use crate::error::Misuse;

const MAGIC: &[u8; 16] = b"gazelle hint v1\n";

/// Bytes before the first layer.
const HEADER: usize = 16 + 32 + 16;

/// A hint's name: SHA-256 of its file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HintName(pub [u8; 32]);

impl HintName {
    /// That of a file.
    ///
    /// # Errors
    /// [`HintFault::Magic`] if it does not begin like a hint.
    pub fn of(bytes: &[u8]) -> Result<Self, HintFault> {
        if bytes.first_chunk() != Some(MAGIC) {
            return Err(HintFault::Magic);
        }
        let hash = Sha256::new().chain_update(domain::HINT).chain_update(bytes);
        Ok(Self(hash.finalize().into()))
    }
}

impl fmt::Display for HintName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for HintName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HintName({self})")
    }
}

/// Why bytes are not the hint that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HintFault {
    /// Not the agreed bytes.
    #[error("the hint's name is {got}, but {expected} was announced; fetch it again")]
    Name {
        /// What was announced.
        expected: HintName,
        /// That of the bytes.
        got: HintName,
    },
    /// It does not begin like one.
    #[error("this is not a hint of this release; build it with `gazelle hint build`")]
    Magic,
    /// It is of another network, or the network is planned otherwise.
    #[error("the hint is of another network or other settings; build it anew")]
    Plan,
    /// What the server keeps of it is another one's.
    #[error(
        "the key is not that of the hint; keep the two files of one `gazelle hint build` together"
    )]
    Key,
    /// It is of other weights.
    #[error("the hint is of other weights; build it anew")]
    Weights,
    /// It is cut off, or has something appended.
    #[error("the hint has {got} bytes instead of {expected}; fetch it again")]
    Length {
        /// What the plan says.
        expected: usize,
        /// What came.
        got: usize,
    },
}

/// Bytes of a hint's polynomials that are kept transformed, for the images after the first.
const KEPT: usize = 32 << 20;

/// A hint: public, the same for all clients and all images.
pub struct Hint {
    layers: Vec<LayerFormat>,
    /// Of each layer a_pk, every aᵢ and every h_o, transformed when they are first used; none of layers for
    /// which there is no room.
    kept: Vec<Vec<OnceLock<Transformed>>>,
    /// Where each layer begins.
    places: Vec<usize>,
    bytes: Vec<u8>,
    name: HintName,
}

impl Hint {
    /// Bytes of a hint of these layers.
    pub fn encoded_len(layers: &[LayerFormat]) -> usize {
        HEADER + layers.iter().map(LayerFormat::len).sum::<usize>()
    }

    /// A new hint, with a seed and a secret that no other hint has. `weights(ℓ, o, i, out)` appends the terms of
    /// the polynomial of layer ℓ that multiplies input i for output o, each exponent once; how many there are, and
    /// where, may be seen. `plan` is the digest of all that both parties plan alike.
    ///
    /// # Errors
    /// [`Misuse::Layer`], if the errors of a layer are longer than its noise allows, which happens to one hint in 2^60.
    pub fn build(
        layers: Vec<LayerFormat>,
        plan: &[u8; 32],
        weights: impl Fn(usize, usize, usize, &mut Vec<Term>) + Sync,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, HintSecret), Misuse> {
        let mut seed: Seed = Default::default();
        rng.fill_bytes(&mut seed);
        let secret = HintSecret::random(rng);
        let hint = Self::build_with(layers, plan, &seed, &secret, weights)?;
        Ok((hint, secret))
    }

    pub(super) fn build_with(
        layers: Vec<LayerFormat>,
        plan: &[u8; 32],
        seed: &Seed,
        secret: &HintSecret,
        weights: impl Fn(usize, usize, usize, &mut Vec<Term>) + Sync,
    ) -> Result<Self, Misuse> {
        let mut bytes = Vec::with_capacity(Self::encoded_len(&layers));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(plan);
        bytes.extend_from_slice(seed);
        for (index, layer) in layers.iter().enumerate() {
            let weights = |o, i, out: &mut Vec<Term>| weights(index, o, i, out);
            build_layer(layer, (seed, index), secret, weights, &mut bytes)?;
        }
        Ok(Self::of(layers, bytes))
    }

    /// The hint of these layers that has a name.
    ///
    /// # Errors
    /// [`HintFault`] if `bytes` is another one's, or none.
    pub fn decode(
        layers: Vec<LayerFormat>,
        plan: &[u8; 32],
        name: &HintName,
        bytes: Vec<u8>,
    ) -> Result<Self, HintFault> {
        let (got, expected) = (bytes.len(), Self::encoded_len(&layers));
        if bytes.first_chunk() != Some(MAGIC) {
            return Err(HintFault::Magic);
        }
        if bytes.get(16..48) != Some(plan) {
            return Err(HintFault::Plan);
        }
        if got != expected {
            return Err(HintFault::Length { expected, got });
        }
        let hint = Self::of(layers, bytes);
        if hint.name != *name {
            return Err(HintFault::Name { expected: *name, got: hint.name });
        }
        Ok(hint)
    }

    /// The hint of a whole file.
    fn of(layers: Vec<LayerFormat>, bytes: Vec<u8>) -> Self {
        let end = |place: &mut usize, layer: &LayerFormat| {
            *place += layer.len();
            Some(*place - layer.len())
        };
        let places = layers.iter().scan(HEADER, end).collect();
        let name = HintName::of(&bytes).expect("it begins like a hint");
        Self { kept: places_to_keep(&layers), layers, places, bytes, name }
    }

    /// Its name.
    pub fn name(&self) -> &HintName {
        &self.name
    }

    /// The file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Layer number `index`.
    pub fn layer(&self, index: usize) -> LayerHint<'_> {
        let layer = &self.layers[index];
        let bytes = &self.bytes[self.places[index]..][..layer.len()];
        let seed = self.bytes[HEADER - 16..].first_chunk().expect("a seed of 16 bytes");
        LayerHint { layer, index, seed, bytes, kept: &self.kept[index] }
    }
}

/// One layer of a hint.
#[derive(Clone, Copy)]
pub struct LayerHint<'a> {
    pub(super) layer: &'a LayerFormat,
    /// Its number.
    pub(super) index: usize,
    /// That of the public polynomials of the whole hint.
    pub(super) seed: &'a Seed,
    bytes: &'a [u8],
    kept: &'a [OnceLock<Transformed>],
}

/// Places for the transformed polynomials of the first layers that fit into [`KEPT`].
fn places_to_keep(layers: &[LayerFormat]) -> Vec<Vec<OnceLock<Transformed>>> {
    let mut left = KEPT;
    let places = |layer: &LayerFormat| {
        let polynomials = 1 + layer.inputs + layer.outputs;
        // At most two primes.
        let bytes = 8 * 2 * layer.format.parameters.n() * polynomials;
        let fits = left.checked_sub(bytes);
        left = fits.unwrap_or(left);
        let count = if fits.is_some() { polynomials } else { 0 };
        std::iter::repeat_with(OnceLock::new).take(count).collect()
    };
    layers.iter().map(places).collect()
}

impl<'a> LayerHint<'a> {
    /// A public polynomial, transformed.
    pub(super) fn public(&self, place: Place) -> Cow<'a, Transformed> {
        let make = || public(self.parameters(), (self.seed, self.index), place);
        match place {
            Place::Key => self.kept(0, make),
            Place::Input(i) => self.kept(1 + i, make),
        }
    }

    /// h of an output, transformed for its product with a secret.
    pub(super) fn transformed(&self, output: usize) -> Cow<'a, Transformed> {
        let bits = self.layer.format.hint_bits;
        let products = self.parameters().products();
        let make = || products.transform_for_ternary(&self.published(output), bits);
        self.kept(1 + self.layer.inputs + output, make)
    }

    /// Asks for h of an output, if it is kept, before it is read.
    pub(super) fn fetch(&self, output: usize) {
        let kept = self.kept.get(1 + self.layer.inputs + output);
        kept.and_then(OnceLock::get).into_iter().for_each(Transformed::fetch);
    }

    /// Polynomial `index` of those that are kept, or a new one.
    fn kept(&self, index: usize, make: impl FnOnce() -> Transformed) -> Cow<'a, Transformed> {
        match self.kept.get(index) {
            Some(kept) => Cow::Borrowed(kept.get_or_init(make)),
            None => Cow::Owned(make()),
        }
    }

    fn parameters(&self) -> &'a HintParameters {
        &self.layer.format.parameters
    }
}

impl LayerHint<'_> {
    /// Its format.
    pub fn format(&self) -> &LayerFormat {
        self.layer
    }

    /// h of an output.
    pub(super) fn published(&self, output: usize) -> Vec<u64> {
        let format = &self.layer.format;
        let len = self.layer.polynomial_len();
        let mut values = vec![0; format.parameters.n()];
        pack::unpack_u64(&self.bytes[output * len..][..len], format.hint_bits, &mut values)
            .expect("n coefficients are whole bytes");
        values
    }
}

#[cfg(test)]
impl LayerHint<'_> {
    /// ĉ of an output: 2^(λ−κ)·h.
    pub(super) fn coefficients(&self, output: usize) -> Vec<u64> {
        let format = &self.layer.format;
        let unsent = format.parameters.log2_q() - format.hint_bits;
        self.published(output).into_iter().map(|h| h << unsent).collect()
    }
}

#[cfg(test)]
impl Hint {
    /// Replaces a published polynomial by that of a server that deviates.
    pub(super) fn publish(&mut self, layer: usize, output: usize, rounded: &[u64]) {
        let format = &self.layers[layer];
        let (len, bits) = (format.polynomial_len(), format.format.hint_bits);
        let place = self.places[layer] + output * len;
        pack::pack_u64_into(rounded, bits, &mut self.bytes[place..][..len]);
        self.kept = places_to_keep(&self.layers);
    }

    /// What a server that deviates publishes for layer 0: for output o the polynomial
    /// 2^shift·X^(−o)·(a + a'), a and a' of the first inputs of layers 0 and 1. B of result 0 is then
    /// what coefficients o of both messages lack of the masks.
    pub(crate) fn forge(&mut self, shift: u32) {
        let layer = self.layers[0].clone();
        let parameters = &layer.format.parameters;
        let (n, unsent) = (parameters.n(), parameters.log2_q() - layer.format.hint_bits);
        let [a, b] = [0, 1].map(|index| {
            let place = super::Place::Input(0);
            let public = super::blinding::public(parameters, (self.layer(0).seed, index), place);
            parameters.products().coefficients(public)
        });
        for output in 0..layer.outputs {
            let coefficient = |c: usize| {
                let sum = a[(c + output) % n].wrapping_add(b[(c + output) % n]);
                let sum = if c + output < n { sum } else { sum.wrapping_neg() };
                (sum << shift & parameters.mask()) >> unsent
            };
            self.publish(0, output, &(0..n).map(coefficient).collect::<Vec<_>>());
        }
        *self = Self::of(std::mem::take(&mut self.layers), std::mem::take(&mut self.bytes));
    }
}
