//! `gazelle import`: an ONNX network becomes a model file.

use crate::{
    args::{ImportArgs, PixelArgs},
    eval,
    failure::{Failure, Result, While},
    inspect, output,
    progress::Progress,
};
use gazelle_import::{FloatNetwork, dataset, files, onnx, quantise};
use gazelle_model::Shape;
use gazelle_protocol::session::{NetworkPlan, Settings};
use std::path::Path;

/// Images that activations are measured on; more change the ranges little.
const CALIBRATION: usize = 1000;

pub(crate) fn run(args: &ImportArgs) -> Result<()> {
    let float = read(&args.onnx, args.name.as_deref(), &args.classes, &args.pixels)?;
    let images = dataset::images(&args.calibrate, float.card().input, CALIBRATION)?;
    let progress = Progress::start("measuring activations");
    let network =
        quantise(&float, &images, args.weight_bits).when(|| args.onnx.display().to_string())?;
    let test = match &args.test {
        None => Vec::new(),
        Some(test) => dataset::labelled(test, args.labels.as_deref(), network.card())?,
    };
    drop(progress);
    let plan = NetworkPlan::new(network.card().clone(), &Settings::default())?;
    output::line(inspect::layers(&plan))?;
    output::line(format_args!("calibrated on {} images", images.len()))?;
    if !test.is_empty() {
        eval::print(Some(&float), &network, &test)?;
    }
    files::write_network(&args.output, &network)?;
    output::line(format_args!("wrote {}", args.output.display()))
}

/// Reads an ONNX file; the network gets the file's name if it has none.
pub(crate) fn read(
    path: &Path,
    name: Option<&str>,
    classes: &[String],
    pixels: &PixelArgs,
) -> Result<FloatNetwork> {
    let bytes = files::read(path, onnx::MAX_ONNX_BYTES)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let options = onnx::ImageOptions {
        shape: pixels.shape.as_deref().map(shape).transpose()?,
        mean: pixels.mean.clone(),
        std: pixels.std.clone(),
        classes: classes.to_vec(),
    };
    onnx::read(name.unwrap_or(&stem), &bytes, &options).when(|| path.display().to_string())
}

/// `CHANNELS,HEIGHT,WIDTH`.
fn shape(sizes: &[usize]) -> Result<Shape> {
    match *sizes {
        [channels, height, width] => Ok(Shape { channels, height, width }),
        _ => Err(Failure::new("--shape takes CHANNELS,HEIGHT,WIDTH as in 1,28,28")),
    }
}
