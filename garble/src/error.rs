//! What can be wrong with garbled material.

/// Garbled material that no honest garbler sends, or gates that ran out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tables end before the program does.
    #[error("the garbled tables end too early: {missing} bytes are missing")]
    TablesShort {
        /// Bytes missing at the gate that noticed.
        missing: usize,
    },
    /// The tables go on after the program's end.
    #[error("{extra} bytes follow the garbled tables")]
    TablesLong {
        /// Bytes too many.
        extra: usize,
    },
    /// A slice of labels or values has another length than the program's inputs.
    #[error("{found} labels or values where the program takes {expected}")]
    InputLength {
        /// What the program takes.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// A program with a number out of the range that its field states.
    #[error("a number of the program is out of its range; Program's fields state the ranges")]
    Program,
    /// A share in Z_p that is not reduced.
    #[error("a share that is not below the modulus {modulus}")]
    Share {
        /// p.
        modulus: u32,
    },
    /// A text that is no circuit in Bristol fashion.
    #[error("line {line} of the circuit: {what}")]
    Circuit {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The gate range has another size than the program consumes.
    #[error("a range of {found} gate numbers for a program that consumes {expected}")]
    GateRange {
        /// What the program consumes.
        expected: u64,
        /// What was given.
        found: u64,
    },
}
