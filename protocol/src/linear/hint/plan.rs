//! Planning: how a map is cut into tiles, with how many bits.

use gazelle_ntt::pack;

use super::tops::Readers;
use crate::Link;
use crate::digest::PlanDigest;
use crate::error::Misuse;
use crate::he::hint::{Exactness, Format, LayerFormat, Row, Term, TileKey};
use crate::linear::geometry::Convolution;
use crate::linear::packing::{Holds, Packing, Segment};
use crate::linear::plan::{Map, WeightBounds, candidates, cuts};
use crate::model::{self, LinearMap, Padding, Window};

/// What a map costs, before anything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HintCost {
    /// Tiles, each of which has a secret of its own.
    pub tiles: usize,
    /// Coefficients of the client's message.
    pub coefficients: usize,
    /// How many of them are sent with their top k bits.
    pub whole: usize,
    /// Bytes of the client's message for one image.
    pub upload_bytes: usize,
    /// Bytes of the map's part of the hint, once for all images.
    pub hint_bytes: usize,
    /// The estimate that layouts are compared by: both parties' work on one thread plus the link.
    pub nanoseconds: u64,
}

/// What the layouts of a hint are chosen for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HintUse {
    /// The link between the parties.
    pub link: Link,
    /// How many images a client is expected to classify with one hint, at least 1. For few of them several
    /// outputs share a polynomial: the hint is smaller, and each message larger.
    pub images: u16,
    /// When results may be wrong.
    pub exactness: Exactness,
}

/// A linear map, planned for the hint engine: a function of public facts alone, so both parties make
/// the same.
pub struct HintPlan {
    /// Parameters, numbers of bits and of polynomials.
    pub(super) layer: LayerFormat,
    pub(super) conv: Convolution,
    pub(super) packing: Packing,
    /// The map of a tile: the layer's own without padding.
    pub(super) tile_map: LinearMap,
    pub(super) bounds: WeightBounds,
    /// Whether the mask of the input is what the client's message makes it.
    pub(super) gives_mask: bool,
    /// Of each tile what is sent, in order.
    pub(super) segments: Vec<Vec<Segment>>,
    /// Of each tile the results that read top bits, where each output has a polynomial of its own.
    pub(super) readers: Vec<Readers>,
    cost: HintCost,
}

impl HintPlan {
    /// The cheapest plan of a map. If it gives the mask, the client may not choose what the results read
    /// of its mask, and sends k bits less of each.
    ///
    /// # Errors
    /// [`Misuse::Layer`] for an impossible geometry, or if no parameters make the map exact.
    pub(crate) fn choose(map: &Map, gives_mask: bool, purpose: &HintUse) -> Result<Self, Misuse> {
        let (conv, bounds) = map.convolution()?;
        let row = Row {
            ring_bits: map.sum_bits + 1,
            sum: bounds.row_sum as f64,
            squares: bounds.row_sum as f64 * bounds.largest as f64,
        };
        // The first parameters that make one output in each polynomial exact.
        let first = Format::choose(&row, purpose.exactness)?.parameters;
        let n = first.n();
        let one_output = cuts(&conv, n).into_iter();
        let one_output = one_output.filter_map(|tiles| Packing::one_output(&conv, n, tiles));
        let several = candidates(&conv, n).into_iter().filter(|packing| packing.slots > 1);
        let layouts = |packing: Packing| {
            let row = row.times(packing.slots);
            let formats = Format::all_with_parameters(&first, &row, purpose.exactness);
            let layout = |format| Layout { packing: packing.clone(), format, gives_mask };
            formats.map(layout).collect::<Vec<_>>()
        };
        let cheapest = |packings: Vec<Packing>| {
            let layouts = packings.into_iter().flat_map(layouts);
            layouts.min_by_key(|layout| layout.estimate(&conv, purpose))
        };
        let plans = [one_output.collect(), several.collect()].into_iter().filter_map(cheapest);
        let plans = plans.map(|layout| Self::new(map, (conv.clone(), bounds), layout, purpose));
        plans
            .min_by_key(|plan| plan.cost.nanoseconds)
            .ok_or_else(|| Misuse::Layer(format!("a tile does not fit into {n} values")))
    }

    fn new(
        map: &Map,
        (conv, bounds): (Convolution, WeightBounds),
        layout: Layout,
        purpose: &HintUse,
    ) -> Self {
        let Layout { packing, format, gives_mask } = layout;
        let layer = LayerFormat { format, inputs: packing.chunks, outputs: packing.blocks };
        let tile_map = without_padding(&map.linear);
        let mut seen = vec![false; conv.input_len()];
        let (mut segments, mut readers) = (Vec::new(), Vec::new());
        for tile in 0..packing.tiles() {
            if packing.slots == 1 {
                readers.push(match gives_mask {
                    true => Readers::new(&packing, tile, &tile_map, &seen),
                    false => Readers::All,
                });
            }
            segments.push(packing.segments(tile, &mut seen));
        }
        let all = segments.iter().flatten();
        let cost = HintCost::new(&layer, (&packing, &conv), all, gives_mask, purpose);
        Self { layer, conv, packing, tile_map, bounds, gives_mask, segments, readers, cost }
    }

