"""Export from PyTorch: the file is imported as it is, or refused with what will not do."""

from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLES

import gazelle

torch = pytest.importorskip("torch")
nn = torch.nn


def network(*last: object) -> object:
    torch.manual_seed(5)
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(576, 10), *last
    )


SAMPLE = torch.zeros(2, 1, 28, 28)


def test_an_exported_network_classifies_as_the_model_does(tmp_path: Path) -> None:
    model = network().train()
    onnx = gazelle.export(model, SAMPLE, tmp_path / "model.onnx", mean=0.25, std=0.5)
    assert model.training and list(tmp_path.iterdir()) == [onnx]
    images = np.random.default_rng(6).integers(0, 256, (50, 28, 28), np.uint8)
    report = gazelle.import_onnx(onnx, images, tmp_path / "model.gazelle", mean=0.25, std=0.5)
    assert report.agreeing >= 48 and report.compared == 50
    pixels = (torch.tensor(images[:, None]) / 255 - 0.25) / 0.5
    with torch.no_grad():
        floating = model.eval()(pixels).argmax(1).numpy()
    integers = gazelle.Model(report.output).logits(images[:, None]).argmax(1)
    assert (floating == integers).sum() >= 47


@pytest.mark.parametrize("last", [nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid()])
def test_what_changes_no_order_may_stand_last(tmp_path: Path, last: object) -> None:
    assert gazelle.export(network(last), SAMPLE, tmp_path / "model.onnx").exists()


def test_what_will_not_be_imported_is_named(tmp_path: Path) -> None:
    class Sine(nn.Module):
        def forward(self, x):
            return torch.sin(x)

    model = nn.Sequential(nn.Conv2d(1, 4, 5), Sine(), nn.Flatten(), nn.Linear(2304, 10), nn.ReLU())
    with pytest.raises(gazelle.InputError, match="Sin") as fault:
        gazelle.export(model, SAMPLE, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir()), fault.value


def test_a_model_that_is_not_what_was_said(tmp_path: Path) -> None:
    class Noise(nn.Module):
        def forward(self, x):
            return x + torch.ones(10) * (1.0 if torch.onnx.is_in_onnx_export() else 2.0)

    with pytest.raises(gazelle.InputError, match="other values"):
        gazelle.export(network(Noise()), SAMPLE, tmp_path / "model.onnx")
    with pytest.raises(gazelle.InputError, match="channels, height, width"):
        gazelle.export(network(), SAMPLE[0], tmp_path / "model.onnx")


def test_pixels_up_to_255(tmp_path: Path) -> None:
    model = network().eval()
    onnx = gazelle.export(model, SAMPLE, tmp_path / "model.onnx", pixels=255)
    report = gazelle.import_onnx(onnx, SAMPLES, tmp_path / "model.gazelle", pixels=255)
    assert report.compared == len(SAMPLES)
