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

/// Columns of a tile's map that stand side by side in a polynomial.
struct Strip {
    phase: usize,
    /// The first one's cell, and how many there are.
    cell: isize,
    len: usize,
    /// The first one's place in the map's rows; the next ones are a stride apart.
    first: usize,
    /// The first one's place in the input's rows; None for padding.
    position: Option<usize>,
}

/// A tile's map.
pub(in crate::linear) struct Reads<'a> {
    packing: &'a Packing,
    /// None for lines between those that taps read.
    rows: Vec<Option<Line>>,
    /// Columns.
    width: usize,
    strips: Vec<Strip>,
}

/// Cells of a row of a tile's map that some results read and that stand side by side in a polynomial. In
/// the map, and in the input, they are a [`Packing::step`] apart.
#[derive(Clone, Copy)]
pub(in crate::linear) struct Run {
    /// The first one's place in the map.
    pub(in crate::linear) index: usize,
    /// The first one's coefficient, counted through all of the tile's query polynomials.
    pub(in crate::linear) place: usize,
    pub(in crate::linear) len: usize,
    /// Whether results read them with the sign changed.
    pub(in crate::linear) negative: bool,
    /// The input that the first one holds; None for padding.
    pub(in crate::linear) input: Option<usize>,
}

/// Coefficients of one of a tile's query polynomials that results read, side by side and all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::linear) struct Segment {
    /// The first one, counted through all of the tile's query polynomials. (Tensors have at most 2^24 values.)
    pub(in crate::linear) place: u32,
    pub(in crate::linear) len: u32,
    pub(in crate::linear) holds: Holds,
}

/// What the coefficients of a [`Segment`] hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::linear) enum Holds {
    Nothing,
    /// Inputs from `first` on, a [`Packing::step`] apart; `again` if a tile before holds them too.
    Inputs {
        first: u32,
        again: bool,
    },
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
        let columns = self.columns.lines(column, columns, &self.column_phases);
        let phases = 0..self.column_phases.len();
        Reads {
            packing: self,
            rows: self.rows.lines(row, rows, &self.row_phases),
            width: columns.len(),
            strips: phases.flat_map(|phase| strips(&columns, phase)).collect(),
        }
    }

    /// From one cell of a phase to the next in a row of the input.
    pub(in crate::linear) fn step(&self) -> usize {
        self.conv.columns.stride
    }

    /// The coefficients of a tile that results read, in order; `seen` has the inputs that the tiles before
    /// hold, and gets those of this one.
    pub(in crate::linear) fn segments(&self, tile: usize, seen: &mut [bool]) -> Vec<Segment> {
        let mut found = Vec::new();
        let (step, n) = (self.step(), self.n);
        self.reads(tile).for_each(|Run { place, len, input, .. }| {
            let again = |k: usize| input.is_some_and(|first| seen[first + k * step]);
            let mut done = 0;
            while done < len {
                let alike = (done..len).take_while(|&k| again(k) == again(done)).count();
                let input = input.map(|first| first + done * step);
                let holds = input.map_or(Holds::Nothing, |first| Holds::Inputs {
                    first: first as u32,
                    again: again(done),
                });
                let segment = Segment { place: (place + done) as u32, len: alike as u32, holds };
                append(&mut found, segment, (step, n));
                done += alike;
            }
        });
        found.sort_unstable_by_key(|segment| segment.place);
        let mut segments = Vec::new();
        found.into_iter().for_each(|segment| append(&mut segments, segment, (step, n)));
        if self.slots > 1 {
            segments = self.with_gaps(segments);
        }
        for &Segment { len, holds, .. } in &segments {
            if let Holds::Inputs { first, .. } = holds {
                (0..len as usize).for_each(|k| seen[first as usize + k * step] = true);
            }
        }
        segments.shrink_to_fit();
        segments
    }

    /// With what lies between segments: where several outputs share a polynomial, results read it too.
    fn with_gaps(&self, segments: Vec<Segment>) -> Vec<Segment> {
        let mut whole = Vec::new();
        let mut next = 0;
        let end = Segment { place: (self.chunks * self.n) as u32, len: 0, holds: Holds::Nothing };
        for segment in segments.into_iter().chain([end]) {
            while next < segment.place {
                let polynomial = next / self.n as u32 + 1;
                let len = segment.place.min(polynomial * self.n as u32) - next;
                let gap = Segment { place: next, len, holds: Holds::Nothing };
                append(&mut whole, gap, (self.step(), self.n));
                next += len;
            }
            next = segment.place + segment.len;
            if segment.len > 0 {
                append(&mut whole, segment, (self.step(), self.n));
            }
        }
        whole
    }
}

