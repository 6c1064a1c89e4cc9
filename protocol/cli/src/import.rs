//! `gazelle import`: an ONNX network becomes a model file.

use crate::{
    args::ImportArgs,
    dataset::{self, Labelled},
    eval,
    failure::{Failure, Result, While},
    files, inspect,
    progress::Progress,
};
use gazelle_protocol::{
    model::{FloatNetwork, Network, Shape, onnx, quantise},
    session::{NetworkPlan, Settings},
};
use std::path::Path;

/// Images that activations are measured on; more change the ranges little.
const CALIBRATION: usize = 1000;

pub(crate) fn run(args: &ImportArgs) -> Result<()> {
    let float = read(&args.onnx, args)?;
    let images = dataset::images(&args.calibrate, float.card().input, CALIBRATION)?;
    let progress = Progress::start("measuring activations");
    let network =
        quantise(&float, &images, args.weight_bits).when(|| args.onnx.display().to_string())?;
    let test = match &args.test {
        None => Vec::new(),
        Some(test) => dataset::labelled(test, args.labels.as_deref(), &network.card)?,
    };
    drop(progress);
    let plan = NetworkPlan::new(network.card.clone(), &Settings::default())?;
    println!("{}", inspect::layers(&plan));
    println!("calibrated on {} images", images.len());
    print_accuracy(&float, &network, &test)?;
    network.write(&args.output).map_err(|error| files::naming(&args.output, &error))?;
    println!("wrote {}", args.output.display());
    Ok(())
}

/// Accuracy before and after quantisation, if there are labels.
fn print_accuracy(float: &FloatNetwork, network: &Network, test: &[Labelled]) -> Result<()> {
    if test.is_empty() {
        return Ok(());
    }
    let float = eval::accuracy(test, |image| float.label(image))?;
    let integer = eval::accuracy(test, |image| Ok(network.forward(image)?.label()))?;
    println!("accuracy in floating point: {}", eval::percent(float, test.len()));
    println!("accuracy in integers:       {}", eval::percent(integer, test.len()));
    Ok(())
}

/// Reads an ONNX file with the options of the command line.
fn read(path: &Path, args: &ImportArgs) -> Result<FloatNetwork> {
    let bytes = files::read(path, onnx::MAX_ONNX_BYTES as u64)?;
    let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let options = onnx::ImageOptions {
        shape: args.shape.as_deref().map(shape).transpose()?,
        mean: args.mean.clone(),
        std: args.std.clone(),
        classes: args.classes.clone(),
    };
    onnx::read(&args.name.clone().unwrap_or_else(stem), &bytes, &options)
        .when(|| path.display().to_string())
}

/// `CHANNELS,HEIGHT,WIDTH`.
fn shape(sizes: &[usize]) -> Result<Shape> {
    match *sizes {
        [channels, height, width] => Ok(Shape { channels, height, width }),
        _ => Err(Failure::new("--shape takes CHANNELS,HEIGHT,WIDTH as in 1,28,28")),
    }
}
