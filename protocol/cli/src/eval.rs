//! `gazelle eval`: a model's accuracy on labelled images, in the clear.

use crate::{
    args::EvalArgs,
    dataset::{self, Labelled},
    failure::{Failure, Result},
    files,
    progress::Progress,
};
use gazelle_protocol::model::ModelError;
use rayon::prelude::*;

pub(crate) fn run(args: &EvalArgs) -> Result<()> {
    let network = files::read_network(&args.model)?;
    let images = dataset::labelled(&args.images, args.labels.as_deref(), &network.card)?;
    let progress = Progress::start("classifying");
    let hits = accuracy(&images, |image| Ok(network.forward(image)?.label()))?;
    drop(progress);
    println!("accuracy: {}", percent(hits, images.len()));
    Ok(())
}

/// How many images get their label.
pub(crate) fn accuracy(
    images: &[Labelled],
    classify: impl Fn(&[u8]) -> std::result::Result<usize, ModelError> + Sync,
) -> Result<usize> {
    let hit = |labelled: &Labelled| Ok(usize::from(classify(&labelled.image)? == labelled.label));
    let hits: std::result::Result<usize, ModelError> = images.par_iter().map(hit).sum();
    hits.map_err(|error| Failure::new(error.to_string()))
}

/// A share of a whole.
pub(crate) fn percent(hits: usize, of: usize) -> String {
    format!("{:.2} % ({hits} of {of})", 100.0 * hits as f64 / of.max(1) as f64)
}
