//! From halves with a guard bit to exact shares: one correlated transfer for each result.
//!
//! Two parties that round their parts of a noisy value apart hold *halves*, the client y and the
//! server s, both in Z_{2^(k+1)}, with (s + y + 1) >> 1 = m mod 2^k ([`crate::he::noise`]). What the
//! halves come from does not matter here; what comes out are additive shares of m in Z_{2^k}.
//!
//! **Exact.** With s = 2σ + s₀ and y = 2γ + y₀ the value is σ + γ + (s₀ ∨ y₀), and
//! s₀ ∨ y₀ = s₀ + y₀·(1 − s₀). In transfer j the client's choice is y₀: it gets t = q ⊕ y₀·Δ, the
//! server q. The server sends the *correction*
//!
//!   d = H(j, q) + (1 − s₀) − H(j, q ⊕ Δ)  mod 2^k.
//!
//! The shares are a = γ + H(j, t) + y₀·d for the client and t′ = σ + s₀ − H(j, q) for the server:
//! for y₀ = 0 their sum is σ + γ + s₀, for y₀ = 1 it is σ + γ + s₀ + (1 − s₀).
//!
//! **Private.** The server sees an extension message, which hides y₀. The client sees d, in which one
//! of the two hashes is that of t ⊕ Δ, a label that it does not have: H is tweakable correlation
//! robust and j serves this transfer alone, so d is uniform to it, whatever y₀ it chose and whatever
//! s₀ depends on. H is the strict form of the garbling's hash, which has a tweak (or a key) of its
//! own for every instance, and j comes from the session's one counter of gates. Secure against a
//! client that deviates as far as the transfers are: one that knows Δ knows every s₀ (a test shows
//! both). A wrong choice y₀ adds 1 − s₀ to its share or leaves it out, which it does not see either.
//!
//! Each result costs its part of an extension message (16/K bytes) up and k bits down, and the
//! offline phase costs a round trip. The guard bit could be left to the activation instead: a circuit
//! that adds halves of k + 1 bits with a carry of 1 and shifts by one bit more is exact for a single
//! sum. The bit costs a transfer, a label and an AND gate, 16/K + 16 + 32 bytes, which is 48 − k/8
//! more than here, and costs them again in every window that a maximum reads the sum for; argmax and
//! shown values would have to drop the bit first, since it depends on u. At 100 Mb/s and 80 ms it
//! would pay for networks of less than 22,000 sums. One form of shares and unchanged programs were
//! preferred.

use std::hint::black_box;

use gazelle_garble::{Delta, GateRange, Hash, HashKind};
use gazelle_kernels::VectorBackend;
use gazelle_kernels::hash::{hash, hash_colours};
use gazelle_ntt::pack;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ServerShare;
use crate::error::{Error, PeerFault};
use crate::model::Ring;
use crate::ot::{self, Choices, FieldBits, LABELS};
use crate::wiped::Wiped;

const CORRECTIONS: &str = "corrections of shares";

/// Labels that are hashed twice at once: few enough to stay in the first cache with their hashes.
const LABELS_AT_ONCE: usize = 512;

/// The client's halves y of a layer's results; used once.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ClientHalf {
    /// Of k + 1 bits.
    values: Wiped<u64>,
    ring_bits: u32,
}

/// The server's halves s of a layer's results; used once.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ServerHalf {
    /// Of k + 1 bits.
    values: Wiped<u64>,
    ring_bits: u32,
}

/// What the client has of its shares while it waits for the corrections; used once.
pub struct Conversion {
    /// γ + H(j, t) of every transfer.
    sums: Wiped<u32>,
    /// All ones where y₀ is 1, else 0.
    chosen: Wiped<u32>,
    ring_bits: u32,
}

/// Bytes of the client's message for `results` results.
pub fn transfer_len(results: usize, field: FieldBits) -> usize {
    field.message_len(results)
}

/// Bytes of the corrections of `results` results of k = `ring_bits` bits.
pub fn corrections_len(results: usize, ring_bits: u32) -> usize {
    pack::packed_len(results, ring_bits)
}

impl ClientHalf {
    pub(super) fn new(values: Vec<u64>, ring_bits: u32) -> Self {
        Self { values: values.into(), ring_bits }
    }

    /// How many results there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Makes the transfers: returns the message for [`ServerHalf::convert`], [`transfer_len`] bytes.
    /// `gates` are as many numbers as results, the same as the server's, and so is the session's hash `key`.
    ///
    /// # Panics
    /// If there are more or fewer numbers.
    pub fn transfer(
        self,
        ot: &mut ot::Receiver,
        key: &Hash,
        gates: GateRange,
    ) -> (Conversion, Vec<u8>) {
        let (values, ring_bits) = (&self.values, self.ring_bits);
        let (key, first) = (strict(key), gates.first(values.len()));
        let choices = Choices::from_lowest_bits(values);
        let [mut sums, mut chosen] = [(); 2].map(|()| Wiped::zeros(values.len()));
        let outputs = (&mut sums[..], (&mut chosen[..], LABELS));
        let message = ot.extend_with(&choices, outputs, |at, labels, sums, chosen| {
            hash(&key, first.wrapping_add(at as u64), labels);
            let halves = &values[at..at + labels.len()];
            masks(halves.iter().map(|&y| y as u32), chosen);
            for ((sum, &y), &pad) in sums.iter_mut().zip(halves).zip(&*labels) {
                *sum = ((y >> 1) as u32).wrapping_add(pad as u32);
            }
        });
        (Conversion { sums, chosen, ring_bits }, message)
    }
}

impl Conversion {
    /// Bytes of the corrections.
    pub(super) fn corrections_len(&self) -> usize {
        corrections_len(self.sums.len(), self.ring_bits)
    }

