//! What is sent: how much, and that it depends on nothing.

use super::super::gate::Term;
use super::super::shape::cuts;
use super::*;

/// Bits of a lane: offline from the client and the server, online from the server and the client;
/// transfers that the client and the server send.
pub(super) fn bits(World { program, sizes, .. }: World) -> ([usize; 4], [usize; 2]) {
    let sum = |first: usize, sizes: &[Size]| -> usize {
        let of_party = sizes.iter().skip(first).step_by(2);
        of_party.flat_map(|size| size.widths()).sum::<u32>() as usize
    };
    let (offline, online) = (&sizes.offline, &sizes.online);
    let bits = [sum(0, offline), sum(1, offline), sum(0, online), sum(1, online)];
    (bits, program.transfers())
}

/// The program of a ReLU with sums of 21 bits and a shift of 8: 16.75 bytes online.
#[test]
fn bits_of_activations() {
    let middle: &[usize] = &[3, 3, 2];
    for (low, high, out_bits, expected) in [
        (&[3usize, 3] as &[usize], &[1usize] as &[usize], 16, ([87, 66, 69, 44], [39, 12])),
        (&[2, 2, 2], &[3], 18, ([94, 72, 75, 50], [43, 12])),
        (&[2, 3, 3], &[3], 20, ([112, 82, 79, 52], [49, 12])),
        (&[2, 3, 3], &[4], 21, ([129, 87, 81, 53], [52, 12])),
        (&[3, 3, 3], &[3], 21, ([121, 87, 81, 53], [52, 12])),
        (&[3, 3, 3], &[2, 3], 23, ([141, 94, 89, 68], [58, 13])),
        (&[3, 3, 3], &[3, 3], 24, ([150, 99, 91, 69], [61, 13])),
        (&[3, 3, 3, 4], &[4], 26, ([193, 109, 93, 67], [66, 12])),
    ] {
        let world = World::new(digits(low, middle, high), out_bits, 0);
        assert_eq!(bits(world), expected, "{low:?} {high:?}");
    }
}

/// No position of a key is used twice, and there are enough.
#[test]
fn gates_use_each_position_of_a_key_once() {
    let parts = |bits| cuts(bits, 4, 4);
    for low in (0..=13).flat_map(parts) {
        for high in (0..=6).flat_map(|bits| cuts(bits, 3, 4)) {
            for middle in [vec![3, 3, 2], vec![1; 4], vec![2], vec![4, 4]] {
                let digits = Digits { low: low.clone(), middle, high: high.clone() };
                let program = Program::new(digits, 21);
                for level in [&program.level2.level, &program.level3.level] {
                    let mut used = vec![[false; KEY_BITS]; level.variables().len()];
                    for Term { factors, .. } in level.gates().iter().flat_map(|gate| &gate.terms) {
                        for &(variable, first) in factors {
                            for position in first..first + (1 << (factors.len() - 1)) {
                                let used = &mut used[variable.index()][position];
                                assert!(!std::mem::replace(used, true), "position {position}");
                            }
                        }
                    }
                }
            }
        }
    }
}
