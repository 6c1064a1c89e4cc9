//! The demo: its fields, its table, and that it leaves nothing running.

use crate::support::{fail, gazelle, repository, succeed};
use serde_json::Value;
use std::{
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

#[test]
fn json_has_exactly_its_fields() {
    let text = succeed(["demo", "--json"]);
    assert_eq!(text.lines().count(), 1);
    let object: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 6, "{keys:?}");
    assert!(object["label"].is_u64());
    assert!(object["name"].is_string());
    assert_eq!(object["matches_plaintext"], true);
    for phase in ["setup", "offline", "online"] {
        let costs = object[phase].as_object().unwrap();
        assert_eq!(costs.len(), 4, "{costs:?}");
        assert!(costs["seconds"].as_f64().unwrap() > 0.0);
        for field in ["bytes_up", "bytes_down", "rounds"] {
            assert!(costs[field].as_u64().unwrap() > 0, "{phase} {field}");
        }
    }
}

#[test]
fn text_names_the_class_and_the_costs() {
    let image = repository("models/samples/0000-ankle-boot.png");
    let text = succeed(["demo", "--image", image.to_str().unwrap()]);
    for part in [
        "0000-ankle-boot.png",
        "Ankle boot",
        "equals the plaintext integer network: yes",
        "set-up",
        "offline",
        "online",
        "bytes up",
        "rounds",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

/// Processes whose environment holds `marker`.
#[cfg(target_os = "linux")]
fn running(marker: &str) -> usize {
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    let environment = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("environ"));
    entries
        .flatten()
        .filter_map(|entry| environment(entry).ok())
        .filter(|bytes| bytes.windows(marker.len()).any(|window| window == marker.as_bytes()))
        .count()
}

#[cfg(target_os = "linux")]
fn marker(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_left_running() {
    let marker = marker("ends");
    for arguments in [&["demo", "--json"][..], &["demo", "--image", "Cargo.toml"]] {
        let mut command = gazelle();
        command.args(arguments).env("GAZELLE_TEST", &marker).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert_eq!(running(&marker), 0, "after {arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_server_ends_when_the_demo_is_killed() {
    let marker = marker("killed");
    let mut command = gazelle();
    command.args(["demo", "--json"]).env("GAZELLE_TEST", &marker).stdin(Stdio::null());
    let mut demo = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(120);
    while running(&marker) < 2 && Instant::now() < patience && demo.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(1));
    }
    demo.kill().unwrap();
    demo.wait().unwrap();
    while running(&marker) > 0 {
        assert!(Instant::now() < patience, "the server outlives the demo");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn residual_networks_classify_the_bundled_picture() {
    for name in ["resnet20", "mobilenet"] {
        let object: Value =
            serde_json::from_str(&succeed(["demo", "--network", name, "--json"])).unwrap();
        assert_eq!(object["matches_plaintext"], true, "{name}");
        assert_eq!(object["name"], "Ankle boot", "{name}");
    }
}

#[test]
fn the_pneumonia_network_classifies_a_picture_of_its_user() {
    let line = fail(1, ["demo", "--network", "pneumonia"]);
    let advice = "28×28 pixels, as in `gazelle demo --network pneumonia --image FILE`";
    assert!(line.contains(advice), "{line}");
    // No X-ray, but a picture of its size.
    let image = repository("models/samples/0018-bag.png");
    let arguments = ["demo", "--network", "pneumonia", "--image", image.to_str().unwrap()];
    let text = succeed(arguments);
    assert!(text.contains("normal") || text.contains("pneumonia"), "{text}");
    assert!(text.contains("equals the plaintext integer network: yes"), "{text}");
}

#[test]
fn an_unknown_network_lists_those_there_are() {
    let line = fail(2, ["demo", "--network", "nonsense"]);
    assert!(line.contains("fashion-mnist"), "{line}");
}
