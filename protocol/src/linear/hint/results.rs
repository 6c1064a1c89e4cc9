//! Where a tile's results are, and in what order they stand.

use super::HintPlan;

/// Of each result of a tile's first output the coefficient that carries it and its place in an output map.
/// Those of the next output of a polynomial are D coefficients further on.
type Results = Vec<(u32, u32)>;

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

    /// Values of the maps of a block's outputs; the last block may have fewer.
    pub(super) fn block_len(&self) -> usize {
        self.packing.slots * self.map_len()
    }

    /// Values of an output map.
    fn map_len(&self) -> usize {
        self.output_len() / self.conv.outputs
    }

    /// Writes what `half` makes of the coefficients that carry a tile's results to their places in the maps
    /// of a block's outputs.
    pub(super) fn place(&self, results: &Results, maps: &mut [u64], half: impl Fn(usize) -> u64) {
        for (slot, map) in maps.chunks_exact_mut(self.map_len()).enumerate() {
            let start = slot * self.packing.stride();
            for &(at, place) in results {
                map[place as usize] = half(start + at as usize);
            }
        }
    }
}
