//! Messages of the homomorphic linear layers.

use super::tamper;
use crate::transfers::Transfers;
use gazelle_protocol::Link;
use gazelle_protocol::he::{Parameters, PublicKey, SecretKey};
use gazelle_protocol::linear::{CoefficientPlan, EncodedWeights};
use gazelle_protocol::model::{Activation, BlockCard, Extent, Linear, Padding, Shape};
use std::sync::{LazyLock, Mutex, PoisonError};

struct Fixture {
    plan: CoefficientPlan,
    weights: EncodedWeights,
    secret: SecretKey,
    public: PublicKey,
    query: Vec<u8>,
    answer: Vec<u8>,
    transfers: Mutex<Transfers>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let block = BlockCard {
        sum_pool: None,
        linear: Linear::Convolution {
            outputs: 3,
            kernel: Extent { height: 3, width: 2 },
            stride: Extent { height: 2, width: 1 },
            padding: Padding { top: 1, ..Padding::default() },
            groups: 1,
        },
        weight_bits: 4,
        sum_bits: 16,
        activation: Activation::Logits,
    };
    let input = Shape { channels: 2, height: 7, width: 6 };
    let rng = &mut crate::rng(1);
    let plan = CoefficientPlan::choose(&block, input, &Link::LAN).expect("a small layer");
    let (secret, public) = SecretKey::generate(plan.parameters(), rng);
    let weights: Vec<i16> = (0..36).map(|i| i % 15 - 7).collect();
    let weights = plan.prepare(&weights).expect("as the card promises");
    let mask = vec![12_345; input.len()];
    let query = plan.encrypt(&mask, &secret, rng).expect("one value for each input");
    let (answer, _) = plan.apply(&query, &weights, &public, rng).expect("an honest query");
    let transfers = Mutex::new(Transfers::new(rng));
    Fixture { plan, weights, secret, public, query, answer, transfers }
});

/// A key, a query, an answer or corrections of shares, as the first byte's lowest two bits choose, are
/// changed or replaced; the third bit chooses which.
pub fn linear_messages(data: &[u8]) {
    let Some((&head, rest)) = data.split_first() else { return };
    let Fixture { plan, weights, secret, public, query, answer, transfers } = &*FIXTURE;
    let changed = |honest: &[u8]| match head & 4 {
        0 => tamper(honest.to_vec(), rest),
        _ => rest.to_vec(),
    };
    match head & 3 {
        0 => check_key(plan.parameters(), &changed(public.as_bytes())),
        1 => {
            let rng = &mut crate::rng(2);
            if let Ok((message, half)) = plan.apply(&changed(query), weights, public, rng) {
                assert_eq!(message.len(), answer.len());
                assert_eq!(half.len(), plan.output_len());
            }
        }
        2 => {
            if let Ok(half) = plan.decrypt(&changed(answer), secret) {
                assert_eq!(half.len(), plan.output_len());
            }
        }
        _ => {
            let rng = &mut crate::rng(3);
            let (answer, server) =
                plan.apply(query, weights, public, rng).expect("an honest query");
            let client = plan.decrypt(&answer, secret).expect("an honest answer");
            let mut transfers = transfers.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok((shares, _)) = transfers.convert(client, server, changed) {
                assert_eq!(shares.len(), plan.output_len());
                assert!(shares.iter().all(|share| share >> plan.ring_bits() == 0));
            }
        }
    }
}

/// A key that parses is written as it was read.
fn check_key(parameters: &Parameters, bytes: &[u8]) {
    if let Ok(key) = PublicKey::from_bytes(parameters, bytes) {
        assert_eq!(key.as_bytes(), bytes);
    }
}