/// The columns of a phase, as long strips as there are.
fn strips(columns: &[Option<Line>], phase: usize) -> Vec<Strip> {
    let mut strips: Vec<Strip> = Vec::new();
    let lines = columns.iter().enumerate().filter_map(|(j, line)| Some((j, (*line)?)));
    for (first, Line { cell, position, .. }) in lines.filter(|(_, line)| line.phase == phase) {
        match strips.last_mut() {
            Some(last)
                if last.cell + last.len as isize == cell
                    && last.position.is_some() == position.is_some() =>
            {
                last.len += 1;
            }
            _ => strips.push(Strip { phase, cell, len: 1, first, position }),
        }
    }
    strips
}

/// Appends a segment, or makes the last one longer; several cells of padding may share a coefficient.
fn append(segments: &mut Vec<Segment>, segment: Segment, (step, n): (usize, usize)) {
    let Segment { place, len, holds } = segment;
    if let Some(last) = segments.last_mut()
        && last.place as usize / n == place as usize / n
    {
        let follows = last.place + last.len;
        let longer = match (last.holds, holds) {
            (Holds::Nothing, Holds::Nothing) => (last.place..=follows).contains(&place),
            (Holds::Inputs { first, again }, _) => {
                let next = Holds::Inputs { first: first + last.len * step as u32, again };
                place == follows && holds == next
            }
            _ => false,
        };
        if longer {
            last.len = last.len.max(place + len - last.place);
            return;
        }
    }
    segments.push(segment);
}

impl Reads<'_> {
    /// The map's shape: the layer's channels, and the tile's rows and columns.
    pub(in crate::linear) fn shape(&self) -> Shape {
        Shape::new(self.packing.conv.channels(), self.rows.len(), self.width)
    }

    /// Visits all cells that some result reads.
    pub(in crate::linear) fn for_each(&self, mut visit: impl FnMut(Run)) {
        for channel in 0..self.packing.conv.channels() {
            for (i, row) in self.rows.iter().enumerate().filter_map(|(i, row)| Some((i, (*row)?))) {
                for strip in &self.strips {
                    self.runs(channel, (i, &row), strip).into_iter().flatten().for_each(&mut visit);
                }
            }
        }
    }

    /// A strip of a row: what lies before the first coefficient, and the rest.
    fn runs(&self, channel: usize, (i, row): (usize, &Line), strip: &Strip) -> [Option<Run>; 2] {
        let Packing { conv, n, chunk, row_phases, column_phases, .. } = self.packing;
        let [height, width] = [&self.packing.rows, &self.packing.columns].map(|axis| axis.pitch);
        let map = (channel * row_phases.len() + row.phase) * column_phases.len() + strip.phase;
        let (query, local) = (map / chunk, map % chunk);
        let line = ((local * height) as isize + row.cell) * width as isize;
        let (coefficient, step) = (line + strip.cell, self.packing.step());
        let input = row
            .position
            .zip(strip.position)
            .map(|(row, column)| (channel * conv.rows.input + row) * conv.columns.input + column);
        let before = strip.len.min((-coefficient).max(0) as usize);
        let run = |from: usize, len: usize| Run {
            index: (channel * self.rows.len() + i) * self.width + strip.first + from * step,
            // n is a power of two.
            place: query * n + ((coefficient + from as isize) as usize & (n - 1)),
            len,
            negative: from < before,
            input: input.map(|first| first + from * step),
        };
        let rest = strip.len - before;
        [(before > 0).then(|| run(0, before)), (rest > 0).then(|| run(before, rest))]
    }
}
