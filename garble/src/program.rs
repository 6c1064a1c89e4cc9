//! The activation programs.
//!
//! A program takes two additive shares of each sum y in Z_{2^k}: a, whose bits the evaluator holds
//! labels of, and b, whose bits are the garbler's. Sums are signed k-bit numbers. Wires are bit
//! planes: the label of bit t of lane j stands at `t·lanes + j`. With several sums per instance, sum
//! p of instance i is lane `p·instances + i`; several results per instance stand in the same order.

mod arithmetic;
mod circuit;
mod order;
mod output;
mod run;
mod table;

use crate::{Error, Tally, ring};

pub use run::{Garbled, clear, evaluate, garble};

/// The largest result of [`Program::Relu`] and of a ReLU minus a table.
const ACTIVATION_MAX: i32 = 255;

/// What is computed on each instance's sums.
///
/// The costs are for one instance, e(v) = ⌈v/8⌉ bytes being an element of Z_{2^v}; an AND takes
/// 32 bytes. Every program first adds the shares with k − 1 ANDs, which the costs include.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// `min(max(y, 0) >> shift, 255)` of the largest of `window` sums, as shares in
    /// Z_{2^out_ring_bits}: [`Program::Clamp`] from 0 to 255.
    Relu {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Bits dropped; at most k − 2.
        shift: u32,
        /// Sums per instance; 1 without pooling.
        window: usize,
        /// The ring of the result, 1 to 32 bits.
        out_ring_bits: u32,
    },
    /// `min(max(y >> shift, least), most)` of the largest of `window` sums, as shares in Z_{2^w}:
    /// a ReLU clamped anywhere, as ReLU6 is, or nowhere; a requantisation of signed numbers.
    ///
    /// It clamps y − least·2^shift, a signed k-bit number as y is, to 0 and most − least:
    /// [`Program::input_offset`] is to be added to a share of each sum.
    ///
    /// With m = k − 1 − shift, the bits of the unclamped result, a bound most − least of 2^m − 1 and
    /// above clamps nothing. ANDs: `window`·(k − 1) for the sums, 2(m + 1) for each window place but
    /// the first, m − (the ones at the low end of the bound) for the clamp. Beside them, with c the
    /// bits of a clamping bound, else m: Σ_{t<c} 2·e(w − t) + e(w) bytes, and e(w − trailing zeros
    /// of the bound) if it clamps.
    Clamp {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Bits dropped; at most k − 2.
        shift: u32,
        /// Sums per instance; 1 without pooling.
        window: usize,
        /// The smallest result, in the unit of the shifted sums; at most 0.
        least: i32,
        /// The largest result, at least 0 and more than `least`.
        most: i32,
        /// w: the ring of the result, 1 to 32 bits.
        out_ring_bits: u32,
    },
    /// With t = y >> shift of the largest of `window` sums, t ≥ 0 ? t : (slope·t) >> slope_shift,
    /// clamped to `least` and `most`, as shares in Z_{2^w}: a leaky or parametric ReLU.
    ///
    /// Below 0 it is V − K with V = (slope·(t mod 2^m)) >> slope_shift, K = slope·2^(m − slope_shift)
    /// and m = k − 1 − shift, so V > K + least − 1 where it is not clamped. ANDs:
    /// those of the sums and the window as in [`Program::Clamp`]; m − (the low ones of `most`) if that
    /// is below 2^m − 1; m for each one of the slope but the first; and, if −least < K, (the bits of
    /// K − 1) − (the low ones of K + least − 1). A slope or `least` of 0 needs none for what is below
    /// 0.
    Leaky {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Bits dropped; at most k − 2.
        shift: u32,
        /// Sums per instance; 1 without pooling.
        window: usize,
        /// The slope below 0 times 2^slope_shift; at most 2^slope_shift.
        slope: u32,
        /// At most m.
        slope_shift: u32,
        /// The smallest result; at most 0.
        least: i32,
        /// The largest result; at least 0.
        most: i32,
        /// w: the ring of the result, 1 to 32 bits.
        out_ring_bits: u32,
    },
    /// `min(max(y, 0) >> shift, 255) − T[min(|y|° >> index_shift, 2^b − 1)]` with |y|° = y if y ≥ 0
    /// and −1 − y otherwise, as shares in Z_{2^w}: HardSwish, SiLU, GELU, which are a ReLU less an
    /// even bump.
    ///
    /// ANDs: k − 1 for the sum, 2^b − b − 1 for the table, and with h the smaller one of shift + 8
    /// and index_shift + b, k − 2 − h if h < k − 1 for what lies above and 1 if shift + 8 < k − 1.
    ReluMinusTable {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Bits that the ReLU drops; at most k − 2.
        shift: u32,
        /// Bits of the magnitude below the table's index; at most k − 1 − b.
        index_shift: u32,
        /// T: 2^b public entries, 1 ≤ b ≤ 8.
        table: Vec<u8>,
        /// w: the ring of the result, 1 to 32 bits.
        out_ring_bits: u32,
    },
    /// With t = T[min(|y|° >> shift, 2^b − 1)] and |y|° = y if y ≥ 0 and −1 − y otherwise,
    /// y ≥ 0 ? centre + t : centre − t, as shares in Z_{2^w}: sigmoid, HardSigmoid, tanh.
    ///
    /// ANDs: k − 1 for the sum, 2^b − b − 1 for the table, and k − 1 − b − shift for what lies above
    /// it.
    Odd {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Bits of the magnitude below the table's index; at most k − 1 − b.
        shift: u32,
        /// T: 2^b public entries, 1 ≤ b ≤ 8.
        table: Vec<u8>,
        /// The value at 0.
        centre: i32,
        /// w: the ring of the result, 1 to 32 bits.
        out_ring_bits: u32,
    },
    /// `y >> shift`, rounded towards −∞ and exact, as shares in Z_{2^w}: an extension of the sign
    /// where w > k − shift, a reduction where it is smaller.
    ///
    /// k − 1 ANDs and Σ e(w − t) bytes over t < min(k − shift, w).
    Truncate {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Bits dropped; at most k − 1.
        shift: u32,
        /// w: the ring of the result, 1 to 32 bits.
        out_ring_bits: u32,
    },
    /// 1 where y < 0, else 0, as shares in Z_{2^w}: k − 1 ANDs and e(w) bytes.
    Sign {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// w: the ring of the result, 1 to 32 bits.
        out_ring_bits: u32,
    },
    /// The largest sum under every position of a window that moves over a map, as shares in
    /// Z_{2^w}. Windows may overlap: a sum is added once and gathered where it is needed. Instance
    /// i's sum at row r and column c is lane `(r·columns + c)·instances + i`, and results stand
    /// likewise. Positions that do not fit whole are left out.
    ///
    /// With s sums, r results and n places in a window, s(k − 1) + r(n − 1)·2k ANDs and r·Σ e(w − t)
    /// bytes over t < min(k, w).
    MaxPool {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Rows and columns of the map.
        map: [usize; 2],
        /// Rows and columns of the window, at most the map's.
        kernel: [usize; 2],
        /// How far the window moves, down and to the right; at least 1.
        stride: [usize; 2],
        /// w: the ring of the result, 1 to 32 bits.
        out_ring_bits: u32,
    },
    /// The index of the largest of `classes` sums, the lowest such index; revealed to the evaluator:
    /// [`Program::TopK`] with one place.
    Argmax {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Sums per instance.
        classes: usize,
    },
    /// The indices of the largest `places` of `classes` sums, revealed to the evaluator: the largest
    /// sum's first, and of equal sums the one with the lowest index first.
    ///
    /// `classes`·(k − 1) + Σ_{0<c<classes} min(c, places)·(2k + i) ANDs, with i = ⌈log₂ classes⌉, at
    /// least 1; besides them i·`places` bits.
    TopK {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Sums per instance.
        classes: usize,
        /// Indices revealed; at most `classes`.
        places: usize,
    },
    /// The index of the largest of `classes` sums, the lowest such index, and then how many of the
    /// `bounds` its lead over the second largest reaches; revealed to the evaluator.
    ///
    /// `classes`·(k − 1) + Σ_{0<c<classes} (min(c, 2)·2k + i) ANDs with i as in [`Program::TopK`],
    /// k − 1 for the lead, and for each bound d from 1 to 2^k − 1, k − 1 − (the ones at the low end
    /// of d − 1), none for 2^k; besides them i + 2 bits.
    Confidence {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Sums per instance; at least 2.
        classes: usize,
        /// Leads, none below the one before it.
        bounds: [u32; 3],
    },
    /// 1 where y ≥ 0, else 0, revealed to the evaluator: k − 1 ANDs and 1 bit. Whether y reaches a
    /// threshold, which may differ from lane to lane, once a party takes the threshold from its share.
    NonNegative {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
    },
    /// The sums themselves as k-bit numbers, revealed to the evaluator: k − 1 ANDs and k bits.
    Reveal {
        /// k.
        ring_bits: u32,
    },
}

