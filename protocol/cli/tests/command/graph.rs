//! A network that is no chain, from its ONNX file to what clients learn.

use crate::support::{Server, repository, succeed, write_noise};
use gazelle_import::files::{read_network, read_picture};
use gazelle_model::Network;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Bytes of the word that the server has kept its halves, which belongs to no node: a frame of nothing.
const WORD: u64 = 21;

/// An imported network, and pictures for it.
struct Imported {
    folder: TempDir,
    model: String,
    text: String,
    pictures: Vec<PathBuf>,
}

impl Imported {
    /// The network of a file in tests/fixtures, which reads 8 × 8 pixels of so many channels.
    fn new(fixture: &str, channels: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pictures: Vec<_> =
            (0..8).map(|i| folder.path().join(format!("noise-{i}.png"))).collect();
        for (seed, picture) in (0..).zip(&pictures) {
            write_noise(picture, 8, channels, seed);
        }
        let onnx = repository("tests/fixtures/onnx/spellings").join(format!("{fixture}.onnx"));
        let model = folder.path().join("graph.gazelle").to_str().expect("Unicode").to_string();
        let text = succeed([
            "import",
            onnx.to_str().expect("Unicode"),
            "--calibrate",
            folder.path().to_str().expect("Unicode"),
            "-o",
            &model,
        ]);
        Self { folder, model, text, pictures }
    }

    fn network(&self) -> Network {
        read_network(Path::new(&self.model)).expect("the file that import wrote")
    }

    /// What the head gives for each picture, in the clear.
    fn plain(&self) -> Vec<Vec<i32>> {
        let network = self.network();
        let plain = |path: &PathBuf| {
            let image = read_picture(path).expect("a picture").tensor(network.card().input);
            network.forward(&image.expect("the right size")).expect("an image").result
        };
        self.pictures.iter().map(plain).collect()
    }

    /// What `classify` prints with these options.
    fn classify(&self, options: &[&str]) -> String {
        let server = Server::start(&["--model", &self.model]);
        let mut arguments = vec!["classify", "--plaintext", "--server", &server.address];
        arguments.extend(options);
        arguments.extend(self.pictures.iter().map(|path| path.to_str().expect("Unicode")));
        succeed(arguments)
    }

