//! What the programs cost, against the formulas of their documentation.

use super::*;

/// e(v): bytes of an element of Z_{2^v}.
fn element(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}

/// Elements of Z_{2^w}, Z_{2^{w−1}}, … for `count` bits.
fn elements(ring_bits: u32, count: u32) -> usize {
    (0..count.min(ring_bits)).map(|t| element(ring_bits - t)).sum()
}

fn costs(program: &Program) -> (u64, usize) {
    let Tally { ands, table_bytes, .. } = program.tally(1);
    (ands, table_bytes - 32 * ands as usize)
}

#[test]
fn a_clip_costs_what_its_documentation_says() {
    for ring_bits in 2..=32 {
        for shift in 0..ring_bits - 1 {
            for (window, bound, w) in [(1, 255, 21), (1, 6, 16), (4, 1, 9), (2, i32::MAX, 32)] {
                let (least, most, out_ring_bits) = (0, bound, w);
                let program =
                    Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits };
                let bound = bound as u32;
                let m = ring_bits - 1 - shift;
                let places = window as u32;
                let sums = places * (ring_bits - 1) + (places - 1) * 2 * (m + 1);
                let clamps = bound < (1 << m) - 1;
                let (clamp, bits, tail) = match clamps {
                    true => (m - bound.trailing_ones(), 32 - bound.leading_zeros(), element(w)),
                    false => (0, m, 0),
                };
                let expected = (u64::from(sums + clamp), 2 * elements(w, bits) + element(w) + tail);
                assert_eq!(
                    costs(&program),
                    match bound & 1 {
                        0 if clamps => (expected.0, expected.1 - element(w) + element(w - 1)),
                        _ => expected,
                    },
                    "{program:?}"
                );
            }
        }
    }
}

#[test]
fn other_programs_cost_what_their_documentation_says() {
    let (k, w, shift) = (21, 23, 9);
    let truncate = Program::Truncate { ring_bits: k, shift, out_ring_bits: w };
    assert_eq!(costs(&truncate), (20, elements(w, k - shift)));
    assert_eq!(costs(&Program::Sign { ring_bits: k, out_ring_bits: w }), (20, 3));
    assert_eq!(costs(&Program::Reveal { ring_bits: k }), (20, 21));
    for (classes, places, index) in [(10, 1, 4), (10, 5, 4), (1, 1, 1), (17, 17, 5)] {
        let top = Program::TopK { ring_bits: k, classes, places };
        let swaps: usize = (1..classes).map(|c| c.min(places)).sum();
        let ands = classes * 20 + swaps * (42 + index);
        assert_eq!(costs(&top), (ands as u64, index * places));
    }
    let (kernel, stride) = ([3, 3], [2, 2]);
    let pool = Program::MaxPool { ring_bits: k, map: [7, 7], kernel, stride, out_ring_bits: 16 };
    assert_eq!(pool.results(), 9);
    assert_eq!(costs(&pool), (49 * 20 + 9 * 8 * 42, 9 * elements(16, 16)));
}

/// The bounds of the protocol's plan, at 21-bit shares and results.
#[test]
fn an_activation_costs_what_the_protocol_promises() {
    for shift in 0..=12 {
        let relu = Program::Relu { ring_bits: 21, shift, window: 1, out_ring_bits: 21 };
        assert_eq!(relu.tally(1).ands, u64::from(32 - shift.min(12)));
        let (ring_bits, window, least, most, out_ring_bits) = (21, 1, 0, i32::MAX, 21);
        let free = Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits };
        assert!(free.tally(1).table_bytes <= 740, "{}", free.tally(1).table_bytes);
        if shift >= 9 {
            assert!(relu.tally(1).table_bytes <= 840, "{}", relu.tally(1).table_bytes);
            let pool = Program::Relu { ring_bits: 21, shift, window: 4, out_ring_bits: 21 };
            assert!(pool.tally(1).table_bytes <= 5_300, "{}", pool.tally(1).table_bytes);
        }
        // Online the garbler sends the labels of its share, nothing else.
        assert!(16 * relu.labels() <= 16 * 21 + 4);
    }
}

/// The ANDs at k = 21 and f = 8 that docs/garbling.md states.
#[test]
fn functions_cost_what_the_documentation_says() {
    let (ring_bits, shift, window, out_ring_bits) = (21, 8, 1, 21);
    let ands = |program: Program| program.tally(1).ands;
    let clamp =
        |least, most| ands(Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits });
    assert_eq!(ands(Program::Relu { ring_bits, shift, window, out_ring_bits }), 24);
    assert_eq!(clamp(0, 255), 24);
    assert_eq!(clamp(-128, 127), 24);
    let pool = |least, most| {
        let window = 4;
        ands(Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits })
    };
    assert_eq!([pool(0, 255), pool(-128, 127)], [162, 162]);
    let leaky = |slope, slope_shift| {
        let (least, most) = (-128, 127);
        let program = Program::Leaky {
            ring_bits,
            shift,
            window,
            slope,
            slope_shift,
            least,
            most,
            out_ring_bits,
        };
        ands(program)
    };
    assert_eq!([leaky(1, 2), leaky(3, 8), leaky(13, 7), leaky(51, 8)], [28, 37, 53, 67]);
    for (b, index_shift, relu, odd) in [(5, 11, 50, 50), (6, 10, 81, 81)] {
        let table: Vec<u8> = (0..1u8 << b).collect();
        let odd_table = table.clone();
        let bump = Program::ReluMinusTable { ring_bits, shift, index_shift, table, out_ring_bits };
        assert_eq!(ands(bump), relu);
        let (table, shift, centre) = (odd_table, index_shift, 128);
        assert_eq!(ands(Program::Odd { ring_bits, shift, table, centre, out_ring_bits }), odd);
    }
    assert_eq!(ands(Program::NonNegative { ring_bits }), 20);
    let classes = 10;
    assert_eq!(ands(Program::Argmax { ring_bits, classes }), 614);
    assert_eq!(ands(Program::TopK { ring_bits, classes, places: 5 }), 1810);
    let bounds = [256, 512, 1024];
    assert_eq!(ands(Program::Confidence { ring_bits, classes, bounds }), 1003);
    assert_eq!(ands(Program::Reveal { ring_bits }), 20);
}
