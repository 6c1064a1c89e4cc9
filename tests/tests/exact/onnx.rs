//! Networks that PyTorch exported compute here what they compute there.

use gazelle_import::{FloatNetwork, onnx, quantise};
use gazelle_model::Shape;
use gazelle_tests::parties;
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

/// Every spelling in `fixtures/onnx/spellings`: what ONNX Runtime computes, or the refusal.
#[test]
fn every_spelling_computes_what_onnx_runtime_computes_or_is_refused() {
    let cases: serde_json::Value = serde_json::from_slice(&fixture("spellings.json")).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let cases = cases.as_object().unwrap();
    assert!(cases.len() > 90);
    for (name, case) in cases {
        let bytes = fixture(&format!("spellings/{name}.onnx"));
        let network = onnx::read(name, &bytes, &options(case));
        if let Some(says) = case["says"].as_str() {
            let error = network.expect_err(name).to_string();
            assert!(error.contains(says), "{name}: {error}\ndoes not say {says}");
            continue;
        }
        let float = network.unwrap_or_else(|error| panic!("{name}: {error}"));
        let image: Vec<u8> = numbers(&case["image"]).iter().map(|&x| x as u8).collect();
        let (got, expected) = (float.forward(&image).unwrap(), numbers(&case["outputs"]));
        let got = then(case["then"].as_str().unwrap(), &got);
        assert_eq!(got.len(), expected.len(), "{name}");
        // Quantised files round, and the network that they stand for does not.
        let within = case["within"].as_f64().unwrap_or(2e-5);
        for (got, expected) in got.iter().zip(&expected) {
            let error = (got - expected).abs();
            assert!(error <= within * (1.0 + expected.abs()), "{name}: {got}, not {expected}");
        }
        integers_follow(name, &float, &image);
    }
}

/// What the command line says beside the file.
fn options(case: &serde_json::Value) -> onnx::ImageOptions {
    let shape = case["shape"].as_array().map(|sizes| {
        let size = |i: usize| sizes[i].as_u64().unwrap() as usize;
        Shape { channels: size(0), height: size(1), width: size(2) }
    });
    let output = case["output"].as_str().map(String::from);
    onnx::ImageOptions { shape, output, ..onnx::ImageOptions::default() }
}

/// What stands behind the values in the file.
fn then(tail: &str, values: &[f32]) -> Vec<f64> {
    let values: Vec<f64> = values.iter().map(|&v| v.into()).collect();
    match tail {
        "sigmoid" => values.iter().map(|v| 1.0 / (1.0 + (-v).exp())).collect(),
        "softmax" => {
            let sum: f64 = values.iter().map(|v| v.exp()).sum();
            values.iter().map(|v| v.exp() / sum).collect()
        }
        "label" => {
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            vec![values.iter().position(|&v| v == most).unwrap() as f64]
        }
        "top" => {
            let mut ranked: Vec<usize> = (0..values.len()).collect();
            ranked.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
            ranked.into_iter().take(3).map(|i| i as f64).collect()
        }
        _ => values,
    }
}

/// At 12 bits a weight, integers point where reals do. Those that fewer bits cannot follow any
/// closer, because a table gives the activation, may be off by more.
fn integers_follow(name: &str, float: &FloatNetwork, image: &Vec<u8>) {
    let network = quantise(float, std::slice::from_ref(image), 12)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let trace = network.forward(image).unwrap();
    let (a, b) = (float.forward(image).unwrap(), trace.logits());
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let a: Vec<f64> = a.iter().map(|&v| v.into()).collect();
    let b: Vec<f64> = b.iter().map(|&v| v.into()).collect();
    let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
    assert!(cosine > 0.99, "{name}: {cosine}");
}

/// Imported networks, privately with either engine, bit for bit: one of each kind of node and head.
#[test]
fn some_spellings_are_exact_in_private() {
    let names = [
        "channel-shuffle",
        "dense-block",
        "elu-residual",
        "linear-bottleneck",
        "many-probabilities",
        "max-of-signed",
        "mean-then-padded-colour",
        "projection",
        "sigmoid",
        "silu",
        "version-24",
    ];
    are_exact_in_private(|name| names.contains(&name));
}

/// All of them.
#[test]
#[ignore = "takes a minute; some are always tested"]
fn every_spelling_is_exact_in_private() {
    are_exact_in_private(|_| true);
}

fn are_exact_in_private(chosen: impl Fn(&str) -> bool) {
    let cases: serde_json::Value = serde_json::from_slice(&fixture("spellings.json")).unwrap();
    let cases = cases.as_object().unwrap().iter();
    for (name, case) in cases.filter(|(name, case)| chosen(name) && case["says"].is_null()) {
        let bytes = fixture(&format!("spellings/{name}.onnx"));
        let float = onnx::read(name, &bytes, &options(case)).unwrap();
        let pixels = case["image"].as_array().unwrap().iter();
        let image: Vec<u8> = pixels.map(|x| x.as_u64().unwrap() as u8).collect();
        let network = quantise(&float, std::slice::from_ref(&image), 8).unwrap();
        parties::check(&network, &[image]);
    }
}

/// Whatever a byte of a spelling becomes, it is a network or an error, and never a panic.
#[test]
fn changed_bytes_of_every_spelling_are_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/onnx/spellings");
    for file in fs::read_dir(folder).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        for at in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= [1, 2, 4, 8, 0x10, 0x40, 0x80, 0xff][at / 7 % 8];
            gazelle_tests::fuzz::onnx_import(&damaged);
        }
    }
}
