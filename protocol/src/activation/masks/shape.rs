//! How the bits of a sum are cut into digits.

/// The digits of an activation `min(max(y, 0) >> f, 2^c − 1)`, each part's from its lowest bits on;
/// above them is the sign bit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Digits {
    /// Of the f bits that are dropped.
    pub(crate) low: Vec<usize>,
    /// Of the c bits of a result that is not clamped.
    pub(crate) middle: Vec<usize>,
    /// Of the bits that tell whether it is.
    pub(crate) high: Vec<usize>,
}

impl Digits {
    /// f.
    pub(crate) fn shift(&self) -> usize {
        self.low.iter().sum()
    }

    /// c.
    pub(crate) fn result_bits(&self) -> usize {
        self.middle.iter().sum()
    }

    /// k.
    pub(crate) fn ring_bits(&self) -> usize {
        self.all().sum::<usize>() + 1
    }

    /// All widths, from the lowest digit on.
    pub(crate) fn all(&self) -> impl Iterator<Item = usize> + '_ {
        self.low.iter().chain(&self.middle).chain(&self.high).copied()
    }
}

/// All ways to cut `bits` into at most `most` digits of at most `widest` bits.
pub(super) fn cuts(bits: usize, most: usize, widest: usize) -> Vec<Vec<usize>> {
    if bits == 0 {
        return vec![Vec::new()];
    }
    if most == 0 {
        return Vec::new();
    }
    let firsts = 1..=widest.min(bits);
    let with = |first: usize| {
        let rests = cuts(bits - first, most - 1, widest).into_iter();
        rests.map(move |rest| [vec![first], rest].concat())
    };
    firsts.flat_map(with).collect()
}
