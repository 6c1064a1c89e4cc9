//! What an ONNX network gives for images, in floating point and in integers.
//!
//! `evaluate MODEL.onnx CALIBRATION.bin IMAGES.bin [OUTPUT | -] [MEAN,… STD,…]`: the images are raw
//! bytes, channels × height × width each, one after another; `OUTPUT` names an output of a network
//! that has several. Prints one JSON object; without integers if CALIBRATION.bin is `-`.

use gazelle_import::{Error, Exact, Quantised, Quantiser, files, onnx};
use gazelle_model::Node;
use rayon::prelude::*;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = run(&arguments) {
        let message = format!("{error}").replace('\\', "\\\\").replace('"', "\\\"");
        println!("{{\"error\": \"{}\"}}", message.replace('\n', " "));
    }
}

fn run(arguments: &[String]) -> Result<(), Error> {
    let [model, calibration, images, rest @ ..] = arguments else {
        eprintln!("evaluate MODEL.onnx CALIBRATION.bin IMAGES.bin [OUTPUT | -] [MEAN,… STD,…]");
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
    let read = |path: &String| -> Result<Vec<Vec<u8>>, Error> {
        let bytes = files::read(path, 1 << 30)?;
        Ok(bytes.chunks_exact(float.input().len()).map(<[u8]>::to_vec).collect())
    };
    let images = read(images)?;
    let outputs =
        images.par_iter().map(|image| float.forward(image)).collect::<Result<Vec<_>, _>>()?;
    print!("{{\"float\": {outputs:?}");
    if calibration != "-" {
        match Quantiser::default().run(&float, &read(calibration)?) {
            Err(error) => print!(", \"error\": {:?}", format!("{error}")),
            Ok(quantised) => print(&quantised, &images)?,
        }
    }
    println!("}}");
    Ok(())
}

fn print(quantised: &Quantised, images: &[Vec<u8>]) -> Result<(), Error> {
    let (card, choices) = (quantised.network.card(), &quantised.choices);
    let tensors = card.tensors()?;
    let nodes = card.nodes.iter().zip(&tensors[1..]);
    let activations = nodes.filter(|(node, _)| matches!(node, Node::Activation(_)));
    let values: usize = activations.map(|(_, tensor)| tensor.shape.len()).sum();
    let bits = tensors.iter().map(|tensor| tensor.ring_bits).max().unwrap_or(0);
    let weight_bits = choices.iter().map(|choice| choice.weight_bits).max().unwrap_or(0);
    let result_bits = choices.iter().filter_map(|choice| choice.activation).map(|of| of.bits).max();
    let by_channel = choices.iter().filter(|choice| choice.by_channel).count();
    let exact = Exact::new(&quantised.network)?;
    let integers =
        images.par_iter().map(|image| exact.logits(image)).collect::<Result<Vec<_>, _>>()?;
    print!(", \"activations\": {values}, \"ring_bits\": {bits}, \"weight_bits\": {weight_bits}");
    print!(", \"result_bits\": {}", result_bits.unwrap_or(0));
    print!(", \"linear\": {}, \"by_channel\": {by_channel}", choices.len());
    print!(", \"agreeing\": {}, \"compared\": {}", quantised.agreeing, quantised.compared);
    print!(", \"integers\": {integers:?}");
    Ok(())
}
