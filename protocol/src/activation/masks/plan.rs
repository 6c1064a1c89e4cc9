//! Layers of one program, planned: functions of public facts alone, so both parties make the same.
//! An activation has one of them for its clamp and, if it pools, some for its maxima (`node.rs`).

use super::Side;
use super::message::Size;
use super::plane::{LANES, Plane};
use super::program::Program;
use super::shape::{Digits, cuts};
use super::sizes::Sizes;
use super::transfer::KEY_BITS;
use crate::digest::PlanDigest;
use crate::model::{ActivationNode, Function, Shift};
use crate::ot::transfers::Source;

/// The most digits of a part.
const MAX_LOW: usize = 4;
const MAX_MIDDLE: usize = 4;
const MAX_HIGH: usize = 3;

/// A layer: a clamp of many sums to a range of 2^c values, or many maxima of two such values.
pub struct MasksPlan {
    pub(super) program: Program,
    pub(super) sizes: Sizes,
    instances: usize,
    /// Of the transfers that the client sends, and of the others.
    sources: [Source; 2],
    /// Added to the server's sums, and to its results.
    pub(super) offsets: [u32; 2],
}

/// What an activation costs, frames' headers not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Transfers whose sender the client is, and those whose sender the server is.
    pub transfers: [usize; 2],
    /// Bytes of the offline phase from the client and from the server; transfers not counted.
    pub offline: [usize; 2],
    /// Messages of the offline phase from the client and from the server.
    pub offline_messages: [usize; 2],
    /// Bytes of the online phase from the client and from the server.
    pub online: [usize; 2],
    /// Messages of the online phase from the client and from the server.
    pub online_messages: [usize; 2],
}

impl MasksPlan {
    /// The clamp of `instances` sums, to results in a ring of `out_bits` bits, cut into digits of at
    /// most `widest` bits; the cheapest cut for transfers from these sources. None if this engine does
    /// not compute it: it clamps to 2^c values.
    pub fn clamp(
        node: &ActivationNode,
        instances: usize,
        out_bits: u32,
        sources: [Source; 2],
        widest: usize,
    ) -> Option<Self> {
        let (Function::Clamp { least, most }, Shift::Tensor(shift)) = (&node.function, &node.shift)
        else {
            return None;
        };
        let (sum_bits, shift) = (node.sum_bits as usize, usize::from(*shift));
        let unclamped = sum_bits.checked_sub(shift).filter(|&bits| bits > 0)?;
        let bound = most.checked_sub(*least)?.cast_unsigned();
        // A bound that no sum reaches clamps nothing.
        let result_bits = match bound.checked_add(1)? {
            _ if u32::from(bound) >> unclamped.min(31) != 0 => unclamped,
            count if count.is_power_of_two() => count.trailing_zeros() as usize,
            _ => return None,
        };
        let bits = [shift, result_bits, unclamped.checked_sub(result_bits)?];
        let digits = cheapest(bits, out_bits, sources.map(Source::bits), widest)?;
        let least = i32::from(*least).cast_unsigned();
        let offsets = [least.wrapping_neg() << shift, least];
        Some(Self::new(digits, out_bits, instances, offsets, sources))
    }

    /// `instances` maxima of two values of `bits` bits, in a ring of `out_bits` bits, cut into digits of at
    /// most `widest` bits; the cheapest cut for transfers from these sources. None unless the ring has a bit
    /// more than the values.
    pub fn maxima(
        bits: usize,
        instances: usize,
        out_bits: u32,
        sources: [Source; 2],
        widest: usize,
    ) -> Option<Self> {
        if out_bits as usize <= bits {
            return None;
        }
        let digits = cheapest_of_maxima(bits, out_bits, sources.map(Source::bits), widest)?;
        Some(Self::of_program(Program::maximum(digits, out_bits), instances, [0; 2], sources))
    }

    pub(super) fn new(
        digits: Digits,
        out_bits: u32,
        instances: usize,
        offsets: [u32; 2],
        sources: [Source; 2],
    ) -> Self {
        Self::of_program(Program::new(digits, out_bits), instances, offsets, sources)
    }

    fn of_program(
        program: Program,
        instances: usize,
        offsets: [u32; 2],
        sources: [Source; 2],
    ) -> Self {
        let sizes = Sizes::of(&program);
        Self { program, sizes, instances, sources, offsets }
    }

    /// c: bits of a result of a clamp, less the least one, and of what maxima are of.
    pub(super) fn result_bits(&self) -> usize {
        self.program.digits.result_bits()
    }

    /// How many values there are.
    pub(super) fn instances(&self) -> usize {
        self.instances
    }

    /// Bits of the ring of the sums.
    pub(crate) fn ring_bits(&self) -> u32 {
        self.program.digits.ring_bits() as u32
    }

    /// Bits of the ring of the results.
    pub(crate) fn out_bits(&self) -> u32 {
        self.program.out_bits
    }