    /// The objects that `classify --json` prints.
    fn objects(&self) -> Vec<Value> {
        let text = self.classify(&["--json"]);
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// The numbers at the end of the line that begins with `name`.
fn numbers<const N: usize>(text: &str, name: &str) -> [u64; N] {
    let line = text.lines().find(|line| line.starts_with(name)).expect(text);
    let cells: Vec<u64> =
        line.split_whitespace().filter_map(|cell| cell.replace(',', "").parse().ok()).collect();
    *cells.last_chunk().expect(text)
}

#[test]
fn a_residual_network_from_its_file_to_its_class() {
    let imported = Imported::new("projection", 3);
    for part in ["convolution 3×3 + convolution 1×1", "ReLU", "average pooling"] {
        assert!(imported.text.contains(part), "no {part:?} in:\n{}", imported.text);
    }
    let plain = imported.plain();
    let objects = imported.objects();
    assert_eq!(objects.len(), plain.len());
    for ((object, plain), path) in objects.iter().zip(&plain).zip(&imported.pictures) {
        let name = format!("class {}", plain[0]);
        assert_eq!(*object, json!({ "image": path, "label": plain[0], "name": name }));
    }
    let text = imported.classify(&[]);
    for (path, plain) in imported.pictures.iter().zip(&plain) {
        let line = format!("{}: class {}", path.display(), plain[0]);
        assert!(text.lines().any(|found| found == line), "no {line:?} in:\n{text}");
    }
}

#[test]
fn several_labels_each_have_a_threshold() {
    let imported = Imported::new("many-probabilities", 1);
    for (object, plain) in imported.objects().iter().zip(imported.plain()) {
        assert_eq!(object.get("label"), None);
        let thresholds = object["thresholds"].as_array().expect("a list");
        assert_eq!(thresholds.len(), plain.len());
        for (label, (threshold, reached)) in thresholds.iter().zip(plain).enumerate() {
            let name = format!("class {label}");
            let expected = json!({ "label": label, "name": name, "reached": reached == 1 });
            assert_eq!(*threshold, expected);
        }
    }
    let text = succeed(["inspect", &imported.model]);
    assert!(text.contains("to 5 thresholds") && text.contains("head: 5 thresholds"), "{text}");
}

#[test]
fn inspect_tells_what_each_node_costs() {
    let imported = Imported::new("projection", 3);
    let text = succeed(["inspect", &imported.model, "--alternatives"]);
    let names = ["image ", "2 ReLU >> ", "5 convolution 3×3 + convolution 1×1 ", "head: one of 3"];
    for name in names {
        // Once among the nodes' costs.
        let costs = text.split_once("planned for").expect(&text).1;
        assert_eq!(
            costs.lines().filter(|line| line.starts_with(name)).count(),
            1,
            "{name}: {text}"
        );
    }
    let [offline_up, offline_down, up, down, rounds] = numbers(&text, "all nodes");
    let [phase_up, phase_down, phase_rounds] = numbers::<3>(&text, "online");
    assert_eq!([down, rounds], [phase_down, phase_rounds], "{text}");
    let requests = [phase_up - up, numbers::<3>(&text, "offline")[0] - offline_up];
    assert!(requests.iter().all(|&bytes| (21..64).contains(&bytes)), "{requests:?}: {text}");
    assert_eq!(offline_down + WORD, numbers::<3>(&text, "offline")[1]);
    // Both maps of node 5 have plans of their own.
    let chosen = |number| {
        let mark = format!("{number} (chosen)");
        text.lines().filter(|line| line.starts_with(&mark)).count()
    };
    assert_eq!([1, 3, 5, 8].map(chosen), [1, 1, 2, 1], "{text}");
}

/// With silent transfers the nodes cost, with a line for them, what the phase costs.
#[test]
fn inspect_tells_what_silent_transfers_cost() {
    let imported = Imported::new("projection", 3);
    let options = ["--engine", "masks", "--transfers", "silent"];
    let text = succeed(["inspect", &imported.model].into_iter().chain(options));
    let [up, down, ..] = numbers::<5>(&text, "silent transfers, the first time");
    assert!(up > 0 && down > 0, "{text}");
    let [offline_up, offline_down, ..] = numbers::<5>(&text, "all nodes");
    let [phase_up, phase_down, _] = numbers::<3>(&text, "offline");
    assert!((21..64).contains(&(phase_up - offline_up)), "{text}");
    assert_eq!(offline_down + WORD, phase_down, "{text}");
    let arguments = ["inspect", &imported.model, "--json"].into_iter().chain(options);
    let object: Value = serde_json::from_str(&succeed(arguments)).expect("JSON");
    assert_eq!(object["silent_transfers"]["bytes_up"], up, "{object}");
}

#[test]
fn bench_names_the_nodes_of_a_graph() {
    let imported = Imported::new("projection", 3);
    let arguments = ["bench", "--network", &imported.model, "--runs", "1", "--json", "--layers"];
    let object: Value = serde_json::from_str(&succeed(arguments)).expect("JSON");
    assert_eq!(object["matches_plaintext"], true);
    let layers = object["layers"].as_array().expect("a list");
    let names: Vec<_> = layers.iter().map(|layer| layer["name"].as_str().expect("text")).collect();
    assert_eq!(names.first(), Some(&"image"));
    assert_eq!(names.last(), Some(&"head: one of 3 classes"));
    assert!(names.contains(&"5 convolution 3×3 + convolution 1×1"), "{names:?}");
    let sum = |field: &str| {
        layers.iter().map(|layer| layer[field].as_u64().expect("a number")).sum::<u64>()
    };
    // 4·8·8 of the first, 6·4·4 of the others, and the head.
    assert_eq!(sum("activations"), 256 + 2 * 96 + 1);
    // The weights times the places of a map.
    assert_eq!(sum("products"), 108 * 64 + (216 + 324 + 24) * 16 + 18);
    drop(imported.folder);
}
