//! What a trained network reads, on the command line.

use clap::ValueEnum;
use gazelle_protocol::model::{Colours, Resize};

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

fn largest_pixel(text: &str) -> Result<u16, &'static str> {
    match text {
        "1" => Ok(1),
        "255" => Ok(255),
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

/// What the ONNX network reads, where its file does not say.
#[derive(Debug, Default, clap::Args)]
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
    /// The largest pixel that training read: 1, or 255 where it did not divide
    #[arg(long, value_name = "1|255", default_value_t = 1, value_parser = largest_pixel)]
    pub(crate) pixels: u16,
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