    /// The instances of each chunk.
    pub(super) fn chunks(&self) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> + '_ {
        let starts = (0..self.instances).step_by(LANES);
        starts.map(|first| first..(first + LANES).min(self.instances))
    }

    /// Transfers that the layer takes: those whose sender the client is, and the others. A chunk has
    /// whole blocks of 128 of each.
    pub fn transfers(&self) -> [usize; 2] {
        let lanes: usize = self.chunks().map(|c| c.len().next_multiple_of(KEY_BITS)).sum();
        self.program.transfers().map(|each| each * lanes)
    }

    /// Blocks of 128 lanes of a chunk.
    pub(super) fn blocks(&self, chunk: usize) -> usize {
        self.lanes(chunk).div_ceil(KEY_BITS)
    }

    /// Where the transfers of each direction come from.
    pub(crate) fn sources(&self) -> [Source; 2] {
        self.sources
    }

    /// How many messages the offline phase has; the client sends the first, then they alternate.
    pub fn offline_messages(&self) -> usize {
        self.sizes.offline.len()
    }

    /// Bytes of message `index` of the offline phase.
    pub(crate) fn offline_len(&self, index: usize) -> usize {
        self.len(&self.sizes.offline[index])
    }

    /// Bytes of message `index` of the online phase, of four; the server sends the first, then they
    /// alternate.
    pub(crate) fn online_len(&self, index: usize) -> usize {
        self.len(&self.sizes.online[index])
    }

    /// Lanes of a chunk that are in use.
    pub(super) fn lanes(&self, chunk: usize) -> usize {
        (self.instances - chunk * LANES).min(LANES)
    }

    /// Bytes of a message of all chunks.
    pub(super) fn len(&self, size: &Size) -> usize {
        let whole = self.instances / LANES;
        let rest = match self.instances % LANES {
            0 => 0,
            lanes => size.bytes(lanes),
        };
        whole * size.bytes(LANES) + rest
    }

    /// Bytes of memory that a prepared layer takes a party.
    pub(crate) fn prepared_bytes(&self, side: Side) -> usize {
        self.chunks().len() * self.sizes.stored[side as usize].memory()
    }

    /// At most how many bytes of memory the layer takes the client, with messages that wait to be sent;
    /// requests for its transfers not counted.
    pub(crate) fn client_bytes(&self) -> usize {
        // While it is prepared: of each transfer the choice, and some positions of both keys.
        let transfers: usize = self.program.transfers().iter().sum();
        let preparing = self.chunks().len() * transfers * 17 * size_of::<Plane>();
        let messages: usize =
            (0..self.offline_messages()).map(|index| self.offline_len(index)).sum();
        preparing + messages + self.prepared_bytes(Side::Client)
    }

    /// Puts the digits and all messages into a plan's digest.
    pub(crate) fn digest(&self, digest: &mut PlanDigest) {
        let Digits { low, middle, high } = &self.program.digits;
        for part in [low, middle, high] {
            digest.numbers(&[part.len()]);
            digest.numbers(part);
        }
        digest.numbers(&self.transfers());
        let offline = (0..self.offline_messages()).map(|index| self.offline_len(index) as u64);
        digest.words(offline);
        let online: [usize; 4] = std::array::from_fn(|index| self.online_len(index));
        digest.numbers(&online);
        digest.numbers(&self.sources.map(|source| source.byte().into()));
        let is_maximum = usize::from(self.program.is_maximum());
        digest.numbers(&[self.instances, self.out_bits() as usize, is_maximum]);
        digest.words(self.offsets.iter().map(|&offset| offset.into()));
    }
}

/// The digits that cost fewest bits, `transfer` of them for each transfer of a direction; None if there
/// are none.
fn cheapest(
    bits: [usize; 3],
    out_bits: u32,
    transfer: [usize; 2],
    widest: usize,
) -> Option<Digits> {
    let [low, middle, high] = [
        cuts(bits[0], MAX_LOW, widest),
        cuts(bits[1], MAX_MIDDLE, widest),
        cuts(bits[2], MAX_HIGH, widest),
    ];
    let first = |cuts: &[Vec<usize>]| cuts.first().cloned();
    let mut best = Digits { low: first(&low)?, middle: first(&middle)?, high: first(&high)? };
    // What a part costs does not depend on the cuts of the others.
    let price = |digits: &Digits| price(&Program::new(digits.clone(), out_bits), transfer);
    let with = low.into_iter().map(|low| Digits { low, ..best.clone() });
    best = with.min_by_key(price)?;
    let with = middle.into_iter().map(|middle| Digits { middle, ..best.clone() });
    best = with.min_by_key(price)?;
    let with = high.into_iter().map(|high| Digits { high, ..best.clone() });
    with.min_by_key(price)
}

/// The same for maxima of values of `bits` bits.
fn cheapest_of_maxima(
    bits: usize,
    out_bits: u32,
    transfer: [usize; 2],
    widest: usize,
) -> Option<Vec<usize>> {
    let price = |digits: &Vec<usize>| price(&Program::maximum(digits.clone(), out_bits), transfer);
    cuts(bits, MAX_MIDDLE, widest).into_iter().min_by_key(price)
}

/// Bits of an activation, up to a constant.
fn price(program: &Program, transfer: [usize; 2]) -> usize {
    let of_digits: usize = program.digits.all().map(super::digit::Digit::bits_sent).sum();
    let of_levels: usize = [&program.level2.level, &program.level3.level]
        .iter()
        .flat_map(|level| level.gates())
        .map(|gate| 1 + gate.terms.iter().map(|term| (1 << term.factors.len()) - 1).sum::<usize>())
        .sum();
    let opened = program.level2.level.transfers() + 2 * program.selected();
    let [up, down] = program.transfers();
    of_digits + of_levels + opened + transfer[0] * up + transfer[1] * down
}
