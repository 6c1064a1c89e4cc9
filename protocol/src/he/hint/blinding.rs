//! The server's side: a layer's public polynomials, and the secrets that blind those that it publishes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gazelle_ntt::prg::{AesRng, Seed};
use gazelle_ntt::{pack, sample};
use rand::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::modular::{Moduli, Product, Room, Transformed};
use super::noise::KEY_DROPPED;
use super::{Format, HintParameters};
use crate::he::Coins;
use crate::he::parameters::ETA;
use crate::wiped::Wiped;

/// A layer of a hint: its format and how many polynomials there are.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerFormat {
    /// Parameters and numbers of bits.
    pub format: Format,
    /// Input polynomials of one tile.
    pub inputs: usize,
    /// Output polynomials.
    pub outputs: usize,
}

impl LayerFormat {
    /// Bytes of one published polynomial.
    pub(super) fn polynomial_len(&self) -> usize {
        pack::packed_len(self.format.parameters.n(), self.format.hint_bits)
    }

    /// Bytes of all.
    #[expect(clippy::len_without_is_empty, reason = "a layer has outputs")]
    pub fn len(&self) -> usize {
        self.outputs * self.polynomial_len()
    }
}

/// Which of a layer's public polynomials: that of the client's keys, or that of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// a_pk.
    Key,
    /// aᵢ.
    Input(usize),
}

/// The polynomial a of a layer, transformed.
pub(super) fn public(
    parameters: &HintParameters,
    layer: (&Seed, usize),
    place: Place,
) -> Transformed {
    let a = public_words(parameters, layer, place);
    parameters.products().transform_below(parameters.log2_q(), &a)
}

/// Its coefficients: words of the seed's stream, cut to λ bits.
pub(super) fn public_words(
    parameters: &HintParameters,
    (seed, layer): (&Seed, usize),
    place: Place,
) -> Vec<u64> {
    let mut a = vec![0; parameters.n()];
    let index = match place {
        Place::Key => 0,
        Place::Input(i) => 1 + i as u64,
    };
    AesRng::new(seed, (layer as u64) << 32 | index).fill_words(&mut a);
    a.iter_mut().for_each(|a| *a &= parameters.mask());
    a
}

/// What blinds a hint and must not be known to anybody but the server: u and e′ of every published
/// polynomial. It serves one hint alone, and as long as that is in use.
///
/// It is drawn anew whenever a hint is built: two hints of two sets of weights under one seed and one
/// secret differ by Σ aᵢ·Δwᵢ, which gives the change of every weight away (a test shows it).
#[derive(Clone, Zeroize, zeroize::ZeroizeOnDrop)]
pub struct HintSecret {
    coins: Coins,
    /// What images after the first need not make again. Each is wiped when dropped.
    #[zeroize(skip)]
    kept: Arc<Mutex<Kept>>,
}

/// By layer and output.
type Kept = HashMap<(usize, usize), Arc<Blinding>>;

/// Bytes of [`Blinding`]s that are kept.
const KEPT: usize = 32 << 20;

/// What a server adds of one output: u, and u times the middle of what is not sent of a key.
struct Blinding {
    ephemeral: Transformed,
    /// Of units of 2^(D−1).
    middles: Wiped<i16>,
}

