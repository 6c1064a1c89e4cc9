//! The online phase of up to [`LANES`](super::plane::LANES) activations: four messages, the server's
//! first.

use super::Side;
use super::digit::Sums;
use super::gate::Variable;
use super::level::LevelShares;
use super::message::Message;
use super::plane::{Plane, Planes};
use super::preparation::{MaskSums, OwnBits, Prepared, Selector};
use super::program::{Chain, ClampVariables, Level2, Level3, LowVariables, MOST_OPENED};
use super::program::{Program, Result2, Top};
use super::result::OpenResult;

/// After the server's first message: level 2 is open.
pub(super) struct Opened {
    own: OwnBits,
    sums: MaskSums,
    level2: LevelShares,
    level3: LevelShares,
    /// Shares of what the results of level 2 are linear in.
    linear: Linear,
    result: OpenResult,
}

struct Linear {
    carry: Plane,
    /// Of the middle digits' generates, and of their propagate if there is one digit only.
    generates: Plane,
    propagates: Plane,
    /// Z0 as far as it is known: the sign bits and the carry out of the top high digit.
    negative: Plane,
}

/// After the client's first message: level 3 is open.
pub(super) struct Masked {
    level3: LevelShares,
    /// P0 and Z0.
    linear: [Plane; 2],
    result: OpenResult,
}

/// After the server's second message: the client has the masked bits P, Z, W and R.
pub(super) struct Known {
    bits: [Plane; MOST_OPENED],
    result: OpenResult,
}

impl Prepared {
    /// The server sends; `b` are its shares of the sums (nothing for the client).
    #[inline(always)]
    pub(super) fn open(
        self,
        program: &Program,
        b: &[u32],
        side: Side,
        message: &mut Message<'_>,
    ) -> Opened {
        let Self { digits, own, mut selectors, sums, mut level2, level3, result } = self;
        let mut bits = Planes::zero(program.digits.ring_bits());
        Plane::set_bits(&mut bits, b);
        let (mut at, widths) = (0, program.digits.all());
        let open = digits.into_iter().zip(widths).map(|(digit, width)| {
            at += width;
            digit.open(&bits[at - width..at], side, message)
        });
        let open: Vec<Sums> = open.collect();
        let (low, rest) = open.split_at(program.digits.low.len());
        let (middle, high) = rest.split_at(program.digits.middle.len());

        let vars = &program.level2;
        let mut opening = Opening { level: &mut level2, side, message };
        opening.chain(&vars.low, low);
        opening.chain(&vars.middle, middle);
        // Shares of the sign bits' sum are the sign bits.
        let sign = own.sign ^ bits[program.digits.ring_bits() - 1];
        if let Some(top) = &vars.top {
            opening.top(top, sign, (high, &program.digits.high), &own, &mut selectors);
        }

        let top = |digits: &[Sums]| digits.last().map_or(Plane::ZERO, |digit| digit.generates);
        let linear = Linear {
            carry: top(low),
            generates: top(middle),
            propagates: if middle.len() == 1 { middle[0].propagates } else { Plane::ZERO },
            negative: sign ^ top(high),
        };
        let result = result.open(program, b, side, message);
        Opened { own, sums, level2, level3, linear, result }
    }
}

/// Shares of whether a high digit is as a sum of 0 below it makes it 0: with `above`, the client's
/// bit that there is a carry then, the digit propagates, else it is 0.
#[inline(always)]
fn is_zero(
    digit: &Sums,
    width: usize,
    above: Plane,
    selector: Option<&mut Selector>,
    message: &mut Message<'_>,
) -> Plane {
    match selector {
        Some(selector) => {
            let change = digit.is_zero ^ digit.propagates;
            let of_other = selector.transfer.times(change, message);
            digit.is_zero ^ selector.bit & change ^ of_other
        }
        // Of one bit, both are "the bits' sum plus the carry is 0"; below the first there is none.
        None if width == 1 => digit.is_zero ^ above,
        None => digit.is_zero,
    }
}

/// Opens shared bits as variables of level 2: the server sends its share, masked.
struct Opening<'a, 'm> {
    level: &'a mut LevelShares,
    side: Side,
    message: &'a mut Message<'m>,
}

impl Opening<'_, '_> {
    #[inline(always)]
    fn variable(&mut self, variable: Variable, share: Plane) {
        let sent = self.message.pass(share ^ self.level.own(variable));
        if let Side::Client = self.side {
            self.level.set_own(variable, share ^ sent);
        }
    }

    #[inline(always)]
    fn chain(&mut self, chain: &Chain, digits: &[Sums]) {
        for (number, digit) in digits.iter().enumerate() {
            if let Some(variable) = chain.generates[number] {
                self.variable(variable, digit.generates);
            }
            if let Some(variable) = chain.propagates[number] {
                self.variable(variable, digit.propagates);
            }
        }
    }

