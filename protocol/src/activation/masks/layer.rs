//! A layer of activations: all its chunks at once, message after message.

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, RngExt, SeedableRng};
use zeroize::Zeroizing;

use super::Side;
use super::evaluation::{Known, Masked, Opened};
use super::message::{Message, Size};
use super::plan::MasksPlan;
use super::plane::{LANES, Ring};
use super::preparation::{DownTransfers, Half, Prepared, Rest, Start, UpTransfers};
use super::sizes::blank;
use crate::error::{Error, PeerFault};
use crate::parallel::prelude::*;

/// The offline phase of a layer, between two messages.
pub struct Preparation {
    side: Side,
    chunks: Vec<Preparing>,
}

/// A layer that waits for the server's sums. It is used once: an evaluation consumes it.
pub struct PreparedLayer {
    side: Side,
    chunks: Vec<Prepared>,
    bytes: usize,
}

/// The online phase of a layer, between two messages.
pub struct Evaluation {
    side: Side,
    /// The server's sums, or the masks of the client's results.
    values: Zeroizing<Vec<u32>>,
    chunks: Vec<Evaluating>,
}

enum Preparing {
    Start(Start),
    Half(Half),
    Rest(Rest),
    Moved,
}

enum Evaluating {
    Prepared(Box<Prepared>),
    Opened(Box<Opened>),
    Masked(Masked),
    Known(Known),
    Done(Ring),
    Moved,
}

const OFFLINE: &str = "message to prepare activations";
const ONLINE: &str = "message of activations";

impl Preparation {
    /// The client's, of its shares `a` of the sums, with the transfers of its chunks in both directions.
    ///
    /// # Panics
    /// If there are transfers of fewer chunks.
    pub fn client(
        plan: &MasksPlan,
        a: &[u32],
        up: impl IntoIterator<Item = UpTransfers>,
        down: impl IntoIterator<Item = DownTransfers>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        Self::new(plan, Side::Client, |chunk| part(a, chunk), (up, down), rng)
    }

    /// The server's, with the same.
    ///
    /// # Panics
    /// If there are transfers of fewer chunks.
    pub fn server(
        plan: &MasksPlan,
        up: impl IntoIterator<Item = UpTransfers>,
        down: impl IntoIterator<Item = DownTransfers>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        Self::new(plan, Side::Server, |_| &[], (up, down), rng)
    }

    fn new<'a>(
        plan: &MasksPlan,
        side: Side,
        shares: impl Fn(usize) -> &'a [u32] + Sync + Send,
        (up, down): (
            impl IntoIterator<Item = UpTransfers>,
            impl IntoIterator<Item = DownTransfers>,
        ),
        rng: &mut impl CryptoRng,
    ) -> Self {
        let transfers = up.into_iter().zip(down).take(plan.chunks().len());
        let parts: Vec<_> = transfers.map(|(up, down)| (up, down, rng.random())).collect();
        assert_eq!(parts.len(), plan.chunks().len(), "the transfers of each chunk");
        let start = |(chunk, (up, down, seed))| {
            let rng = &mut ChaCha20Rng::from_seed(seed);
            Preparing::Start(Start::new(&plan.program, shares(chunk), up, down, side, rng))
        };
        Self { side, chunks: parts.into_par_iter().enumerate().map(start).collect() }
    }

    /// Makes message `index`, which is this party's to send.
    pub fn send(&mut self, plan: &MasksPlan, index: usize) -> Vec<u8> {
        let side = self.side;
        let step = |(_, chunk): (_, &mut Preparing), message: &mut Message<'_>| {
            chunk.step(plan, index, side, message);
        };
        send(plan, &plan.sizes.offline[index], &mut self.chunks, step)
    }

    /// Takes message `index`, which is the other party's.
    ///
    /// # Errors
    /// [`PeerFault`] if it has not as many bytes as the plan says, or an unused bit is set.
    pub fn receive(&mut self, plan: &MasksPlan, index: usize, bytes: &[u8]) -> Result<(), Error> {
        PeerFault::check_length(OFFLINE, bytes, plan.offline_len(index))?;
        let side = self.side;
        let step = |(_, chunk): (_, &mut Preparing), message: &mut Message<'_>| {
            chunk.step(plan, index, side, message);
        };
        let sound = receive(plan, &plan.sizes.offline[index], &mut self.chunks, bytes, step);
        if sound { Ok(()) } else { Err(PeerFault::Padding { message: OFFLINE }.into()) }
    }

    /// After the last message.
    pub fn finish(self, plan: &MasksPlan) -> PreparedLayer {
        let chunks = self.chunks.into_iter().map(|chunk| match chunk {
            Preparing::Rest(rest) => rest.finish(),
            _ => unreachable!("the last message was sent or received"),
        });
        PreparedLayer::new(plan, self.side, chunks.collect())
    }
}

