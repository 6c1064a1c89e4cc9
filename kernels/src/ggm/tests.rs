//! The trees against their definition.

use super::*;
use alloc::vec;
use alloc::vec::Vec;

const KEY: u128 = 0x1234 << 77 | 9;
const FIRST: u128 = 0xdead_beef << 80 | 0x77;
const DELTA: u128 = 0xcafe_f00d << 66 | 0x1235;

/// The nodes of each level by recursion: σ, the cipher, the order of leaves.
fn levels(depth: usize) -> Vec<Vec<u128>> {
    let mut levels = vec![vec![FIRST, FIRST ^ DELTA]];
    for _ in 1..depth {
        let parents = levels.last().expect("a level");
        let mut left = parents.clone();
        // MITCCRH under one key for up to 128, and with the tweak 0.
        let h = crate::hash::Hash::new(Default::default(), KEY).with_backend(AesBackend::PORTABLE);
        left.chunks_mut(1).for_each(|x| crate::hash::hash(&h, 0, x));
        let right: Vec<u128> = left.iter().zip(parents).map(|(h, x)| h ^ x).collect();
        left.extend(right);
        levels.push(left);
    }
    levels
}

fn sum(nodes: &[u128]) -> u128 {
    nodes.iter().fold(0, |sum, node| sum ^ node)
}

#[test]
fn every_level_sums_to_delta() {
    for depth in 1..=12 {
        let levels = levels(depth);
        assert!(levels.iter().all(|nodes| sum(nodes) == DELTA));
        let expected: Vec<u128> = levels[depth - 1].iter().map(|leaf| leaf & !1).collect();
        for backend in AesBackend::available() {
            let (mut sums, mut leaves) = (vec![0; depth - 1], vec![0; 1 << depth]);
            grow(backend, KEY, FIRST, DELTA, &mut sums, &mut leaves);
            assert!(leaves == expected, "{}, {depth} levels", backend.name());
            for (sum_, nodes) in sums.iter().zip(&levels[1..]) {
                assert_eq!(*sum_, sum(&nodes[..nodes.len() / 2]));
            }
        }
    }
}

#[test]
fn the_punctured_tree_has_every_leaf_but_one() {
    for depth in 1..=12 {
        let levels = levels(depth);
        let points: Vec<usize> = match depth {
            1..=8 => (0..1 << depth).collect(),
            _ => vec![0, 1, 63, 64, 65, 127, 300, (1 << depth) - 65, (1 << depth) - 1],
        };
        for point in points {
            let opened: Vec<u128> = (0..)
                .zip(&levels)
                .map(|(level, nodes)| {
                    let (left, right) = nodes.split_at(nodes.len() / 2);
                    sum(if point >> level & 1 == 1 { left } else { right })
                })
                .collect();
            let mut expected: Vec<u128> = levels[depth - 1].iter().map(|leaf| leaf & !1).collect();
            // Δ is odd.
            expected[point] ^= DELTA;
            for backend in AesBackend::available() {
                // What stands in the leaves before does not matter.
                let mut leaves = vec![5; 1 << depth];
                grow_punctured(backend, KEY, point, &opened, &mut leaves);
                assert!(leaves == expected, "{}, leaf {point} of 2^{depth}", backend.name());
            }
        }
    }
}

#[test]
fn a_place_is_selected() {
    for n in [1, 2, 63, 64, 65, 200, 2048] {
        let elements: Vec<u128> = (1..=n as u128).map(|i| i << 100 | i).collect();
        for backend in AesBackend::available() {
            for (place, element) in elements.iter().enumerate() {
                assert_eq!(select(backend, &elements, place), *element, "{}", backend.name());
            }
            assert_eq!(select(backend, &elements, n), 0);
            assert_eq!(select(backend, &[], 0), 0);
        }
    }
}

#[test]
#[should_panic = "2^d leaves"]
fn a_tree_of_three_leaves_is_refused() {
    grow(AesBackend::best(), 0, 1, 3, &mut [0], &mut [0; 3]);
}

#[test]
#[should_panic = "a level"]
fn a_tree_without_levels_is_refused() {
    grow_punctured(AesBackend::best(), 0, 0, &[], &mut [0]);
}
