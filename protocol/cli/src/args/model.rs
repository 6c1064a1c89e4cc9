//! The arguments of `inspect`, `import`, `eval` and `bench`.

use super::{EngineArgs, MAX_THREADS, RevealName};
use crate::pixel_args::PixelArgs;
use clap::ValueEnum;
use gazelle_protocol::Link;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// The model file
    #[arg(value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// The link that plans are made for: `loopback`, `lan`, `wan`, or bandwidth and round trip as in
    /// `100mbit,80ms` or, with the client's bandwidth first, `20mbit/100mbit,30ms`
    #[arg(long, value_name = "LINK", default_value = "lan")]
    pub(crate) link: Link,
    /// What the server is to reveal
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub(crate) reveal: RevealName,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Show each layer's other plans and their prices too
    #[arg(long)]
    pub(crate) alternatives: bool,
    /// Show the bits of security of an inference and of a session too
    #[arg(long)]
    pub(crate) security: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The network, as PyTorch exports it
    #[arg(value_name = "FILE.onnx")]
    pub(crate) onnx: PathBuf,
    /// Images like those to be classified: a folder of PNG and JPEG files, or an IDX file
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) calibrate: PathBuf,
    /// The model file to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Measure accuracy on these images: a folder with a folder for each class, or an IDX file
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) test: Option<PathBuf>,
    /// The labels of --test, if that is an IDX file
    #[arg(long, value_name = "FILE", requires = "test")]
    pub(crate) labels: Option<PathBuf>,
    /// The classes' names, in order
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// The network's name; the file's without it
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) pixels: PixelArgs,
    /// Bits of every weight, instead of what is chosen for each layer
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(2..=16))]
    pub(crate) weight_bits: Option<u32>,
    /// Bits of every activation's results, instead of what is chosen for each layer
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(8..=15))]
    pub(crate) activation_bits: Option<u32>,
    /// How an activation's range is chosen
    #[arg(long, value_enum, value_name = "RULE", default_value_t)]
    pub(crate) calibration: CalibrationRule,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// How an activation's range is chosen from the values on the calibration images.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum CalibrationRule {
    /// All values
    #[default]
    Max,
    /// All but the largest of ten thousand
    Percentile,
    /// The range with the least mean squared error
    Mse,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EvalArgs {
    /// The model file
    #[arg(value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Labelled images: a folder with a folder for each class, or an IDX file
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) images: PathBuf,
    /// The labels, if --images is an IDX file
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    /// Measure the ONNX network that the model was imported from too
    #[arg(long, value_name = "FILE.onnx")]
    pub(crate) onnx: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pixels: PixelArgs,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// A network with random weights (a, b, c, d or cifar10 of GAZELLE's paper, resnet20,
    /// resnet18-28, mobilenet, squeezenet, resnet18 or resnet50), fashion-mnist or pneumonia,
    /// which come with this program, a model file or an ONNX file
    #[arg(long, value_name = "NAME|FILE", default_value = "d")]
    pub(crate) network: String,
    /// Images prepared together in one offline phase
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(crate) images: u64,
    /// Runs whose median counts, after one that does not
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) runs: u64,
    /// Plan for a link and simulate it: `loopback`, `lan`, `wan`, or bandwidth and round trip as in
    /// `100mbit,80ms` or, with the client's bandwidth first, `20mbit/100mbit,30ms`; without it, loopback
    #[arg(long, value_name = "LINK")]
    pub(crate) link: Option<Link>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Threads of each party; 0 for one a processor
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=MAX_THREADS))]
    pub(crate) threads: u16,
    /// Show every layer
    #[arg(long)]
    pub(crate) layers: bool,
    /// Draw the layers' seconds and bytes to this SVG file
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Measure network d with 1, 2, 4 and 8 times its maps instead, and draw how time grows
    #[arg(long, value_name = "FILE", conflicts_with_all = ["network", "plot"])]
    pub(crate) scaling: Option<PathBuf>,
    /// Print one JSON object a network instead of text
    #[arg(long)]
    pub(crate) json: bool,
}
