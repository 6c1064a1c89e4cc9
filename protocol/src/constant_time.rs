//! No branch and no address depends on a choice bit, on Δ, on a seed, on the bits by which active
//! labels are chosen, on a homomorphic key, or on what is encrypted, blinded and decrypted.
//! Randomness is secret here, and so is all that comes of it but the messages; see
//! `gazelle_valgrind`.

use std::hint::black_box;

use gazelle_garble::{Delta, GateCounter, Hash, HashKind};
use gazelle_kernels::{AesBackend, VectorBackend};
use gazelle_valgrind::{
    SecretRng, assert_constant_time, assert_reported, make_public, make_secret,
};
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;

use crate::Link;
use crate::activation::garbled::{Evaluator, GarbledPlan, Garbling};
use crate::bundle::Gates;
use crate::he::SecretKey;
use crate::he::hint::{Exactness, Hint, Term};
use crate::linear::hint::{HintPlan, HintUse};
use crate::linear::{CoefficientPlan, Map};
use crate::model::{Activation, BlockCard, Chain, Layer, Linear, Node, Shape};
use crate::ot::silent::LpnSet;
use crate::ot::transfers::{self, Direction, Source};
use crate::ot::{Choices, FieldBits, Receiver, ReceiverSetup, Sender, SenderSetup};

const SESSION: &[u8; 32] = b"a session of constant-time tests";

#[test]
fn transfers_and_labels_take_constant_time() {
    assert_constant_time("constant_time::transfers_by_secret_choices");
    assert_constant_time("constant_time::labels_of_secret_shares");
    assert_constant_time("constant_time::keys_of_secret_transfers");
}

#[test]
fn linear_layers_take_constant_time() {
    assert_constant_time("constant_time::linear_layer_of_secrets");
    assert_constant_time("constant_time::hint_layer_of_secrets");
}

/// The test's own test.
#[test]
fn a_branch_on_a_secret_is_seen() {
    assert_reported("constant_time::branch_on_a_chosen_label");
    assert_reported("constant_time::branch_on_delta");
    assert_reported("constant_time::branch_on_a_silent_key");
    assert_reported("constant_time::branch_on_a_decryption");
    assert_reported("constant_time::branch_on_a_given_mask");
}

#[test]
#[ignore = "runs under valgrind"]
fn transfers_by_secret_choices() {
    let best = AesBackend::best();
    let others = AesBackend::available().into_iter().filter(|&aes| aes != best);
    let fields = FieldBits::ALL.map(|field| (field, best));
    for (field, aes) in fields.into_iter().chain(others.map(|aes| (FieldBits::Two, aes))) {
        let (_, mut receiver, mut sender) = set_up(field, aes);
        for count in [1, 300, 1500] {
            let choices = Choices::from_bit_planes(&secret_values(count), 3);
            black_box(transfer(&mut receiver, &mut sender, &choices));
        }
    }
}

/// Both parties' part in transfers of either source, from the base transfers to the keys.
#[test]
#[ignore = "runs under valgrind"]
fn keys_of_secret_transfers() {
    for source in [Source::SoftSpoken(FieldBits::Eight), Source::Silent(LpnSet::Toy)] {
        let rng = &mut SecretRng::from_public_seed(5);
        let (mut sender, mut receiver) = transfers_set_up(source, rng);
        for count in [900, 2000] {
            let mut request = receiver.request(count, rng).expect("a session");
            make_public(&mut request);
            let mut answer = sender.answer(count, &request).expect("an honest request");
            make_public(&mut answer);
            let mut challenge = receiver.challenge(count, &answer).expect("an honest answer");
            make_public(&mut challenge);
            let mut proof = sender.prove(&challenge).expect("an honest challenge");
            make_public(&mut proof);
            receiver.finish(&proof).expect("an honest proof");
            black_box((sender.take(count).keys(), receiver.take(count).keys()));
        }
    }
}

