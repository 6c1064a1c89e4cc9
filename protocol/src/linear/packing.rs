//! Coefficient encoding: where inputs, weights and results stand in polynomials.
//!
//! A tile of a channel is P rows of Q cells; channel c, row i, column j stands at coefficient
//! c·PQ + i·Q + j. Output m of a block of outputs owns the coefficients from m·D on, D = (channels
//! per polynomial)·PQ, and its kernel's tap (c, α, β) stands at m·D − (c·PQ + α·Q + β). By
//! Xⁿ = −1 an exponent below zero is one below n with the sign changed. Then the product's
//! coefficient m·D + y·Q + x is Σ weight(c, α, β)·cell(c, y + α, x + β): the result at (y, x), as
//! long as
//! * α and β range over less than P and Q, so that no two taps share a coefficient;
//! * y < P and x < Q, so that no two results do;
//! * a tap outside of the map reads a zero cell. Row −1 of channel c is row P − 1 of channel c − 1
//!   (of the last channel, cyclically, for c = 0), column −1 of row i is column Q − 1 of row i − 1:
//!   the same gap of zeros serves before one map and after the other;
//! * the taps of other outputs read zeros: they read the same cells shifted by multiples of D,
//!   outside of the first D coefficients where all cells are, or inside the last gap.
//!
//! A map that does not fit is cut into tiles of outputs, each with the rows (columns) that its taps
//! read, halo and padding included; all tiles share the weights.
//!
//! Cheetah (USENIX Security 2022), §3.1, with shared gaps and phases in place of padded maps.

mod reads;

pub(super) use reads::{Holds, Run, Segment};

use std::ops::Range;

use super::geometry::{Axis, Convolution};
use crate::digest::PlanDigest;

/// How one axis is cut into tiles.
#[derive(Clone, Debug)]
pub(super) struct Tiling {
    /// Outputs of a tile (the last one may have fewer).
    tile: usize,
    /// Tiles.
    pub(super) count: usize,
    /// Cells of a tile, gap included.
    pitch: usize,
    /// The phase cell at cell 0 of tile 0, and minus what is added to α.
    first: isize,
    /// Cells of a phase.
    len: usize,
}

impl Tiling {
    /// At most `count` tiles.
    pub(super) fn new(axis: &Axis, count: usize) -> Self {
        let (low, high) = axis.taps();
        let taps = (high - low + 1) as usize;
        let len = axis.phase_len();
        let tile = axis.output.div_ceil(count);
        let count = axis.output.div_ceil(tile);
        if count > 1 {
            return Self { tile, count, pitch: tile + taps - 1, first: low, len };
        }
        let after = axis.output as isize + high - len as isize;
        let gap = after.max(-low).max(0) as usize;
        let pitch = (len + gap).max(axis.output).max(taps);
        Self { tile, count, pitch, first: 0, len }
    }

    fn digest(&self, digest: &mut PlanDigest) {
        let Self { tile, count, pitch, first, len } = *self;
        digest.numbers(&[tile, count, pitch, first as usize, len]);
    }

    /// The outputs of tile `index`.
    fn outputs(&self, index: usize, axis: &Axis) -> Range<usize> {
        let start = index * self.tile;
        start..(start + self.tile).min(axis.output)
    }

    /// The cells of tile `index` that hold values of phase `phase`, each with its input position.
    fn cells<'a>(
        &'a self,
        index: usize,
        axis: &'a Axis,
        phase: usize,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let start = (index * self.tile) as isize + self.first;
        (0..self.pitch).filter_map(move |cell| {
            let position = usize::try_from(start + cell as isize).ok().filter(|&i| i < self.len)?;
            let position = position * axis.stride + phase;
            (position < axis.input).then_some((cell, position))
        })
    }
}

/// A layer's layout in polynomials of n coefficients.
#[derive(Clone, Debug)]
pub(super) struct Packing {
    conv: Convolution,
    n: usize,
    rows: Tiling,
    columns: Tiling,
    row_phases: Vec<usize>,
    column_phases: Vec<usize>,
    /// Channels (phases of channels) per query polynomial.
    pub(super) chunk: usize,
    /// Query polynomials per tile.
    pub(super) chunks: usize,
    /// Outputs per answer polynomial.
    pub(super) slots: usize,
    /// Answer polynomials per tile.
    pub(super) blocks: usize,
}