    /// Puts the parameters, the layout, all numbers of bits and all messages' lengths into a plan's
    /// digest.
    pub(crate) fn digest(&self, digest: &mut PlanDigest) {
        let Format { parameters, ring_bits, hint_bits, dropped, .. } = &self.layer.format;
        digest.numbers(&[parameters.n(), self.gives_mask.into()]);
        let bits = [parameters.log2_q(), *ring_bits, *hint_bits, *dropped];
        digest.words(bits.map(u64::from).into_iter());
        self.packing.digest(digest);
        digest.numbers(&[self.cost.upload_bytes, self.cost.hint_bytes]);
    }

    /// The map's part of a hint.
    pub fn layer(&self) -> &LayerFormat {
        &self.layer
    }

    /// What it costs.
    pub fn cost(&self) -> &HintCost {
        &self.cost
    }

    /// How many outputs share a polynomial of the hint, at most.
    pub fn slots(&self) -> usize {
        self.packing.slots
    }

    /// Whether the mask of the input is what the client's message makes it.
    pub fn gives_mask(&self) -> bool {
        self.gives_mask
    }

    /// Values that the map reads.
    pub fn input_len(&self) -> usize {
        self.conv.input_len()
    }

    /// Values that it returns.
    pub fn output_len(&self) -> usize {
        self.conv.output_len()
    }

    /// k: shares live in Z_{2^k}.
    pub fn ring_bits(&self) -> u32 {
        self.layer.format.ring_bits
    }

    /// The layout, for people.
    pub fn layout(&self) -> String {
        let Format { parameters, dropped, .. } = &self.layer.format;
        let (tiles, inputs) = (self.cost.tiles, self.layer.inputs);
        let bits = self.layer.format.digit_bits();
        let slots = match self.packing.slots {
            1 => String::new(),
            slots => format!(" × {slots} outputs"),
        };
        let polynomials = format!("{tiles} × {inputs} polynomials{slots}");
        format!("{polynomials}, {parameters}, {bits} bits ({dropped} dropped)")
    }

    /// At most the bytes of memory that the client's message takes while it is made.
    pub(crate) fn window(&self) -> usize {
        let polynomials = self.cost.tiles * (1 + self.layer.inputs);
        8 * self.layer.format.parameters.n() * polynomials + 8 * self.cost.coefficients
    }

    /// At most the bytes of memory that the server's work for one message takes.
    pub(crate) fn apply_memory(&self) -> u64 {
        let polynomial = 16 * self.layer.format.parameters.n();
        let tiles = if self.packing.slots == 1 { 1 } else { self.cost.tiles };
        let inputs = polynomial * self.layer.inputs * tiles;
        let keys = polynomial * self.cost.tiles;
        let sent = self.cost.upload_bytes + 8 * self.cost.coefficients;
        // What the results that read top bits read, and a plane of each half of it.
        let readers = self.readers.iter().map(Readers::few).max().unwrap_or(0);
        let tops = 12 * self.conv.groups * self.conv.row_len() * readers;
        (inputs + keys + sent + tops + 20 * self.output_len()) as u64
    }

    /// Checks weights against what the card promises, which the noise statement rests on.
    ///
    /// # Errors
    /// [`Misuse::Values`] for another number of weights, [`Misuse::Weights`] if they break the bounds.
    pub fn check_weights(&self, weights: &[i16]) -> Result<(), Misuse> {
        self.bounds.check(&self.conv, weights)
    }

    /// Appends the terms of the polynomial that multiplies input polynomial `input` for output `output`, if there
    /// is one: what [`crate::he::hint::Hint::build`] asks for.
    ///
    /// # Panics
    /// If the map has no such output or input polynomial, or `weights` another length.
    pub fn weight_terms(
        &self,
        weights: &[i16],
        (output, input): (usize, usize),
        terms: &mut Vec<Term>,
    ) {
        if self.packing.chunks_of(output).contains(&input) {
            self.packing.terms(output, input, weights, |exponent, weight| {
                terms.push((exponent as u32, weight));
            });
        }
    }

    /// Whether the top k bits of such coefficients are sent: not where they are zero because they gave the
    /// mask.
    pub(super) fn is_whole(holds: Holds, gives_mask: bool) -> bool {
        !gives_mask || !matches!(holds, Holds::Inputs { again: false, .. })
    }

    /// Bytes of the parts of a message: keys, digits, tops.
    pub(super) fn parts(&self) -> [usize; 3] {
        self.cost.parts(&self.layer.format)
    }
}