fn transfers_set_up(
    source: Source,
    rng: &mut SecretRng,
) -> (transfers::Sender, transfers::Receiver) {
    let (receiver, mut offer) = transfers::ReceiverSetup::new(source, rng);
    make_public(&mut offer);
    let (sender, mut reply) =
        transfers::SenderSetup::new(source, Direction::Up, SESSION, &offer, rng)
            .expect("an honest offer");
    make_public(&mut reply);
    let (receiver, mut corrections) =
        receiver.finish(Direction::Up, SESSION, &reply).expect("an honest reply");
    make_public(&mut corrections);
    (sender.finish(&corrections).expect("honest corrections"), receiver)
}

/// Both parties' part in an activation's labels.
#[test]
#[ignore = "runs under valgrind"]
fn labels_of_secret_shares() {
    let plan = plan();
    let (delta, receiver, _) = set_up(FieldBits::Four, AesBackend::best());
    let mut evaluator = Evaluator::from_receiver(receiver);
    let gates = Gates::new(HashKind::default(), 9);
    let garbling = Garbling::from_seed(delta.expose() >> 1, &gates);
    let sums = secret_values(plan.instances());
    for chunk in plan.chunks() {
        black_box(evaluator.choose_chunk(&chunk, &sums));
        black_box(garbling.labels(&chunk, &delta, &sums));
    }
}

