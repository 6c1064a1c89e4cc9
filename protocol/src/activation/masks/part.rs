//! Parts of an activation: what transfers are made for at once, so that no more of them are there than a
//! part takes.

use super::plan::MasksPlan;
use super::preparation::{DownTransfers, UpTransfers};
use super::program::Program;
use super::transfer::{KEY_BITS, Keys};
use crate::ot::FieldBits;
use crate::ot::transfers::{Direction, Received, Sent, Source};
use crate::parallel::prelude::*;

/// Chunks of a part. The fewer there are, the less memory transfers take, which then come from caches,
/// and the more bytes their checks, one for each part and direction. That is a bit more than a byte for each
/// activation with two chunks, too many where a large K is there to save bytes.
fn chunks(sources: [Source; 2]) -> usize {
    let of = |source| match source {
        Source::SoftSpoken(FieldBits::One | FieldBits::Two | FieldBits::Four) => 2,
        Source::SoftSpoken(FieldBits::Eight) | Source::Silent(_) => 8,
    };
    sources.map(of).into_iter().max().expect("two directions")
}

/// Chunks that follow each other, each of a layer and with its number there.
pub struct Part<'a> {
    chunks: Vec<(&'a MasksPlan, usize)>,
}

/// The parts of layers that are prepared together, in order, with transfers from these sources.
pub(super) fn parts<'a>(
    sources: [Source; 2],
    layers: impl Iterator<Item = &'a MasksPlan>,
) -> impl Iterator<Item = Part<'a>> {
    let mut all =
        layers.flat_map(|plan| (0..plan.chunks().len()).map(move |number| (plan, number)));
    std::iter::from_fn(move || {
        let chunks: Vec<_> = all.by_ref().take(chunks(sources)).collect();
        if chunks.is_empty() { None } else { Some(Part { chunks }) }
    })
}

impl MasksPlan {
    /// The parts of a layer that is prepared alone.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        parts(self.sources(), std::iter::once(self))
    }
}

/// A chunk's transfers in one direction.
struct Share<'a, T> {
    program: &'a Program,
    /// Blocks of 128 lanes.
    blocks: usize,
    transfers: T,
}

impl<'a> Part<'a> {
    /// Transfers that it takes: those whose sender the client is, and the others.
    pub fn transfers(&self) -> [usize; 2] {
        Direction::ALL
            .map(|direction| self.shares(direction, |count| count).map(|s| s.transfers).sum())
    }

    /// What `take` gives of as many transfers as each chunk takes.
    fn shares<T>(
        &self,
        direction: Direction,
        mut take: impl FnMut(usize) -> T,
    ) -> impl Iterator<Item = Share<'a, T>> {
        self.chunks.iter().map(move |&(plan, number)| {
            let (program, blocks) = (&plan.program, plan.blocks(number));
            let count = program.transfers()[direction as usize] * blocks * KEY_BITS;
            Share { program, blocks, transfers: take(count) }
        })
    }

    /// What their sender makes of the keys of each chunk.
    fn sent<T: Send>(
        &self,
        direction: Direction,
        mut transfers: Sent<'_>,
        make: fn(&Program, Keys<'_>) -> T,
    ) -> Vec<T> {
        let shares: Vec<_> = self.shares(direction, |count| transfers.take(count)).collect();
        let make = |Share { program, blocks, mut transfers }: Share<'_, Sent<'_>>| {
            make(program, Keys::sender(blocks, move |zeros, ones| transfers.draw(zeros, ones)))
        };
        shares.into_par_iter().map(make).collect()
    }

    /// The same of their receiver's.
    fn received<T: Send>(
        &self,
        direction: Direction,
        mut transfers: Received<'_>,
        make: fn(&Program, Keys<'_>) -> T,
    ) -> Vec<T> {
        let shares: Vec<_> = self.shares(direction, |count| transfers.take(count)).collect();
        let make = |Share { program, blocks, mut transfers }: Share<'_, Received<'_>>| {
            make(
                program,
                Keys::receiver(blocks, move |choices, keys| transfers.draw(choices, keys)),
            )
        };
        shares.into_par_iter().map(make).collect()
    }
}

impl UpTransfers {
    /// The client's, who sends them: those of each chunk of a part, of exactly its transfers.
    ///
    /// # Panics
    /// If there are fewer transfers.
    pub fn sent(part: &Part<'_>, transfers: Sent<'_>) -> Vec<Self> {
        part.sent(Direction::Up, transfers, Self::new)
    }

    /// The server's, likewise.
    ///
    /// # Panics
    /// If there are fewer transfers.
    pub fn received(part: &Part<'_>, transfers: Received<'_>) -> Vec<Self> {
        part.received(Direction::Up, transfers, Self::new)
    }
}

impl DownTransfers {
    /// The server's, who sends them: those of each chunk of a part, of exactly its transfers.
    ///
    /// # Panics
    /// If there are fewer transfers.
    pub fn sent(part: &Part<'_>, transfers: Sent<'_>) -> Vec<Self> {
        part.sent(Direction::Down, transfers, Self::new)
    }

    /// The client's, likewise.
    ///
    /// # Panics
    /// If there are fewer transfers.
    pub fn received(part: &Part<'_>, transfers: Received<'_>) -> Vec<Self> {
        part.received(Direction::Down, transfers, Self::new)
    }
}
