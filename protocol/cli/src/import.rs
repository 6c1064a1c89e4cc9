//! `gazelle import`: an ONNX network becomes a model file.

use crate::{
    args::ImportArgs,
    eval,
    failure::{Result, While},
    files, inspect, output,
    progress::Progress,
};
use gazelle_import::{dataset, files::write_network, quantise};
use gazelle_protocol::session::{NetworkPlan, Settings};

/// Images that activations are measured on; more change the ranges little.
const CALIBRATION: usize = 1000;

pub(crate) fn run(args: &ImportArgs) -> Result<()> {
    let float = files::read_onnx(&args.onnx, args.name.as_deref(), &args.classes, &args.pixels)?;
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
    write_network(&args.output, &network)?;
    output::line(format_args!("wrote {}", args.output.display()))
}
