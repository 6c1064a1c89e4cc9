//! From an ONNX file to a model file, and how well either classifies.

use crate::support::{Server, fail, repository, run, succeed, write_png};
use gazelle_import::files::{read_network, write_network};
use gazelle_model::{Head, Network};
use std::{fs, path::Path};

const CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

fn path(file: impl AsRef<Path>) -> String {
    file.as_ref().to_str().expect("a path in Unicode").into()
}

fn bundled(file: &str) -> String {
    path(repository("models").join(file))
}

/// The class whose name stands in a sample's name.
fn class(file: &str) -> usize {
    let slug = |class: &str| class.to_lowercase().replace([' ', '/'], "-");
    CLASSES.iter().position(|name| file.contains(&slug(name))).expect("a class")
}

/// Sorts the samples into a folder for each class, called by its number.
fn sort_samples(folder: &Path) {
    for sample in fs::read_dir(repository("models/samples")).unwrap() {
        let sample = sample.unwrap().path();
        let name = sample.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".png") {
            let folder = folder.join(class(name).to_string());
            fs::create_dir_all(&folder).unwrap();
            fs::copy(&sample, folder.join(name)).unwrap();
        }
    }
}

/// The percentage on the line that begins with `what`.
fn percentage(text: &str, what: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(what)).expect(text);
    line.trim().split(' ').next().unwrap().parse().expect("a number")
}

#[test]
fn import_then_inspect_and_eval() {
    let folder = tempfile::tempdir().unwrap();
    sort_samples(folder.path());
    let (onnx, images) = (bundled("fashion-mnist-d.onnx"), path(folder.path()));
    let model = path(folder.path().join("d.gazelle"));
    let classes = CLASSES.join(",");
    let options = ["--calibrate", &images, "--test", &images, "--classes", &classes, "-o", &model];
    let text = succeed(["import", &onnx].iter().chain(&options));
    for part in ["16×24×24", "100×1×1", "ring bits", "weight bits", "ReLU >> 7", "argmax"] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    assert_eq!(percentage(&text, "accuracy in floating point:"), 90.0, "{text}");
    assert!(percentage(&text, "accuracy in integers:") >= 85.0, "{text}");

    assert!(succeed(["inspect", &model]).contains("fashion-mnist-d"));
    let eval = ["eval", &model, "--images", &images];
    let integer = |text: &str| percentage(text, "accuracy in integers:");
    assert_eq!(integer(&succeed(eval)), integer(&text));
    let both = succeed(eval.iter().chain(&["--onnx", &onnx]));
    assert_eq!(percentage(&both, "accuracy in floating point:"), 90.0, "{both}");
}

#[test]
fn import_and_eval_as_json() {
    let folder = tempfile::tempdir().unwrap();
    sort_samples(folder.path());
    let (onnx, images) = (bundled("fashion-mnist-d.onnx"), path(folder.path()));
    let model = path(folder.path().join("d.gazelle"));
    let options = ["--calibrate", &images, "--test", &images, "-o", &model, "--json"];
    let json = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let import = json(succeed(["import", &onnx].iter().chain(&options)));
    let fields = [
        "accuracy",
        "agreeing",
        "calibration_images",
        "card",
        "compared",
        "layers",
        "name",
        "output",
        "signal_to_noise",
        "units_by_channel",
        "warnings",
    ];
    assert_eq!(import.as_object().unwrap().keys().collect::<Vec<_>>(), fields);
    assert_eq!(
        (&import["output"], &import["calibration_images"]),
        (&model.as_str().into(), &20.into())
    );
    assert_eq!(import["layers"].as_array().unwrap().len(), 4);
    assert_eq!(import["warnings"].as_array().unwrap().len(), 0);
    let card = json(succeed(["inspect", &model, "--json"]))["card"].clone();
    assert_eq!(import["card"], card);
    // No progress where nobody looks.
    let output = run(["eval", &model, "--images", &images, "--onnx", &onnx, "--json"]);
    assert!(output.stderr.is_empty(), "{output:?}");
    let eval = json(String::from_utf8(output.stdout).unwrap());
    assert_eq!(eval, import["accuracy"]);
    assert_eq!(eval["images"], 20);
    assert!(
        eval["correct_in_floating_point"].as_u64().is_some_and(|n| (15..=20).contains(&n)),
        "{eval}"
    );
    assert!(eval["correct"].as_u64().is_some_and(|n| (14..=20).contains(&n)), "{eval}");
}

