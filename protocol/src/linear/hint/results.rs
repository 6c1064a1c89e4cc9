//! Where a tile's results are, and in what order they stand.

use zeroize::Zeroizing;

use super::HintPlan;

/// Of each result of a tile's first output the coefficient that carries it and its place in an output map.
/// Those of the next output of a polynomial are D coefficients further on.
pub(super) type Results = Vec<(u32, u32)>;

impl HintPlan {
    /// Those of all tiles.
    pub(super) fn results(&self) -> Vec<Results> {
        let of_first = |tile: usize| {
            // Coefficients and maps have at most 2^24 values.
            let results = self.packing.results(tile).take(self.results_of(tile));
            results.map(|(coefficient, place)| (coefficient as u32, place as u32)).collect()
        };
        (0..self.packing.tiles()).map(of_first).collect()
    }

    /// Results of a tile for each output.
    fn results_of(&self, tile: usize) -> usize {
        self.packing.results(tile).count() / self.packing.outputs(0).len()
    }

    /// What `half` makes of the coefficients that carry a tile's results for the outputs of block `block`,
    /// one output after the other.
    pub(super) fn halves(
        &self,
        block: usize,
        results: &Results,
        half: impl Fn(usize) -> u64,
    ) -> Zeroizing<Vec<u64>> {
        let slots = 0..self.packing.outputs(block).len();
        let starts = slots.map(|slot| slot * self.packing.stride());
        let coefficients =
            starts.flat_map(|start| results.iter().map(move |&(at, _)| start + at as usize));
        Zeroizing::new(coefficients.map(half).collect())
    }

    /// All halves at their places, from those of all blocks of each tile.
    pub(super) fn gather<'a>(
        &self,
        results: &[Results],
        halves: impl Fn(usize, usize) -> &'a [u64],
    ) -> Vec<u64> {
        let map_len = self.output_len() / self.conv.outputs;
        let mut out = vec![0; self.output_len()];
        for (block, maps) in out.chunks_mut(self.packing.slots * map_len).enumerate() {
            for (tile, results) in results.iter().enumerate() {
                let halves = halves(tile, block).chunks_exact(results.len());
                for (map, halves) in maps.chunks_exact_mut(map_len).zip(halves) {
                    for (&(_, place), &half) in results.iter().zip(halves) {
                        map[place as usize] = half;
                    }
                }
            }
        }
        out
    }
}
