//! Every pair of shares in small rings; every threshold in rings of full size.

use super::*;

const LOWS: [&[usize]; 10] =
    [&[], &[1], &[2], &[3], &[1, 1], &[2, 1], &[1, 1, 1], &[1, 1, 2], &[4], &[1, 1, 1, 1]];
const MIDDLES: [&[usize]; 8] =
    [&[1], &[2], &[1, 1], &[3], &[1, 1, 1], &[2, 1], &[4], &[1, 1, 1, 1]];
const HIGHS: [&[usize]; 11] =
    [&[], &[1], &[2], &[1, 1], &[3], &[1, 2], &[2, 1], &[4], &[2, 2], &[1, 1, 1], &[1, 2, 1]];

/// All shapes of rings of so many bits: how many there are, and pairs of shares.
fn all_shapes(ring_bits: std::ops::RangeInclusive<usize>) -> [usize; 2] {
    let (mut shapes, mut pairs) = (0, 0);
    for low in LOWS {
        for middle in MIDDLES {
            for high in HIGHS {
                let digits = digits(low, middle, high);
                let (k, c) = (digits.ring_bits(), digits.result_bits());
                if !ring_bits.contains(&k) {
                    continue;
                }
                for out_bits in [c, k, k + 3] {
                    let mut world = World::new(digits.clone(), out_bits as u32, shapes as u64);
                    let all = 0..1u32 << (2 * k);
                    pairs += world.check(all.map(|i| (i >> k, i & ((1 << k) - 1))));
                    shapes += 1;
                }
            }
        }
    }
    [shapes, pairs]
}

#[test]
fn every_pair_of_shares_in_rings_of_up_to_six_bits() {
    let [shapes, pairs] = all_shapes(3..=6);
    assert!(shapes > 300, "{shapes} shapes, {pairs} pairs");
}

/// Takes a minute.
#[test]
#[ignore = "takes minutes; shorter above"]
fn every_pair_of_shares_in_rings_of_seven_and_eight_bits() {
    let [shapes, pairs] = all_shapes(7..=8);
    println!("{shapes} shapes, {pairs} pairs of shares");
}

/// Sums around every threshold with random and extreme shares, and sums of all sizes.
fn thresholds(digits: &Digits, rng: &mut ChaCha20Rng) -> Vec<(u32, u32)> {
    let (k, f, c) = (digits.ring_bits(), digits.shift(), digits.result_bits());
    let top = (1u32 << k) - 1;
    let (one, sign) = (1u32 << f, 1u32 << (k - 1));
    let full = 1u32 << (f + c);
    let bases = [0, one, full, sign, one.wrapping_neg(), full.wrapping_neg(), full - one, sign - 1];
    let extreme = [0, 1, top, top >> 1, sign, one - 1, one, full - 1, full];
    let mut pairs = Vec::new();
    for base in bases {
        for y in (0..7).map(|d| base.wrapping_add(d).wrapping_sub(3)) {
            let random: Vec<u32> = (0..55).map(|_| rng.random::<u32>() & top).collect();
            let shares = extreme.iter().chain(&random);
            pairs.extend(shares.map(|a| (*a, y.wrapping_sub(*a) & top)));
        }
    }
    for _ in 0..4096 {
        let (a, size) = (rng.random::<u32>() & top, rng.random_range(0..k as u32));
        let y = (rng.random::<u32>() & top).wrapping_sub(sign).cast_signed() >> size;
        pairs.push((a, y.cast_unsigned().wrapping_sub(a) & top));
    }
    pairs
}

#[test]
fn every_threshold_of_results_of_ten_and_twelve_bits() {
    for (low, middle, high, out_bits) in [
        (&[3usize, 3, 3] as &[usize], &[4usize, 3, 3] as &[usize], &[3usize] as &[usize], 24),
        (&[2, 3, 3], &[4, 3, 3], &[], 10),
        (&[4, 3, 3], &[3, 3, 3, 1], &[2, 2], 27),
        (&[4, 4, 4], &[4, 4, 4], &[4, 2], 31),
    ] {
        let digits = digits(low, middle, high);
        let pairs = thresholds(&digits, &mut ChaCha20Rng::seed_from_u64(out_bits.into()));
        World::new(digits, out_bits, 9).check(pairs);
    }
}

#[test]
fn every_threshold_of_rings_of_full_size() {
    let middle: &[usize] = &[3, 3, 2];
    for (low, high, out_bits) in [
        (&[3usize, 3] as &[usize], &[1usize] as &[usize], 16),
        (&[3, 2, 2], &[], 16),
        (&[2, 3, 3], &[4], 21),
        (&[2, 3, 3], &[2, 2], 21),
        (&[3, 3, 3], &[3], 21),
        (&[4, 3, 3], &[2], 21),
        (&[4, 4, 4], &[3, 2], 26),
        (&[4, 3, 3, 3], &[4], 26),
        (&[2, 3, 3], &[4], 9),
        (&[3, 3, 3], &[3, 3], 24),
        (&[3, 3, 3], &[2, 2, 2], 32),
    ] {
        let digits = digits(low, middle, high);
        let pairs = thresholds(&digits, &mut ChaCha20Rng::seed_from_u64(out_bits.into()));
        World::new(digits, out_bits, 7).check(pairs);
    }
}

/// Digits of one bit do the same.
#[test]
fn digits_of_one_bit_reach_every_threshold() {
    let digits = digits(&[1; 3], &[1; 4], &[1; 3]);
    let pairs = thresholds(&digits, &mut ChaCha20Rng::seed_from_u64(1));
    World::new(digits, 12, 8).check(pairs);
}

#[test]
fn layers_of_any_number_of_lanes() {
    let digits = digits(&[2, 1], &[2, 2], &[1]);
    for lanes in [1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 511, 512] {
        let pairs = (0..lanes).map(|i: u32| (i.wrapping_mul(77) & 511, i.wrapping_mul(91) & 511));
        assert_eq!(World::new(digits.clone(), 11, 9).check(pairs), lanes as usize);
    }
}