impl Preparing {
    fn step(&mut self, plan: &MasksPlan, index: usize, side: Side, message: &mut Message<'_>) {
        let program = &plan.program;
        *self = match std::mem::replace(self, Self::Moved) {
            Self::Start(start) => Self::Half(start.up(program, side, message)),
            Self::Half(half) => Self::Rest(half.down(program, message)),
            Self::Rest(mut rest) => {
                match index % 2 {
                    0 => rest.up(index / 2, side, message),
                    _ => rest.down(index.div_ceil(2), message),
                }
                Self::Rest(rest)
            }
            Self::Moved => unreachable!("each step leaves the next one"),
        };
    }
}

impl PreparedLayer {
    fn new(plan: &MasksPlan, side: Side, chunks: Vec<Prepared>) -> Self {
        let bytes = chunks.len() * plan.sizes.stored[side as usize].memory();
        Self { side, chunks, bytes }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Begins the online phase. `values` are the server's sums; or the masks of the client's results,
    /// which nothing else may be masked with.
    pub fn evaluate(self, plan: &MasksPlan, values: Zeroizing<Vec<u32>>) -> Evaluation {
        let Self { side, chunks, .. } = self;
        let mut values = values;
        if let Side::Server = side {
            values.iter_mut().for_each(|value| *value = value.wrapping_add(plan.offsets[0]));
        }
        let chunks =
            chunks.into_iter().map(|chunk| Evaluating::Prepared(Box::new(chunk))).collect();
        Evaluation { side, values, chunks }
    }

    /// Bytes of the encoding.
    pub(crate) fn encoded_len(plan: &MasksPlan, side: Side) -> usize {
        plan.len(&plan.sizes.stored[side as usize])
    }

    /// Appends what is known of all activations, chunk after chunk.
    pub(crate) fn encode(&mut self, plan: &MasksPlan, out: &mut Vec<u8>) {
        let (side, start) = (self.side, out.len());
        out.resize(start + Self::encoded_len(plan, side), 0);
        let size = &plan.sizes.stored[side as usize];
        let parts = out[start..].chunks_mut(size.bytes(LANES));
        for (number, (chunk, bytes)) in self.chunks.iter_mut().zip(parts).enumerate() {
            chunk.keep(&plan.program, side, &mut Message::out(plan.lanes(number), bytes));
        }
    }

    /// Reads the same off the front of `bytes`; None if that is not an encoding.
    pub(crate) fn decode(plan: &MasksPlan, side: Side, bytes: &mut &[u8]) -> Option<Self> {
        let size = &plan.sizes.stored[side as usize];
        let bytes = bytes.split_off(..Self::encoded_len(plan, side))?;
        let decode = |(number, bytes): (usize, &[u8])| {
            let mut chunk = blank(&plan.program, side);
            let mut message = Message::read(plan.lanes(number), bytes);
            chunk.keep(&plan.program, side, &mut message);
            message.is_sound().then_some(chunk)
        };
        let chunks = bytes.chunks(size.bytes(LANES)).enumerate().map(decode);
        Some(Self::new(plan, side, chunks.collect::<Option<_>>()?))
    }
}

impl Evaluation {
    /// Makes message `index`, which is this party's to send.
    pub fn send(&mut self, plan: &MasksPlan, index: usize) -> Vec<u8> {
        let Self { side, values, chunks } = self;
        let step = |(number, chunk): (usize, &mut Evaluating), message: &mut Message<'_>| {
            chunk.step(plan, part(values, number), *side, message);
        };
        send(plan, &plan.sizes.online[index], chunks, step)
    }

