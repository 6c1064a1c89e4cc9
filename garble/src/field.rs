//! Activation programs for shares in Z_p.
//!
//! The evaluator's share a of a sum y = a + b mod p is an input; the garbler's share b is known when
//! it garbles, so it costs neither labels nor transfers. y is not negative if a lies in one cyclic
//! interval of half of Z_p, whose ends depend on b alone: two comparisons with thresholds that only
//! choose the gates' polarity.

mod interpreter;
mod residue;

use self::interpreter::FieldInterpreter;
use crate::{
    ActiveLabels, Clear, Delta, Error, Evaluator, Garbled, Garbler, GateRange, Hash, Interpreter,
    Tally, ZeroLabels,
};

/// What is computed on each instance's sums, shared in Z_p with odd p from 3 to 2^31; the result is
/// shared in Z_p too. A sum above (p − 1)/2 stands for the negative number y − p.
///
/// In the costs n is the bits of p and e = ⌈n/8⌉.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldProgram {
    /// `max(y, 0)`: 2n ANDs, and (2n + 1)·e bytes besides their tables.
    Relu {
        /// p.
        modulus: u32,
    },
    /// The largest of `window` sums, any two of which differ by at most (p − 1)/2.
    ///
    /// With w the window, every pair's difference is compared with 0, and the AND of w − 1 signs
    /// selects a sum: n·w(w − 1) + (w − 1)(w − 2) ANDs, and w·(2n + 1)·e bytes besides them.
    MaxPool {
        /// p.
        modulus: u32,
        /// Sums per instance, 2 to 64: sum q of instance i is lane `q·instances + i`.
        window: usize,
    },
}

impl FieldProgram {
    /// p.
    pub const fn modulus(&self) -> u32 {
        match *self {
            Self::Relu { modulus } | Self::MaxPool { modulus, .. } => modulus,
        }
    }

    /// n, the bits of p.
    pub const fn bits(&self) -> u32 {
        u32::BITS - self.modulus().leading_zeros()
    }

    /// Sums per instance.
    pub const fn sums(&self) -> usize {
        match *self {
            Self::Relu { .. } => 1,
            Self::MaxPool { window, .. } => window,
        }
    }

    const fn pairs(&self) -> usize {
        self.sums() * self.sums().saturating_sub(1) / 2
    }

    /// Labels per instance, all of the evaluator: n for each sum and each pair of sums.
    pub const fn labels(&self) -> usize {
        (self.sums() + self.pairs()) * self.bits() as usize
    }

    /// Whether every number is in the range that its documentation states.
    ///
    /// # Errors
    /// [`Error::Program`] if one is not.
    pub fn check(&self) -> Result<(), Error> {
        let window = match *self {
            Self::Relu { .. } => true,
            Self::MaxPool { window, .. } => (2..=64).contains(&window),
        };
        let modulus = self.modulus();
        let field = (3..1 << 31).contains(&modulus) && modulus % 2 == 1;
        if window && field { Ok(()) } else { Err(Error::Program) }
    }

    /// What `instances` cost.
    ///
    /// # Panics
    /// If [`FieldProgram::check`] fails.
    pub fn tally(&self, instances: usize) -> Tally {
        self.check().expect("the program's numbers are in their ranges");
        let mut tally = Tally::default();
        let sums = vec![instances * self.sums(); self.bits() as usize];
        let pairs = vec![instances * self.pairs(); self.bits() as usize];
        match self.run(&mut tally, instances, [&sums, &pairs], &[]) {
            Ok(_) => tally,
            Err(_) => unreachable!("counting reads no tables"),
        }
    }

    /// The evaluator's input bits, one for each label, from its shares of the sums: the bit planes of
    /// the shares, then those of the differences of each pair of shares.
    ///
    /// # Errors
    /// If [`FieldProgram::check`] fails, or the shares are not as many as `instances` take or not
    /// below p.
    pub fn evaluator_bits(&self, instances: usize, shares: &[u32]) -> Result<Vec<bool>, Error> {
        self.check_shares(instances, shares)?;
        let differences = self.differences(instances, shares);
        let planes = |values: &[u32]| -> Vec<bool> {
            let plane = |t| values.iter().map(move |value| value >> t & 1 == 1);
            (0..self.bits()).flat_map(plane).collect()
        };
        Ok([planes(shares), planes(&differences)].concat())
    }

