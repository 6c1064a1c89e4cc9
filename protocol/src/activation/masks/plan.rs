//! An activation layer, planned: a function of public facts alone, so both parties make the same.

use super::Side;
use super::message::Size;
use super::plane::{LANES, Plane};
use super::program::Program;
use super::shape::{Digits, cuts};
use super::sizes::Sizes;
use super::transfer::KEY_BITS;
use crate::digest::PlanDigest;
use crate::model::{ActivationNode, Function, Shift, Tensor};
use crate::ot::transfers::Source;

/// The most digits of a part.
const MAX_LOW: usize = 4;
const MAX_MIDDLE: usize = 4;
const MAX_HIGH: usize = 3;

/// An activation layer: a clamp of many sums to a range of 2^c values.
pub struct MasksPlan {
    pub(super) program: Program,
    pub(super) sizes: Sizes,
    instances: usize,
    /// Of the transfers that the client sends, and of the others.
    sources: [Source; 2],
    /// Added to the server's sums, and to its results.
    pub(super) offsets: [u32; 2],
}

/// What an activation layer costs, frames' headers not counted.
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
}

impl MasksPlan {
    /// An activation that reads tensor `input` and yields tensor `output`, cut into digits of at most
    /// `widest` bits; the cheapest cut for transfers from these sources. None if this engine does not
    /// compute it: it clamps to 2^c values, without pooling.
    pub(crate) fn of_node(
        node: &ActivationNode,
        input: Tensor,
        output: Tensor,
        sources: [Source; 2],
        widest: usize,
    ) -> Option<Self> {
        let (Function::Clamp { least, most }, Shift::Tensor(shift), None) =
            (&node.function, &node.shift, &node.max_pool)
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
        let digits = cheapest(bits, output.ring_bits, sources.map(Source::bits), widest)?;
        let least = i32::from(*least).cast_unsigned();
        let offsets = [least.wrapping_neg() << shift, least];
        let instances = output.shape.len();
        debug_assert_eq!(instances, input.shape.len());
        Some(Self::new(digits, output.ring_bits, instances, offsets, sources))
    }

    pub(super) fn new(
        digits: Digits,
        out_bits: u32,
        instances: usize,
        offsets: [u32; 2],
        sources: [Source; 2],
    ) -> Self {
        let program = Program::new(digits, out_bits);
        let sizes = Sizes::of(&program);
        Self { program, sizes, instances, sources, offsets }
    }

    /// How many values there are.
    pub fn instances(&self) -> usize {
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
    pub(super) fn chunks(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let starts = (0..self.instances).step_by(LANES);
        starts.map(|first| first..(first + LANES).min(self.instances))
    }

    /// Transfers that the layer takes: those whose sender the client is, and the others. A chunk has
    /// whole blocks of 128 of each.
    pub(crate) fn transfers(&self) -> [usize; 2] {
        let lanes: usize = self.chunks().map(|c| c.len().next_multiple_of(KEY_BITS)).sum();
        self.program.transfers().map(|each| each * lanes)
    }

    /// Where the transfers of each direction come from.
    pub(crate) fn sources(&self) -> [Source; 2] {
        self.sources
    }

    /// Bytes of the request for the transfers of the layer in each direction; None if they are silent.
    pub(crate) fn request_lens(&self) -> [Option<usize>; 2] {
        let of = |direction: usize| match self.sources[direction] {
            Source::SoftSpoken(field) => Some(field.message_len(self.transfers()[direction])),
            Source::Silent(_) => None,
        };
        [of(0), of(1)]
    }

    /// How many messages the offline phase has; the client sends the first, then they alternate.
    pub(crate) fn offline_messages(&self) -> usize {
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
        self.chunks().count() * self.sizes.stored[side as usize].memory()
    }

    /// At most how many bytes of memory the layer takes the client, with messages that wait to be sent.
    pub(crate) fn client_bytes(&self) -> usize {
        // While it is prepared: of each transfer the choice, and some positions of both keys.
        let transfers: usize = self.program.transfers().iter().sum();
        let preparing = self.chunks().count() * transfers * 17 * size_of::<Plane>();
        // The server's request waits to be answered, the client's own to be sent, and the transfers that
        // it receives for the client's shares.
        let requests = self.request_lens().into_iter().flatten().sum::<usize>();
        let request = requests + size_of::<u128>() * self.transfers()[1];
        let messages: usize =
            (0..self.offline_messages()).map(|index| self.offline_len(index)).sum();
        preparing + request + messages + self.prepared_bytes(Side::Client)
    }

    /// At most how many bytes its transfers take while they are made.
    pub(crate) fn window_bytes(&self) -> usize {
        let [up, down] = self.transfers();
        4 * size_of::<u128>() * (up + down)
    }

    /// What the layer costs.
    pub fn cost(&self) -> Cost {
        let mut cost = Cost { transfers: self.transfers(), ..Cost::default() };
        for index in 0..self.offline_messages() {
            cost.offline[index % 2] += self.offline_len(index);
            cost.offline_messages[index % 2] += 1;
        }
        (0..4).for_each(|index| cost.online[(index + 1) % 2] += self.online_len(index));
        cost
    }

    /// Puts the digits and all messages into a plan's digest.
    pub(crate) fn digest(&self, digest: &mut PlanDigest) {
        let Digits { low, middle, high } = &self.program.digits;
        for part in [low, middle, high] {
            digest.numbers(&[part.len()]);
            digest.numbers(part);
        }
        let Cost { transfers, offline, offline_messages, online } = self.cost();
        [transfers, offline, offline_messages, online].iter().for_each(|pair| digest.numbers(pair));
        digest.numbers(&self.sources.map(|source| source.byte().into()));
        digest.numbers(&[self.instances, self.out_bits() as usize]);
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
    let price = |digits: &Digits| price(digits, out_bits, transfer);
    let with = low.into_iter().map(|low| Digits { low, ..best.clone() });
    best = with.min_by_key(price)?;
    let with = middle.into_iter().map(|middle| Digits { middle, ..best.clone() });
    best = with.min_by_key(price)?;
    let with = high.into_iter().map(|high| Digits { high, ..best.clone() });
    with.min_by_key(price)
}

/// Bits of an activation, up to a constant.
fn price(digits: &Digits, out_bits: u32, transfer: [usize; 2]) -> usize {
    let program = Program::new(digits.clone(), out_bits);
    let of_digits: usize = digits.all().map(super::digit::Digit::bits_sent).sum();
    let of_levels: usize = [&program.level2.level, &program.level3.level]
        .iter()
        .flat_map(|level| level.gates())
        .map(|gate| 1 + gate.terms.iter().map(|term| (1 << term.factors.len()) - 1).sum::<usize>())
        .sum();
    let opened = program.level2.level.transfers() + 2 * program.selected();
    let [up, down] = program.transfers();
    of_digits + of_levels + opened + transfer[0] * up + transfer[1] * down
}
