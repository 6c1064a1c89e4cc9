//! A layer of activations: all its chunks at once, message after message.

use gazelle_kernels::VectorBackend;
use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, RngExt, SeedableRng};
use zeroize::Zeroizing;

use super::Side;
use super::evaluation::{Known, Masked, Opened};
use super::message::{Message, Size};
use super::plan::MasksPlan;
use super::plane::LANES;
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
    /// The server's sums and in the end its results, or the masks of the client's.
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
    Done,
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
        let backend = VectorBackend::best();
        let start = |(chunk, (up, down, seed))| {
            let rng = &mut ChaCha20Rng::from_seed(seed);
            backend.run(
                #[inline(always)]
                || Preparing::Start(Start::new(&plan.program, shares(chunk), up, down, side, rng)),
            )
        };
        Self { side, chunks: parts.into_par_iter().enumerate().map(start).collect() }
    }

    /// Makes message `index`, which is this party's to send.
    pub fn send(&mut self, plan: &MasksPlan, index: usize) -> Vec<u8> {
        let mut bytes = vec![0; plan.offline_len(index)];
        let sound = self.step(plan, index, out(plan, &plan.sizes.offline[index], &mut bytes));
        debug_assert!(sound, "a message is written to its end");
        bytes
    }

    /// Takes message `index`, which is the other party's.
    ///
    /// # Errors
    /// [`PeerFault`] if it has not as many bytes as the plan says, or an unused bit is set.
    pub fn receive(&mut self, plan: &MasksPlan, index: usize, bytes: &[u8]) -> Result<(), Error> {
        PeerFault::check_length(OFFLINE, bytes, plan.offline_len(index))?;
        let sound = self.step(plan, index, read(plan, &plan.sizes.offline[index], bytes));
        if sound { Ok(()) } else { Err(PeerFault::Padding { message: OFFLINE }.into()) }
    }

    /// A message of each chunk; whether they are sound.
    fn step(&mut self, plan: &MasksPlan, index: usize, messages: Vec<Message<'_>>) -> bool {
        let side = self.side;
        each(
            self.chunks.iter_mut(),
            messages,
            #[inline(always)]
            |chunk, message| chunk.step(plan, index, side, message),
        )
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
    #[inline(always)]
    fn step(&mut self, plan: &MasksPlan, index: usize, side: Side, message: &mut Message<'_>) {
        let program = &plan.program;
        *self = match std::mem::replace(self, Self::Moved) {
            Self::Start(start) => Self::Half(start.up(program, side, message)),
            Self::Half(half) => Self::Rest(half.down(program, side, message)),
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
        let mut bytes = vec![0; plan.online_len(index)];
        let sound = self.step(plan, out(plan, &plan.sizes.online[index], &mut bytes));
        debug_assert!(sound, "a message is written to its end");
        bytes
    }

    /// Takes message `index`, which is the other party's.
    ///
    /// # Errors
    /// [`PeerFault`] if it has not as many bytes as the plan says, or an unused bit is set.
    pub fn receive(&mut self, plan: &MasksPlan, index: usize, bytes: &[u8]) -> Result<(), Error> {
        PeerFault::check_length(ONLINE, bytes, plan.online_len(index))?;
        let sound = self.step(plan, read(plan, &plan.sizes.online[index], bytes));
        if sound { Ok(()) } else { Err(PeerFault::Padding { message: ONLINE }.into()) }
    }

    /// A message of each chunk; whether they are sound.
    fn step(&mut self, plan: &MasksPlan, messages: Vec<Message<'_>>) -> bool {
        let side = self.side;
        each(
            self.chunks.iter_mut().zip(self.values.chunks_mut(LANES)),
            messages,
            #[inline(always)]
            |(chunk, values), message| chunk.step(plan, values, side, message),
        )
    }

    /// The server's results less the client's masks, after the last message.
    pub fn finish(self, plan: &MasksPlan) -> Vec<u32> {
        let Self { chunks, mut values, .. } = self;
        let done = chunks.iter().all(|chunk| matches!(chunk, Evaluating::Done));
        assert!(done, "the last message was received");
        let ring = u32::MAX >> (u32::BITS - plan.out_bits());
        values.iter_mut().for_each(|value| *value = value.wrapping_add(plan.offsets[1]) & ring);
        std::mem::take(&mut values)
    }
}

impl Evaluating {
    #[inline(always)]
    fn step(
        &mut self,
        plan: &MasksPlan,
        values: &mut [u32],
        side: Side,
        message: &mut Message<'_>,
    ) {
        let program = &plan.program;
        *self = match std::mem::replace(self, Self::Moved) {
            Self::Prepared(prepared) => {
                let b = if let Side::Server = side { values } else { &mut [] };
                Self::Opened(Box::new(prepared.open(program, b, side, message)))
            }
            Self::Opened(opened) => Self::Masked(opened.mask(program, side, message)),
            Self::Masked(masked) => Self::Known(masked.reveal(program, side, message)),
            Self::Known(known) => {
                known.close(program, values, side, message);
                Self::Done
            }
            Self::Done | Self::Moved => unreachable!("there are four messages"),
        };
    }
}

/// The values of a chunk.
fn part(values: &[u32], chunk: usize) -> &[u32] {
    &values[chunk * LANES..values.len().min((chunk + 1) * LANES)]
}

/// The parts of a message that chunks write.
fn out<'a>(plan: &MasksPlan, size: &Size, mut bytes: &'a mut [u8]) -> Vec<Message<'a>> {
    let parts = plan.chunks().map(|lanes| {
        let part = bytes.split_off_mut(..size.bytes(lanes.len()));
        Message::out(lanes.len(), part.expect("a part for each chunk"))
    });
    parts.collect()
}

/// The parts of a message that chunks read.
fn read<'a>(plan: &MasksPlan, size: &Size, mut bytes: &'a [u8]) -> Vec<Message<'a>> {
    let parts = plan.chunks().map(|lanes| {
        let part = bytes.split_off(..size.bytes(lanes.len()));
        Message::read(lanes.len(), part.expect("the message has its length"))
    });
    parts.collect()
}

/// Takes a step of each chunk, with its part of a message; whether all parts are sound.
fn each<'m, T: Send>(
    chunks: impl Iterator<Item = T>,
    messages: Vec<Message<'m>>,
    step: impl Fn(T, &mut Message<'m>) + Sync,
) -> bool {
    let backend = VectorBackend::best();
    let step = |(chunk, mut message): (T, Message<'m>)| {
        backend.run(
            #[inline(always)]
            || step(chunk, &mut message),
        );
        message.is_sound()
    };
    // All chunks in any case: what is computed depends on the message's length alone.
    let steps: Vec<_> = chunks.zip(messages).collect();
    let sound: Vec<bool> = steps.into_par_iter().map(step).collect();
    sound.into_iter().all(|sound| sound)
}
