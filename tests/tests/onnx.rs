//! Networks that PyTorch exported compute here what they compute there.

use gazelle_import::{FloatNetwork, onnx, quantise};
use gazelle_model::Shape;
use std::{fs, path::Path};

fn fixture(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/onnx").join(file);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The networks of the folder with an image for each and PyTorch's outputs for it.
fn expected() -> Vec<(String, Vec<u8>, Vec<f32>)> {
    let expected: serde_json::Value = serde_json::from_slice(&fixture("expected.json")).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let of_network = |(name, case): (&String, &serde_json::Value)| {
        let image = numbers(&case["image"]).iter().map(|&x| x as u8).collect();
        let outputs = numbers(&case["outputs"]).iter().map(|&x| x as f32).collect();
        (name.clone(), image, outputs)
    };
    expected.as_object().unwrap().iter().map(of_network).collect()
}

fn read(file: &str) -> FloatNetwork {
    let shape = file.starts_with("vector").then_some(Shape { channels: 1, height: 3, width: 4 });
    let options = onnx::ImageOptions { shape, ..onnx::ImageOptions::default() };
    onnx::read("fixture", &fixture(file), &options).unwrap_or_else(|e| panic!("{file}: {e}"))
}

#[test]
fn both_exporters_networks_compute_what_pytorch_computes() {
    let cases = expected();
    assert_eq!(cases.len(), 4);
    for (name, image, expected) in cases {
        for exporter in ["dynamo", "script"] {
            let file = format!("{name}.{exporter}.onnx");
            let outputs = read(&file).forward(&image).unwrap();
            assert_eq!(outputs.len(), expected.len(), "{file}");
            for (got, expected) in outputs.iter().zip(&expected) {
                let error = (got - expected).abs();
                assert!(error <= 1e-5 * (1.0 + expected.abs()), "{file}: {got}, not {expected}");
            }
        }
    }
}

#[test]
fn they_are_quantised_to_outputs_close_by() {
    for (name, image, _) in expected() {
        let float = read(&format!("{name}.dynamo.onnx"));
        let network = quantise(&float, std::slice::from_ref(&image), 12).unwrap();
        let outputs = float.forward(&image).unwrap();
        let logits: Vec<f32> =
            network.forward(&image).unwrap().logits().iter().map(|&y| y as f32).collect();
        // The integers' unit is free: compare directions.
        let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let cosine =
            dot(&outputs, &logits) / (dot(&outputs, &outputs) * dot(&logits, &logits)).sqrt();
        assert!(cosine > 0.999, "{name}: {cosine}");
    }
}