impl Program {
    /// k, the bits of the ring of the inputs.
    pub const fn ring_bits(&self) -> u32 {
        match *self {
            Self::Relu { ring_bits, .. }
            | Self::Clamp { ring_bits, .. }
            | Self::Leaky { ring_bits, .. }
            | Self::ReluMinusTable { ring_bits, .. }
            | Self::Odd { ring_bits, .. }
            | Self::Truncate { ring_bits, .. }
            | Self::Sign { ring_bits, .. }
            | Self::MaxPool { ring_bits, .. }
            | Self::Argmax { ring_bits, .. }
            | Self::TopK { ring_bits, .. }
            | Self::Confidence { ring_bits, .. }
            | Self::NonNegative { ring_bits }
            | Self::Reveal { ring_bits } => ring_bits,
        }
    }

    /// The bits of the ring that results are shared in; none where they are revealed.
    pub const fn out_ring_bits(&self) -> Option<u32> {
        match *self {
            Self::Relu { out_ring_bits, .. }
            | Self::Clamp { out_ring_bits, .. }
            | Self::Leaky { out_ring_bits, .. }
            | Self::ReluMinusTable { out_ring_bits, .. }
            | Self::Odd { out_ring_bits, .. }
            | Self::Truncate { out_ring_bits, .. }
            | Self::Sign { out_ring_bits, .. }
            | Self::MaxPool { out_ring_bits, .. } => Some(out_ring_bits),
            Self::Argmax { .. }
            | Self::TopK { .. }
            | Self::Confidence { .. }
            | Self::NonNegative { .. }
            | Self::Reveal { .. } => None,
        }
    }

