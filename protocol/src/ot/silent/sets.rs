//! The parameter sets of learning parity with noise.

/// A parameter set: how many secret bits, and how the noise lies among the outputs.
///
/// Noise is *regular*: the outputs are cut into bins of equal length and each has one noisy output.
/// Both sets have more than 128 bits against the attacks that `docs/transfers.md` lists, which a test
/// and `docs/lpn.py` compute anew; sets with fewer secret bits for their noise that are in use
/// elsewhere have not, because a local code has sub-systems with fewer secret bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LpnSet {
    /// 2^17 secret bits, 1600 bins of 2^10: a table of 2 MiB, 1.24 bits for each transfer.
    K17,
    /// 2^18 secret bits, 1170 bins of 2^11: a table of 4 MiB, 0.71 bits for each transfer.
    #[default]
    K18,
    /// For tests: secure against nothing.
    #[cfg(test)]
    Toy,
}

/// Transfers that hide the check's sum of choices.
pub(super) const MASKS: usize = 128;

impl LpnSet {
    /// Every set.
    pub const ALL: [Self; 2] = [Self::K17, Self::K18];

    /// m, for 2^m secret bits.
    pub const fn secret_bits_log(self) -> usize {
        match self {
            Self::K17 => 17,
            Self::K18 => 18,
            #[cfg(test)]
            Self::Toy => 8,
        }
    }

    /// The bins: as many outputs are noisy.
    pub const fn bins(self) -> usize {
        match self {
            Self::K17 => 1600,
            Self::K18 => 1170,
            #[cfg(test)]
            Self::Toy => 40,
        }
    }

    /// d, for 2^d outputs of a bin.
    pub const fn bin_log(self) -> usize {
        match self {
            Self::K17 => 10,
            Self::K18 => 11,
            #[cfg(test)]
            Self::Toy => 5,
        }
    }

    /// Outputs of an iteration.
    pub const fn outputs(self) -> usize {
        self.bins() << self.bin_log()
    }

    /// Outputs that the next iteration takes: the table, the trees' sides, the check's masks.
    pub const fn reserve(self) -> usize {
        self.secret() + self.bins() * self.bin_log() + MASKS
    }

    /// Transfers that an iteration gives.
    pub const fn usable(self) -> usize {
        self.outputs() - self.reserve()
    }

    /// Length in bytes of what the sender sends for an iteration, but for its proof.
    pub const fn corrections_len(self) -> usize {
        self.bins() * (self.bin_log() - 1) * 16
    }

    /// The secret bits.
    pub(super) const fn secret(self) -> usize {
        1 << self.secret_bits_log()
    }
}
