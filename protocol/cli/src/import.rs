//! `gazelle import`: an ONNX network becomes a model file.

use crate::{
    args::{CalibrationRule, ImportArgs},
    eval::{self, Accuracy},
    failure::{Cause, Failure, Result, While},
    files, inspect, output,
    progress::Progress,
    table::table,
};
use gazelle_import::{
    Calibration, Choice, Error, ImageForm, Quantised, Quantiser, Step, dataset,
    files::write_network,
};
use gazelle_model::ModelError;
use serde::Serialize;
use std::path::Path;

/// Images that activations are measured on; more change the ranges little.
const CALIBRATION: usize = 1000;
/// Fewer images are worth a word.
const FEW: usize = 16;
/// How far the largest weight may be from the usual ones.
const OUTLIER: f64 = 40.0;
/// The share of values that a percentile keeps.
const PERCENT: f64 = 99.99;

pub(crate) fn run(args: &ImportArgs) -> Result<()> {
    let progress = Progress::start("reading the network");
    let imported = import(args, &progress)?;
    drop(progress);
    if let Some(warning) = unlike(&imported.quantised) {
        output::aside(format_args!("WARNING: {warning}"));
    }
    if args.json {
        return output::raw(imported.json(args)?);
    }
    let Imported { quantised, images, warnings, accuracy } = imported;
    output::line(inspect::summary(quantised.network.card())?)?;
    output::line(choices(&quantised.choices))?;
    for warning in warnings {
        output::line(format_args!("warning: {warning}"))?;
    }
    output::line(agreement(&quantised, images))?;
    if let Some(accuracy) = accuracy {
        output::line(accuracy)?;
    }
    output::line(format_args!("wrote {}", args.output.display()))
}

/// A network that became integers, and was written to its file.
pub(crate) struct Imported {
    quantised: Quantised,
    /// How many images it was calibrated on.
    images: usize,
    warnings: Vec<String>,
    accuracy: Option<Accuracy>,
}

impl Imported {
    /// What `--json` prints.
    pub(crate) fn json(&self, args: &ImportArgs) -> Result<String> {
        serde_json::to_string(&Report::new(args, self)?).when(|| args.onnx.display().to_string())
    }

    /// Warns of integers that are of no use too, for those who read only the object.
    pub(crate) fn warn_of_all(&mut self) {
        self.warnings.extend(unlike(&self.quantised));
    }
}

/// Reads what the arguments name and writes the integer network.
pub(crate) fn import(args: &ImportArgs, progress: &Progress) -> Result<Imported> {
    let float = files::read_onnx(&args.onnx, args.name.as_deref(), &args.classes, &args.pixels)?;
    progress.step("reading pictures");
    let form = ImageForm::new(float.input(), float.preprocessing());
    let images = dataset::images(&args.calibrate, form, CALIBRATION)?;
    files::check_output(&args.onnx, &args.output)?;
    let watch = |step, done, of| progress.count(describe(step), done, of);
    let quantised = quantiser(args).run_watched(&float, &images, &watch);
    let quantised = quantised.map_err(|error| {
        let advice = match error {
            Error::Model(ModelError::Sum(_)) => "; give fewer --weight-bits, or none",
            _ => "",
        };
        Failure::Line(Cause::Input, format!("{}: {error}{advice}", args.onnx.display()))
    })?;
    let network = &quantised.network;
    progress.step("reading pictures");
    let test = match &args.test {
        None => Vec::new(),
        Some(test) => eval::labelled(test, args.labels.as_deref(), network.card())?,
    };
    // What is printed may end early, as in a pipe; the file must not.
    write_network(&args.output, network)?;
    let mut warnings = warnings(&quantised.choices, images.len());
    for folder in [Some(&args.calibrate), args.test.as_ref()].into_iter().flatten() {
        warnings.extend(left_out(folder)?);
    }
    let accuracy = match test.is_empty() {
        true => None,
        false => Some(eval::measure(Some(&float), network, &test, progress)?),
    };
    Ok(Imported { quantised, images: images.len(), warnings, accuracy })
}

/// How the arguments say that the network becomes integers.
fn quantiser(args: &ImportArgs) -> Quantiser {
    let calibration = match args.calibration {
        CalibrationRule::Max => Calibration::Max,
        CalibrationRule::Percentile => Calibration::Percentile(PERCENT),
        CalibrationRule::Mse => Calibration::MeanSquaredError,
    };
    let (weight_bits, activation_bits) = (args.weight_bits, args.activation_bits);
    Quantiser { weight_bits, activation_bits, calibration }
}

