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

    /// What stands for it in settings and digests: no K of an extension.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::K17 => 17,
            Self::K18 => 18,
            #[cfg(test)]
            Self::Toy => u8::MAX,
        }
    }

    /// The set of such a byte.
    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        let sets = Self::ALL.into_iter();
        #[cfg(test)]
        let sets = sets.chain([Self::Toy]);
        sets.into_iter().find(|set| set.byte() == byte)
    }

    /// log₂ of the operations on bits of the cheapest attack that `docs/lpn.py` computes, on a part of
    /// the system with few columns (`docs/transfers.md`).
    pub(crate) const fn work(self) -> f64 {
        match self {
            Self::K17 => 160.0,
            Self::K18 => 169.0,
            #[cfg(test)]
            Self::Toy => 0.0,
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

    /// Outputs of several iterations, each of which begins with the reserve that the one before
    /// ended with, and may overwrite it.
    pub(in crate::ot) const fn outputs_of(self, iterations: usize) -> usize {
        iterations * self.usable() + self.spent(iterations)
    }

    /// Those of them that the next iteration takes, the last ones.
    pub(in crate::ot) const fn spent(self, iterations: usize) -> usize {
        if iterations == 0 { 0 } else { self.reserve() }
    }

    /// The secret bits.
    pub(super) const fn secret(self) -> usize {
        1 << self.secret_bits_log()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gazelle_kernels::lpn::LOCALITY;

    /// log₂ of the trials until `rows` outputs, as many of each bin, are all right.
    fn guess(set: LpnSet, rows: f64) -> f64 {
        let bins = set.bins() as f64;
        -bins * (1.0 - rows / set.outputs() as f64).log2()
    }

    /// log₂ of the operations of a sparse elimination: three products with a row's ten bits for each
    /// unknown (Wiedemann, 1986).
    fn solve(unknowns: f64) -> f64 {
        (3.0 * LOCALITY as f64).log2() + 2.0 * unknowns.log2()
    }

    /// The part of the columns that has as many outputs with all their indices in it.
    fn square_part(set: LpnSet) -> f64 {
        let outputs_for_a_column = set.outputs() as f64 / set.secret() as f64;
        outputs_for_a_column.powf(-1.0 / (LOCALITY as f64 - 1.0))
    }

    /// As docs/lpn.py computes it, which has the other attacks.
    #[test]
    fn guessing_a_system_or_a_part_of_it_takes_more_than_128_bits() {
        for set in LpnSet::ALL {
            let secret = set.secret() as f64;
            let whole = secret - set.bins() as f64;
            assert!(guess(set, whole) + solve(whole) > 220.0, "{set:?}: the whole system");
            let part = square_part(set) * secret;
            assert!(guess(set, part) + solve(part) > 180.0, "{set:?}: a random part");
            // A peeled part, by its size from the script; 0.64 and 0.67 of the columns.
            let peeled = 0.64 * secret;
            assert!(guess(set, peeled) + solve(peeled) > 128.0 + 30.0, "{set:?}: a peeled part");
        }
    }

    /// The computation says what is known of a set that is weak: 2^17 secret bits with 1170 bins
    /// of 2^11.
    #[test]
    fn the_bound_sees_a_weak_set() {
        let (outputs, secret) = (1170.0 * 2048.0, f64::from(1 << 17));
        let part = secret * (outputs / secret).powf(-1.0 / 9.0);
        let trials = -1170.0 * f64::log2(1.0 - part / outputs);
        assert!((68.0..68.5).contains(&trials), "2^{trials}");
        assert!(trials + solve(part) < 107.0);
    }
}
