//! `gazelle eval`: a model's accuracy on labelled images, in the clear.

use crate::{
    args::EvalArgs,
    failure::{Failure, Result, While},
    files, output,
    progress::Progress,
};
use gazelle_import::{
    Error, Exact, FloatNetwork,
    dataset::{self, Labelled},
};
use gazelle_model::{Card, Head, Network};
use rayon::prelude::*;
use serde::Serialize;
use std::{
    fmt, fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

pub(crate) fn run(args: &EvalArgs) -> Result<()> {
    let progress = Progress::start("reading the network");
    let accuracy = evaluate(args, &progress)?;
    drop(progress);
    output::one(&accuracy, args.json)
}

/// The accuracy that the arguments ask for.
pub(crate) fn evaluate(args: &EvalArgs, progress: &Progress) -> Result<Accuracy> {
    let network = files::read_network(&args.model)?;
    let card = network.card();
    check_measurable(card)?;
    let float = args
        .onnx
        .as_deref()
        .map(|path| files::read_onnx(path, None, &card.classes, &args.pixels.or_card(card)));
    let float = float.transpose()?;
    progress.step("reading pictures");
    let images = labelled(&args.images, args.labels.as_deref(), card)?;
    measure(float.as_ref(), &network, &images, progress)
}

/// The images of an IDX file with its labels, or of a folder with a folder for each class.
pub(crate) fn labelled(images: &Path, labels: Option<&Path>, card: &Card) -> Result<Vec<Labelled>> {
    let kind = fs::metadata(images).when(|| format!("cannot read {}", images.display()))?;
    let problem = match (kind.is_dir(), labels) {
        (false, None) => "is a file: give its labels too, with --labels FILE",
        (true, Some(_)) => "is a folder, whose folders are the labels: leave --labels out",
        _ => return Ok(dataset::labelled(images, labels, card)?),
    };
    Err(Failure::new(format!("{} {problem}", images.display())))
}

/// Refuses a network of which images with one label say nothing.
fn check_measurable(card: &Card) -> Result<()> {
    let values = card.classes.len();
    match card.head.head {
        Head::Thresholds(_) if values > 1 => Err(Failure::new(format!(
            "the network tells {values} things of an image, each for itself; images with one label \
             do not measure that"
        ))),
        _ => Ok(()),
    }
}

/// How many images get their label.
#[derive(Debug, Serialize)]
pub(crate) struct Accuracy {
    images: usize,
    /// In integers.
    correct: usize,
    /// Before quantisation, where there is the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    correct_in_floating_point: Option<usize>,
}

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(correct) = self.correct_in_floating_point {
            writeln!(f, "accuracy in floating point: {}", percent(correct, self.images))?;
        }
        write!(f, "accuracy in integers:       {}", percent(self.correct, self.images))
    }
}

/// The accuracy in integers, beside that before quantisation where there is the network.
pub(crate) fn measure(
    float: Option<&FloatNetwork>,
    network: &Network,
    images: &[Labelled],
    progress: &Progress,
) -> Result<Accuracy> {
    if images.is_empty() {
        return Err(Failure::new("there are no labelled images"));
    }
    check_measurable(network.card())?;
    progress.step("classifying");
    let float = float
        .map(|float| accuracy(images, (progress, "floating point"), |image| float.result(image)));
    let float = float.transpose()?;
    let (head, exact) = (&network.card().head.head, Exact::new(network)?);
    let correct = accuracy(images, (progress, "integers"), |image| {
        let logits = exact.logits(image)?;
        // Values are shown instead of the class where the server allows.
        Ok(if *head == Head::Values { Head::Class } else { head.clone() }.apply(&logits))
    })?;
    Ok(Accuracy { images: images.len(), correct, correct_in_floating_point: float })
}

/// How many images get their label: first of the results, or, of a single threshold, whether it is
/// reached.
fn accuracy(
    images: &[Labelled],
    (progress, step): (&Progress, &'static str),
    classify: impl Fn(&[u8]) -> std::result::Result<Vec<i32>, Error> + Sync,
) -> Result<usize> {
    let done = AtomicUsize::new(0);
    let hit = |labelled: &Labelled| {
        let result = classify(&labelled.image)?;
        progress.count(step, done.fetch_add(1, Ordering::Relaxed) + 1, images.len());
        Ok(usize::from(result.first() == Some(&(labelled.label as i32))))
    };
    Ok(images.par_iter().map(hit).sum::<std::result::Result<usize, Error>>()?)
}

/// A share of a whole.
fn percent(hits: usize, of: usize) -> String {
    format!("{:.2} % ({hits} of {of})", 100.0 * hits as f64 / of.max(1) as f64)
}