impl Packing {
    /// Puts everything that places values in polynomials into a plan's digest.
    pub(super) fn digest(&self, digest: &mut PlanDigest) {
        let Self { conv: _, n, rows, columns, row_phases, column_phases, .. } = self;
        digest.numbers(&[*n, self.chunk, self.chunks, self.slots, self.blocks]);
        rows.digest(digest);
        columns.digest(digest);
        digest.numbers(row_phases);
        digest.numbers(column_phases);
    }

    /// The layout with at most the given numbers of row and column tiles and query polynomials per
    /// tile, and as many outputs per answer as fit; `None` if none fits.
    pub(super) fn new(
        conv: &Convolution,
        n: usize,
        tiles: (usize, usize),
        chunks: usize,
    ) -> Option<Self> {
        let (rows, columns) =
            (Tiling::new(&conv.rows, tiles.0), Tiling::new(&conv.columns, tiles.1));
        let (row_phases, column_phases) = (conv.rows.phases(), conv.columns.phases());
        let channels = Self::channels_of(conv);
        let chunk = channels.div_ceil(chunks);
        let fitting = n.checked_div(chunk * rows.pitch * columns.pitch)?;
        let blocks = conv.outputs.div_ceil(fitting.min(conv.outputs).max(1));
        let packing = Self {
            conv: conv.clone(),
            n,
            rows,
            columns,
            row_phases,
            column_phases,
            chunk,
            chunks: channels.div_ceil(chunk),
            slots: conv.outputs.div_ceil(blocks),
            blocks,
        };
        (fitting > 0).then_some(packing)
    }

    /// The layout of one output per answer and as few query polynomials as hold the channels; `None` if
    /// no channel fits.
    pub(super) fn one_output(conv: &Convolution, n: usize, tiles: (usize, usize)) -> Option<Self> {
        let channels = Self::channels_of(conv);
        let one_channel = Self::new(conv, n, tiles, channels)?;
        let fitting = n / (one_channel.rows.pitch * one_channel.columns.pitch);
        let packing = Self::new(conv, n, tiles, channels.div_ceil(fitting))?;
        Some(Self { slots: 1, blocks: conv.outputs, ..packing })
    }

    /// Channels (phases of channels) that a layer reads.
    pub(super) fn channels_of(conv: &Convolution) -> usize {
        conv.channels() * conv.rows.phases().len() * conv.columns.phases().len()
    }

    /// Tiles.
    pub(super) fn tiles(&self) -> usize {
        self.rows.count * self.columns.count
    }

    /// Query polynomials.
    pub(super) fn queries(&self) -> usize {
        self.tiles() * self.chunks
    }

    /// Answer polynomials; number `index` is tile `index % tiles` of block `index / tiles`.
    pub(super) fn answers(&self) -> usize {
        self.tiles() * self.blocks
    }

    /// Weight polynomials.
    pub(super) fn weights(&self) -> usize {
        if self.conv.groups == 1 {
            return self.blocks * self.chunks;
        }
        (0..self.blocks).map(|block| self.chunks_of(block).len()).sum()
    }

    /// The query polynomials of a tile that block `block` reads: those with channels of its groups.
    pub(super) fn chunks_of(&self, block: usize) -> Range<usize> {
        let outputs = self.outputs(block);
        let first = outputs.start / self.conv.group_outputs();
        let last = (outputs.end - 1) / self.conv.group_outputs();
        let channels = self.group_channels();
        first * channels / self.chunk..((last + 1) * channels).div_ceil(self.chunk)
    }

    /// Query polynomial `chunk` of tile `tile` of the input `x`.
    pub(super) fn message(&self, tile: usize, chunk: usize, x: &[u32], out: &mut [u32]) {
        let (rows, columns) = (&self.conv.rows, &self.conv.columns);
        for (local, channel) in self.channels(chunk).enumerate() {
            let (map, a, b) = self.split(channel);
            let map = &x[map * rows.input * columns.input..][..rows.input * columns.input];
            for (p, i) in self.rows.cells(tile / self.columns.count, rows, a) {
                let start = (local * self.rows.pitch + p) * self.columns.pitch;
                for (q, j) in self.columns.cells(tile % self.columns.count, columns, b) {
                    out[start + q] = map[i * columns.input + j];
                }
            }
        }
    }

    /// The polynomial that multiplies query polynomials `chunk` for the answers of `block`.
    pub(super) fn weight(&self, block: usize, chunk: usize, weights: &[i16], out: &mut [i16]) {
        self.terms(block, chunk, weights, |exponent, weight| out[exponent] = weight);
    }

