//! What the model says an activation computes is what its garbled program computes.

use gazelle_garble::{Program, clear};
use gazelle_model::Function;
use gazelle_tests::rng;
use rand::RngExt;

const OUT_RING_BITS: u32 = 21;

/// The program of a function of sums of ℓ = k − 1 bits.
fn program(function: &Function, ring_bits: u32, shift: u32) -> Program {
    let (window, out_ring_bits) = (1, OUT_RING_BITS);
    match *function {
        Function::Clamp { least, most } => {
            let (least, most) = (least.into(), most.into());
            Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits }
        }
        Function::Leaky { ref slopes, slope_shift, least, most } => Program::Leaky {
            ring_bits,
            shift,
            window,
            slope: slopes[0].into(),
            slope_shift,
            least: least.into(),
            most: most.into(),
            out_ring_bits,
        },
        Function::ReluMinusTable { ref table, step } => Program::ReluMinusTable {
            ring_bits,
            shift,
            index_shift: shift.wrapping_add_signed(step.into()),
            table: table.clone(),
            out_ring_bits,
        },
        Function::Odd { ref table, centre } => Program::Odd {
            ring_bits,
            shift,
            table: table.clone(),
            centre: centre.into(),
            out_ring_bits,
        },
    }
}

/// Sums y with |y| < 2^ℓ: the ends, all near 0 and near a multiple of a power of two, random ones; those
/// that a clamp may read.
fn sums(function: &Function, sum_bits: u32, shift: u32) -> Vec<i32> {
    let end = 1i64 << sum_bits;
    let powers = (0..=sum_bits).flat_map(|t| [1 << t, -(1 << t), 3 << t, -(3 << t)]);
    let mut sums: Vec<i64> = powers.flat_map(|p: i64| [p - 1, p, p + 1]).collect();
    sums.extend(-700..700);
    sums.extend((-4100..4100).step_by(37));
    let rng = &mut rng(1);
    sums.extend((0..2000).map(|_| rng.random_range(1 - end..end)));
    let offset = match function {
        Function::Clamp { least, .. } => i64::from(*least) << shift,
        _ => 0,
    };
    let fits = |y: &i64| y.abs() < end && (y - offset).abs() < end;
    sums.into_iter().filter(fits).map(|y| y as i32).collect()
}

fn check(function: &Function, sum_bits: u32, shift: u32) {
    let program = program(function, sum_bits + 1, shift);
    let sums = sums(function, sum_bits, shift);
    let (rng, mask) = (&mut rng(2), u32::MAX >> (31 - sum_bits));
    let a: Vec<u32> = sums.iter().map(|_| rng.random::<u32>() & mask).collect();
    let b: Vec<u32> = sums.iter().zip(&a).map(|(y, a)| (*y as u32).wrapping_sub(*a)).collect();
    let b: Vec<u32> = b.iter().map(|b| b & mask).collect();
    let ring = u32::MAX >> (32 - OUT_RING_BITS);
    let expected: Vec<u32> =
        sums.iter().map(|y| function.apply(*y, 0, shift) as u32 & ring).collect();
    let computed = clear(&program, sums.len(), &a, &b).unwrap();
    assert_eq!(computed, expected, "{program:?}");
}

#[test]
fn programs_compute_the_functions_of_the_model() {
    let bounds = [
        (0, 255),
        (0, 6),
        (-128, 127),
        (-255, 0),
        (-1, 0),
        (0, 1023),
        (-300, 723),
        (-2048, 2047),
        (0, 4095),
        (0, 32_767),
        (-16_384, 16_383),
        (-32_767, 0),
    ];
    let mut functions: Vec<Function> =
        bounds.map(|(least, most)| Function::Clamp { least, most }).to_vec();
    for (slope, slope_shift) in [(0, 8), (1, 2), (3, 8), (13, 7), (26, 8), (255, 8), (256, 8)] {
        functions.extend(bounds.map(|(least, most)| Function::Leaky {
            slopes: vec![slope],
            slope_shift,
            least,
            most,
        }));
    }
    for (sum_bits, shift) in [(20, 8), (20, 12), (20, 0), (12, 4), (31, 23), (31, 10), (8, 0)] {
        for function in &functions {
            check(function, sum_bits, shift);
        }
        for b in [5, 6] {
            let table: Vec<u8> = (0..1u32 << b).map(|x| (x * 89 + 31) as u8).collect();
            let highest = sum_bits - b;
            let steps = (-8..=8).filter(|step| {
                shift.checked_add_signed(*step).is_some_and(|index| index <= highest)
            });
            for step in steps {
                let (table, step) = (table.clone(), step as i8);
                check(&Function::ReluMinusTable { table, step }, sum_bits, shift);
            }
            if shift <= highest {
                check(&Function::Odd { table, centre: 128 }, sum_bits, shift);
            }
        }
    }
}
