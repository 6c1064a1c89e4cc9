//! Max pooling as a tournament of maxima of two: along the rows of the windows, then along their
//! columns. What the windows of one row of cells yield is there for all windows that read the row, so
//! 3×3 windows with steps of 2 take six maxima each and not eight.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::digest::PlanDigest;
use crate::model::{Shape, Window};

/// A value of a channel: number `index` of a stage. Stage 0 are the clamped values, stage i the maxima
/// of round i.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Value {
    pub(super) stage: usize,
    pub(super) index: usize,
}

/// What is compared with what in each channel.
#[derive(Debug, Default)]
pub(super) struct Tournament {
    /// The pairs of each round, all of earlier stages.
    pub(super) rounds: Vec<Vec<[Value; 2]>>,
    /// The largest value of each window.
    pub(super) winners: Vec<Value>,
}

impl Tournament {
    /// Of windows over maps of `input`. None if two windows have the same cells: the client would need
    /// two masks for one value.
    pub(super) fn new(window: &Window, input: Shape) -> Option<Self> {
        let [rows, columns] = window.axes(input)?;
        let mut tournament = Self::default();
        let read: BTreeSet<usize> = (0..rows.output).flat_map(|row| rows.cells(row)).collect();
        let along_rows = read.iter().flat_map(|&row| {
            (0..columns.output).map(move |column| {
                let cells = columns.cells(column);
                cells.map(|cell| Value { stage: 0, index: row * columns.input + cell }).collect()
            })
        });
        let largest = tournament.play(along_rows.collect());
        let of_row: BTreeMap<_, _> = read.iter().zip(largest.chunks(columns.output)).collect();
        let along_columns = (0..rows.output).flat_map(|row| {
            let of_row = &of_row;
            (0..columns.output)
                .map(move |column| rows.cells(row).map(|cell| of_row[&cell][column]).collect())
        });
        tournament.winners = tournament.play(along_columns.collect());
        let distinct: HashSet<_> = tournament.winners.iter().collect();
        (distinct.len() == tournament.winners.len()).then_some(tournament)
    }

    /// Adds rounds until one value is left of each group. Values that meet in several groups meet once.
    fn play(&mut self, mut groups: Vec<Vec<Value>>) -> Vec<Value> {
        while groups.iter().any(|group| group.len() > 1) {
            let stage = self.rounds.len() + 1;
            let (mut round, mut known) = (Vec::new(), HashMap::new());
            let mut larger = |pair: &[Value]| match *pair {
                [one, other] => {
                    let index = *known.entry([one, other]).or_insert_with(|| {
                        round.push([one, other]);
                        round.len() - 1
                    });
                    Value { stage, index }
                }
                _ => pair[0],
            };
            for group in &mut groups {
                *group = group.chunks(2).map(&mut larger).collect();
            }
            self.rounds.push(round);
        }
        groups.into_iter().map(|group| group[0]).collect()
    }

    /// Puts all of it into a plan's digest.
    pub(super) fn digest(&self, digest: &mut PlanDigest) {
        let number = |value: &Value| [value.stage as u64, value.index as u64];
        for round in &self.rounds {
            let numbers: Vec<u64> = round.iter().flatten().flat_map(number).collect();
            digest.words(numbers.into_iter());
        }
        let winners: Vec<u64> = self.winners.iter().flat_map(number).collect();
        digest.words(winners.into_iter());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Extent, Padding};

    fn tournament(kernel: [usize; 2], stride: usize, pad: usize, map: [usize; 2]) -> Tournament {
        let kernel = Extent::new(kernel[0], kernel[1]);
        let window = Window::new(kernel, Extent::square(stride), Padding::uniform(pad));
        Tournament::new(&window, Shape::new(1, map[0], map[1])).expect("distinct windows")
    }

    /// The cells that a value is the largest of.
    fn cells(tournament: &Tournament, value: Value) -> BTreeSet<usize> {
        match value.stage.checked_sub(1) {
            None => [value.index].into(),
            Some(round) => {
                let pair = tournament.rounds[round][value.index];
                assert!(pair.iter().all(|before| before.stage < value.stage));
                pair.iter().flat_map(|&before| cells(tournament, before)).collect()
            }
        }
    }

    #[test]
    fn the_winner_is_the_largest_cell_of_its_window() {
        for (kernel, stride, pad, map) in [
            ([2, 2], 2, 0, [6, 8]),
            ([3, 3], 2, 1, [9, 7]),
            ([3, 3], 2, 0, [7, 9]),
            ([3, 3], 1, 1, [5, 4]),
            ([1, 4], 3, 0, [3, 11]),
            ([5, 2], 3, 1, [9, 4]),
            ([1, 1], 2, 0, [4, 4]),
        ] {
            let tournament = tournament(kernel, stride, pad, map);
            let starts = |kernel: usize, len: usize| (0..=len + 2 * pad - kernel).step_by(stride);
            let range = |start: usize, kernel: usize, len: usize| {
                start.saturating_sub(pad)..(start + kernel).saturating_sub(pad).min(len)
            };
            let mut winners = tournament.winners.iter();
            for top in starts(kernel[0], map[0]) {
                for left in starts(kernel[1], map[1]) {
                    let columns = || range(left, kernel[1], map[1]);
                    let of_row = |row| columns().map(move |column| row * map[1] + column);
                    let expected: BTreeSet<usize> =
                        range(top, kernel[0], map[0]).flat_map(of_row).collect();
                    let winner = *winners.next().expect("one for each window");
                    assert_eq!(cells(&tournament, winner), expected, "{kernel:?} {stride} {pad}");
                }
            }
            assert_eq!(winners.next(), None);
        }
    }

    #[test]
    fn windows_share_what_they_compare() {
        let count = |tournament: Tournament| -> [usize; 2] {
            let maxima = tournament.rounds.iter().map(Vec::len);
            [tournament.rounds.len(), maxima.sum()]
        };
        assert_eq!(count(tournament([2, 2], 2, 0, [8, 8])), [2, 16 * 3]);
        // 16 rows for 7 windows of two maxima, then 49 windows of two.
        assert_eq!(count(tournament([3, 3], 2, 0, [15, 15])), [4, (15 * 7 + 49) * 2]);
    }

    #[test]
    fn windows_with_the_same_cells_are_refused() {
        let window = Window::new(Extent::square(3), Extent::square(1), Padding::uniform(1));
        assert!(Tournament::new(&window, Shape::new(1, 2, 2)).is_none());
    }
}