    /// Its terms: exponents below n, each once, and weights.
    pub(super) fn terms(
        &self,
        block: usize,
        chunk: usize,
        weights: &[i16],
        mut term: impl FnMut(usize, i16),
    ) {
        let taps = self.taps(chunk);
        for (slot, output) in self.outputs(block).enumerate() {
            let row = &weights[output * self.conv.row_len()..][..self.conv.row_len()];
            let group = output / self.conv.group_outputs();
            for tap in taps.iter().filter(|tap| tap.group == group) {
                let exponent = (slot * self.stride()) as isize - tap.cell;
                let weight = row[tap.weight];
                if exponent < 0 {
                    term((exponent + self.n as isize) as usize, -weight);
                } else {
                    term(exponent as usize, weight);
                }
            }
        }
    }

    /// All taps of a query polynomial's channels.
    fn taps(&self, chunk: usize) -> Vec<Tap> {
        let (rows, columns) = (&self.conv.rows, &self.conv.columns);
        let mut found = Vec::new();
        for (local, channel) in self.channels(chunk).enumerate() {
            let (map, a, b) = self.split(channel);
            let (group, map) = (map / self.conv.group_channels, map % self.conv.group_channels);
            for (u, alpha) in taps(rows, a) {
                for (v, beta) in taps(columns, b) {
                    let weight = (map * rows.kernel + u) * columns.kernel + v;
                    let cell = (local * self.rows.pitch) as isize + alpha - self.rows.first;
                    let cell = cell * self.columns.pitch as isize + beta - self.columns.first;
                    found.push(Tap { group, weight, cell });
                }
            }
        }
        found
    }

    /// The coefficients of answer `index` that carry results, each with its place in the result.
    pub(super) fn results(&self, index: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let (block, tile) = (index / self.tiles(), index % self.tiles());
        self.outputs(block).enumerate().flat_map(move |(slot, output)| {
            let start = slot * self.stride();
            let map = output * self.conv.rows.output * self.conv.columns.output;
            self.result_rows(tile).flat_map(move |(position, place, len)| {
                (0..len).map(move |x| (start + position + x, map + place + x))
            })
        })
    }

    /// The rows of results of a tile's first output: the first one's coefficient and its place in the output
    /// map, and how many there are.
    pub(super) fn result_rows(
        &self,
        tile: usize,
    ) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let rows = self.rows.outputs(tile / self.columns.count, &self.conv.rows);
        let columns = self.columns.outputs(tile % self.columns.count, &self.conv.columns);
        rows.enumerate().map(move |(y, i)| {
            let place = i * self.conv.columns.output + columns.start;
            (y * self.columns.pitch, place, columns.len())
        })
    }

    /// Puts the results of answer `index` to their places.
    pub(super) fn scatter(&self, index: usize, values: &[u64], out: &mut [u64]) {
        for ((_, place), &value) in self.results(index).zip(values) {
            out[place] = value;
        }
    }

    /// D: coefficients from one output's results to the next one's.
    pub(super) fn stride(&self) -> usize {
        self.chunk * self.rows.pitch * self.columns.pitch
    }

    /// The output channels of a block.
    pub(super) fn outputs(&self, block: usize) -> Range<usize> {
        block * self.slots..((block + 1) * self.slots).min(self.conv.outputs)
    }

    /// The channels of a query polynomial.
    fn channels(&self, chunk: usize) -> Range<usize> {
        let all = self.conv.groups * self.group_channels();
        chunk * self.chunk..((chunk + 1) * self.chunk).min(all)
    }

    /// Channels (phases of channels) of a group.
    fn group_channels(&self) -> usize {
        self.conv.group_channels * self.row_phases.len() * self.column_phases.len()
    }

    /// A channel as input map, row phase and column phase.
    fn split(&self, channel: usize) -> (usize, usize, usize) {
        let (rest, column) =
            (channel / self.column_phases.len(), channel % self.column_phases.len());
        let (map, row) = (rest / self.row_phases.len(), rest % self.row_phases.len());
        (map, self.row_phases[row], self.column_phases[column])
    }
}

/// One weight of an output's row.
struct Tap {
    /// The channel group that it belongs to.
    group: usize,
    /// Its place in the row.
    weight: usize,
    /// c·PQ + α·Q + β: the cell that it reads for the first result.
    cell: isize,
}

/// The taps of an axis that read a phase, as (u, α).
fn taps(axis: &Axis, phase: usize) -> impl Iterator<Item = (usize, isize)> + '_ {
    (0..axis.kernel).filter_map(move |u| {
        let (a, alpha) = axis.phase_tap(u);
        (a == phase).then_some((u, alpha))
    })
}
