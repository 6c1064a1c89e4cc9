//! The functions that activations compute, each defined on integers.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// A function of one sum y, |y| < 2^ℓ, to an integer of 8 to 15 bits. f is the shift of y's channel.
///
/// Tables are public. They are indexed by the magnitude |y|° = y if y ≥ 0 and −1 − y otherwise, the
/// bits of y exclusive-or its sign, and the last entry stands for all larger magnitudes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Function {
    /// `min(max(y >> f, least), most)`: ReLU, ReLU6 and other clips, signed requantisation.
    ///
    /// least ≤ 0 ≤ most and 1 ≤ most − least ≤ [`CLAMP_MAX`](crate::CLAMP_MAX); f ≤ ℓ − c with c the
    /// bits of most − least, but at least 8. It is the clamp to 0..=most − least of y − least·2^f,
    /// plus least.
    Clamp {
        /// The smallest result.
        least: i16,
        /// The largest result.
        most: i16,
    },
    /// With t = y >> f: `min(max(t ≥ 0 ? t : (c·t) >> j, least), most)`, the ReLU with slope c / 2^j
    /// below 0.
    ///
    /// Bounds and f as for [`Function::Clamp`], 0 ≤ c ≤ 2^j and j ≤ 8.
    Leaky {
        /// c: one for all channels, or one for each.
        slopes: Vec<u16>,
        /// j.
        slope_shift: u32,
        /// The smallest result.
        least: i16,
        /// The largest result.
        most: i16,
    },
    /// `min(max(y, 0) >> f, 255) − T[min(|y|° >> (f + step), len − 1)]`: a ReLU minus an even bump,
    /// such as HardSwish, SiLU and GELU. f ≤ ℓ − 8, 0 ≤ f + step ≤ ℓ − b.
    ReluMinusTable {
        /// T: 2^b entries, b = 5 or 6.
        table: Vec<u8>,
        /// An entry spans 2^step results; −8 to 8.
        step: i8,
    },
    /// With t = T[min(|y|° >> f, len − 1)]: `y ≥ 0 ? centre + t : centre − t`, such as sigmoid,
    /// HardSigmoid and tanh. f ≤ ℓ − b.
    Odd {
        /// T: 2^b entries, b = 5 or 6.
        table: Vec<u8>,
        /// The value at 0; −255 to 255.
        centre: i16,
    },
}

/// f, the bits that an activation drops. A shift for each channel tells the client of each channel
/// what one for all tells of the largest: how large its sums are, to a factor of two.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Shift {
    /// One for all channels.
    Tensor(u8),
    /// One for each channel.
    Channels(Vec<u8>),
}

impl Function {
    /// ReLU: 0 to 255.
    pub const RELU: Self = Self::clip(255);

    /// Signed requantisation: −128 to 127.
    pub const SIGNED: Self = Self::Clamp { least: -128, most: 127 };

    /// ReLU with an upper bound, as ReLU6 is.
    pub const fn clip(most: i16) -> Self {
        Self::Clamp { least: 0, most }
    }

    /// The result for a sum `y` of channel number `channel` whose shift is `shift`.
    ///
    /// # Panics
    ///
    /// If the function has no slope for the channel or an empty table, which no checked card has.
    pub fn apply(&self, y: i32, channel: usize, shift: u32) -> i32 {
        let magnitude = |shift: u32| (y ^ (y >> 31)) as usize >> shift;
        let entry = |table: &[u8], shift| i32::from(table[magnitude(shift).min(table.len() - 1)]);
        match self {
            Self::Clamp { least, most } => (y >> shift).clamp((*least).into(), (*most).into()),
            Self::Leaky { slopes, slope_shift, least, most } => {
                let slope = slopes[if slopes.len() == 1 { 0 } else { channel }];
                let t = i64::from(y >> shift);
                let t = if t < 0 { (i64::from(slope) * t) >> slope_shift } else { t };
                t.clamp((*least).into(), (*most).into()) as i32
            }
            Self::ReluMinusTable { table, step } => {
                let index_shift = shift.wrapping_add_signed((*step).into());
                (y.max(0) >> shift).min(255) - entry(table, index_shift)
            }
            Self::Odd { table, centre } if y < 0 => i32::from(*centre) - entry(table, shift),
            Self::Odd { table, centre } => i32::from(*centre) + entry(table, shift),
        }
    }
}

impl Shift {
    /// The shift of a channel.
    ///
    /// # Panics
    ///
    /// If there is none for it, which no checked card has.
    pub fn of(&self, channel: usize) -> u32 {
        match self {
            Self::Tensor(shift) => (*shift).into(),
            Self::Channels(shifts) => shifts[channel].into(),
        }
    }

    /// Every shift once, or one for each channel.
    pub fn all(&self) -> &[u8] {
        match self {
            Self::Tensor(shift) => core::slice::from_ref(shift),
            Self::Channels(shifts) => shifts,
        }
    }
}
