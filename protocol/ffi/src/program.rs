//! What is garbled: activation programs, and circuits in Bristol fashion.

use gazelle_garble::{Circuit, Program, clear};

use crate::handle;
use crate::memory::{input, output, region, shared, text, write};
use crate::status::{Failure, GazelleStatus, call};

/// The most labels of one party in one call: 4 GiB of them.
const MAX_LABELS: usize = 1 << 28;
/// The most sums of one instance.
const MAX_SUMS: usize = 1 << 16;
/// The most comparisons that ranking the classes of one instance takes.
const MAX_COMPARISONS: usize = 1 << 22;

/// A function of sums that are shared between evaluator and garbler in Z_2^k, k being `ring_bits`: at most
/// 32. Sums are signed numbers of k bits. With several sums or results of an instance, number p of instance
/// i stands at p·instances + i.
///
/// Programs never change: any number of threads may use one at once. Their makers' handles are to be
/// freed with `gazelle_program_free`.
pub struct GazelleProgram(pub(crate) Program);

/// A boolean circuit, which runs on many instances at once. Bit t of all inputs, or outputs, of instance i
/// stands at t·instances + i, t counting through all values in their order.
///
/// Circuits never change: any number of threads may use one at once.
pub struct GazelleCircuit(pub(crate) Circuit);

/// What some instances of a program take.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GazelleProgramSizes {
    /// Shares of sums, of each party.
    pub sums: usize,
    /// Labels of each party: k for each sum.
    pub labels: usize,
    /// Bytes of the tables.
    pub table_bytes: usize,
    /// Results.
    pub results: usize,
    /// The garbler's shares of the results: as many as results, or none where the evaluator is shown them.
    pub shares: usize,
}

/// What some instances of a circuit take.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GazelleCircuitSizes {
    /// Labels, one for each input bit.
    pub labels: usize,
    /// Bytes of the tables.
    pub table_bytes: usize,
    /// Output bits.
    pub outputs: usize,
}

impl GazelleProgram {
    /// A program whose numbers are in their ranges and whose work has an end.
    fn checked(program: Program) -> Result<Self, Failure> {
        program.check()?;
        let ranked = match program {
            Program::TopK { classes, places, .. } => classes.saturating_mul(places),
            _ => 0,
        };
        if program.sums() > MAX_SUMS || ranked > MAX_COMPARISONS {
            return Err(Failure::argument("the program has too many sums for one instance"));
        }
        Ok(Self(program))
    }

    pub(crate) fn sizes(&self, instances: usize) -> Result<GazelleProgramSizes, Failure> {
        let labels = instances.checked_mul(self.0.labels()).filter(|&labels| labels <= MAX_LABELS);
        let labels = labels.ok_or_else(|| Failure::argument("too many instances for one call"))?;
        let results = instances * self.0.results();
        Ok(GazelleProgramSizes {
            sums: instances * self.0.sums(),
            labels,
            table_bytes: self.0.tally(instances).table_bytes,
            results,
            shares: self.0.out_ring_bits().map_or(0, |_| results),
        })
    }
}

impl GazelleCircuit {
    pub(crate) fn sizes(&self, instances: usize) -> Result<GazelleCircuitSizes, Failure> {
        let bits = self.0.input_bits().max(self.0.output_bits());
        let fits = instances.checked_mul(bits).is_some_and(|bits| bits <= MAX_LABELS);
        if !fits {
            return Err(Failure::argument("too many instances for one call"));
        }
        Ok(GazelleCircuitSizes {
            labels: instances * self.0.input_bits(),
            table_bytes: self.0.tally(instances).table_bytes,
            outputs: instances * self.0.output_bits(),
        })
    }
}

/// Checks the number of values of an argument.
pub(crate) fn check_len(what: &str, expected: usize, found: usize) -> Result<(), Failure> {
    if found == expected {
        return Ok(());
    }
    Err(Failure::argument(format!("{what} has {found} values where {expected} are needed")))
}

/// # Safety
/// `program` is null or has room for a pointer.
unsafe fn make(program: *mut *mut GazelleProgram, value: Program) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::make(program, || GazelleProgram::checked(value)) })
}

/// `min(max(y, 0) >> shift, 255)` of the largest of `window` sums y, as shares in Z_2^out_ring_bits: a ReLU
/// behind max pooling. `shift` is at most k − 2, `window` 1 without pooling.
///
/// # Safety
/// `program` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_relu(
    ring_bits: u32,
    shift: u32,
    window: usize,
    out_ring_bits: u32,
    program: *mut *mut GazelleProgram,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    unsafe { make(program, Program::Relu { ring_bits, shift, window, out_ring_bits }) }
}

/// `min(max(y >> shift, least), most)` of the largest of `window` sums y, as shares in Z_2^out_ring_bits.
/// `shift` is at most k − 2, `least` at most 0, `most` at least 0 and more than `least`. One party adds
/// `gazelle_program_input_offset` to its shares.
///
/// # Safety
/// `program` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_clamp(
    ring_bits: u32,
    shift: u32,
    window: usize,
    least: i32,
    most: i32,
    out_ring_bits: u32,
    program: *mut *mut GazelleProgram,
) -> GazelleStatus {
    let value = Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits };
    // SAFETY: the caller's promise.
    unsafe { make(program, value) }
}

/// `y >> shift`, rounded down, as shares in Z_2^out_ring_bits. `shift` is at most k − 1.
///
/// # Safety
/// `program` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_truncate(
    ring_bits: u32,
    shift: u32,
    out_ring_bits: u32,
    program: *mut *mut GazelleProgram,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    unsafe { make(program, Program::Truncate { ring_bits, shift, out_ring_bits }) }
}