    /// Takes message `index`, which is the other party's.
    ///
    /// # Errors
    /// [`PeerFault`] if it has not as many bytes as the plan says, or an unused bit is set.
    pub fn receive(&mut self, plan: &MasksPlan, index: usize, bytes: &[u8]) -> Result<(), Error> {
        PeerFault::check_length(ONLINE, bytes, plan.online_len(index))?;
        let Self { side, values, chunks } = self;
        let step = |(number, chunk): (usize, &mut Evaluating), message: &mut Message<'_>| {
            chunk.step(plan, part(values, number), *side, message);
        };
        let sound = receive(plan, &plan.sizes.online[index], chunks, bytes, step);
        if sound { Ok(()) } else { Err(PeerFault::Padding { message: ONLINE }.into()) }
    }

    /// The server's results less the client's masks, after the last message.
    pub fn finish(self, plan: &MasksPlan) -> Vec<u32> {
        let ring = u32::MAX >> (u32::BITS - plan.out_bits());
        let results =
            self.chunks.iter().zip(plan.chunks()).flat_map(|(chunk, range)| match chunk {
                Evaluating::Done(results) => &results[..range.len()],
                _ => unreachable!("the last message was received"),
            });
        results.map(|result| result.wrapping_add(plan.offsets[1]) & ring).collect()
    }
}

impl Evaluating {
    fn step(&mut self, plan: &MasksPlan, values: &[u32], side: Side, message: &mut Message<'_>) {
        let program = &plan.program;
        let (b, r): (&[u32], &[u32]) = match side {
            Side::Client => (&[], values),
            Side::Server => (values, &[]),
        };
        *self = match std::mem::replace(self, Self::Moved) {
            Self::Prepared(prepared) => {
                Self::Opened(Box::new(prepared.open(program, b, side, message)))
            }
            Self::Opened(opened) => Self::Masked(opened.mask(program, side, message)),
            Self::Masked(masked) => Self::Known(masked.reveal(program, side, message)),
            Self::Known(known) => Self::Done(known.close(program, r, side, message)),
            Self::Done(_) | Self::Moved => unreachable!("there are four messages"),
        };
    }
}

/// The values of a chunk.
fn part(values: &[u32], chunk: usize) -> &[u32] {
    &values[chunk * LANES..values.len().min((chunk + 1) * LANES)]
}

/// Makes a message: each chunk writes its part.
fn send<T: Send>(
    plan: &MasksPlan,
    size: &Size,
    chunks: &mut [T],
    step: impl Fn((usize, &mut T), &mut Message<'_>) + Sync,
) -> Vec<u8> {
    let mut bytes = vec![0; plan.len(size)];
    let mut rest = bytes.as_mut_slice();
    let parts = (0..chunks.len()).map(|number| {
        let part = rest.split_off_mut(..size.bytes(plan.lanes(number)));
        part.expect("a part for each chunk")
    });
    let parts: Vec<&mut [u8]> = parts.collect();
    chunks.par_iter_mut().zip(parts).enumerate().for_each(|(number, (chunk, bytes))| {
        let mut message = Message::out(plan.lanes(number), bytes);
        step((number, chunk), &mut message);
        debug_assert!(message.is_sound(), "a message is written to its end");
    });
    bytes
}

/// Takes a message: each chunk reads its part. Whether no unused bit was set.
fn receive<T: Send>(
    plan: &MasksPlan,
    size: &Size,
    chunks: &mut [T],
    bytes: &[u8],
    step: impl Fn((usize, &mut T), &mut Message<'_>) + Sync,
) -> bool {
    let mut rest = bytes;
    let parts = (0..chunks.len()).map(|number| {
        let part = rest.split_off(..size.bytes(plan.lanes(number)));
        part.expect("the message has its length")
    });
    let parts: Vec<&[u8]> = parts.collect();
    let read = |(number, (chunk, bytes))| {
        let mut message = Message::read(plan.lanes(number), bytes);
        step((number, chunk), &mut message);
        message.is_sound()
    };
    // All chunks in any case: what is computed depends on the message's length alone.
    let sound = chunks.par_iter_mut().zip(parts).enumerate().map(read);
    sound.collect::<Vec<bool>>().into_iter().all(|sound| sound)
}
