//! Evaluating what was garbled.

use gazelle_garble::{ActiveLabels, evaluate};
use gazelle_kernels::half_gates;

use crate::garble::{Session, table_bytes};
use crate::handle::{self, Exclusive};
use crate::labels;
use crate::memory::{array, input, output, region, shared};
use crate::program::{GazelleCircuit, GazelleProgram, check_len};
use crate::status::{GazelleStatus, call};

/// The evaluator of a session. One thread at a time may use it, another one later.
pub struct GazelleEvaluator(Exclusive<Session>);

/// Begins a session as the evaluator, with the garbler's kind of hash and its key of 16 bytes. The handle is
/// to be freed with `gazelle_evaluator_free`.
///
/// # Safety
/// `key` has 16 bytes, `evaluator` room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_evaluator_new(
    kind: u32,
    key: *const u8,
    evaluator: *mut *mut GazelleEvaluator,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe {
            handle::make(evaluator, || {
                let session = Session::new(kind, array("key", key)?)?;
                Ok(GazelleEvaluator(Exclusive::new(session)))
            })
        }
    })
}

/// Frees an evaluator; null is none.
///
/// # Safety
/// `evaluator` is null or a handle that was not freed, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_evaluator_free(evaluator: *mut GazelleEvaluator) {
    // SAFETY: the caller's promise.
    unsafe { handle::free(evaluator) }
}

/// Evaluates `count` AND gates from the labels of their inputs and 32·`count` bytes of tables: writes the
/// labels of the results.
///
/// # Safety
/// `evaluator` is a handle; `a` and `b` have 16·`count` bytes, `tables` 32·`count`, and `out` room for
/// 16·`count`; no other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_evaluate_ands(
    evaluator: *const GazelleEvaluator,
    count: usize,
    a: *const u8,
    b: *const u8,
    tables: *const u8,
    out: *mut u8,
) -> GazelleStatus {
    call(|| {
        let len = table_bytes(count)?;
        let inputs = [labels::region(a, count), labels::region(b, count), region(tables, len)];
        // SAFETY: the caller's promise; the output overlaps no input or is refused.
        let (evaluator, a, b, tables, room) = unsafe {
            let room = labels::output("out", out, count, &inputs)?;
            let (a, b) = (labels::input("a", a, count)?, labels::input("b", b, count)?);
            (shared("evaluator", evaluator)?, a, b, input("tables", tables, len)?, room)
        };
        let mut session = evaluator.0.lock()?;
        let gate = session.take_ands(count);
        room.fill(|out| half_gates::evaluate(&session.strict, gate, [&a, &b], tables, out));
        Ok(())
    })
}

/// Evaluates `instances` of a program from the labels of both parties' bits and the garbler's tables.
/// Writes the results: shares, or what the evaluator is shown.
///
/// # Safety
/// `evaluator` and `program` are handles, `own` and `garblers` have 16·`labels` bytes, `tables` has
/// `table_bytes` bytes, `results` has room for `results_len` numbers; no other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_evaluate_program(
    evaluator: *const GazelleEvaluator,
    program: *const GazelleProgram,
    instances: usize,
    own: *const u8,
    garblers: *const u8,
    labels: usize,
    tables: *const u8,
    table_bytes: usize,
    results: *mut u32,
    results_len: usize,
) -> GazelleStatus {
    call(|| {
        let inputs = [
            labels::region(own, labels),
            labels::region(garblers, labels),
            region(tables, table_bytes),
        ];
        // SAFETY: the caller's promise; the results overlap no input or are refused.
        let (evaluator, program, own, garblers, tables, results) = unsafe {
            let results = output("results", results, results_len, &inputs)?;
            let own = labels::input("the evaluator's labels", own, labels)?;
            let garblers = labels::input("the garbler's labels", garblers, labels)?;
            let tables = input("tables", tables, table_bytes)?;
            (
                shared("evaluator", evaluator)?,
                shared("program", program)?,
                own,
                garblers,
                tables,
                results,
            )
        };
        let sizes = program.sizes(instances)?;
        check_len("labels", sizes.labels, labels)?;
        check_len("tables", sizes.table_bytes, table_bytes)?;
        check_len("results", sizes.results, results_len)?;
        let session = &mut *evaluator.0.lock()?;
        let gates = session.gates.take(program.0.tally(instances).gates);
        let [own, garblers] = [own, garblers].map(ActiveLabels::new);
        let values =
            evaluate(&program.0, instances, &session.hash, gates, tables, &own, &garblers)?;
        results.copy_from_slice(&values);
        Ok(())
    })
}

/// Evaluates `instances` of a circuit from the labels of all input bits: writes the output bits, one a
/// byte, 0 or 1.
///
/// # Safety
/// `evaluator` and `circuit` are handles, `active` has 16·`labels` bytes, `tables` `table_bytes`, `outputs`
/// has room for `outputs_len` bytes; no other thread uses them meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_evaluate_circuit(
    evaluator: *const GazelleEvaluator,
    circuit: *const GazelleCircuit,
    instances: usize,
    active: *const u8,
    labels: usize,
    tables: *const u8,
    table_bytes: usize,
    outputs: *mut u8,
    outputs_len: usize,
) -> GazelleStatus {
    call(|| {
        let inputs = [labels::region(active, labels), region(tables, table_bytes)];
        // SAFETY: the caller's promise; the outputs overlap no input or are refused.
        let (evaluator, circuit, active, tables, out) = unsafe {
            let out = output("outputs", outputs, outputs_len, &inputs)?;
            let active = labels::input("active", active, labels)?;
            let tables = input("tables", tables, table_bytes)?;
            (shared("evaluator", evaluator)?, shared("circuit", circuit)?, active, tables, out)
        };
        let sizes = circuit.sizes(instances)?;
        check_len("labels", sizes.labels, labels)?;
        check_len("tables", sizes.table_bytes, table_bytes)?;
        check_len("outputs", sizes.outputs, outputs_len)?;
        let session = &mut *evaluator.0.lock()?;
        let gates = session.gates.take(circuit.0.tally(instances).gates);
        let active = ActiveLabels::new(active);
        let bits = circuit.0.evaluate(instances, &session.hash, gates, tables, &active)?;
        out.iter_mut().zip(bits).for_each(|(out, bit)| *out = bit.into());
        Ok(())
    })
}
