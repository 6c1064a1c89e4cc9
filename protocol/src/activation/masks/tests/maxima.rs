//! Maxima of two values.

use super::*;

/// Every difference of values of all digits' bits, with every share of it in a ring of `out_bits`.
fn every_pair(digits: &[usize], out_bits: u32) -> usize {
    let bound = 1u32 << digits.iter().sum::<usize>();
    let ring = 1u32 << out_bits;
    let differences = (1..2 * bound).map(|i| i.wrapping_sub(bound));
    let pairs = differences.flat_map(|y| (0..ring).map(move |a| (a, y.wrapping_sub(a))));
    World::of(Program::maximum(digits.to_vec(), out_bits), out_bits.into()).check(pairs)
}

#[test]
fn every_pair_of_values_and_of_shares() {
    for digits in [&[1usize] as &[usize], &[2], &[1, 1], &[2, 1], &[1, 1, 1], &[3], &[4], &[2, 2]] {
        let bits = digits.iter().sum::<usize>() as u32;
        for out_bits in [bits + 1, bits + 2, bits + 4] {
            let cases = ((2 << bits) - 1) << out_bits;
            assert_eq!(every_pair(digits, out_bits), cases, "{digits:?} in {out_bits} bits");
        }
    }
    every_pair(&[1, 1, 1, 1], 6);
    every_pair(&[3, 3, 2], 9);
}

/// Values of 8 bits in rings of full size, and of 12: differences around 0 and the bounds, with random
/// and extreme shares.
#[test]
fn maxima_in_rings_of_full_size() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    for (digits, out_bits) in
        [(&[3usize, 3, 2] as &[usize], 21), (&[3, 3, 2], 32), (&[4, 4], 26), (&[4, 4, 4], 13)]
    {
        let bound = 1u32 << digits.iter().sum::<usize>();
        let edges = [0, bound - 2, bound / 2, 1u32.wrapping_sub(bound), (bound / 2).wrapping_neg()];
        let near = edges.iter().flat_map(|edge| (0..2).map(move |more| edge.wrapping_add(more)));
        let random: Vec<u32> =
            (0..500).map(|_| rng.random_range(1..2 * bound).wrapping_sub(bound)).collect();
        let top = u32::MAX >> (32 - out_bits);
        let pairs: Vec<_> = near
            .chain(random)
            .flat_map(|y| {
                let shares = [0, 1, top, top >> 1, (top >> 1) + 1, rng.random(), rng.random()];
                shares.map(|a| (a & top, y.wrapping_sub(a)))
            })
            .collect();
        let program = Program::maximum(digits.to_vec(), out_bits);
        assert_eq!(World::of(program, 4).check(pairs), 7 * 510);
    }
}

/// Offline from the client and the server, online from the server and the client; transfers that the
/// client and the server send. For values of 8 bits in a ring of 21 it is 63 in each phase.
#[test]
fn bits_of_maxima() {
    for (digits, out_bits, expected) in [
        (&[3usize, 3, 2] as &[usize], 21, ([56, 7, 34, 29], [20, 2])),
        (&[4, 4], 21, ([79, 10, 32, 25], [21, 2])),
        (&[1], 2, ([3, 0, 4, 4], [2, 2])),
    ] {
        let program = Program::maximum(digits.to_vec(), out_bits);
        assert_eq!(messages::bits(World::of(program, 0)), expected, "{digits:?}");
    }
}