    /// The high digits with their widths, and the sum of the sign bits.
    #[inline(always)]
    fn top(
        &mut self,
        top: &Top,
        sign: Plane,
        (digits, widths): (&[Sums], &[usize]),
        own: &OwnBits,
        selectors: &mut [Option<Selector>],
    ) {
        self.chain(&top.high, digits);
        for (number, digit) in digits.iter().enumerate() {
            let (above, selector) = (own.above_nonzero[number], selectors[number].as_mut());
            let zero = is_zero(digit, widths[number], above, selector, self.message);
            self.variable(top.zeros[number], zero);
        }
        self.variable(top.sign, sign);
        let all_above = *own.above_nonzero.last().expect("one for the sign");
        self.level.set_own(top.no_carry, self.side.of_client(!all_above));
    }
}

impl Opened {
    /// The client sends.
    #[inline(always)]
    pub(super) fn mask(
        mut self,
        program: &Program,
        side: Side,
        message: &mut Message<'_>,
    ) -> Masked {
        let Level3 { generates, clamp, .. } = program.level3;
        let low = clamp.and_then(|clamp| clamp.low);
        let mut linear = [self.own.is_zero, self.linear.negative];
        let Level2 { level, results, .. } = &program.level2;
        for (gate, &result) in level.gates().iter().zip(results) {
            let variable = match result {
                Result2::CarryOfLow => low.map(|low| low.carry),
                Result2::Propagates => low.map(|low| low.propagates),
                Result2::Generates => Some(generates),
                Result2::IsOnes => clamp.map(|clamp| clamp.is_ones),
                Result2::HighPropagates => clamp.map(|clamp| clamp.high_propagates),
                Result2::IsZero | Result2::HighCarry => None,
            };
            let mask = match (variable, result) {
                (Some(variable), _) => self.level3.own(variable),
                (None, Result2::HighCarry) => self.own.high_carry,
                (None, _) => self.own.is_zero,
            };
            let part = mask ^ self.linear_part(program, result, side);
            let hat = self.level2.run(gate, part, side == Side::Client, message);
            match (variable, result) {
                (Some(variable), _) => self.set(variable, hat, side),
                (None, Result2::HighCarry) => linear[1] ^= mask ^ hat,
                (None, _) => linear[0] = side.choose(mask, hat),
            }
        }
        self.derive(program, linear[0], side);
        let Self { level3, result, .. } = self;
        Masked { level3, linear, result }
    }

    /// This party's share of the terms of a result that no transfer is needed for.
    #[inline(always)]
    fn linear_part(&self, program: &Program, result: Result2, side: Side) -> Plane {
        match result {
            Result2::CarryOfLow => self.linear.carry,
            Result2::Propagates => self.linear.propagates,
            Result2::Generates => self.linear.generates,
            // Without high digits a carry always goes through.
            Result2::HighPropagates if program.digits.high.is_empty() => {
                side.of_client(Plane::ONES)
            }
            _ => Plane::ZERO,
        }
    }

    /// Hats of level 3 belong to the server.
    #[inline(always)]
    fn set(&mut self, variable: Variable, hat: Plane, side: Side) {
        if let Side::Server = side {
            self.level3.set_own(variable, hat);
        }
    }

    /// The hats of the variables that are sums of others; `is_zero` is that of P0.
    #[inline(always)]
    fn derive(&mut self, program: &Program, is_zero: Plane, side: Side) {
        let Level3 { generates, clamp, .. } = program.level3;
        let Some(ClampVariables { low, is_ones, differs, .. }) = clamp else { return };
        let sums = self.sums;
        self.set(differs, is_zero ^ self.level3.own(is_ones) ^ sums.differs, side);
        if let Some(LowVariables { propagates, one_of, is_zero: variable, .. }) = low {
            let sum = self.level3.own(generates) ^ self.level3.own(propagates) ^ sums.one_of;
            self.set(one_of, sum, side);
            self.set(variable, is_zero ^ sums.is_zero, side);
        }
    }
}

impl Masked {
    /// The server sends.
    #[inline(always)]
    pub(super) fn reveal(self, program: &Program, side: Side, message: &mut Message<'_>) -> Known {
        let Self { level3, linear: [is_zero, negative], result } = self;
        // What each bit begins with; then the bits.
        let mut bits = match program.is_maximum() {
            true => [negative, Plane::ZERO, Plane::ZERO, Plane::ZERO],
            false => [is_zero, negative, Plane::ZERO, Plane::ZERO],
        };
        for (number, gate) in program.level3.level.gates().iter().enumerate() {
            let linear = bits[number] ^ result.mask_of_server(number, side);
            bits[number] = level3.run(gate, linear, side == Side::Server, message);
        }
        Known { bits, result }
    }
}

impl Known {
    /// The client sends; `values` are the masks of its results. Those of the server become the results
    /// less these, modulo 2^32.
    #[inline(always)]
    pub(super) fn close(
        self,
        program: &Program,
        values: &mut [u32],
        side: Side,
        message: &mut Message<'_>,
    ) {
        self.result.close(program, self.bits, values, side, message);
    }
}
