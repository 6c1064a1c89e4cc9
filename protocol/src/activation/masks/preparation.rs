//! The offline phase of up to [`LANES`](super::plane::LANES) activations: digits, masks and ring
//! correlations.

use rand::{CryptoRng, RngExt};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Side;
use super::digit::{Digit, PreparedDigit};
use super::level::{LevelShares, LevelTransfers};
use super::message::Message;
use super::plane::{Plane, Planes};
use super::program::{ClampVariables, Level3, LowVariables, Program};
use super::result::{HalfResult, ResultShares, ResultTransfers};
use super::transfer::{Derandomised, Keys, RingTransfer, Transfer};

/// A chunk's transfers that the client sends, their keys cut to what is used.
pub struct UpTransfers {
    digits: Vec<Vec<Transfer>>,
    level2: LevelTransfers,
    result: RingTransfer,
}

impl UpTransfers {
    /// Draws them from `keys`.
    pub(super) fn new(program: &Program, mut keys: Keys<'_>) -> Self {
        let digits = program.digits.all().map(|width| Digit::draw(width, &mut keys)).collect();
        let level2 = &program.level2.level;
        let of_level2 = level2.widths().map(|width| keys.transfer(width));
        let level2 = LevelTransfers::new(level2, of_level2);
        Self { digits, level2, result: keys.ring_transfer() }
    }
}

/// A chunk's transfers that the server sends, likewise.
pub struct DownTransfers {
    level3: LevelTransfers,
    result: Vec<RingTransfer>,
    selectors: Vec<Option<Transfer>>,
}

impl DownTransfers {
    /// Draws them from `keys`.
    pub(super) fn new(program: &Program, mut keys: Keys<'_>) -> Self {
        let level3 = &program.level3.level;
        let of_level3 = level3.widths().map(|width| keys.transfer(width));
        let level3 = LevelTransfers::new(level3, of_level3);
        let result = (0..program.opened()).map(|_| keys.ring_transfer()).collect();
        let selectors = (0..program.digits.high.len())
            .map(|high| program.is_selected(high).then(|| keys.transfer(1)));
        Self { level3, result, selectors: selectors.collect() }
    }
}

/// Before the first message.
pub(super) struct Start {
    common: Common,
    selectors: Vec<Option<Transfer>>,
    level2: LevelTransfers,
    level3: LevelTransfers,
    pub(super) result: ResultTransfers,
}

/// After the client's first message.
pub(super) struct Half {
    common: Common,
    selectors: Vec<Option<Selector>>,
    sums: MaskSums,
    level2: LevelShares,
    level3: LevelTransfers,
    result: HalfResult,
}

/// After the server's first message: only digits are still to be prepared.
pub(super) struct Rest {
    digits: Vec<Digit>,
    prepared: Prepared,
}

struct Common {
    digits: Vec<Digit>,
    own: OwnBits,
}

/// Bits of the client's; 0 for the server.
#[derive(ZeroizeOnDrop)]
pub(super) struct OwnBits {
    /// The sign bit of a.
    pub(super) sign: Plane,
    /// Whether a lower high digit of a is not 0: for each high digit, and for the sign bit.
    pub(super) above_nonzero: Planes,
    /// The mask of P0.
    pub(super) is_zero: Plane,
    /// The mask of V.
    pub(super) high_carry: Plane,
}

/// What a high digit is looked up with, for either party: the client's bit, or the correction.
pub(super) struct Selector {
    pub(super) transfer: Transfer,
    pub(super) bit: Plane,
}

/// Sums of masks that both parties know, for the variables of level 3 that are sums of others.
#[derive(Clone, Copy, Default, Zeroize)]
pub(super) struct MaskSums {
    /// Of D, P0 and P1.
    pub(super) differs: Plane,
    /// Of X, G and Q.
    pub(super) one_of: Plane,
    /// Of P0 as it stands and as a variable.
    pub(super) is_zero: Plane,
}

/// Activations that wait for the server's sums. Used once.
pub(super) struct Prepared {
    pub(super) digits: Vec<PreparedDigit>,
    pub(super) own: OwnBits,
    pub(super) selectors: Vec<Option<Selector>>,
    pub(super) sums: MaskSums,
    pub(super) level2: LevelShares,
    pub(super) level3: LevelShares,
    pub(super) result: ResultShares,
}

impl Start {
    /// With all transfers of these activations. `a` are the client's shares of the sums (nothing for
    /// the server).
    #[inline(always)]
    pub(super) fn new(
        program: &Program,
        a: &[u32],
        up: UpTransfers,
        down: DownTransfers,
        side: Side,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let mut bits = Planes::zero(program.digits.ring_bits());
        Plane::set_bits(&mut bits, a);
        let mut at = 0;
        let digits = program.digits.all().zip(up.digits).map(|(width, transfers)| {
            at += width;
            Digit::new(&bits[at - width..at], transfers, side)
        });
        let digits = digits.collect();
        let result = ResultTransfers::new(program, a, up.result, down.result, side, rng);
        Self {
            selectors: down.selectors,
            level2: up.level2,
            level3: down.level3,
            result,
            common: Common { digits, own: OwnBits::new(program, &bits, side, rng) },
        }
    }