impl HintSecret {
    /// Fresh randomness.
    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        Self::of(Coins::random(rng))
    }

    fn of(coins: Coins) -> Self {
        Self { coins, kept: Arc::default() }
    }

    /// Bytes of [`HintSecret::to_bytes`].
    pub(crate) const LEN: usize = Coins::LEN;

    /// What a server keeps of it between two starts.
    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; Self::LEN]> {
        self.coins.to_bytes()
    }

    /// The secret of these bytes.
    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self::of(Coins::from_bytes(bytes))
    }

    /// Marks it for tests of constant time.
    #[cfg(test)]
    pub(crate) fn make_secret(&mut self) {
        self.coins.make_secret();
    }

    /// u and e′ of output polynomial `output` of layer `layer`.
    pub(super) fn blinding(&self, n: usize, layer: usize, output: usize) -> [Wiped<i8>; 2] {
        let (ephemeral, mut stream) = self.ephemeral(n, layer, output);
        let mut error = Wiped::zeros(n);
        sample::centred_binomial(ETA, &mut stream, &mut error);
        [ephemeral, error]
    }

    /// u alone, and what e′ is drawn from.
    fn ephemeral(&self, n: usize, layer: usize, output: usize) -> (Wiped<i8>, impl CryptoRng) {
        let mut stream = self.coins.stream((layer as u64) << 32 | output as u64);
        let mut ephemeral = Wiped::zeros(n);
        sample::ternary(&mut stream, &mut ephemeral);
        (ephemeral, stream)
    }

    /// Hands b·u for the u of output `output` of layer `layer` to `each`, with the number of the key, for
    /// each of some keys: what the server adds to its part of the results of the tiles that they belong to.
    pub(crate) fn products(
        &self,
        parameters: &HintParameters,
        keys: &[TileKey],
        (layer, output): (usize, usize),
        room: &mut Room,
        mut each: impl FnMut(usize, Blinded<'_>),
    ) {
        let blinding = self.kept(parameters, layer, output);
        self.fetch((layer, output + 1));
        for (index, key) in keys.iter().enumerate() {
            let product = parameters.products().multiply_in(room, &key.0, &blinding.ephemeral);
            each(index, Blinded { product, middles: &blinding.middles });
        }
    }

    /// Asks for what is kept of an output before it is read.
    fn fetch(&self, place: (usize, usize)) {
        if let Some(blinding) = self.find(place) {
            blinding.ephemeral.fetch();
        }
    }

    fn find(&self, place: (usize, usize)) -> Option<Arc<Blinding>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned()
    }

    /// What was kept of an output, or made anew.
    fn kept(&self, parameters: &HintParameters, layer: usize, output: usize) -> Arc<Blinding> {
        if let Some(blinding) = self.find((layer, output)) {
            return blinding;
        }
        let (ephemeral, _) = self.ephemeral(parameters.n(), layer, output);
        let moduli = TileKey::moduli(parameters);
        let middles = middles(&ephemeral);
        let ephemeral = parameters.products().transform_small(&ephemeral, moduli);
        let blinding = Arc::new(Blinding { ephemeral, middles });
        // At most two primes, and the middles.
        let largest = (2 * 8 + 2) * parameters.n();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT / largest {
            kept.insert((layer, output), Arc::clone(&blinding));
        }
        blinding
    }
}

/// b·u, of which what was sent of b and the middle of the rest are known apart.
pub(crate) struct Blinded<'a> {
    product: Product<'a>,
    middles: &'a [i16],
}

impl Blinded<'_> {
    /// Sets each element of `out` to what `change` makes of a coefficient modulo 2^64, of those from number
    /// `first` on, and a partner; see [`Product::write_with`].
    #[inline(always)]
    pub(crate) fn write_with<T, U>(
        &self,
        first: usize,
        out: &mut [T],
        partners: impl Iterator<Item = U>,
        change: impl Fn(u64, U) -> T,
    ) {
        let partners = partners.zip(&self.middles[first..]);
        self.product.write_with(
            first,
            out,
            partners,
            #[inline(always)]
            move |sent, (partner, &middle)| {
                let middle = (i64::from(middle) << (KEY_DROPPED - 1)) as u64;
                change((sent << KEY_DROPPED).wrapping_add(middle), partner)
            },
        );
    }
}

/// u times the polynomial all of whose coefficients are 1.
fn middles(ephemeral: &[i8]) -> Wiped<i16> {
    // Coefficient i adds the first i + 1 of u and takes off the others: less than 2^15, n being at most 2^14.
    let mut sum = -ephemeral.iter().map(|&u| i16::from(u)).sum::<i16>();
    let mut middles = Wiped::zeros(ephemeral.len());
    for (middle, &u) in middles.iter_mut().zip(ephemeral) {
        sum += 2 * i16::from(u);
        *middle = sum;
    }
    middles
}

/// b of a tile, as the server computes with it: what was sent of its coefficients, as signed numbers where
/// they are short enough for one prime. Of the ternary polynomials that they are multiplied by, all have a zero
/// among their coefficients but one in 2^1198.
pub struct TileKey(Transformed);

impl TileKey {
    /// Bits of a coefficient of the key as it is sent.
    pub fn sent_bits(parameters: &HintParameters) -> u32 {
        parameters.log2_q() - KEY_DROPPED
    }

    /// A coefficient of the key modulo q as it is sent: without its lowest bits.
    pub fn truncate(parameters: &HintParameters, coefficient: u64) -> u64 {
        (coefficient & parameters.mask()) >> KEY_DROPPED
    }

    /// The key whose coefficients were sent so.
    ///
    /// # Panics
    /// If there are not n.
    pub fn new(parameters: &HintParameters, sent: &[u64]) -> Self {
        assert_eq!(sent.len(), parameters.n(), "a polynomial of the ring");
        let (ring, bits) = (parameters.products(), Self::sent_bits(parameters));
        Self(match Self::moduli(parameters) {
            Moduli::Both => ring.transform_below(bits, sent),
            moduli => ring.transform_signed(sent, bits, moduli),
        })
    }

    /// The primes that a key's products with ternary polynomials are known by.
    fn moduli(parameters: &HintParameters) -> Moduli {
        parameters.products().moduli_alone(Self::sent_bits(parameters))
    }
}
