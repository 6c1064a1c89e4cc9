"""Import, inspection and accuracy: what the command gives, from arrays and files."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import MODEL, ONNX, REPOSITORY, SAMPLES, command
from PIL import Image

import gazelle

CLASSES = gazelle.Model(MODEL).card.classes
IMAGES = np.stack([np.asarray(Image.open(path)) for path in SAMPLES])
#: The names of the pictures tell their classes.
LABELS = [
    next(i for i, name in enumerate(CLASSES) if path.stem[5:] == name.lower().replace("/", "-").replace(" ", "-"))
    for path in SAMPLES
]


def test_imports_are_those_of_the_command(tmp_path: Path) -> None:
    models = [tmp_path / f"{name}.gazelle" for name in ("command", "folder", "array", "flat", "list")]
    given = [SAMPLES[0].parent, IMAGES[:, None], IMAGES, [Image.open(SAMPLES[0]), *SAMPLES[1:]]]
    arguments = ["import", ONNX, "--calibrate", given[0], "--output", models[0], "--classes", ",".join(CLASSES)]
    printed = json.loads(command(*arguments, "--json"))
    for images, output in zip(given, models[1:], strict=True):
        report = gazelle.import_onnx(ONNX, images, output, classes=CLASSES)
        assert output.read_bytes() == models[0].read_bytes(), output
        assert report.output == str(output) and report.card == printed["card"] == gazelle.Model(output).card.card
        assert (report.agreeing, report.compared) == (printed["agreeing"], printed["compared"])
        assert [layer.node for layer in report.layers] == [layer["node"] for layer in printed["layers"]]
    assert "20 of 20" in str(report) and report.layers[0].node in str(report)


def test_an_import_measures_and_warns(tmp_path: Path) -> None:
    output = tmp_path / "model.gazelle"
    with pytest.warns(UserWarning, match="measured on 4 images"):
        report = gazelle.import_onnx(ONNX, IMAGES[:4], output, test=IMAGES, labels=LABELS, classes=CLASSES)
    assert report.accuracy is not None and report.accuracy.images == 20 and report.accuracy.share > 0.5
    assert len(report.warnings) == 1
    measured = gazelle.evaluate(output, IMAGES, LABELS, onnx=ONNX)
    assert measured == report.accuracy and measured.correct_in_floating_point is not None


def test_accuracy_counts_the_right_labels() -> None:
    classes = gazelle.Model(MODEL).logits(IMAGES).argmax(axis=1)
    found = gazelle.evaluate(MODEL, IMAGES, LABELS)
    assert found == gazelle.Accuracy(20, int((classes == LABELS).sum()))
    wrong = [(label + 1) % 10 for label in classes]
    assert gazelle.evaluate(MODEL, IMAGES[:, None], np.array(wrong)).share == 0


@pytest.mark.parametrize(
    ("images", "options", "says"),
    [
        (IMAGES / 255, {}, "uint8"),
        (IMAGES[0], {}, "count"),
        (IMAGES[:, :, :20], {}, "28"),
        ("/none", {}, "/none"),
        (IMAGES, {"weight_bits": 99}, "weight_bits"),
        (IMAGES, {"classes": ["a,b"]}, "comma"),
        (IMAGES, {"classes": ["a", "b"]}, "class names"),
        (IMAGES, {"test": IMAGES, "labels": [300] * 20}, "255"),
        (IMAGES, {"test": IMAGES, "labels": [1] * 19}, "19"),
        (IMAGES, {"test": IMAGES}, "labels"),
        ([SAMPLES[0], IMAGES[0]], {}, "list"),
    ],
)
def test_what_cannot_be_imported(tmp_path: Path, images: object, options: dict[str, object], says: str) -> None:
    with pytest.raises(gazelle.Error, match=says):
        gazelle.import_onnx(ONNX, images, tmp_path / "model.gazelle", **options)
    assert not list(tmp_path.iterdir()) or says == "19"


def test_files_that_are_no_networks(tmp_path: Path) -> None:
    with pytest.raises(gazelle.InputError, match="Cargo.toml"):
        gazelle.import_onnx(REPOSITORY / "Cargo.toml", IMAGES, tmp_path / "model.gazelle")
    for read in (gazelle.Model, gazelle.inspect):
        with pytest.raises(gazelle.InputError, match="Cargo.toml"):
            read(REPOSITORY / "Cargo.toml")


def test_inspection_is_that_of_the_command() -> None:
    printed = json.loads(command("inspect", MODEL, "--link", "wan", "--security", "--json"))
    found = gazelle.inspect(MODEL, link="wan", security=True)
    assert found.json == printed
    assert [node.name for node in found.nodes] == [node["name"] for node in printed["nodes"]]
    assert found.online.rounds == printed["online"]["rounds"]
    text = str(found)
    assert found.card.card in text and f"{found.offline.bytes_down:,}" in text
    html = found._repr_html_()
    assert html.count("<tr>") == len(found.nodes) + 1 and "dense" in html
    assert found.offline != gazelle.inspect(MODEL, link="wan", engine="masks").offline


def test_logits_of_one_and_of_many() -> None:
    model = gazelle.Model(MODEL)
    many = model.logits(IMAGES)
    assert many.dtype == np.int32 and many.shape == (20, 10)
    np.testing.assert_array_equal(many[3:4], model.logits([SAMPLES[3]]))
    assert model.logits([]).shape == (0, 10)