/// What a step does, for the one who waits.
fn describe(step: Step) -> String {
    match step {
        Step::Measuring => "measuring activations".into(),
        Step::Trying(number) => format!("trying integers, choice {number}"),
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    output: &'a Path,
    name: String,
    card: String,
    calibration_images: usize,
    /// Images that get the result that they get in floating point, of those compared.
    agreeing: usize,
    compared: usize,
    signal_to_noise: f64,
    units_by_channel: bool,
    layers: Vec<LayerReport<'a>>,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<&'a Accuracy>,
}

#[derive(Serialize)]
struct LayerReport<'a> {
    node: &'a str,
    weight_bits: u32,
    shift_by_channel: bool,
    /// Of the activation that reads the layer, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_bits: Option<u32>,
    signal_to_noise: f64,
}

impl<'a> Report<'a> {
    fn new(args: &'a ImportArgs, imported: &'a Imported) -> Result<Self> {
        let Imported { quantised, images, warnings, accuracy } = imported;
        let card = quantised.network.card();
        let layer = |choice: &'a Choice| LayerReport {
            node: &choice.node,
            weight_bits: choice.weight_bits,
            shift_by_channel: choice.by_channel,
            result_bits: choice.activation.as_ref().map(|activation| activation.bits),
            signal_to_noise: choice.signal_to_noise,
        };
        Ok(Self {
            output: &args.output,
            name: card.name.clone(),
            card: card.hash().when(|| "the card".into())?.to_string(),
            calibration_images: *images,
            agreeing: quantised.agreeing,
            compared: quantised.compared,
            signal_to_noise: quantised.signal_to_noise,
            units_by_channel: quantised.units_by_channel,
            layers: quantised.choices.iter().map(layer).collect(),
            warnings,
            accuracy: accuracy.as_ref(),
        })
    }
}

/// How much integers are like floating point.
fn agreement(quantised: &Quantised, images: usize) -> String {
    format!(
        "calibrated on {images} images; {} of {} get the result that they get in floating point; signal \
         to noise {:.0} dB, with one unit for {}",
        quantised.agreeing,
        quantised.compared,
        quantised.signal_to_noise,
        if quantised.units_by_channel { "each channel" } else { "all channels of a layer" }
    )
}

/// What makes integers worse than they need be.
fn warnings(choices: &[Choice], images: usize) -> Vec<String> {
    let far = |choice: &&Choice| choice.outlier > OUTLIER;
    let mut warnings: Vec<String> = choices
        .iter()
        .filter(far)
        .map(|Choice { node, outlier, .. }| {
            format!(
                "{node}: its largest weight is {outlier:.0} times as large as usual, which leaves the \
                 others few steps; look for an outlier"
            )
        })
        .collect();
    if images < FEW {
        warnings.push(format!(
            "ranges were measured on {images} images; a few hundred like those to be classified are \
             better"
        ));
    }
    warnings
}

/// Says which pictures of a folder are not read.
fn left_out(folder: &Path) -> Result<Option<String>> {
    let left_out = dataset::left_out(folder)?;
    Ok(left_out.first().map(|first| {
        format!(
            "{} of the pictures in {} are left out, as {} is: only PNG and JPEG files are read; \
             convert them",
            left_out.len(),
            folder.display(),
            first.display()
        )
    }))
}

/// Says that integers do not give what floating point gives, and what to do.
fn unlike(quantised: &Quantised) -> Option<String> {
    let Quantised { agreeing, compared, signal_to_noise, .. } = *quantised;
    let alike = 2 * agreeing >= compared && signal_to_noise >= 0.0;
    (!alike).then(|| {
        format!(
            "the integer network does NOT follow the one in floating point: {agreeing} of {compared} \
             images get its result, signal to noise {signal_to_noise:.0} dB; do not use it as it is. \
             Check --mean, --std and --pixels, calibrate on more images like the real ones, try \
             --calibration percentile and --weight-bits 12, and measure with --test"
        )
    })
}

/// What was chosen for each linear layer.
fn choices(choices: &[Choice]) -> String {
    let headings = [
        "linear layer",
        "weight bits",
        "shifts",
        "weights' signal to noise",
        "result bits",
        "results' signal to noise",
    ];
    let decibels = |ratio: f64| match ratio.is_finite() {
        true => format!("{ratio:.0} dB"),
        false => "exact".into(),
    };
    let row = |choice: &Choice| {
        let (bits, noise) = match choice.activation {
            Some(of) => (of.bits.to_string(), decibels(of.signal_to_noise)),
            None => (String::new(), String::new()),
        };
        [
            choice.node.clone(),
            choice.weight_bits.to_string(),
            if choice.by_channel { "one a channel" } else { "one" }.into(),
            decibels(choice.signal_to_noise),
            bits,
            noise,
        ]
    };
    table(
        &[headings.map(String::from)]
            .into_iter()
            .chain(choices.iter().map(row))
            .collect::<Vec<_>>(),
    )
}
