//! Garbling.

use gazelle_garble::{Delta, GateCounter, Hash, HashKind, ZeroLabels, garble};
use gazelle_kernels::half_gates;
use rand::rngs::{ChaCha20Rng, SysRng};
use rand::{RngExt, SeedableRng};
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroize;

use crate::handle::{self, Exclusive};
use crate::labels::{self, bytes_of};
use crate::memory::{input, output, region, shared, write};
use crate::program::{GazelleCircuit, GazelleProgram, check_len};
use crate::status::{Failure, GazelleStatus, call};

/// Which hash garbles a session.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GazelleHashKind {
    /// MITCCRH with a key for at most 128 instances of a gate: the fastest.
    Mitccrh = 0,
    /// MITCCRH with a key for every instance: for few instances of a circuit.
    MitccrhStrict = 1,
    /// TCCR under one key.
    FixedKey = 2,
}

/// The garbler of a session: its offset Δ, its hash and the numbers of its gates. Labels are 16 bytes.
///
/// One thread at a time may use it, another one later. `gazelle_garble_…` calls on it and
/// `gazelle_evaluate_…` calls on the evaluator are to come in the same order, with the same sizes.
pub struct GazelleGarbler(Exclusive<Garbling>);

struct Garbling {
    delta: Delta,
    rng: ChaCha20Rng,
    key: [u8; 16],
    session: Session,
}

/// What both parties have.
pub(crate) struct Session {
    pub(crate) hash: Hash,
    /// The hash of gates of which it is not known that their lanes are unrelated.
    pub(crate) strict: Hash,
    pub(crate) gates: GateCounter,
}

impl Session {
    pub(crate) fn new(kind: u32, key: [u8; 16]) -> Result<Self, Failure> {
        let (kind, strict) = match kind {
            0 => (HashKind::Mitccrh, HashKind::MitccrhStrict),
            1 => (HashKind::MitccrhStrict, HashKind::MitccrhStrict),
            2 => (HashKind::FixedKey, HashKind::FixedKey),
            _ => return Err(Failure::argument(format!("there is no hash of kind {kind}"))),
        };
        let hash = Hash::new(kind, u128::from_le_bytes(key));
        let strict = hash.clone().with_kind(strict);
        Ok(Self { hash, strict, gates: GateCounter::new() })
    }

    /// The number of the first of `ands` gates.
    pub(crate) fn take_ands(&mut self, ands: usize) -> u64 {
        self.gates.take(2 * ands as u64).first(2 * ands)
    }
}

impl Garbling {
    fn new(kind: u32) -> Result<Self, Failure> {
        let rng = ChaCha20Rng::try_from_rng(&mut SysRng);
        let mut rng = rng.map_err(|error| {
            Failure::new(
                GazelleStatus::Internal,
                format!("the system gives no randomness: {error}"),
            )
        })?;
        let key = rng.random();
        Ok(Self { delta: Delta::random(&mut rng), session: Session::new(kind, key)?, rng, key })
    }
}

/// Begins a session as the garbler: draws Δ and the hash's key from the system. `kind` is a
/// `GazelleHashKind`. The handle is to be freed with `gazelle_garbler_free`.
///
/// # Safety
/// `garbler` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_garbler_new(
    kind: u32,
    garbler: *mut *mut GazelleGarbler,
) -> GazelleStatus {
    let new = || Ok(GazelleGarbler(Exclusive::new(Garbling::new(kind)?)));
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::make(garbler, new) })
}

/// Wipes and frees a garbler; null is none.
///
/// # Safety
/// `garbler` is null or a handle that was not freed, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_garbler_free(garbler: *mut GazelleGarbler) {
    // SAFETY: the caller's promise.
    unsafe { handle::free(garbler) }
}

/// The key of the session's hash, 16 bytes, for the evaluator. It is public.
///
/// # Safety
/// `garbler` is a handle, `key` has room for 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_garbler_key(
    garbler: *const GazelleGarbler,
    key: *mut u8,
) -> GazelleStatus {
    // SAFETY: the caller's promise; bytes are aligned everywhere.
    call(|| unsafe { write("key", key.cast(), shared("garbler", garbler)?.0.lock()?.key) })
}