/// 1 where y < 0, else 0, as shares in Z_2^out_ring_bits.
///
/// # Safety
/// `program` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_sign(
    ring_bits: u32,
    out_ring_bits: u32,
    program: *mut *mut GazelleProgram,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    unsafe { make(program, Program::Sign { ring_bits, out_ring_bits }) }
}

/// The indices of the largest `places` of `classes` sums, the largest sum's first and of equal sums the
/// lowest index first, shown to the evaluator. One place is the argmax.
///
/// # Safety
/// `program` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_top(
    ring_bits: u32,
    classes: usize,
    places: usize,
    program: *mut *mut GazelleProgram,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    unsafe { make(program, Program::TopK { ring_bits, classes, places }) }
}

/// 1 where y ≥ 0, else 0, shown to the evaluator.
///
/// # Safety
/// `program` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_non_negative(
    ring_bits: u32,
    program: *mut *mut GazelleProgram,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    unsafe { make(program, Program::NonNegative { ring_bits }) }
}

/// The sums themselves as numbers of k bits, shown to the evaluator.
///
/// # Safety
/// `program` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_reveal(
    ring_bits: u32,
    program: *mut *mut GazelleProgram,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    unsafe { make(program, Program::Reveal { ring_bits }) }
}

/// Frees a program; null is none.
///
/// # Safety
/// `program` is null or a handle that was not freed, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_free(program: *mut GazelleProgram) {
    // SAFETY: the caller's promise.
    unsafe { handle::free(program) }
}

/// What `instances` of a program take.
///
/// # Safety
/// `program` is a handle, `sizes` has room for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_sizes(
    program: *const GazelleProgram,
    instances: usize,
    sizes: *mut GazelleProgramSizes,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { write("sizes", sizes, shared("program", program)?.sizes(instances)?) })
}

/// What one party adds to each of its shares, modulo 2^k, before it takes their bits: not 0 for
/// `gazelle_program_clamp` alone. `gazelle_program_clear` adds it itself.
///
/// # Safety
/// `program` is a handle, `offset` has room for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_input_offset(
    program: *const GazelleProgram,
    offset: *mut u32,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { write("offset", offset, shared("program", program)?.0.input_offset()) })
}

/// The bits of a party's shares in the order of its labels, one a byte: bit t of share j at t·sums + j.
/// `bits_len` is k·`sums`.
///
/// # Safety
/// `program` is a handle, `shares` has `sums` numbers, `bits` room for `bits_len` bytes; no other thread
/// uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_bits(
    program: *const GazelleProgram,
    shares: *const u32,
    sums: usize,
    bits: *mut u8,
    bits_len: usize,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise; the bits overlap no share or are refused.
        let (program, shares, out) = unsafe {
            let out = output("bits", bits, bits_len, &[region(shares, sums)])?;
            (shared("program", program)?, input("shares", shares, sums)?, out)
        };
        let planes = program.0.ring_bits();
        check_len("bits", sums.saturating_mul(planes as usize), bits_len)?;
        for (t, plane) in (0..planes).zip(out.chunks_exact_mut(sums.max(1))) {
            plane.iter_mut().zip(shares).for_each(|(bit, share)| *bit = (share >> t & 1) as u8);
        }
        Ok(())
    })
}

/// Computes a program in the clear, from both parties' `sums` shares: modulo 2^out_ring_bits where it gives
/// shares.
///
/// # Safety
/// `program` is a handle, `a` and `b` have `sums` numbers, `results` has room for `results_len`; no other
/// thread writes them or uses `results` meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_program_clear(
    program: *const GazelleProgram,
    instances: usize,
    a: *const u32,
    b: *const u32,
    sums: usize,
    results: *mut u32,
    results_len: usize,
) -> GazelleStatus {
    call(|| {
        let inputs = [region(a, sums), region(b, sums)];
        // SAFETY: the caller's promise; the results overlap no share or are refused.
        let (program, a, b, out) = unsafe {
            let out = output("results", results, results_len, &inputs)?;
            (shared("program", program)?, input("a", a, sums)?, input("b", b, sums)?, out)
        };
        let sizes = program.sizes(instances)?;
        check_len("a", sizes.sums, sums)?;
        check_len("results", sizes.results, results_len)?;
        out.copy_from_slice(&clear(&program.0, instances, a, b)?);
        Ok(())
    })
}

/// Reads a circuit in Bristol fashion, a text that ends in 0. The handle is to be freed with
/// `gazelle_circuit_free`.
///
/// # Safety
/// `bristol` ends in 0, `circuit` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_circuit_parse(
    bristol: *const std::ffi::c_char,
    circuit: *mut *mut GazelleCircuit,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe {
            handle::make(circuit, || {
                let circuit = Circuit::parse(text("bristol", bristol)?);
                let input = |error| Failure::new(GazelleStatus::Input, error);
                Ok(GazelleCircuit(circuit.map_err(input)?))
            })
        }
    })
}

/// Frees a circuit; null is none.
///
/// # Safety
/// `circuit` is null or a handle that was not freed, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_circuit_free(circuit: *mut GazelleCircuit) {
    // SAFETY: the caller's promise.
    unsafe { handle::free(circuit) }
}

/// What `instances` of a circuit take.
///
/// # Safety
/// `circuit` is a handle, `sizes` has room for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_circuit_sizes(
    circuit: *const GazelleCircuit,
    instances: usize,
    sizes: *mut GazelleCircuitSizes,
) -> GazelleStatus {
    // SAFETY: the caller's promise.
    call(|| unsafe { write("sizes", sizes, shared("circuit", circuit)?.sizes(instances)?) })
}