    /// What one party adds to its share of every sum, mod 2^k, before the labels of its bits are
    /// chosen: −least·2^shift for [`Program::Clamp`], 0 for the others. It costs no gate. [`clear`]
    /// adds it itself.
    pub const fn input_offset(&self) -> u32 {
        match *self {
            Self::Clamp { ring_bits, shift, least, .. } => {
                (least.wrapping_neg() as u32).wrapping_shl(shift) & ring::mask(ring_bits)
            }
            _ => 0,
        }
    }

    /// Sums per instance.
    pub const fn sums(&self) -> usize {
        match *self {
            Self::Relu { window, .. } | Self::Clamp { window, .. } | Self::Leaky { window, .. } => {
                window
            }
            Self::MaxPool { map: [rows, columns], .. } => rows * columns,
            Self::Argmax { classes, .. }
            | Self::TopK { classes, .. }
            | Self::Confidence { classes, .. } => classes,
            _ => 1,
        }
    }

    /// Results per instance.
    pub const fn results(&self) -> usize {
        match *self {
            Self::TopK { places, .. } => places,
            Self::Confidence { .. } => 2,
            Self::MaxPool { map, kernel, stride, .. } => {
                ((map[0] - kernel[0]) / stride[0] + 1) * ((map[1] - kernel[1]) / stride[1] + 1)
            }
            _ => 1,
        }
    }

