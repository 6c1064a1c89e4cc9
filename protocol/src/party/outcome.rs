//! What the client learns.

use crate::error::PeerFault;
use crate::model::{Head, HeadNode, Ring};

/// What the client learns of an image, in the form of the card's [`Head`]. Classes are numbered in
/// the card's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The class with the largest value.
    Class(usize),
    /// The classes with the largest values, the largest first; no class comes twice.
    Top(Vec<usize>),
    /// For each class whether its value reaches the threshold.
    Thresholds(Vec<bool>),
    /// The class with the largest value, and how sure that is.
    Confidence {
        /// The class.
        class: usize,
        /// How many of the head's three bounds its lead reaches: 0 to 3.
        reached: u8,
    },
    /// The values of all classes.
    Values(Vec<i32>),
}

impl Outcome {
    /// The class with the largest value, of equal ones the first; none where each class has a
    /// threshold of its own.
    pub fn label(&self) -> Option<usize> {
        match self {
            Self::Class(class) | Self::Confidence { class, .. } => Some(*class),
            Self::Top(classes) => classes.first().copied(),
            Self::Thresholds(_) => None,
            Self::Values(values) => (0..values.len()).rev().max_by_key(|&class| values[class]),
        }
    }

    /// The same as numbers, as [`Trace::result`](crate::model::Trace::result) has them.
    pub fn numbers(&self) -> Vec<i32> {
        match self {
            Self::Class(class) => vec![*class as i32],
            Self::Top(classes) => classes.iter().map(|&class| class as i32).collect(),
            Self::Thresholds(reached) => reached.iter().map(|&reached| reached.into()).collect(),
            Self::Confidence { class, reached } => vec![*class as i32, (*reached).into()],
            Self::Values(values) => values.clone(),
        }
    }

    /// Reads what the head's program revealed: as many numbers as the head has results.
    ///
    /// # Errors
    /// [`PeerFault::Class`] or [`PeerFault::Ranking`] if no tables of the head give that.
    pub(super) fn read(
        head: &HeadNode,
        classes: usize,
        revealed: &[u32],
    ) -> Result<Self, PeerFault> {
        let class = |number: u32| match number as usize {
            label if label < classes => Ok(label),
            label => Err(PeerFault::Class { label, classes }),
        };
        Ok(match head.head {
            Head::Class => Self::Class(class(revealed[0])?),
            Head::Top(_) => Self::Top(ranking(revealed, class)?),
            Head::Thresholds(_) => {
                Self::Thresholds(revealed.iter().map(|&reached| reached == 1).collect())
            }
            Head::Confidence(_) => {
                Self::Confidence { class: class(revealed[0])?, reached: revealed[1] as u8 }
            }
            Head::Values => {
                let ring = Ring::new(head.sum_bits + 1);
                Self::Values(revealed.iter().map(|&y| ring.integer(y)).collect())
            }
        })
    }
}

fn ranking(
    revealed: &[u32],
    class: impl Fn(u32) -> Result<usize, PeerFault>,
) -> Result<Vec<usize>, PeerFault> {
    let classes = revealed.iter().map(|&number| class(number)).collect::<Result<Vec<_>, _>>()?;
    match (0..classes.len()).find(|&rank| classes[..rank].contains(&classes[rank])) {
        Some(rank) => Err(PeerFault::Ranking { label: classes[rank] }),
        None => Ok(classes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: Head, revealed: &[u32]) -> Result<Outcome, PeerFault> {
        Outcome::read(&HeadNode { input: 1, sum_bits: 8, head }, 3, revealed)
    }

    #[test]
    fn every_head_has_its_form() {
        let cases = [
            (Head::Class, vec![2], Outcome::Class(2), Some(2)),
            (Head::Top(2), vec![1, 0], Outcome::Top(vec![1, 0]), Some(1)),
            (
                Head::Thresholds(vec![0; 3]),
                vec![1, 0, 1],
                Outcome::Thresholds(vec![true, false, true]),
                None,
            ),
            (
                Head::Confidence([1, 2, 3]),
                vec![1, 3],
                Outcome::Confidence { class: 1, reached: 3 },
                Some(1),
            ),
            // In a ring of 9 bits.
            (Head::Values, vec![511, 4, 4], Outcome::Values(vec![-1, 4, 4]), Some(1)),
        ];
        for (head, revealed, outcome, label) in cases {
            assert_eq!(read(head, &revealed), Ok(outcome.clone()));
            assert_eq!(outcome.label(), label);
        }
    }

    /// Tables of a deviating server can show any bits.
    #[test]
    fn classes_that_no_tables_of_the_head_give_are_refused() {
        let class = |label| Err(PeerFault::Class { label, classes: 3 });
        assert_eq!(read(Head::Class, &[3]), class(3));
        assert_eq!(read(Head::Confidence([1, 2, 3]), &[3, 0]), class(3));
        assert_eq!(read(Head::Top(2), &[1, 3]), class(3));
        assert_eq!(read(Head::Top(3), &[2, 1, 2]), Err(PeerFault::Ranking { label: 2 }));
    }
}
