//! The one-time secrets of a linear layer: each hides one tensor and is consumed by doing so.

use gazelle_ntt::pack;
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The client's mask r of a tensor, uniform in Z_{2^k}: encrypted offline, subtracted online.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Mask {
    values: Vec<u32>,
    ring_bits: u32,
}

impl Mask {
    /// A fresh mask of `len` values of `ring_bits` bits (1 to 32).
    pub fn random(len: usize, ring_bits: u32, rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new(vec![0; 4 * len]);
        rng.fill_bytes(&mut bytes);
        let words = bytes.as_chunks::<4>().0.iter();
        let top = u32::MAX >> (u32::BITS - ring_bits);
        Self { values: words.map(|&word| u32::from_le_bytes(word) & top).collect(), ring_bits }
    }

    /// The mask of values that [`Mask::random`] drew.
    pub(crate) fn of(values: &[u32], ring_bits: u32) -> Self {
        Self { values: values.to_vec(), ring_bits }
    }

    /// The mask, to be encrypted (or pooled and then encrypted).
    pub fn values(&self) -> &[u32] {
        &self.values
    }

    /// The mask, to be hidden from the server in another way.
    pub(crate) fn into_values(mut self) -> Zeroizing<Vec<u32>> {
        Zeroizing::new(std::mem::take(&mut self.values))
    }

    /// x − r in Z_{2^k}: what the server may see.
    ///
    /// # Panics
    /// If `x` has another length.
    pub fn hide(self, x: &mut [u32]) {
        assert_eq!(x.len(), self.values.len(), "a mask hides a tensor of its own length");
        let top = u32::MAX >> (u32::BITS - self.ring_bits);
        for (x, &r) in x.iter_mut().zip(&self.values) {
            *x = x.wrapping_sub(r) & top;
        }
    }

    /// Bytes of the encoding of a mask of `len` values.
    pub(crate) fn encoded_len(len: usize, ring_bits: u32) -> usize {
        pack::packed_len(len, ring_bits)
    }

    /// Appends the values, packed.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        pack::pack_u32(&self.values, self.ring_bits, out);
    }

    /// Reads a mask of `len` values off the front of `bytes`; None if there is none.
    pub(crate) fn decode(len: usize, ring_bits: u32, bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { values: unpack(len, ring_bits, bytes)?, ring_bits })
    }
}

/// Reads packed values off the front of `bytes`.
fn unpack(len: usize, ring_bits: u32, bytes: &mut &[u8]) -> Option<Vec<u32>> {
    let mut values = vec![0; len];
    let packed = bytes.split_off(..pack::packed_len(len, ring_bits))?;
    pack::unpack_u32(packed, ring_bits, &mut values).ok().map(|()| values)
}

/// The server's share t of a layer's result, uniform in Z_{2^k}.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ServerShare {
    values: Vec<u32>,
    ring_bits: u32,
}

impl ServerShare {
    pub(super) fn new(values: Vec<u32>, ring_bits: u32) -> Self {
        Self { values, ring_bits }
    }

    /// How many values are shared.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing is shared.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// y + t in Z_{2^k}, for y = M·(x − r) + bias.
    ///
    /// # Panics
    /// If `y` has another length.
    pub fn add_to(self, y: &mut [u32]) {
        assert_eq!(y.len(), self.values.len(), "a share is added to a result of its layer");
        let top = u32::MAX >> (u32::BITS - self.ring_bits);
        for (y, &t) in y.iter_mut().zip(&self.values) {
            *y = y.wrapping_add(t) & top;
        }
    }

    /// Bytes of the encoding of a share of `len` values.
    pub(crate) fn encoded_len(len: usize, ring_bits: u32) -> usize {
        pack::packed_len(len, ring_bits)
    }

    /// Appends the values, packed.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        pack::pack_u32(&self.values, self.ring_bits, out);
    }

    /// Reads a share of `len` values off the front of `bytes`; None if there is none.
    pub(crate) fn decode(len: usize, ring_bits: u32, bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { values: unpack(len, ring_bits, bytes)?, ring_bits })
    }
}
