//! What `inspect` promises is what a run's channel counts.

use crate::support::{repository, succeed};
use serde_json::Value;

/// The numbers on the line that begins with `name`.
fn numbers(text: &str, name: &str) -> Vec<u64> {
    let line = text.lines().rev().find_map(|line| line.strip_prefix(name)).expect(text);
    line.split_whitespace().map(|cell| cell.replace(',', "").parse().expect("a number")).collect()
}

#[test]
fn bytes_and_rounds_are_those_of_the_demo() {
    let model = repository("models/fashion-mnist-d.gazelle");
    let text = succeed(["inspect", model.to_str().unwrap(), "--linear", "auto"]);
    let demo: Value = serde_json::from_str(&succeed(["demo", "--json"])).unwrap();
    let phases: [(&[&str], &str); 3] = [
        (&["set-up", "hint, once for a model"], "setup"),
        (&["offline"], "offline"),
        (&["online"], "online"),
    ];
    for (names, field) in phases {
        let costs = ["bytes_up", "bytes_down", "rounds"].map(|part| demo[field][part].as_u64());
        let lines: Vec<_> = names.iter().map(|name| numbers(&text, name)).collect();
        let sums = (0..3).map(|part| Some(lines.iter().map(|line| line[part]).sum::<u64>()));
        assert_eq!(sums.collect::<Vec<_>>(), costs, "{text}");
    }
}

#[test]
fn layers_add_up() {
    let model = repository("models/fashion-mnist-d.gazelle");
    let text = succeed(["inspect", model.to_str().unwrap()]);
    let layers = ["1 convolution 5×5", "2 convolution 5×5", "3 dense", "4 dense"];
    let layers = layers.map(|name| numbers(&text, name));
    let total = numbers(&text, "all layers");
    assert_eq!(total.len(), 6, "{text}");
    for (column, &total) in total.iter().enumerate() {
        assert_eq!(layers.iter().map(|layer| layer[column]).sum::<u64>(), total, "{text}");
    }
}

#[test]
fn alternatives_mark_the_chosen_plans_of_each_layer() {
    let model = repository("models/fashion-mnist-d.gazelle");
    let text = succeed(["inspect", model.to_str().unwrap(), "--alternatives"]);
    for layer in 1..=4 {
        let chosen = text.lines().filter(|line| line.starts_with(&format!("{layer} (chosen)")));
        // Its linear map's, and its activation's.
        assert_eq!(chosen.count(), 2, "layer {layer}:\n{text}");
    }
}

#[test]
fn security_is_computed() {
    let model = repository("models/fashion-mnist-d.gazelle");
    let text = succeed(["inspect", model.to_str().unwrap(), "--security"]);
    let powers = |name: &str| -> Vec<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(&text);
        let powers = line.split_whitespace().filter_map(|cell| cell.strip_prefix("2^"));
        powers.map(|power| power.parse().unwrap()).collect()
    };
    assert_eq!(powers("the garbling's hash"), [119.0, 119.0]);
    let wrong = powers("a result is wrong");
    assert!(wrong[0] < -60.0 && (wrong[1] - wrong[0] - 20.0).abs() < 0.11, "{text}");
    for name in ["inputs of the hash collide", "a changed frame passes"] {
        assert!(powers(name).iter().all(|&power| power < -70.0), "{text}");
    }
}

/// Every field, beside what the demo's channel counts.
#[test]
fn json_says_what_the_text_says() {
    let model = repository("models/fashion-mnist-d.gazelle");
    let inspect = ["inspect", model.to_str().unwrap(), "--linear", "auto"];
    let plain: Value =
        serde_json::from_str(&succeed([&inspect[..], &["--json"]].concat())).unwrap();
    let fields = [
        "card",
        "classes",
        "failure_log2",
        "hint",
        "input",
        "link",
        "name",
        "nodes",
        "offline",
        "online",
        "output",
        "setup",
        "tables",
    ];
    assert_eq!(plain.as_object().unwrap().keys().collect::<Vec<_>>(), fields);
    assert_eq!(plain["input"], serde_json::json!([1, 28, 28]));
    assert_eq!(plain["classes"][9], "Ankle boot");
    assert!(succeed(inspect).contains(&format!("card {}", plain["card"].as_str().unwrap())));
    let demo: Value = serde_json::from_str(&succeed(["demo", "--json"])).unwrap();
    for phase in ["setup", "offline", "online"] {
        for part in ["bytes_up", "bytes_down", "rounds"] {
            let hint = if phase == "setup" { plain["hint"][part].as_u64().unwrap() } else { 0 };
            let planned = plain[phase][part].as_u64().unwrap() + hint;
            assert_eq!(Some(planned), demo[phase][part].as_u64(), "{phase} {part}");
        }
    }
    // The requests that begin a phase are no node's.
    let nodes = plain["nodes"].as_array().unwrap();
    let sum = |phase: &str, part: &str| {
        nodes.iter().map(|node| node[phase][part].as_u64().unwrap()).sum::<u64>()
    };
    let down = plain["online"]["bytes_down"].as_u64().unwrap();
    assert_eq!(sum("online", "bytes_down"), down);
    let all = [&inspect[..2], &["--json", "--alternatives", "--security"]].concat();
    let all: Value = serde_json::from_str(&succeed(all)).unwrap();
    let chosen = all["alternatives"].as_array().unwrap().iter().filter(|a| a["chosen"] == true);
    assert_eq!(chosen.count(), 4);
    assert_eq!(all["security"][0]["hash_work"], 119.0);
}
