//! The one-time secrets of a linear layer: each hides one tensor and is consumed by doing so.

use gazelle_ntt::pack;
use rand::CryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::model::Ring;

/// One party's share of a tensor, uniform in Z_{2^k}.
#[derive(ZeroizeOnDrop)]
struct Share {
    values: Vec<u32>,
    #[zeroize(skip)]
    ring: Ring,
}

impl Share {
    fn encode(&self, out: &mut Vec<u8>) {
        pack::pack_u32(&self.values, self.ring.bits(), out);
    }

    /// Reads a share of `len` values off the front of `bytes`.
    fn decode(len: usize, ring: Ring, bytes: &mut &[u8]) -> Option<Self> {
        let mut values = vec![0; len];
        let packed = bytes.split_off(..pack::packed_len(len, ring.bits()))?;
        pack::unpack_u32(packed, ring.bits(), &mut values).ok()?;
        Some(Self { values, ring })
    }
}

/// The client's mask r of a tensor, uniform in Z_{2^k}: encrypted offline, subtracted online.
pub struct Mask(Share);

impl Mask {
    /// A fresh mask of `len` values of `ring_bits` bits (1 to 32).
    pub fn random(len: usize, ring_bits: u32, rng: &mut impl CryptoRng) -> Self {
        let ring = Ring::new(ring_bits);
        let mut bytes = Zeroizing::new(vec![0; 4 * len]);
        rng.fill_bytes(&mut bytes);
        let words = bytes.as_chunks::<4>().0.iter();
        let values = words.map(|&word| ring.reduce(u32::from_le_bytes(word))).collect();
        Self(Share { values, ring })
    }

    /// The mask of values that [`Mask::random`] drew.
    pub(crate) fn of(values: &[u32], ring_bits: u32) -> Self {
        Self(Share { values: values.to_vec(), ring: Ring::new(ring_bits) })
    }

    /// The mask, to be encrypted (or pooled and then encrypted).
    pub fn values(&self) -> &[u32] {
        &self.0.values
    }

    /// The mask, to be hidden from the server in another way.
    pub(crate) fn into_values(mut self) -> Zeroizing<Vec<u32>> {
        Zeroizing::new(std::mem::take(&mut self.0.values))
    }

    /// x − r in Z_{2^k}: what the server may see.
    ///
    /// # Panics
    /// If `x` has another length.
    pub fn hide(self, x: &mut [u32]) {
        self.0.ring.sub_all(x, &self.0.values);
    }

    /// Bytes of the encoding of a mask of `len` values.
    pub(crate) fn encoded_len(len: usize, ring_bits: u32) -> usize {
        pack::packed_len(len, ring_bits)
    }

    /// Appends the values, packed.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    /// Reads a mask of `len` values off the front of `bytes`; None if there is none.
    pub(crate) fn decode(len: usize, ring_bits: u32, bytes: &mut &[u8]) -> Option<Self> {
        Share::decode(len, Ring::new(ring_bits), bytes).map(Self)
    }
}

/// The server's share t of a layer's result, uniform in Z_{2^k}.
pub struct ServerShare(Share);

impl ServerShare {
    pub(super) fn new(values: Vec<u32>, ring_bits: u32) -> Self {
        Self(Share { values, ring: Ring::new(ring_bits) })
    }

    /// How many values are shared.
    pub fn len(&self) -> usize {
        self.0.values.len()
    }

    /// Whether nothing is shared.
    pub fn is_empty(&self) -> bool {
        self.0.values.is_empty()
    }

    /// y + t in Z_{2^k}, for y = M·(x − r) + bias.
    ///
    /// # Panics
    /// If `y` has another length.
    pub fn add_to(self, y: &mut [u32]) {
        self.0.ring.add_all(y, &self.0.values);
    }

    /// Bytes of the encoding of a share of `len` values.
    pub(crate) fn encoded_len(len: usize, ring_bits: u32) -> usize {
        pack::packed_len(len, ring_bits)
    }

    /// Appends the values, packed.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    /// Reads a share of `len` values off the front of `bytes`; None if there is none.
    pub(crate) fn decode(len: usize, ring_bits: u32, bytes: &mut &[u8]) -> Option<Self> {
        Share::decode(len, Ring::new(ring_bits), bytes).map(Self)
    }
}
