//! The activation programs.
//!
//! A program takes two additive shares of each sum y in Z_{2^k}: a, whose bits the evaluator holds
//! labels of, and b, whose bits are the garbler's. Sums are signed k-bit numbers. Wires are bit
//! planes: the label of bit t of lane j stands at `t·lanes + j`. With several sums per instance, sum
//! p of instance i is lane `p·instances + i`; several results per instance stand in the same order.

mod arithmetic;
mod order;
mod output;
mod run;

use crate::{Error, Interpreter, Tally};

pub use run::{Garbled, clear, evaluate, garble};

/// The largest result of [`Program::Relu`].
const ACTIVATION_MAX: u32 = 255;

/// What is computed on each instance's sums.
///
/// The costs are for one instance, e(v) = ⌈v/8⌉ bytes being an element of Z_{2^v}; an AND takes
/// 32 bytes. Every program first adds the shares with k − 1 ANDs, which the costs include.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// `min(max(y, 0) >> shift, 255)` of the largest of `window` sums, as shares in
    /// Z_{2^out_ring_bits}: [`Program::Clip`] with the bound 255.
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
    /// `min(max(y, 0) >> shift, bound)` of the largest of `window` sums, as shares in
    /// Z_{2^w}: a ReLU clamped anywhere, as ReLU6 is, or nowhere.
    ///
    /// With m = k − 1 − shift, the bits of the unclamped result, a bound of 2^m − 1 and above clamps
    /// nothing. ANDs: `window`·(k − 1) for the sums, 2(m + 1) for each window place but the first,
    /// m − (the ones at the low end of the bound) for the clamp. Beside them, with c the bits of a
    /// clamping bound, else m: Σ_{t<c} 2·e(w − t) + e(w) bytes, and e(w − trailing zeros of the
    /// bound) if it clamps.
    Clip {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Bits dropped; at most k − 2.
        shift: u32,
        /// Sums per instance; 1 without pooling.
        window: usize,
        /// The largest result, in the unit of the shifted sums; at least 1.
        bound: u32,
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
    /// least 1; beside them i·`places` bits.
    TopK {
        /// k: the sums are signed k-bit numbers.
        ring_bits: u32,
        /// Sums per instance.
        classes: usize,
        /// Indices revealed; at most `classes`.
        places: usize,
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
            | Self::Clip { ring_bits, .. }
            | Self::Truncate { ring_bits, .. }
            | Self::Sign { ring_bits, .. }
            | Self::MaxPool { ring_bits, .. }
            | Self::Argmax { ring_bits, .. }
            | Self::TopK { ring_bits, .. }
            | Self::Reveal { ring_bits } => ring_bits,
        }
    }

    /// The bits of the ring that results are shared in; none where they are revealed.
    pub const fn out_ring_bits(&self) -> Option<u32> {
        match *self {
            Self::Relu { out_ring_bits, .. }
            | Self::Clip { out_ring_bits, .. }
            | Self::Truncate { out_ring_bits, .. }
            | Self::Sign { out_ring_bits, .. }
            | Self::MaxPool { out_ring_bits, .. } => Some(out_ring_bits),
            Self::Argmax { .. } | Self::TopK { .. } | Self::Reveal { .. } => None,
        }
    }

    /// Sums per instance.
    pub const fn sums(&self) -> usize {
        match *self {
            Self::Relu { window, .. } | Self::Clip { window, .. } => window,
            Self::MaxPool { map: [rows, columns], .. } => rows * columns,
            Self::Argmax { classes, .. } | Self::TopK { classes, .. } => classes,
            Self::Truncate { .. } | Self::Sign { .. } | Self::Reveal { .. } => 1,
        }
    }

    /// Results per instance.
    pub const fn results(&self) -> usize {
        match *self {
            Self::TopK { places, .. } => places,
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
        let own = match *self {
            Self::Relu { shift, window, .. } => shift.saturating_add(2) <= bits && window > 0,
            Self::Clip { shift, window, bound, .. } => {
                shift.saturating_add(2) <= bits && window > 0 && bound > 0
            }
            Self::Truncate { shift, .. } => shift < bits,
            Self::Sign { .. } | Self::Reveal { .. } => true,
            Self::MaxPool { map, kernel, stride, .. } => (0..2).all(|side| {
                (1..=map[side]).contains(&kernel[side]) && stride[side] > 0 && map[side] < 1 << 15
            }),
            Self::Argmax { classes, .. } => classes > 0,
            Self::TopK { classes, places, .. } => (1..=classes).contains(&places),
        };
        let rings = (1..=32).contains(&bits)
            && self.out_ring_bits().is_none_or(|bits| (1..=32).contains(&bits));
        if own && rings { Ok(()) } else { Err(Error::Program) }
    }

    fn run<I: Interpreter>(
        &self,
        i: &mut I,
        instances: usize,
        a: &[I::Wire],
        b: &[I::Wire],
    ) -> Result<Output<I>, Error> {
        let sums = arithmetic::add(i, a, b)?;
        match self.general() {
            Self::Clip { shift, window, bound, out_ring_bits, .. } => {
                let kept = &sums[shift as usize..];
                let places: Vec<_> = (0..window).map(|p| order::place(p, instances)).collect();
                let shares = match window {
                    1 => output::clip(i, kept, bound, out_ring_bits)?,
                    _ => {
                        let largest = order::largest(i, kept, &places)?;
                        output::clip(i, &largest, bound, out_ring_bits)?
                    }
                };
                Ok(Output::Shares(shares))
            }
            Self::Truncate { shift, out_ring_bits, .. } => {
                Ok(Output::Shares(output::signed(i, &sums[shift as usize..], out_ring_bits)?))
            }
            Self::Sign { out_ring_bits, .. } => {
                let sign = sums.last().expect("numbers have at least one bit").clone();
                Ok(Output::Shares(i.project(&[(sign, 1)], out_ring_bits)?))
            }
            Self::MaxPool { map, kernel, stride, out_ring_bits, .. } => {
                let places = order::windows(map, kernel, stride, instances);
                let largest = order::largest(i, &sums, &places)?;
                Ok(Output::Shares(output::signed(i, &largest, out_ring_bits)?))
            }
            Self::TopK { classes, places, .. } => {
                let indices = order::top(i, &sums, instances, classes, places)?;
                let revealed = indices.iter().map(|index| output::reveal(i, index));
                Ok(Output::Revealed(revealed.collect::<Result<_, _>>()?))
            }
            Self::Reveal { .. } => Ok(Output::Revealed(vec![output::reveal(i, &sums)?])),
            Self::Relu { .. } | Self::Argmax { .. } => unreachable!("made general"),
        }
    }

    /// The same program as one of the general kinds.
    fn general(self) -> Self {
        match self {
            Self::Relu { ring_bits, shift, window, out_ring_bits } => {
                Self::Clip { ring_bits, shift, window, bound: ACTIVATION_MAX, out_ring_bits }
            }
            Self::Argmax { ring_bits, classes } => Self::TopK { ring_bits, classes, places: 1 },
            other => other,
        }
    }
}

enum Output<I: Interpreter> {
    Shares(I::Share),
    /// The bits of each result.
    Revealed(Vec<Vec<I::Revealed>>),
}