    /// The client sends.
    #[inline(always)]
    pub(super) fn up(mut self, program: &Program, side: Side, message: &mut Message<'_>) -> Half {
        self.common.digits.iter_mut().for_each(|digit| digit.up(0, side, message));
        let above = self.common.own.above_nonzero.iter();
        let selectors = self.selectors.into_iter().zip(above).map(|(transfer, &bit)| {
            let (transfer, correction) = Derandomised::new(transfer?, bit, message).into_parts();
            let bit = side.choose(bit, correction);
            Some(Selector { transfer, bit })
        });
        let selectors = selectors.collect();
        let sums = MaskSums::new(&program.level3, &self.level3, &self.common.own, message);
        Half {
            selectors,
            sums,
            level2: self.level2.fold(&program.level2.level, side == Side::Client, message),
            level3: self.level3,
            result: self.result.up(program, message),
            common: self.common,
        }
    }
}

impl Half {
    /// The server sends.
    #[inline(always)]
    pub(super) fn down(self, program: &Program, side: Side, message: &mut Message<'_>) -> Rest {
        let Common { mut digits, own } = self.common;
        digits.iter_mut().for_each(|digit| digit.down(1, message));
        let sends = side == Side::Server;
        let level3 = self.level3.fold(&program.level3.level, sends, message);
        let result = self.result.down(program, message);
        let Self { selectors, sums, level2, .. } = self;
        let prepared =
            Prepared { digits: Vec::new(), own, selectors, sums, level2, level3, result };
        Rest { digits, prepared }
    }
}

impl Rest {
    /// The client's message number `round`, from 1 on.
    #[inline(always)]
    pub(super) fn up(&mut self, round: usize, side: Side, message: &mut Message<'_>) {
        self.digits.iter_mut().for_each(|digit| digit.up(round, side, message));
    }

    /// The server's message before it, from round 2 on.
    #[inline(always)]
    pub(super) fn down(&mut self, round: usize, message: &mut Message<'_>) {
        self.digits.iter_mut().for_each(|digit| digit.down(round, message));
    }

    /// After the last message.
    pub(super) fn finish(self) -> Prepared {
        let digits = self.digits.into_iter().map(Digit::finish).collect();
        Prepared { digits, ..self.prepared }
    }
}

impl Prepared {
    /// Writes or reads what is stored of it.
    pub(super) fn keep(&mut self, program: &Program, side: Side, message: &mut Message<'_>) {
        self.digits.iter_mut().for_each(|digit| digit.keep(side, message));
        match side {
            Side::Client => {
                let OwnBits { sign, above_nonzero, is_zero, high_carry } = &mut self.own;
                message.keep([sign]);
                if !program.is_maximum() {
                    message.keep([is_zero, high_carry].into_iter().chain(above_nonzero.iter_mut()));
                }
            }
            Side::Server if program.is_maximum() => {}
            Side::Server => {
                let MaskSums { differs, one_of, is_zero } = &mut self.sums;
                message.keep([differs, one_of, is_zero]);
            }
        }
        for Selector { transfer, bit } in self.selectors.iter_mut().flatten() {
            transfer.keep(side == Side::Server, message);
            message.keep([bit]);
        }
        self.level2.keep(side == Side::Client, message);
        self.level3.keep(side == Side::Server, message);
        self.result.keep(program.out_bits, side, message);
    }
}

impl OwnBits {
    fn new(program: &Program, a: &[Plane], side: Side, rng: &mut impl CryptoRng) -> Self {
        let (high, sign) = a[program.digits.shift() + program.digits.result_bits()..]
            .split_at(program.digits.high.iter().sum());
        let mut above_nonzero = Planes::zero(program.digits.high.len() + 1);
        let mut bits = high.iter();
        for (digit, &width) in program.digits.high.iter().enumerate() {
            let bits = bits.by_ref().take(width);
            let any = bits.fold(above_nonzero[digit], |any, &bit| any ^ bit ^ any & bit);
            above_nonzero[digit + 1] = any;
        }
        let mut random = || side.of_client(Plane(rng.random()));
        let (is_zero, high_carry) = (random(), random());
        Self { sign: sign[0], above_nonzero, is_zero, high_carry }
    }
}

impl MaskSums {
    /// The client sends.
    fn new(
        level3: &Level3,
        masks: &LevelTransfers,
        own: &OwnBits,
        message: &mut Message<'_>,
    ) -> Self {
        let Some(ClampVariables { low, is_ones, differs, .. }) = level3.clamp else {
            return Self::default();
        };
        let mut pass = |sum: Plane| message.pass(sum);
        let differs = pass(masks.own(differs) ^ own.is_zero ^ masks.own(is_ones));
        let Some(LowVariables { propagates, one_of, is_zero, .. }) = low else {
            return Self { differs, ..Self::default() };
        };
        let known = masks.own(level3.generates) ^ masks.own(propagates);
        let one_of = pass(masks.own(one_of) ^ known);
        Self { differs, one_of, is_zero: pass(masks.own(is_zero) ^ own.is_zero) }
    }
}
