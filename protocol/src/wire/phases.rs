//! The messages of the offline and the online phases.

use gazelle_ntt::pack;

use super::{Expected, FetchHint, Kind, Message, Payload};
use crate::bundle::BundleName;
use crate::error::PeerFault;

/// Client: begins an offline phase. `count (4, little-endian)`.
pub struct Prepare {
    /// Inferences to prepare.
    pub count: u32,
}

impl Prepare {
    /// Bytes of the message.
    pub const LEN: usize = 4;
}

impl Payload for Prepare {
    const KIND: Kind = Kind::Offline;

    fn encode(self) -> Vec<u8> {
        self.count.to_le_bytes().to_vec()
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        Ok(Self { count: u32::from_le_bytes(exact(Self::KIND, &payload)?) })
    }
}

/// Server: ends an offline phase. Empty. Its halves of what was prepared are kept, for good if they are
/// kept on a disk: whatever happens from now on, no half of the client's is without its partner.
pub struct Kept;

impl Payload for Kept {
    const KIND: Kind = Kind::Kept;

    fn encode(self) -> Vec<u8> {
        Vec::new()
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        exact(Self::KIND, &payload).map(|[]: [u8; 0]| Self)
    }
}

/// Client: begins an online phase of one image or several, which go through the network together.
/// `names of their bundles (16 each)`.
pub struct Begin {
    /// The bundles that are used up, one for each image.
    pub bundles: Vec<BundleName>,
}

impl Begin {
    /// Bytes of the message for each image.
    pub const LEN: usize = BundleName::LEN;

    /// The most images.
    pub const MOST: usize = 16;
}

impl Payload for Begin {
    const KIND: Kind = Kind::Online;

    fn encode(self) -> Vec<u8> {
        self.bundles.iter().flat_map(|bundle| *bundle.as_bytes()).collect()
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        let images = (payload.len() / Self::LEN).clamp(1, Self::MOST);
        PeerFault::check_length(Self::KIND.name(), &payload, images * Self::LEN)?;
        let (names, _) = payload.as_chunks();
        Ok(Self { bundles: names.iter().copied().map(BundleName::from_bytes).collect() })
    }
}

/// Client: ends the session. Empty.
pub struct Bye;

impl Payload for Bye {
    const KIND: Kind = Kind::Bye;

    fn encode(self) -> Vec<u8> {
        Vec::new()
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        exact(Self::KIND, &payload).map(|[]: [u8; 0]| Self)
    }
}

/// What a client asks for between the phases.
pub enum Request {
    /// An offline phase.
    Prepare(Prepare),
    /// An online phase.
    Begin(Begin),
    /// The server's hint.
    Hint(FetchHint),
    /// The end.
    Bye,
}

impl Request {
    /// The messages that a request may be.
    pub fn expected() -> Expected {
        Expected::any_of(&[(Prepare::KIND, Prepare::LEN), (FetchHint::KIND, 0), (Bye::KIND, 0)])
            .or(Begin::KIND, Begin::LEN..=Begin::LEN * Begin::MOST)
    }

    /// Reads one of them.
    ///
    /// # Errors
    /// [`PeerFault`] if it is none.
    pub fn decode(message: Message) -> Result<Self, PeerFault> {
        let Message { kind, payload } = message;
        match kind {
            Prepare::KIND => Prepare::decode(payload).map(Self::Prepare),
            Begin::KIND => Begin::decode(payload).map(Self::Begin),
            FetchHint::KIND => FetchHint::decode(payload).map(Self::Hint),
            _ => Bye::decode(payload).map(|Bye| Self::Bye),
        }
    }
}

/// Client: a tensor x − r, `k` bits a value, packed without gaps from the lowest bit on and padded
/// with zeros to whole bytes.
pub struct Masked(Vec<u8>);

impl Masked {
    /// Bytes of the message for `values` of `ring_bits` bits.
    pub fn len(values: usize, ring_bits: u32) -> usize {
        pack::packed_len(values, ring_bits)
    }

    /// The message of some values.
    pub fn new(values: &[u32], ring_bits: u32) -> Self {
        let mut bytes = Vec::with_capacity(Self::len(values.len(), ring_bits));
        pack::pack_u32(values, ring_bits, &mut bytes);
        Self(bytes)
    }

    /// Writes the values to `out`, which has as many.
    ///
    /// # Errors
    /// [`PeerFault::Padding`] if a bit after the last value is not zero.
    pub fn read(&self, ring_bits: u32, out: &mut [u32]) -> Result<(), PeerFault> {
        let padding = |_| PeerFault::Padding { message: Self::KIND.name() };
        pack::unpack_u32(&self.0, ring_bits, out).map_err(padding)
    }
}

bytes_of_an_engine! {
    /// Client: encrypted masks of one block's input, of [`crate::linear::Cost::query_bytes`] or
    /// [`crate::linear::hint::HintCost::upload_bytes`].
    Query, Query;
    /// Server: re-randomised results of one block's linear map, of
    /// [`crate::linear::Cost::answer_bytes`].
    Answer, Answer;
    /// For the guard bits of one block's results. Client: OT extension, of
    /// [`crate::linear::guard::transfer_len`]; server: corrections, of
    /// [`crate::linear::guard::corrections_len`].
    Guard, Guard;
    /// Client: the OT extension for one chunk of an activation.
    Transfers, Transfers;
    /// Server: the garbled tables of one chunk.
    Tables, Tables;
    /// Server: the active labels of one chunk, 16 bytes each, bit plane after bit plane.
    Labels, Labels;
    /// Both: base OTs' offers and replies and an extension's corrections, of the transfers that
    /// activations by masks use.
    MaskSetUp, MaskSetUp;
    /// Both: makes transfers for activations by masks: an OT extension or silent transfers for one, the
    /// challenge and the proof of silent ones for all.
    MaskTransfers, MaskTransfers;
    /// Both: one of the offline messages of an activation by masks, bit plane after bit plane.
    MaskOffline, MaskOffline;
    /// Both: one of the online messages of an activation by masks, four and as many for each round of its
    /// max pooling, bit plane after bit plane.
    MaskOnline, MaskOnline;
}

bytes_of_an_engine!(@payload Masked, Masked);

/// The bytes of a message that has exactly `N`.
pub(super) fn exact<const N: usize>(kind: Kind, payload: &[u8]) -> Result<[u8; N], PeerFault> {
    let wrong = PeerFault::Length { message: kind.name(), expected: N, got: payload.len() };
    payload.try_into().map_err(|_| wrong)
}