    /// Labels per party and instance: sums times k.
    pub const fn labels(&self) -> usize {
        self.sums() * self.ring_bits() as usize
    }

    /// A party's input bits, one for each of its labels, from its shares of every sum (lane by lane):
    /// bit plane after bit plane, each lane after lane.
    pub fn input_bits(&self, shares: &[u32]) -> Vec<bool> {
        // Shares are secret: the bits must not be moved, which would leave copies.
        let mut bits = Vec::with_capacity(shares.len() * self.ring_bits() as usize);
        for t in 0..self.ring_bits() {
            bits.extend(shares.iter().map(|share| share >> t & 1 == 1));
        }
        bits
    }

    /// What `instances` cost.
    ///
    /// # Panics
    /// If [`Program::check`] fails.
    pub fn tally(&self, instances: usize) -> Tally {
        self.check().expect("the program's numbers are in their ranges");
        let mut tally = Tally::default();
        let wires = vec![instances * self.sums(); self.ring_bits() as usize];
        match self.run(&mut tally, instances, &wires, &wires) {
            Ok(_) => tally,
            Err(_) => unreachable!("counting reads no tables"),
        }
    }

    /// Whether every number is in the range that its field states.
    ///
    /// # Errors
    /// [`Error::Program`] if one is not.
    pub fn check(&self) -> Result<(), Error> {
        let bits = self.ring_bits();
        let rings = (1..=32).contains(&bits)
            && self.out_ring_bits().is_none_or(|bits| (1..=32).contains(&bits));
        if rings && self.fits(bits) { Ok(()) } else { Err(Error::Program) }
    }

    /// Whether every number but the rings' fits sums of so many bits.
    fn fits(&self, bits: u32) -> bool {
        let scales = |shift: u32, window| shift.saturating_add(2) <= bits && window > 0;
        let clamps = |least: i32, most: i32| (i32::MIN + 1..=0).contains(&least) && most >= 0;
        let indexes = |table: &[u8], shift: u32| {
            let len = table.len();
            len.is_power_of_two()
                && (2..=256).contains(&len)
                && shift.saturating_add(len.trailing_zeros()) < bits
        };
        match *self {
            Self::Relu { shift, window, .. } => scales(shift, window),
            Self::Clamp { shift, window, least, most, .. } => {
                scales(shift, window) && clamps(least, most) && least < most
            }
            Self::Leaky { shift, window, slope, slope_shift, least, most, .. } => {
                scales(shift, window)
                    && clamps(least, most)
                    && slope_shift < bits - shift
                    && slope <= 1 << slope_shift
            }
            Self::ReluMinusTable { shift, index_shift, ref table, .. } => {
                scales(shift, 1) && indexes(table, index_shift)
            }
            Self::Odd { shift, ref table, .. } => indexes(table, shift),
            Self::Truncate { shift, .. } => shift < bits,
            Self::Sign { .. } | Self::NonNegative { .. } | Self::Reveal { .. } => true,
            Self::MaxPool { map, kernel, stride, .. } => (0..2).all(|side| {
                (1..=map[side]).contains(&kernel[side]) && stride[side] > 0 && map[side] < 1 << 15
            }),
            Self::Argmax { classes, .. } => classes > 0,
            Self::TopK { classes, places, .. } => (1..=classes).contains(&places),
            Self::Confidence { classes, bounds, .. } => classes > 1 && bounds.is_sorted(),
        }
    }
}
