//! The largest of several numbers.

use std::cmp::Ordering;

use super::arithmetic::{exceeds, exchange, greater, mux, subtract};
use crate::{Error, Interpreter};

/// The lanes of sum `p` of every instance.
pub(super) fn place(p: usize, instances: usize) -> Vec<u32> {
    (p * instances..(p + 1) * instances).map(|lane| lane as u32).collect()
}

/// For each place in a window, the lanes under it while the window moves over the map.
pub(super) fn windows(
    [rows, columns]: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    instances: usize,
) -> Vec<Vec<u32>> {
    let places = (0..kernel[0]).flat_map(|u| (0..kernel[1]).map(move |v| (u, v)));
    let lanes = |(u, v)| {
        let rows = (u..=rows - kernel[0] + u).step_by(stride[0]);
        let cells = rows.flat_map(|row| {
            let row_columns = (v..=columns - kernel[1] + v).step_by(stride[1]);
            row_columns.map(move |column| row * columns + column)
        });
        cells.flat_map(|p| place(p, instances)).collect()
    };
    places.map(lanes).collect()
}

fn gather<I: Interpreter>(i: &mut I, bits: &[I::Wire], lanes: &[u32]) -> Vec<I::Wire> {
    bits.iter().map(|bit| i.gather(bit, lanes)).collect()
}

/// The largest of the signed numbers at each place: a comparison and a choice, 2 ANDs a bit, for
/// every place but the first.
pub(super) fn largest<I: Interpreter>(
    i: &mut I,
    bits: &[I::Wire],
    places: &[Vec<u32>],
) -> Result<Vec<I::Wire>, Error> {
    let mut best = gather(i, bits, &places[0]);
    for place in &places[1..] {
        let next = gather(i, bits, place);
        let greater = greater(i, &next, &best)?;
        best = mux(i, &greater, &next, &best)?;
    }
    Ok(best)
}

/// Each instance's largest signed numbers in order, and the indices of the first of them: `counts` are
/// how many numbers and how many indices.
///
/// Insertion into a sorted list: the new number is compared with every number of the list, and goes
/// in front of the ones it exceeds; they are a tail of the list, which moves by one place. So equal
/// numbers stay in the order of their indices.
pub(super) fn top<I: Interpreter>(
    i: &mut I,
    bits: &[I::Wire],
    instances: usize,
    classes: usize,
    counts: [usize; 2],
) -> Result<Vec<[Vec<I::Wire>; 2]>, Error> {
    let width = classes.max(2).next_power_of_two().trailing_zeros() as usize;
    let zero = i.xor(&bits[0], &bits[0]);
    let zero = i.gather(&zero, &place(0, instances));
    let one = i.not(&zero);
    let mut list: Vec<[Vec<I::Wire>; 2]> = Vec::with_capacity(counts[0] + 1);
    for class in 0..classes {
        let value = gather(i, bits, &place(class, instances));
        let index = (0..width).map(|t| if class >> t & 1 == 1 { &one } else { &zero });
        let mut moved = [value.clone(), index.cloned().collect()];
        for (rank, entry) in list.iter_mut().enumerate() {
            let greater = greater(i, &value, &entry[0])?;
            for ((held, moved), count) in entry.iter_mut().zip(&mut moved).zip(counts) {
                match (rank + 1).cmp(&count) {
                    Ordering::Less => [*held, *moved] = exchange(i, &greater, held, moved)?,
                    // What leaves the list is not needed.
                    Ordering::Equal => *held = mux(i, &greater, moved, held)?,
                    Ordering::Greater => {}
                }
            }
        }
        if list.len() < counts[0] {
            list.push(moved);
        }
    }
    Ok(list)
}

/// The index of each instance's largest signed number, and how many of the bounds, which rise, its lead
/// over the second largest reaches.
pub(super) fn confidence<I: Interpreter>(
    i: &mut I,
    bits: &[I::Wire],
    instances: usize,
    classes: usize,
    bounds: [u32; 3],
) -> Result<Vec<Vec<I::Wire>>, Error> {
    let list = top(i, bits, instances, classes, [2, 1])?;
    let [[first, index], [second, _]] = &list[..] else { unreachable!("two places") };
    // The lead is below 2^k, so it is what subtraction mod 2^k gives.
    let lead = subtract(i, first, second)?;
    let never = i.xor(&lead[0], &lead[0]);
    let mut reaches = |bound: u32| match bound.checked_sub(1) {
        None => Ok(i.not(&never)),
        Some(below) => Ok(exceeds(i, &lead, below)?.unwrap_or_else(|| never.clone())),
    };
    let [low, middle, high] = [reaches(bounds[0])?, reaches(bounds[1])?, reaches(bounds[2])?];
    // Whoever reaches a bound reaches the ones before it.
    let odd = i.xor(&low, &middle);
    let odd = i.xor(&odd, &high);
    Ok(vec![index.clone(), vec![odd, middle]])
}