    /// `y_q − y_r` of each pair q < r of every instance, as shares; nothing without shares.
    fn differences(&self, instances: usize, shares: &[u32]) -> Vec<u32> {
        let places: Vec<&[u32]> = shares.chunks(instances.max(1)).collect();
        let mut differences = Vec::new();
        for (q, first) in places.iter().enumerate() {
            for second in &places[q + 1..] {
                let pairs = first.iter().zip(*second);
                differences.extend(pairs.map(|(a, b)| residue::subtract(*a, *b, self.modulus())));
            }
        }
        differences
    }

    fn check_shares(&self, instances: usize, shares: &[u32]) -> Result<(), Error> {
        self.check()?;
        let (expected, found) = (instances * self.sums(), shares.len());
        if found != expected {
            return Err(Error::InputLength { expected, found });
        }
        if shares.iter().any(|share| *share >= self.modulus()) {
            return Err(Error::Share { modulus: self.modulus() });
        }
        Ok(())
    }

    /// Garbles from the zero labels of the evaluator's bits and the garbler's shares, all below p.
    pub(crate) fn garble<'a>(
        &self,
        i: &mut Garbler<'a>,
        instances: usize,
        evaluator: &'a ZeroLabels,
        garbler: &[u32],
    ) -> Result<Vec<u32>, Error> {
        let [sums, pairs] = planes(self, instances, evaluator.expose())?
            .map(|planes| -> Vec<_> { planes.into_iter().map(|plane| i.input(plane)).collect() });
        self.run(i, instances, [&sums, &pairs], garbler)
    }

    /// `known` is the garbler's shares of the sums; empty for those who do not know them.
    fn run<I: FieldInterpreter>(
        &self,
        i: &mut I,
        instances: usize,
        [sums, pairs]: [&[I::Wire]; 2],
        known: &[u32],
    ) -> Result<I::Share, Error> {
        let p = self.modulus();
        if let Self::Relu { .. } = self {
            let positive = not_negative(i, sums, known, p)?;
            return i.select_known(&[(positive, sums.to_vec(), known)], p);
        }
        let wins = not_negative(i, pairs, &self.differences(instances, known), p)?;
        let lanes = |q: usize| -> Vec<u32> {
            (q * instances..(q + 1) * instances).map(|lane| lane as u32).collect()
        };
        // Whether y_q ≥ y_r for each q < r, in the order of the differences.
        let pairs: Vec<I::Wire> = (0..self.pairs()).map(|q| i.gather(&wins, &lanes(q))).collect();
        let selects = largest(i, &pairs, self.sums())?;
        let known = |q: usize| known.get(q * instances..(q + 1) * instances).unwrap_or_default();
        let mut products = Vec::with_capacity(self.sums());
        for (q, select) in selects.into_iter().enumerate() {
            let bits = sums.iter().map(|bit| i.gather(bit, &lanes(q))).collect();
            products.push((select, bits, known(q)));
        }
        i.select_known(&products, p)
    }
}

/// Whether a + b mod p ≤ (p − 1)/2, that is, whether a lies in the cyclic interval of as many numbers
/// that begins at −b.
fn not_negative<I: FieldInterpreter>(
    i: &mut I,
    a: &[I::Wire],
    b: &[u32],
    p: u32,
) -> Result<I::Wire, Error> {
    let starts: Vec<u32> = b.iter().map(|b| residue::subtract(0, *b, p)).collect();
    let ends: Vec<u32> =
        starts.iter().map(|start| residue::add(*start, p.div_ceil(2), p)).collect();
    let wraps: Vec<u32> = starts.iter().zip(&ends).map(|(s, e)| u32::from(s > e)).collect();
    let from_start = at_least(i, a, &starts)?;
    let from_end = at_least(i, a, &ends)?;
    let inside = i.xor(&from_start, &from_end);
    Ok(i.flip(&inside, &wraps))
}

/// Whether a is at least a threshold that the garbler knows: one AND a bit.
fn at_least<I: FieldInterpreter>(
    i: &mut I,
    a: &[I::Wire],
    thresholds: &[u32],
) -> Result<I::Wire, Error> {
    let zero = i.xor(&a[0], &a[0]);
    let mut result = i.not(&zero);
    for (t, bit) in a.iter().enumerate() {
        // Where the threshold's bit is 1 both must hold, where it is 0 either of them.
        let either: Vec<u32> = thresholds.iter().map(|value| 1 ^ (value >> t & 1)).collect();
        let (bit, lower) = (i.flip(bit, &either), i.flip(&result, &either));
        let both = i.and(&bit, &lower)?;
        result = i.flip(&both, &either);
    }
    Ok(result)
}