/// The lines that begin with `accuracy`.
fn accuracies(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("accuracy")).collect()
}

#[test]
fn eval_reads_pixels_as_the_card_says_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let samples = folder.path().join("samples");
    sort_samples(&samples);
    let (onnx, images) = (bundled("fashion-mnist-d.onnx"), path(samples));
    let model = path(folder.path().join("m.gazelle"));
    let stated = ["--pixels", "255", "--mean", "100", "--std", "50", "--resize", "stretch"];
    let files = ["--calibrate", &images, "--test", &images, "-o", &model];
    let text = succeed(["import", &onnx].iter().chain(&files).chain(&stated));
    // Not what it was trained on.
    assert!(percentage(&text, "accuracy in floating point:") < 90.0, "{text}");
    let eval = ["eval", &model, "--images", &images, "--onnx", &onnx];
    assert_eq!(accuracies(&succeed(eval)), accuracies(&text));
    let told = succeed(eval.iter().chain(&["--pixels", "1", "--mean", "0", "--std", "1"]));
    assert_eq!(percentage(&told, "accuracy in floating point:"), 90.0, "{told}");

    let inspected = succeed(["inspect", &model]);
    for part in ["stretched to 28×28", "0 to 255, less the mean 100, divided by 50", "classes: "] {
        assert!(inspected.contains(part), "no {part:?} in:\n{inspected}");
    }
}

#[test]
fn labelled_images_that_are_none() {
    let model = bundled("fashion-mnist-d.gazelle");
    let eval = |images: &str, more: &[&str]| {
        fail(1, ["eval", &model, "--images", images].iter().chain(more))
    };
    let line = eval(&bundled("README.md"), &[]);
    assert!(line.contains("README.md is a file") && line.contains("--labels"), "{line}");
    let line = eval("no/such", &[]);
    assert!(line.contains("cannot read no/such: No such file"), "{line}");
    let line = eval(&bundled("samples"), &["--labels", &bundled("README.md")]);
    assert!(line.contains("is a folder") && line.contains("--labels"), "{line}");
}

#[test]
fn a_models_name_and_classes_do_not_command_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (onnx, samples) = (bundled("fashion-mnist-d.onnx"), bundled("samples"));
    let model = path(folder.path().join("m.gazelle"));
    let classes: Vec<_> = (0..10).map(|i| format!("\u{202e}{i}\u{1b}[31m")).collect();
    let (name, classes) = ("\u{1b}]0;owned\u{7}\u{202e}net\nlistening", classes.join(","));
    let names = ["--name", name, "--classes", &classes];
    let files = ["--calibrate", &samples, "-o", &model];
    succeed(["import", &onnx].iter().chain(&files).chain(&names));
    let mut server = Server::start(&["--model", &model]);
    let lines = [succeed(["inspect", &model]), server.line()];
    let empty = path(folder.path());
    let refused = fail(1, ["eval", &model, "--images", &empty]);
    for text in lines.iter().chain([&refused]) {
        let commands = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!text.contains(commands), "{text:?}");
    }
    for text in &lines {
        assert!(text.lines().next().unwrap().contains("]0;ownednetlistening"), "{text:?}");
    }
}

#[test]
fn a_network_of_several_thresholds_is_not_measured_by_labels() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("t.gazelle");
    let network = read_network(bundled("fashion-mnist-d.gazelle")).unwrap();
    let mut card = network.card().clone();
    card.head.head = Head::Thresholds(vec![0; card.classes.len()]);
    let network = Network::try_new(card, network.blocks().to_vec()).unwrap();
    write_network(&model, &network).unwrap();
    let line = fail(1, ["eval", &path(&model), "--images", "no/such"]);
    assert!(line.contains("tells 10 things"), "{line}");
}

