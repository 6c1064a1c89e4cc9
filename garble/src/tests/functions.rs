//! Signed, leaky and tabulated functions against their definitions.

use super::*;

/// Functions of one sum that are signed, leaky or looked up in tables, with every kind of edge that
/// rings of so many bits have.
pub(super) fn functions_of_one_sum(ring_bits: u32, shift: u32, out_ring_bits: u32) -> Vec<Program> {
    let mut programs = vec![Program::NonNegative { ring_bits }];
    let m = ring_bits - 1 - shift;
    for (least, most) in [(-1, 0), (-1, 1), (-2, 1), (-3, 2), (-4, 3), (-128, 127), (-255, 0)] {
        programs.push(Program::Clamp { ring_bits, shift, window: 1, least, most, out_ring_bits });
        for (slope, slope_shift) in [(0, 0), (1, 0), (1, 1), (3, 2), (4, 2), (13, 4), (26, 8)] {
            if slope_shift <= m {
                let (slope, window) = (slope, 1);
                programs.push(Program::Leaky {
                    ring_bits,
                    shift,
                    window,
                    slope,
                    slope_shift,
                    least,
                    most,
                    out_ring_bits,
                });
            }
        }
    }
    for b in (1..=6).filter(|b| b + shift < ring_bits) {
        let mixed: Vec<u8> = (0..1u32 << b).map(|x| (x * 89 + 31) as u8).collect();
        let falling = (0..1 << b).map(|x: u8| 63 - x).collect();
        for table in [mixed, falling, vec![200; 1 << b], vec![0; 1 << b]] {
            let odd = table.clone();
            programs.push(Program::Odd { ring_bits, shift, table: odd, centre: -7, out_ring_bits });
            let (shift, index_shift) = (shift.min(ring_bits - 2), shift);
            for shift in [0, shift] {
                let table = table.clone();
                programs.push(Program::ReluMinusTable {
                    ring_bits,
                    shift,
                    index_shift,
                    table,
                    out_ring_bits,
                });
            }
        }
    }
    programs
}

#[test]
fn functions_are_exact_for_every_pair_of_small_shares() {
    for ring_bits in 2..=6 {
        let size = 1u32 << ring_bits;
        let a: Vec<u32> = (0..size * size).map(|i| i % size).collect();
        let b: Vec<u32> = (0..size * size).map(|i| i / size).collect();
        for shift in 0..=ring_bits - 2 {
            let out_ring_bits = 1 + (5 * ring_bits + 7 * shift) % 32;
            for program in functions_of_one_sum(ring_bits, shift, out_ring_bits) {
                check(&program, a.len(), &a, &b);
            }
        }
    }
}

/// Sums at the ends of the range, of the clamp, of the table and around 0, and random ones.
#[test]
fn functions_are_exact_at_the_edges_of_wide_sums() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    for (ring_bits, shift) in [(21, 8), (21, 12), (12, 0), (32, 22), (32, 8)] {
        let mask = ring::mask(ring_bits);
        let powers = (0..ring_bits).flat_map(|t| [1u32 << t, (1u32 << t).wrapping_neg()]);
        let mut sums: Vec<u32> = powers.flat_map(|p| [p, p.wrapping_sub(1)]).collect();
        sums.extend((0..64).map(|_| rng.next_u32() & mask));
        let b: Vec<u32> = sums.iter().map(|_| rng.next_u32() & mask).collect();
        let a: Vec<u32> = sums.iter().zip(&b).map(|(y, b)| y.wrapping_sub(*b) & mask).collect();
        for out_ring_bits in [16, 21] {
            for program in functions_of_one_sum(ring_bits, shift, out_ring_bits) {
                check(&program, a.len(), &a, &b);
            }
        }
    }
}
