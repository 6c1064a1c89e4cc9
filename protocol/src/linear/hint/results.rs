//! Where a tile's results are: the same for every output, whose polynomial is its own.

use super::HintPlan;

/// Of each result of a tile the coefficient that carries it and its place in an output map.
pub(super) type Results = Vec<(u32, u32)>;

impl HintPlan {
    /// Those of all tiles.
    pub(super) fn results(&self) -> Vec<Results> {
        let of_first = |tile: usize| {
            // Coefficients and maps have at most 2^24 values.
            let results = self.packing.results(tile);
            results.map(|(coefficient, place)| (coefficient as u32, place as u32)).collect()
        };
        (0..self.packing.tiles()).map(of_first).collect()
    }

    /// Values of an output map.
    pub(super) fn map_len(&self) -> usize {
        self.output_len() / self.conv.outputs
    }
}

/// Puts the values of a tile's results to their places in an output map.
pub(super) fn scatter(results: &Results, values: &[u64], map: &mut [u64]) {
    for (&(_, place), &value) in results.iter().zip(values) {
        map[place as usize] = value;
    }
}