fn without_padding(map: &LinearMap) -> LinearMap {
    match *map {
        LinearMap::Dense { outputs } => LinearMap::Dense { outputs },
        LinearMap::Convolution(map) => {
            let window = Window { padding: Padding::uniform(0), ..map.window };
            LinearMap::Convolution(model::Convolution { window, ..map })
        }
    }
}

impl HintCost {
    fn new<'a>(
        layer: &LayerFormat,
        (packing, conv): (&Packing, &Convolution),
        segments: impl Iterator<Item = &'a Segment>,
        gives_mask: bool,
        purpose: &HintUse,
    ) -> Self {
        let (mut coefficients, mut whole) = (0, 0);
        for &Segment { len, holds, .. } in segments {
            coefficients += len as usize;
            whole += if HintPlan::is_whole(holds, gives_mask) { len as usize } else { 0 };
        }
        let (tiles, hint_bytes) = (packing.tiles(), layer.len());
        let cost = Self { tiles, coefficients, whole, upload_bytes: 0, hint_bytes, nanoseconds: 0 };
        let upload_bytes = cost.parts(&layer.format).iter().sum();
        let nanoseconds = work(packing, conv, layer.format.parameters.n())
            .saturating_add(purpose.transmission(upload_bytes, hint_bytes));
        Self { upload_bytes, nanoseconds, ..cost }
    }

    fn parts(&self, format: &Format) -> [usize; 3] {
        let key = pack::packed_len(format.parameters.n(), TileKey::sent_bits(&format.parameters));
        [
            self.tiles * key,
            pack::packed_len(self.coefficients, format.digit_bits()),
            pack::packed_len(self.whole, format.ring_bits),
        ]
    }
}

impl HintUse {
    /// Nanoseconds that a message takes, and its part of the hint.
    fn transmission(&self, upload_bytes: usize, hint_bytes: usize) -> u64 {
        let hint = self.link.downward().nanoseconds(hint_bytes as u64);
        let images = u64::from(self.images.max(1));
        self.link.upward().nanoseconds(upload_bytes as u64).saturating_add(hint / images)
    }
}

/// A layout and what makes it exact.
struct Layout {
    packing: Packing,
    format: Format,
    gives_mask: bool,
}

impl Layout {
    /// Nanoseconds that it takes, of a message's bytes an estimate: all coefficients of its polynomials
    /// are taken for sent, those that have no value of their own with their top k bits.
    fn estimate(&self, conv: &Convolution, purpose: &HintUse) -> u64 {
        let Self { packing, format, gives_mask } = self;
        let n = format.parameters.n();
        let coefficients = packing.queries() * n;
        let whole = match (packing.slots, gives_mask) {
            (_, false) => coefficients,
            (1, true) => 0,
            (_, true) => coefficients.saturating_sub(conv.input_len()),
        };
        let bits = |count: usize, bits: u32| count as u64 * u64::from(bits);
        let bits = bits(coefficients, format.digit_bits())
            + bits(whole, format.ring_bits)
            + bits(packing.tiles() * n, TileKey::sent_bits(&format.parameters));
        let hint = packing.blocks * n * format.hint_bits as usize;
        let sent = purpose.transmission((bits / 8) as usize, hint / 8);
        work(packing, conv, n).saturating_add(sent)
    }
}

/// Convolutions that the server makes of a message: of digits, and of the bits above them.
const PASSES: u64 = 2;

/// Nanoseconds of work that a layout makes for both parties: see [`rates`].
fn work(packing: &Packing, conv: &Convolution, n: usize) -> u64 {
    let (tiles, inputs, outputs) = (packing.tiles(), packing.chunks, packing.blocks);
    let products = (inputs + outputs * (1 + 2 * tiles) + inputs * tiles) as u64;
    let per_coefficient = products * rates::PRODUCT + (inputs * tiles) as u64 * rates::BODY;
    let multiplications = conv.output_len() as u64 * conv.row_len() as u64;
    let sums = match packing.slots {
        1 => PASSES * multiplications * rates::MULTIPLICATION,
        _ => (packing.weights() * n) as u64 * (rates::WEIGHT + tiles as u64 * rates::TERM),
    };
    (per_coefficient * n as u64).saturating_add(sums) / 1000
}

/// What things cost on one core with AVX-512, in picoseconds per coefficient. Their ratios choose the
/// plan, so they are part of what both parties agree on.
mod rates {
    /// A product of two polynomials, one of them transformed.
    pub(super) const PRODUCT: u64 = 4_000;
    /// A product in a convolution modulo 2^32.
    pub(super) const MULTIPLICATION: u64 = 40;
    /// Sampling an error, packing and unpacking a coefficient.
    pub(super) const BODY: u64 = 4_000;
    /// Laying out and transforming weights.
    pub(super) const WEIGHT: u64 = 2_500;
    /// A product of two transformed polynomials, added up.
    pub(super) const TERM: u64 = 700;
}