/// Which of `count` numbers is the largest, the first of equal ones, from the comparisons of all
/// pairs: exactly one.
fn largest<I: Interpreter>(
    i: &mut I,
    pairs: &[I::Wire],
    count: usize,
) -> Result<Vec<I::Wire>, Error> {
    // The place of the pair q < r.
    let place = |q: usize, r: usize| q * (2 * count - q - 1) / 2 + r - q - 1;
    let mut selects: Vec<I::Wire> = Vec::with_capacity(count);
    for q in 0..count - 1 {
        let mut select: Option<I::Wire> = None;
        for r in (0..count).filter(|r| *r != q) {
            let wins = if q < r { pairs[place(q, r)].clone() } else { i.not(&pairs[place(r, q)]) };
            select = Some(match select {
                None => wins,
                Some(select) => i.and(&select, &wins)?,
            });
        }
        selects.extend(select);
    }
    let any = selects[1..].iter().fold(selects[0].clone(), |any, select| i.xor(&any, select));
    selects.push(i.not(&any));
    Ok(selects)
}

/// Garbles `instances` of a program from the zero labels of the evaluator's bits, in the order of
/// [`FieldProgram::evaluator_bits`], and the garbler's shares of the sums.
///
/// # Errors
/// If [`FieldProgram::check`] fails, the labels, shares or gate numbers are not as many as
/// the program takes, or a share is not below p.
pub fn garble_field(
    program: &FieldProgram,
    instances: usize,
    hash: &Hash,
    delta: &Delta,
    gates: GateRange,
    evaluator: &ZeroLabels,
    garbler: &[u32],
) -> Result<Garbled, Error> {
    program.check_shares(instances, garbler)?;
    let tally = program.tally(instances);
    tally.check(&gates)?;
    let mut interpreter = Garbler::new(hash, delta, gates, tally.table_bytes);
    let shares = program.garble(&mut interpreter, instances, evaluator, garbler)?;
    Ok(Garbled { tables: interpreter.finish(), shares })
}

/// Evaluates what [`garble_field`] made, from the active labels: the results plus the garbler's
/// shares, modulo p.
///
/// # Errors
/// If [`FieldProgram::check`] fails, or the tables, labels or gate numbers are not as many as the
/// program takes.
pub fn evaluate_field(
    program: &FieldProgram,
    instances: usize,
    hash: &Hash,
    gates: GateRange,
    tables: &[u8],
    evaluator: &ActiveLabels<'_>,
) -> Result<Vec<u32>, Error> {
    program.check()?;
    let planes = planes(program, instances, evaluator)?;
    program.tally(instances).check(&gates)?;
    let mut interpreter = Evaluator::new(hash, gates, tables);
    let [sums, pairs] = planes.map(|planes| -> Vec<_> {
        planes.into_iter().map(|plane| interpreter.input(plane)).collect()
    });
    let shares = program.run(&mut interpreter, instances, [&sums, &pairs], &[])?;
    interpreter.finish()?;
    Ok(shares)
}

/// Computes a program in the clear from the shares of every sum.
///
/// # Errors
/// If [`FieldProgram::check`] fails, or the shares are not as many as the program takes or not below
/// p.
pub fn clear_field(
    program: &FieldProgram,
    instances: usize,
    a: &[u32],
    b: &[u32],
) -> Result<Vec<u32>, Error> {
    program.check_shares(instances, b)?;
    let bits = program.evaluator_bits(instances, a)?;
    let (sums, pairs) = bits.split_at(instances * program.sums() * program.bits() as usize);
    let planes = |bits: &[bool], lanes: usize| -> Vec<Vec<bool>> {
        (0..program.bits() as usize).map(|t| bits[t * lanes..(t + 1) * lanes].to_vec()).collect()
    };
    let sums = planes(sums, instances * program.sums());
    let pairs = planes(pairs, instances * program.pairs());
    program.run(&mut Clear, instances, [&sums, &pairs], b)
}

/// The bit planes of the sums' labels and of the pairs'.
fn planes<'a>(
    program: &FieldProgram,
    instances: usize,
    labels: &'a [u128],
) -> Result<[Vec<&'a [u128]>; 2], Error> {
    let (expected, found) = (instances * program.labels(), labels.len());
    if found != expected {
        return Err(Error::InputLength { expected, found });
    }
    let bits = program.bits() as usize;
    let (sums, pairs) = labels.split_at(instances * program.sums() * bits);
    Ok([sums, pairs].map(|labels| {
        let lanes = labels.len() / bits;
        (0..bits).map(|t| &labels[t * lanes..(t + 1) * lanes]).collect()
    }))
}
