//! Who of two millionaires is richer, for a thousand pairs at once:
//! `cargo run --release -p gazelle-garble --example millionaires`.
//!
//! Ada garbles and Bob evaluates, each in a thread. Only one step is left out: Bob's labels come by
//! oblivious transfer, so that Ada does not see which he takes; here a channel hands him the labels
//! of his bits. `gazelle_protocol::ot` has the real thing.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use gazelle_garble::{Delta, Error, Evaluator, Garbler, GateCounter, Hash, HashKind};
use gazelle_garble::{Interpreter, Tally};
use rand::rngs::{ChaCha20Rng, SysRng};
use rand::{RngExt, SeedableRng};

const PAIRS: usize = 1000;
const BITS: usize = 32;

/// Whether a > b, bits from the lowest on: the highest bits that differ decide.
fn richer<I: Interpreter>(i: &mut I, a: &[I::Wire], b: &[I::Wire]) -> Result<I::Revealed, Error> {
    let not_b = i.not(&b[0]);
    let mut result = i.and(&a[0], &not_b)?;
    for (a, b) in a.iter().zip(b).skip(1) {
        let (differ, change) = (i.xor(a, b), i.xor(a, &result));
        let change = i.and(&differ, &change)?;
        result = i.xor(&result, &change);
    }
    i.reveal(&result)
}

/// What both know before they begin.
fn tally() -> Tally {
    let (mut tally, wires) = (Tally::default(), [PAIRS; BITS]);
    richer(&mut tally, &wires, &wires).expect("counting reads no tables");
    tally
}

/// A message from Ada: the session's hash key, the tables, the labels of her bits and Bob's.
type Message = (u128, Vec<u8>, [Vec<u128>; 2]);

fn ada(fortunes: &[u32], bobs_bits: &Receiver<Vec<bool>>, to_bob: &Sender<Message>) {
    let mut rng = ChaCha20Rng::try_from_rng(&mut SysRng).expect("the system has randomness");
    let (delta, key) = (Delta::random(&mut rng), rng.random());
    let hash = Hash::new(HashKind::Mitccrh, key);
    let [own, bobs] =
        [(); 2].map(|_| -> Vec<u128> { (0..BITS * PAIRS).map(|_| rng.random()).collect() });
    let tally = tally();
    let gates = GateCounter::new().take(tally.gates);
    let mut garbler = Garbler::new(&hash, &delta, gates, tally.table_bytes);
    let [a, b] = [&own, &bobs]
        .map(|zeros| -> Vec<_> { zeros.chunks(PAIRS).map(|plane| garbler.input(plane)).collect() });
    richer(&mut garbler, &a, &b).expect("garbling reads no tables");
    let tables = garbler.finish();
    let active = |zeros: &[u128], bits: &[bool]| -> Vec<u128> {
        let label = |(zero, bit): (&u128, &bool)| zero ^ (u128::from(*bit) * delta.expose());
        zeros.iter().zip(bits).map(label).collect()
    };
    // Where oblivious transfer would be.
    let bobs = active(&bobs, &bobs_bits.recv().expect("Bob is there"));
    let own = active(&own, &planes(fortunes));
    to_bob.send((key, tables, [own, bobs])).expect("Bob is there");
}

fn bob(fortunes: &[u32], bits: &Sender<Vec<bool>>, from_ada: &Receiver<Message>) -> Vec<bool> {
    bits.send(planes(fortunes)).expect("Ada is there");
    let (key, tables, labels) = from_ada.recv().expect("Ada is there");
    let hash = Hash::new(HashKind::Mitccrh, key);
    let gates = GateCounter::new().take(tally().gates);
    let mut evaluator = Evaluator::new(&hash, gates, &tables);
    let [a, b] = [&labels[0], &labels[1]].map(|active| -> Vec<_> {
        active.chunks(PAIRS).map(|plane| evaluator.input(plane)).collect()
    });
    let result = richer(&mut evaluator, &a, &b).expect("Ada's tables are long enough");
    evaluator.finish().expect("Ada's tables are no longer");
    result
}

/// Bit t of number j at place t·PAIRS + j.
fn planes(numbers: &[u32]) -> Vec<bool> {
    let plane = |t| numbers.iter().map(move |number| number >> t & 1 == 1);
    (0..BITS).flat_map(plane).collect()
}

fn main() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let [adas, bobs] = [(); 2].map(|_| -> Vec<u32> { (0..PAIRS).map(|_| rng.random()).collect() });
    let (to_ada, from_bob) = channel();
    let (to_bob, from_ada) = channel();
    let result = thread::scope(|scope| {
        let adas = &adas;
        scope.spawn(move || ada(adas, &from_bob, &to_bob));
        bob(&bobs, &to_ada, &from_ada)
    });
    let expected: Vec<bool> = adas.iter().zip(&bobs).map(|(a, b)| a > b).collect();
    assert_eq!(result, expected);
    let (richer, tally) = (result.iter().filter(|richer| **richer).count(), tally());
    println!("Ada is richer in {richer} of {PAIRS} pairs.");
    println!("{} ANDs, {} bytes of tables", tally.ands, tally.table_bytes);
}