    /// The client's shares a, from the corrections.
    ///
    /// # Errors
    /// [`PeerFault::Length`] or [`PeerFault::Padding`] if `corrections` is not what
    /// [`ServerHalf::convert`] makes.
    pub fn finish(self, corrections: &[u8]) -> Result<Vec<u32>, PeerFault> {
        let Self { sums, mut chosen, ring_bits } = self;
        PeerFault::check_length(CORRECTIONS, corrections, corrections_len(sums.len(), ring_bits))?;
        let mut shares = vec![0; sums.len()];
        pack::unpack_u32(corrections, ring_bits, &mut shares)
            .map_err(|_| PeerFault::Padding { message: CORRECTIONS })?;
        let ring = Ring::new(ring_bits).mask();
        black_box(&mut *chosen);
        VectorBackend::best().run(
            #[inline(always)]
            || {
                for (share, (&sum, &chosen)) in shares.iter_mut().zip(sums.iter().zip(&*chosen)) {
                    *share = sum.wrapping_add(*share & chosen) & ring;
                }
            },
        );
        Ok(shares)
    }
}

impl ServerHalf {
    pub(super) fn new(values: Vec<u64>, ring_bits: u32) -> Self {
        Self { values: values.into(), ring_bits }
    }

    /// How many results there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Makes the transfers from the client's message: the corrections to send,
    /// [`corrections_len`] bytes, and the server's shares t′. `gates` are as many numbers as
    /// results; `delta` is the offset of `ot`.
    ///
    /// # Errors
    /// If the message is none of [`ClientHalf::transfer`], or `ot` failed before.
    ///
    /// # Panics
    /// If there are more or fewer gate numbers.
    pub fn convert(
        self,
        message: &[u8],
        ot: &mut ot::Sender,
        delta: &Delta,
        key: &Hash,
        gates: GateRange,
    ) -> Result<(Vec<u8>, ServerShare), Error> {
        let Self { values, ring_bits } = &self;
        let (key, first, ring) = (strict(key), gates.first(values.len()), Ring::new(*ring_bits));
        let mut shares = vec![0; values.len()];
        let mut corrections = vec![0; corrections_len(values.len(), *ring_bits)];
        // Those of a chunk are whole bytes.
        let outputs =
            (&mut shares[..], (&mut corrections[..], corrections_len(LABELS, *ring_bits)));
        ot.extend_with(message, outputs, |at, labels, shares, packed| {
            let mut corrections = vec![0; labels.len()];
            let halves = values[at..][..labels.len()].chunks(LABELS_AT_ONCE);
            let outputs =
                corrections.chunks_mut(LABELS_AT_ONCE).zip(shares.chunks_mut(LABELS_AT_ONCE));
            let inputs = labels.chunks(LABELS_AT_ONCE).zip(halves);
            for ((i, inputs), outputs) in inputs.enumerate().zip(outputs) {
                let number = first.wrapping_add((at + i * LABELS_AT_ONCE) as u64);
                correct((&key, number, delta), inputs, ring, outputs);
            }
            pack::pack_u32_into(&corrections, *ring_bits, packed);
        })?;
        Ok((corrections, ServerShare::new(shares, *ring_bits)))
    }
}

/// The corrections of some halves and the server's shares, from the zero labels q of their transfers, which
/// have tweaks from `first` on. A label and the other one are hashed together, for they share a key; which of
/// the hashes is which, the colour of q tells.
fn correct(
    (key, first, delta): (&Hash, u64, &Delta),
    (labels, halves): (&[u128], &[u64]),
    ring: Ring,
    (corrections, shares): (&mut [u32], &mut [u32]),
) {
    let [mut zeros, mut ones] = [(); 2].map(|()| Wiped::zeros(labels.len()));
    hash_colours(key, first, delta.expose(), labels, [&mut zeros, &mut ones]);
    let mut swapped = Wiped::zeros(labels.len());
    masks(labels.iter().map(|&label| label as u32), &mut swapped);
    let hashes = swapped.iter().zip(zeros.iter().zip(&*ones));
    let outputs = corrections.iter_mut().zip(shares);
    VectorBackend::best().run(
        #[inline(always)]
        move || {
            for ((&s, (&swapped, (&zero, &one))), (correction, share)) in
                halves.iter().zip(hashes).zip(outputs)
            {
                let (zero, one, low) = (zero as u32, one as u32, s as u32 & 1);
                let difference = (zero ^ one) & swapped;
                let (pad, other) = (zero ^ difference, one ^ difference);
                *correction = ring.reduce(pad.wrapping_add(1 ^ low).wrapping_sub(other));
                *share = ring.reduce(((s >> 1) as u32).wrapping_add(low).wrapping_sub(pad));
            }
        },
    );
}

/// Writes all ones for each number whose lowest bit is 1, else 0. Where the compiler sees how such a mask comes
/// about it may make a branch of its use, so it is kept from that, once for all of them: one by one, as `subtle`
/// does it, no loop of wide registers is left.
fn masks(numbers: impl Iterator<Item = u32>, masks: &mut [u32]) {
    masks.iter_mut().zip(numbers).for_each(|(mask, x)| *mask = (x & 1).wrapping_neg());
    black_box(masks);
}

/// A hash whose instances have a tweak or a key of their own each.
fn strict(key: &Hash) -> Hash {
    match key.kind() {
        HashKind::Mitccrh => key.clone().with_kind(HashKind::MitccrhStrict),
        HashKind::MitccrhStrict | HashKind::FixedKey => key.clone(),
    }
}

#[cfg(test)]
impl ClientHalf {
    pub(super) fn values(&self) -> &[u64] {
        &self.values
    }
}

#[cfg(test)]
impl ServerHalf {
    pub(super) fn values(&self) -> &[u64] {
        &self.values
    }
}