/// Δ, 16 bytes: the garbler's secret, for the sender of oblivious transfers whose outputs are labels.
///
/// # Safety
/// `garbler` is a handle, `delta` has room for 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_garbler_delta(
    garbler: *const GazelleGarbler,
    delta: *mut u8,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let offset = unsafe { shared("garbler", garbler) }?.0.lock()?.delta.expose();
        // SAFETY: the caller's promise; bytes are aligned everywhere.
        unsafe { write("delta", delta.cast(), offset.to_le_bytes()) }
    })
}

/// Draws `count` zero labels for input bits: they tell what every label means, and are the garbler's
/// secret.
///
/// # Safety
/// `garbler` is a handle, `zeros` has room for 16·`count` bytes, which no other thread uses meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_garbler_draw(
    garbler: *const GazelleGarbler,
    zeros: *mut u8,
    count: usize,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let (garbler, room) =
            unsafe { (shared("garbler", garbler)?, labels::output("zeros", zeros, count, &[])?) };
        let mut garbler = garbler.0.lock()?;
        room.fill(|zeros| zeros.iter_mut().for_each(|zero| *zero = garbler.rng.random()));
        Ok(())
    })
}

/// The labels of `count` bits, one a byte, 0 or 1: what the evaluator gets of the garbler's inputs. Its time
/// does not depend on the bits.
///
/// # Safety
/// `garbler` is a handle, `zeros` has 16·`count` bytes, `bits` `count`, `active` room for 16·`count`; no
/// other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_garbler_activate(
    garbler: *const GazelleGarbler,
    zeros: *const u8,
    bits: *const u8,
    count: usize,
    active: *mut u8,
) -> GazelleStatus {
    call(|| {
        let inputs = [labels::region(zeros, count), region(bits, count)];
        // SAFETY: the caller's promise; the output overlaps no input or is refused.
        let (garbler, zeros, bits, room) = unsafe {
            let room = labels::output("active", active, count, &inputs)?;
            let zeros = labels::input("zeros", zeros, count)?;
            (shared("garbler", garbler)?, zeros, input("bits", bits, count)?, room)
        };
        let delta = garbler.0.lock()?.delta.expose();
        room.fill(|active| {
            for ((label, zero), bit) in active.iter_mut().zip(&*zeros).zip(bits) {
                *label = zero ^ u128::conditional_select(&0, &delta, Choice::from(bit & 1));
            }
        });
        Ok(())
    })
}

/// Garbles `count` AND gates from the zero labels of their inputs: writes 32·`count` bytes of tables for
/// the evaluator, and the zero labels of the results. XOR of labels is XOR of bits, and needs no table; to
/// negate a bit, the garbler adds Δ to its zero label. Whatever labels there are, every gate has a hash key
/// of its own, unless the kind is FIXED_KEY.
///
/// # Safety
/// `garbler` is a handle; `a` and `b` have 16·`count` bytes, `out` has room for as many and `tables` for
/// 32·`count`; no other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_garble_ands(
    garbler: *const GazelleGarbler,
    count: usize,
    a: *const u8,
    b: *const u8,
    tables: *mut u8,
    out: *mut u8,
) -> GazelleStatus {
    call(|| {
        let len = table_bytes(count)?;
        let inputs = [labels::region(a, count), labels::region(b, count)];
        let with_tables = [inputs[0].clone(), inputs[1].clone(), region(tables, len)];
        // SAFETY: the caller's promise; the outputs overlap nothing else or are refused.
        let (garbler, a, b, tables, room) = unsafe {
            let tables = output("tables", tables, len, &inputs)?;
            let room = labels::output("out", out, count, &with_tables)?;
            let (a, b) = (labels::input("a", a, count)?, labels::input("b", b, count)?);
            (shared("garbler", garbler)?, a, b, tables, room)
        };
        let mut garbler = garbler.0.lock()?;
        let (gate, delta) = (garbler.session.take_ands(count), garbler.delta.expose());
        let hash = &garbler.session.strict;
        room.fill(|out| half_gates::garble(hash, gate, delta, [&a, &b], tables, out));
        Ok(())
    })
}

