//! What an ONNX network gives for images, in floating point and in integers.
//!
//! `evaluate MODEL.onnx IMAGES.bin [OUTPUT | -] [MEAN,… STD,…]`: the images are raw bytes, channels ×
//! height × width each, one after another; `OUTPUT` names an output of a network that has several.
//! Prints one JSON object.

use gazelle_import::{Error, Quantiser, files, onnx};
use gazelle_model::{CardFault, Node};
use rayon::prelude::*;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = run(&arguments) {
        let message = format!("{error}").replace('\\', "\\\\").replace('"', "\\\"");
        println!("{{\"error\": \"{}\"}}", message.replace('\n', " "));
    }
}

fn run(arguments: &[String]) -> Result<(), Error> {
    let [model, images, rest @ ..] = arguments else {
        eprintln!("evaluate MODEL.onnx IMAGES.bin [OUTPUT | -] [MEAN,… STD,…]");
        std::process::exit(2);
    };
    let numbers = |i: usize| -> Vec<f64> {
        rest.get(i).iter().flat_map(|list| list.split(',')).filter_map(|x| x.parse().ok()).collect()
    };
    let options = onnx::ImageOptions {
        output: rest.first().filter(|name| *name != "-").cloned(),
        mean: numbers(1),
        std: numbers(2),
        folder: std::path::Path::new(model).parent().map(Into::into),
        ..onnx::ImageOptions::default()
    };
    let bytes = files::read(model, onnx::MAX_ONNX_BYTES)?;
    let float = onnx::read("network", &bytes, &options)?;
    let images = files::read(images, 1 << 30)?;
    let images: Vec<Vec<u8>> =
        images.chunks_exact(float.input().len()).map(<[u8]>::to_vec).collect();
    let outputs =
        images.par_iter().map(|image| float.forward(image)).collect::<Result<Vec<_>, _>>()?;
    print!("{{\"float\": {outputs:?}");
    match Quantiser::default().run(&float, &images) {
        Err(error) => print!(", \"error\": {:?}", format!("{error}")),
        Ok(quantised) => print(&quantised.network, quantised.agreeing, quantised.compared)?,
    }
    println!("}}");
    Ok(())
}

fn print(
    network: &gazelle_model::Network,
    agreeing: usize,
    compared: usize,
) -> Result<(), CardFault> {
    let tensors = network.card().tensors()?;
    let nodes = network.card().nodes.iter().zip(&tensors[1..]);
    let activations = nodes.filter(|(node, _)| matches!(node, Node::Activation(_)));
    let values: usize = activations.map(|(_, tensor)| tensor.shape.len()).sum();
    let bits = tensors.iter().map(|tensor| tensor.ring_bits).max().unwrap_or(0);
    print!(", \"agreeing\": {agreeing}, \"compared\": {compared}");
    print!(", \"activations\": {values}, \"ring_bits\": {bits}");
    Ok(())
}
