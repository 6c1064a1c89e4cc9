//! What a trained network reads, on the command line.

use clap::ValueEnum;
use gazelle_protocol::model::{Card, Colours, PixelUnit, Resize};

/// What an image's channels are.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ColourOrder {
    /// One channel
    Grey,
    /// Red, green, blue
    Rgb,
    /// Blue, green, red
    Bgr,
}

impl From<ColourOrder> for Colours {
    fn from(order: ColourOrder) -> Self {
        match order {
            ColourOrder::Grey => Self::Grey,
            ColourOrder::Rgb => Self::Rgb,
            ColourOrder::Bgr => Self::Bgr,
        }
    }
}

impl ColourOrder {
    /// The order that a card names, if it names one.
    fn of(colours: Colours) -> Option<Self> {
        match colours {
            Colours::Stored => None,
            Colours::Grey => Some(Self::Grey),
            Colours::Rgb => Some(Self::Rgb),
            Colours::Bgr => Some(Self::Bgr),
        }
    }
}

fn largest_pixel(text: &str) -> Result<PixelUnit, &'static str> {
    match text {
        "1" => Ok(PixelUnit::Full),
        "255" => Ok(PixelUnit::Step),
        _ => Err("1 or 255"),
    }
}

fn resize(text: &str) -> Result<Resize, &'static str> {
    match text {
        "exact" => Ok(Resize::Exact),
        "stretch" => Ok(Resize::Stretch),
        side => side.parse().map(Resize::ShortSide).map_err(|_| "exact, stretch or pixels"),
    }
}

/// What the ONNX network reads, where its file does not say. `eval` takes from the model's card what is
/// not given.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PixelArgs {
    /// What training subtracted from pixels, of 0 to 1 or as --pixels says, for all channels or one
    /// each
    #[arg(
        long,
        value_name = "X,…",
        value_delimiter = ',',
        requires = "onnx",
        allow_negative_numbers = true
    )]
    pub(crate) mean: Vec<f64>,
    /// What training divided the difference by, for all channels or one each
    #[arg(long, value_name = "X,…", value_delimiter = ',', requires = "onnx")]
    pub(crate) std: Vec<f64>,
    /// The largest pixel that training read: 1, or 255 where it did not divide; 1 without it
    #[arg(long, value_name = "1|255", requires = "onnx", value_parser = largest_pixel)]
    pub(crate) pixels: Option<PixelUnit>,
    /// How a client's picture gets the image's size: `exact` for none other, `stretch`, or the pixels
    /// of the short side, as in 256, before the centre is cut out
    #[arg(long, value_name = "HOW", requires = "onnx", value_parser = resize)]
    pub(crate) resize: Option<Resize>,
    /// What the image's channels are; without it, grey or red, green, blue
    #[arg(long, value_enum, value_name = "ORDER", requires = "onnx")]
    pub(crate) colours: Option<ColourOrder>,
    /// The output that counts, of a network that has several
    #[arg(long, value_name = "NAME", requires = "onnx")]
    pub(crate) output_name: Option<String>,
    /// The image's shape, for a network that reads a flat vector or leaves sizes open
    #[arg(long, value_name = "CHANNELS,HEIGHT,WIDTH", value_delimiter = ',', requires = "onnx")]
    pub(crate) shape: Option<Vec<usize>>,
}

impl PixelArgs {
    /// These, and for what they leave open, what the network was imported with, as its card says.
    pub(crate) fn or_card(&self, card: &Card) -> Self {
        let mut args = self.clone();
        let stated = &card.preprocessing;
        args.resize.get_or_insert(stated.resize);
        args.colours = args.colours.or(ColourOrder::of(stated.colours));
        args.shape
            .get_or_insert_with(|| vec![card.input.channels, card.input.height, card.input.width]);
        let Some(normalisation) = &stated.normalisation else { return args };
        args.pixels.get_or_insert(normalisation.unit);
        // The card counts in 2^-16.
        if args.mean.is_empty() {
            args.mean = normalisation.mean.iter().map(|&m| f64::from(m) / 65536.0).collect();
        }
        if args.std.is_empty() {
            args.std = normalisation.std.iter().map(|&s| f64::from(s) / 65536.0).collect();
        }
        args
    }
}
