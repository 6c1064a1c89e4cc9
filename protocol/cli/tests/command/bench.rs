//! The bench: what it measures is there, and the pictures are pictures.

use crate::support::{fail, repository, run, succeed};
use serde_json::Value;

#[test]
fn json_tells_phases_memory_and_layers() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("layers.svg");
    let plot = plot.to_str().unwrap();
    let arguments = ["bench", "--network", "c", "--images", "2", "--runs", "1", "--threads", "1"];
    let garbled = ["--engine", "garbled", "--linear", "coefficient"];
    let arguments = arguments.iter().chain(&garbled);
    let text = succeed(arguments.chain(&["--json", "--layers", "--plot", plot]));
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object["matches_plaintext"], true);
    assert_eq!((&object["images"], &object["threads"]), (&2.into(), &1.into()));
    for (phase, rounds) in [("setup", 2), ("offline", 3), ("online", 6)] {
        let costs = &object[phase];
        assert!(costs["seconds"].as_f64().unwrap() > 0.0, "{phase}");
        assert!(costs["bytes_up"].as_u64().unwrap() > 0, "{phase}");
        assert!(costs["bytes_down"].as_u64().unwrap() > 0, "{phase}");
        assert_eq!(costs["rounds"], rounds, "{phase}");
    }
    assert_eq!(object["layers"].as_array().unwrap().len(), 3);
    if cfg!(target_os = "linux") {
        assert!(object["peak_memory_server"].as_u64().unwrap() > 1_000_000);
        assert!(object["online"]["cpu_seconds_server"].as_f64().unwrap() > 0.0);
    }
    let picture = std::fs::read_to_string(plot).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("megabytes per layer"));
}

#[test]
fn a_link_slows_the_phases_down() {
    let arguments = ["bench", "--network", "a", "--runs", "1", "--json", "--link", "100mbit,40ms"];
    let object: Value = serde_json::from_str(&succeed(arguments)).unwrap();
    assert_eq!(object["link"], "100mbit,40ms");
    // Three layers, a round trip each.
    assert!(object["online"]["seconds"].as_f64().unwrap() > 0.12);
}

#[test]
fn onnx_networks_can_be_measured() {
    let file = repository("models/fashion-mnist-d.onnx");
    let text = succeed(["bench", "--network", file.to_str().unwrap(), "--runs", "1"]);
    assert!(text.contains("equals the plaintext network: yes"), "{text}");
}

#[test]
fn residual_networks_can_be_measured() {
    // An activation after the other, and the class.
    for (name, rounds) in [("resnet20", 20), ("mobilenet", 15), ("resnet18-28", 18)] {
        let engine = ["--engine", "garbled"];
        let output =
            run(["bench", "--network", name, "--runs", "1", "--json"].iter().chain(&engine));
        // No progress where nobody looks.
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(object["network"], name);
        assert_eq!(object["matches_plaintext"], true, "{name}");
        assert_eq!(object["online"]["rounds"], rounds, "{name}");
    }
}

#[test]
fn an_unknown_network_lists_those_there_are() {
    let line = fail(1, ["bench", "--network", "e"]);
    for part in ["random weights (", "cifar10", "fashion-mnist", "pneumonia"] {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
}

#[test]
fn a_bundled_network_can_be_measured() {
    let text = succeed(["bench", "--network", "fashion-mnist", "--runs", "1", "--json"]);
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object["network"], "fashion-mnist-d");
    assert_eq!(object["matches_plaintext"], true);
}