#[test]
#[ignore = "runs under valgrind"]
fn linear_layer_of_secrets() {
    black_box(linear_layer());
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_decryption() {
    branch(linear_layer()[3].into());
}

#[test]
#[ignore = "runs under valgrind"]
fn hint_layer_of_secrets() {
    black_box(hint_layer());
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_given_mask() {
    branch(hint_layer()[3].into());
}

/// A map by a hint whose secret is marked, and the client's coins too: the mask that its message gives.
fn hint_layer() -> Vec<u32> {
    let (layer, public_rng) = (layer(9), &mut ChaCha20Rng::seed_from_u64(2));
    let map = Map::of_block(&layer.block, layer.pooled);
    let weights = [1; 36];
    let mut given = Vec::new();
    // The last one's outputs share polynomials.
    for (gives_mask, images) in [(false, u16::MAX), (true, u16::MAX), (true, 1)] {
        let purpose = HintUse { link: Link::LAN, images, exactness: Exactness::default() };
        let plan = HintPlan::choose(&map, gives_mask, &purpose).expect("a small layer");
        let write = |_: usize, output: usize, input: usize, out: &mut Vec<Term>| {
            plan.weight_terms(&weights, (output, input), out);
        };
        let layers = vec![plan.layer().clone()];
        let (hint, mut secret) =
            Hint::build(layers, &[0; 32], write, public_rng).expect("small weights");
        secret.make_secret();
        let mut mask = secret_values(plan.input_len());
        let secret_rng = &mut SecretRng::from_public_seed(3);
        let (mut message, client) =
            plan.encrypt(&mut mask, hint.layer(0), secret_rng).expect("as many values as inputs");
        make_public(&mut message);
        let server = plan.apply(&message, &weights, (&secret, 0)).expect("an honest message");
        black_box((client, server));
        given = mask;
    }
    given
}

/// Encrypts, multiplies, re-randomises, decrypts and makes exact: the client's share.
fn linear_layer() -> Vec<u32> {
    let (layer, public_rng) = (layer(700), &mut ChaCha20Rng::seed_from_u64(2));
    let plan =
        CoefficientPlan::choose(&layer.block, layer.pooled, &Link::LAN).expect("a small layer");
    let (mut key, public) = SecretKey::generate(plan.parameters(), public_rng);
    key.make_secret();
    let weights = plan.prepare(&[1; 2800]).expect("small weights");
    let mask = secret_values(plan.input_len());
    let mut query = plan.encrypt(&mask, &key, public_rng).expect("as many values as inputs");
    make_public(&mut query);
    let secret_rng = &mut SecretRng::from_public_seed(3);
    let (mut answer, server) =
        plan.apply(&query, &weights, &public, secret_rng).expect("an honest query");
    make_public(&mut answer);
    let client = plan.decrypt(&answer, &key).expect("an honest answer");

    let (delta, mut receiver, mut sender) = set_up(FieldBits::Four, AesBackend::best());
    let hash = Hash::new(HashKind::default(), 9);
    let gates = || GateCounter::new().take(plan.output_len() as u64);
    let (conversion, mut message) = client.transfer(&mut receiver, &hash, gates());
    make_public(&mut message);
    let (mut corrections, share) =
        server.convert(&message, &mut sender, &delta, &hash, gates()).expect("an honest message");
    make_public(&mut corrections);
    share.add_to(&mut secret_values(plan.output_len()));
    conversion.finish(&corrections).expect("honest corrections")
}

/// Secrecy goes from the choices through the extension to the labels.
#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_chosen_label() {
    let (_, mut receiver, mut sender) = set_up(FieldBits::Four, AesBackend::best());
    let choices = Choices::from_bit_planes(&secret_values(100), 1);
    let [labels, _] = transfer(&mut receiver, &mut sender, &choices);
    branch(labels[7]);
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_delta() {
    let (delta, ..) = set_up(FieldBits::Four, AesBackend::best());
    branch(delta.expose() >> 9);
}

/// Secrecy goes from the choices through the silent transfers to the keys.
#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_silent_key() {
    let rng = &mut SecretRng::from_public_seed(6);
    let (mut sender, mut receiver) = transfers_set_up(Source::Silent(LpnSet::Toy), rng);
    let mut request = receiver.request(1, rng).expect("a session");
    make_public(&mut request);
    let mut answer = sender.answer(1, &request).expect("an honest request");
    make_public(&mut answer);
    receiver.challenge(1, &answer).expect("an honest answer");
    branch(sender.take(1).keys().pair(0).1);
}

fn branch(secret: u128) {
    if black_box(secret) & 1 == 1 {
        black_box(secret);
    }
}

/// Both parties after the base transfers; what they send is public.
fn set_up(field: FieldBits, aes: AesBackend) -> (Delta, Receiver, Sender) {
    let rng = &mut SecretRng::from_public_seed(1);
    let delta = Delta::random(rng);
    let (receiver, mut offer) = ReceiverSetup::new(field, rng);
    make_public(&mut offer);
    let (sender, mut reply, _) =
        SenderSetup::new(field, SESSION, delta.expose(), &offer, rng).expect("an honest offer");
    make_public(&mut reply);
    let vector = VectorBackend::best();
    let (receiver, sender) =
        (receiver.with_backends(aes, vector), sender.with_backends(aes, vector));
    let (receiver, mut corrections, _) = receiver.finish(SESSION, &reply).expect("an honest reply");
    make_public(&mut corrections);
    (delta, receiver, sender.finish(&corrections).expect("honest corrections"))
}

/// The labels of the receiver and of the sender.
fn transfer(receiver: &mut Receiver, sender: &mut Sender, choices: &Choices) -> [Vec<u128>; 2] {
    let mut labels = [vec![0; choices.len()], vec![0; choices.len()]];
    let mut message = receiver.extend(choices, &mut labels[0]);
    make_public(&mut message);
    sender.extend(&message, &mut labels[1]).expect("an honest message");
    labels
}

/// Of 700 ReLUs in two chunks.
fn plan() -> GarbledPlan {
    let card = chain(700).to_card().expect("a valid chain");
    let tensors = card.tensors().expect("a valid card");
    let place = card.nodes.iter().position(|node| matches!(node, Node::Activation(_)));
    let number = place.expect("a ReLU") + 1;
    let Node::Activation(node) = &card.nodes[number - 1] else { unreachable!() };
    GarbledPlan::of_node(node, tensors[node.input], tensors[number])
}

/// A matrix of so many rows and 4 columns with ReLU.
fn layer(rows: usize) -> Layer {
    chain(rows).layers().expect("a valid card").swap_remove(0)
}

fn chain(rows: usize) -> Chain {
    let block = |outputs, activation| BlockCard {
        sum_pool: None,
        linear: Linear::Dense { outputs },
        weight_bits: 2,
        sum_bits: 12,
        activation,
    };
    Chain {
        name: "dense".into(),
        input: Shape::flat(4),
        blocks: vec![
            block(rows, Activation::Relu { shift: 3, max_pool: None }),
            block(2, Activation::Argmax),
        ],
        classes: vec!["a".into(), "b".into()],
    }
}

fn secret_values(count: usize) -> Vec<u32> {
    let mut values: Vec<u32> = (1..=count as u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
    make_secret(&mut values);
    values
}
