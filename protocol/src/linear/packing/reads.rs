//! What the results of a tile read.
//!
//! Result (y, x) of an output reads cell (y·σ + δ·u, x·τ + ε·v) of the tile's *map*: the rows and
//! columns of the input, padding included, from the first that a tap of the tile reads to the last. So
//! a tile's results are a convolution without padding of its map, with the layer's own kernel, stride
//! and dilation. A cell of the map is a coefficient of a query polynomial; several cells of padding may
//! share one, and a row or column before the first coefficient is read with its sign changed.
//!
//! Where a polynomial has several outputs, a result reads the cells of its own map, and for each other
//! output the same cells a multiple of D before or after, which hold nothing (see [`Packing`]): nearly
//! every coefficient is read.

use super::{Packing, Tiling};
use crate::linear::geometry::Axis;
use crate::model::Shape;

/// A row, or a column, of a tile's map.
#[derive(Clone, Copy)]
struct Line {
    /// Which of the phases that are encrypted.
    phase: usize,
    /// Where it is among the tile's cells; before the first for padding.
    cell: isize,
    /// Where it is in the input; None for padding.
    position: Option<usize>,
}

/// A tile's map.
pub(in crate::linear) struct Reads<'a> {
    packing: &'a Packing,
    /// None for lines between those that taps read.
    rows: Vec<Option<Line>>,
    columns: Vec<Option<Line>>,
}

/// A cell of a tile's map that some result reads.
pub(in crate::linear) struct Cell {
    /// Its place in the map.
    pub(in crate::linear) index: usize,
    /// Its coefficient, counted through all of the tile's query polynomials.
    pub(in crate::linear) place: usize,
    /// Whether results read it with the sign changed.
    pub(in crate::linear) negative: bool,
    /// The input that it holds; None for padding.
    pub(in crate::linear) input: Option<usize>,
}

/// What a coefficient of a tile's query polynomials is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::linear) enum Class {
    /// No result reads it.
    Unread,
    /// Results read it, and it holds nothing.
    Zero,
    /// It holds an input that no tile before holds.
    First(u32),
    /// It holds an input that a tile before holds.
    Again(u32),
}

impl Tiling {
    /// The lines of the map of tile `index`.
    fn lines(&self, index: usize, axis: &Axis, phases: &[usize]) -> Vec<Option<Line>> {
        let outputs = self.outputs(index, axis);
        let (stride, reach) = (axis.stride, (axis.kernel - 1) * axis.dilation);
        let mut lines = vec![None; (outputs.len() - 1) * stride + reach + 1];
        let start = (index * self.tile) as isize + self.first;
        for output in 0..outputs.len() {
            for line in (0..axis.kernel).map(|tap| output * stride + tap * axis.dilation) {
                let position = (outputs.start * stride + line) as isize - axis.before as isize;
                let phase = position.rem_euclid(stride as isize) as usize;
                lines[line] = Some(Line {
                    phase: phases.iter().position(|&p| p == phase).expect("a tap reads the phase"),
                    cell: position.div_euclid(stride as isize) - start,
                    position: usize::try_from(position).ok().filter(|&p| p < axis.input),
                });
            }
        }
        lines
    }
}

impl Packing {
    /// The map of tile `tile`.
    pub(in crate::linear) fn reads(&self, tile: usize) -> Reads<'_> {
        let (rows, columns) = (&self.conv.rows, &self.conv.columns);
        let (row, column) = (tile / self.columns.count, tile % self.columns.count);
        Reads {
            packing: self,
            rows: self.rows.lines(row, rows, &self.row_phases),
            columns: self.columns.lines(column, columns, &self.column_phases),
        }
    }
}

impl Reads<'_> {
    /// The map's shape: the layer's channels, and the tile's rows and columns.
    pub(in crate::linear) fn shape(&self) -> Shape {
        Shape::new(self.packing.conv.channels(), self.rows.len(), self.columns.len())
    }

    /// Visits every cell that some result reads.
    pub(in crate::linear) fn for_each(&self, mut visit: impl FnMut(Cell)) {
        let Packing { conv, n, chunk, row_phases, column_phases, .. } = self.packing;
        let [height, width] = [&self.packing.rows, &self.packing.columns].map(|axis| axis.pitch);
        let mut places = vec![(0, 0); column_phases.len()];
        for channel in 0..conv.channels() {
            for (i, row) in self.rows.iter().enumerate().filter_map(|(i, row)| Some((i, (*row)?))) {
                let map = (channel * row_phases.len() + row.phase) * column_phases.len();
                // The query polynomial of each phase, and where the row begins in it.
                for (phase, place) in places.iter_mut().enumerate() {
                    let (query, local) = ((map + phase) / chunk, (map + phase) % chunk);
                    let line = (local * height) as isize + row.cell;
                    *place = (query * n, line * width as isize);
                }
                let first = (channel * self.rows.len() + i) * self.columns.len();
                let start =
                    row.position.map(|i| (channel * conv.rows.input + i) * conv.columns.input);
                for (j, column) in self.columns.iter().enumerate() {
                    let Some(column) = column else { continue };
                    let (query, line) = places[column.phase];
                    let coefficient = line + column.cell;
                    visit(Cell {
                        index: first + j,
                        // n is a power of two.
                        place: query + (coefficient as usize & (n - 1)),
                        negative: coefficient < 0,
                        input: start.zip(column.position).map(|(start, j)| start + j),
                    });
                }
            }
        }
    }

    /// What each coefficient of the tile's query polynomials is; `seen` has the inputs that the tiles
    /// before hold, and gets those of this one.
    pub(in crate::linear) fn classes(&self, seen: &mut [bool]) -> Vec<Class> {
        let empty = if self.packing.slots == 1 { Class::Unread } else { Class::Zero };
        let mut classes = vec![empty; self.packing.chunks * self.packing.n];
        self.for_each(|Cell { place, input, .. }| {
            classes[place] = match input {
                None => Class::Zero,
                // Tensors have at most 2^24 values.
                Some(input) if seen[input] => Class::Again(input as u32),
                Some(input) => Class::First(input as u32),
            };
        });
        for class in &classes {
            if let Class::First(input) = class {
                seen[*input as usize] = true;
            }
        }
        classes
    }
}