#[test]
fn an_unknown_operator_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("strange.onnx");
    let mut bytes = fs::read(repository("models/fashion-mnist-d.onnx")).unwrap();
    let at = bytes.windows(4).rposition(|part| part == b"Relu").unwrap();
    bytes[at..at + 4].copy_from_slice(b"Sinh");
    fs::write(&file, bytes).unwrap();
    let samples = bundled("samples");
    let model = path(folder.path().join("out.gazelle"));
    let line = fail(1, ["import", &path(&file), "--calibrate", &samples, "-o", &model]);
    for part in ["strange.onnx", "relu", "Sinh", "Conv", "MaxPool"] {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
}

/// Of weights of 12 bits sums would be too wide: they are kept within what sums hold.
#[test]
fn weights_leave_room_for_sums() {
    let folder = tempfile::tempdir().unwrap();
    write_png(&folder.path().join("one.png"), 65, 65);
    let onnx = path(repository("tests/fixtures/onnx/spellings/too-wide.onnx"));
    let (images, model) = (path(folder.path()), path(folder.path().join("out.gazelle")));
    let import = ["import", &onnx, "--calibrate", &images, "-o", &model];
    succeed(import.iter().chain(&["--weight-bits", "12"]));
    let inspected = succeed(["inspect", &model, "--json"]);
    let card: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    let ring_bits = |node: &serde_json::Value| node["ring_bits"].as_u64().unwrap_or(0);
    let widest = card["nodes"].as_array().unwrap().iter().map(ring_bits).max();
    assert!((25..=32).contains(&widest.unwrap()), "{inspected}");
    succeed(import);
}

#[test]
fn calibration_needs_images() {
    let folder = tempfile::tempdir().unwrap();
    let (onnx, empty) = (bundled("fashion-mnist-d.onnx"), path(folder.path()));
    let line = fail(1, ["import", &onnx, "--calibrate", &empty, "-o", "unused.gazelle"]);
    assert!(line.contains("no images"), "{line}");
}

#[test]
fn a_resize_to_less_than_the_image_is_refused() {
    let (onnx, samples) = (bundled("fashion-mnist-d.onnx"), bundled("samples"));
    for side in ["0", "14", "16"] {
        let options = ["--calibrate", &samples, "--resize", side, "-o", "unused.gazelle"];
        let line = fail(1, ["import", &onnx].iter().chain(&options));
        let says = format!("`--resize {side}` makes pictures smaller than the image of 28×28");
        assert!(line.contains(&says), "{line}");
    }
}

#[test]
fn integers_unlike_floating_point_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let (onnx, model) = (bundled("fashion-mnist-d.onnx"), path(folder.path().join("d.gazelle")));
    sort_samples(&folder.path().join("images"));
    fs::write(folder.path().join("images/other.webp"), b"RIFF").unwrap();
    let images = path(folder.path().join("images"));
    let options = ["--calibrate", &images, "--weight-bits", "2", "--activation-bits", "8"];
    let options = options.iter().chain(&["-o", &model[..]]).copied().collect::<Vec<_>>();
    let output = run(["import", &onnx].iter().chain(&options));
    let [text, errors] = [output.stdout, output.stderr].map(|s| String::from_utf8(s).unwrap());
    assert!(errors.contains("WARNING: the integer network does NOT follow"), "{errors}");
    assert!(text.contains("1 of the pictures in"), "{text}");
    assert!(text.contains("other.webp is: only PNG and JPEG files are read"), "{text}");
}

/// The whole test set, with Debian's package dataset-fashion-mnist.
#[test]
#[ignore = "needs the package dataset-fashion-mnist"]
fn integers_lose_less_than_half_a_point() {
    let data = |file: &str| format!("/usr/share/datasets/fashion-mnist/{file}-ubyte.gz");
    let (images, labels) = (data("t10k-images-idx3"), data("t10k-labels-idx1"));
    let (model, onnx) = (bundled("fashion-mnist-d.gazelle"), bundled("fashion-mnist-d.onnx"));
    let eval = ["eval", &model, "--onnx", &onnx, "--images", &images, "--labels", &labels];
    let text = succeed(eval);
    let (float, integer) = (
        percentage(&text, "accuracy in floating point:"),
        percentage(&text, "accuracy in integers:"),
    );
    assert!(float >= 88.0 && (float - integer).abs() <= 0.5, "{text}");
}
