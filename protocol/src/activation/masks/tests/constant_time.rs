//! No branch and no address depends on shares, on masks (those of either party, of bits and of results), on
//! keys or choices. Messages are public.

use std::hint::black_box;

use gazelle_valgrind::{assert_constant_time, assert_reported, make_secret};

use super::*;

/// Of clamps and of maxima, two chunks each, so that one of them has fewer lanes than there are.
fn results() -> Vec<u32> {
    let clamp = Program::new(digits(&[4, 2], &[1, 2], &[2, 3]), 14);
    let mut results = Vec::new();
    for program in [clamp, Program::maximum(vec![2, 4], 14)] {
        let mut world = World::of(program, 3);
        world.is_secret = true;
        for lanes in [LANES, 77] {
            let mut secret = || {
                let mut values: Vec<u32> = (0..lanes).map(|_| world.rng.random()).collect();
                make_secret(&mut values);
                values
            };
            let [a, b, r] = [secret(), secret(), secret()];
            results.extend(world.activate(&a, &b, &r));
        }
    }
    results
}

#[test]
fn activations_by_masks_take_constant_time() {
    assert_constant_time("activation::masks::tests::constant_time::activations_of_secrets");
}

/// Secrecy goes from the shares and the keys to the results.
#[test]
fn a_branch_on_a_result_is_seen() {
    assert_reported("activation::masks::tests::constant_time::branch_on_a_result");
}

#[test]
#[ignore = "runs under valgrind"]
fn activations_of_secrets() {
    black_box(results());
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_result() {
    if results()[3] & 1 == 1 {
        black_box(());
    }
}

/// The server's mask of Z is no choice of a transfer, and secret all the same.
#[test]
fn a_branch_on_a_mask_is_seen() {
    assert_reported("activation::masks::tests::constant_time::branch_on_a_mask");
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_mask() {
    let program = Program::new(digits(&[2], &[1, 2], &[]), 9);
    let rng = &mut SecretRng::from_public_seed(1);
    let up = UpTransfers::new(&program, Keys::none());
    let down = DownTransfers::new(&program, Keys::none());
    let start = Start::new(&program, &[], up, down, Side::Server, rng);
    if start.result.own[1].0[0] & 1 == 1 {
        black_box(());
    }
}
