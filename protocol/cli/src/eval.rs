//! `gazelle eval`: a model's accuracy on labelled images, in the clear.

use crate::{
    args::EvalArgs,
    failure::{Failure, Result},
    files, output,
    progress::Progress,
};
use gazelle_import::{
    Error, Exact, FloatNetwork,
    dataset::{self, Labelled},
};
use gazelle_model::{Head, Network};
use rayon::prelude::*;

pub(crate) fn run(args: &EvalArgs) -> Result<()> {
    let network = files::read_network(&args.model)?;
    let float = args.onnx.as_deref();
    let float =
        float.map(|path| files::read_onnx(path, None, &network.card().classes, &args.pixels));
    let float = float.transpose()?;
    let images = dataset::labelled(&args.images, args.labels.as_deref(), network.card())?;
    print(float.as_ref(), &network, &images)
}

/// Prints the accuracy in integers, beside that before quantisation where there is the network.
pub(crate) fn print(
    float: Option<&FloatNetwork>,
    network: &Network,
    images: &[Labelled],
) -> Result<()> {
    if images.is_empty() {
        return Err(Failure::new("there are no labelled images"));
    }
    let values = network.card().classes.len();
    if matches!(network.card().head.head, Head::Thresholds(_)) && values > 1 {
        return Err(Failure::new(format!(
            "the network tells {values} things of an image, each for itself; images with one label \
             do not measure that"
        )));
    }
    let progress = Progress::start("classifying");
    let float = float.map(|float| accuracy(images, |image| float.result(image))).transpose()?;
    let (head, exact) = (&network.card().head.head, Exact::new(network)?);
    let integer = accuracy(images, |image| {
        let logits = exact.logits(image)?;
        // Values are shown instead of the class where the server allows.
        Ok(if *head == Head::Values { Head::Class } else { head.clone() }.apply(&logits))
    })?;
    drop(progress);
    if let Some(float) = float {
        output::line(format_args!("accuracy in floating point: {}", percent(float, images.len())))?;
    }
    output::line(format_args!("accuracy in integers:       {}", percent(integer, images.len())))
}

/// How many images get their label: first of the results, or, of a single threshold, whether it is
/// reached.
fn accuracy(
    images: &[Labelled],
    classify: impl Fn(&[u8]) -> std::result::Result<Vec<i32>, Error> + Sync,
) -> Result<usize> {
    let hit = |labelled: &Labelled| {
        let result = classify(&labelled.image)?;
        Ok(usize::from(result.first() == Some(&(labelled.label as i32))))
    };
    Ok(images.par_iter().map(hit).sum::<std::result::Result<usize, Error>>()?)
}

/// A share of a whole.
fn percent(hits: usize, of: usize) -> String {
    format!("{:.2} % ({hits} of {of})", 100.0 * hits as f64 / of.max(1) as f64)
}
