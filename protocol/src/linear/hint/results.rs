//! Where a tile's results are, and in what order they stand.

use super::HintPlan;

/// Results of a tile's first output that stand side by side, both among coefficients and in the output map.
/// Those of the next output of a polynomial are D coefficients further on.
#[derive(Clone, Copy)]
pub(super) struct ResultRow {
    pub(super) coefficient: usize,
    pub(super) place: usize,
    pub(super) len: usize,
}

impl HintPlan {
    /// Those of each tile, as long as there are.
    pub(super) fn results(&self) -> Vec<Vec<ResultRow>> {
        let of_first = |tile: usize| {
            let mut rows: Vec<ResultRow> = Vec::new();
            for (coefficient, place, len) in self.packing.result_rows(tile) {
                match rows.last_mut() {
                    Some(row)
                        if row.coefficient + row.len == coefficient
                            && row.place + row.len == place =>
                    {
                        row.len += len;
                    }
                    _ => rows.push(ResultRow { coefficient, place, len }),
                }
            }
            rows
        };
        (0..self.packing.tiles()).map(of_first).collect()
    }

    /// Results of a tile for each output.
    pub(super) fn results_of(&self, tile: usize) -> usize {
        self.packing.result_rows(tile).map(|(_, _, len)| len).sum()
    }

    /// Values of the maps of a block's outputs; the last block may have fewer.
    pub(super) fn block_len(&self) -> usize {
        self.packing.slots * self.map_len()
    }

    /// Values of an output map.
    fn map_len(&self) -> usize {
        self.output_len() / self.conv.outputs
    }

    /// Hands every row of a tile's results to `write`: its first coefficient, and its values in the maps
    /// of a block's outputs.
    pub(super) fn place(
        &self,
        results: &[ResultRow],
        maps: &mut [u64],
        mut write: impl FnMut(usize, &mut [u64]),
    ) {
        for (slot, map) in maps.chunks_exact_mut(self.map_len()).enumerate() {
            let start = slot * self.packing.stride();
            for &ResultRow { coefficient, place, len } in results {
                write(start + coefficient, &mut map[place..place + len]);
            }
        }
    }
}