/// Bytes of the tables of `count` ANDs.
pub(crate) fn table_bytes(count: usize) -> Result<usize, Failure> {
    bytes_of(count)?
        .checked_mul(2)
        .ok_or_else(|| Failure::argument("more tables than memory holds"))
}

/// Garbles `instances` of a program from the zero labels of both parties' bits, in the order of
/// `gazelle_program_bits`; `gazelle_program_sizes` has all lengths. Writes the tables for the evaluator, and the
/// garbler's share S of each result: the evaluator's is the result plus S.
///
/// # Safety
/// `garbler` and `program` are handles, `evaluators` and `own` have 16·`labels` bytes, `tables` has room for
/// `table_bytes` bytes and `shares` for `shares_len` numbers; no other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_garble_program(
    garbler: *const GazelleGarbler,
    program: *const GazelleProgram,
    instances: usize,
    evaluators: *const u8,
    own: *const u8,
    labels: usize,
    tables: *mut u8,
    table_bytes: usize,
    shares: *mut u32,
    shares_len: usize,
) -> GazelleStatus {
    call(|| {
        let inputs = [labels::region(evaluators, labels), labels::region(own, labels)];
        let with_tables = [inputs[0].clone(), inputs[1].clone(), region(tables, table_bytes)];
        // SAFETY: the caller's promise; the outputs overlap nothing else or are refused.
        let (garbler, program, zeros, tables, shares) = unsafe {
            let tables = output("tables", tables, table_bytes, &inputs)?;
            let shares = output("shares", shares, shares_len, &with_tables)?;
            let evaluators = labels::input("the evaluator's zero labels", evaluators, labels)?;
            let own = labels::input("the garbler's zero labels", own, labels)?;
            let zeros = [evaluators, own].map(|labels| ZeroLabels::new(labels.into_owned()));
            (shared("garbler", garbler)?, shared("program", program)?, zeros, tables, shares)
        };
        let sizes = program.sizes(instances)?;
        check_len("labels", sizes.labels, labels)?;
        check_len("tables", sizes.table_bytes, table_bytes)?;
        check_len("shares", sizes.shares, shares_len)?;
        let Garbling { delta, session, .. } = &mut *garbler.0.lock()?;
        let gates = session.gates.take(program.0.tally(instances).gates);
        let [evaluators, own] = &zeros;
        let mut garbled =
            garble(&program.0, instances, &session.hash, delta, gates, evaluators, own)?;
        tables.copy_from_slice(&garbled.tables);
        shares.copy_from_slice(&garbled.shares);
        garbled.shares.zeroize();
        Ok(())
    })
}

/// Garbles `instances` of a circuit from the zero labels of all input bits, whosever they are; the outputs
/// are shown to the evaluator. `gazelle_circuit_sizes` has the lengths.
///
/// # Safety
/// `garbler` and `circuit` are handles, `zeros` has 16·`labels` bytes, `tables` room for `table_bytes`; no
/// other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_garble_circuit(
    garbler: *const GazelleGarbler,
    circuit: *const GazelleCircuit,
    instances: usize,
    zeros: *const u8,
    labels: usize,
    tables: *mut u8,
    table_bytes: usize,
) -> GazelleStatus {
    call(|| {
        let inputs = [labels::region(zeros, labels)];
        // SAFETY: the caller's promise; the tables overlap no label or are refused.
        let (garbler, circuit, zeros, tables) = unsafe {
            let tables = output("tables", tables, table_bytes, &inputs)?;
            let zeros = labels::input("zeros", zeros, labels)?;
            (shared("garbler", garbler)?, shared("circuit", circuit)?, zeros, tables)
        };
        let sizes = circuit.sizes(instances)?;
        check_len("labels", sizes.labels, labels)?;
        check_len("tables", sizes.table_bytes, table_bytes)?;
        let Garbling { delta, session, .. } = &mut *garbler.0.lock()?;
        let gates = session.gates.take(circuit.0.tally(instances).gates);
        let zeros = ZeroLabels::new(zeros.into_owned());
        let garbled = circuit.0.garble(instances, &session.hash, delta, gates, &zeros)?;
        tables.copy_from_slice(&garbled);
        Ok(())
    })
}
