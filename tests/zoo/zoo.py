"""Imports networks that people use, with random weights, and prints a table of what became of them.

    python zoo.py EVALUATE FOLDER [NAME…]

EVALUATE is the program that `cargo build --release -p gazelle-import --example evaluate` makes. Each
network of networks.py is exported by both of PyTorch's exporters and imported: calibrated on 100
pictures and compared on 200 others, with what ONNX Runtime computes in floating point and what its
own static quantisation to 8 bits makes of the same file. Weights come from a fixed seed, and batch
normalisations measure pictures as training would. FOLDER keeps the exported files and what ONNX
Runtime gives, so that a network that was measured before is only imported again.

Needs what requirements.txt lists.
"""

import io
import contextlib
import json
import logging
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnxruntime
import torch
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from networks import NETWORKS

CALIBRATION, COMPARED = 100, 200
MEAN, STD = 0.45, 0.25


def pictures(channels, side, count, seed):
    """Smooth pictures with a little noise."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        cells = int(random.integers(3, 9))
        coarse = torch.tensor(random.random((1, channels, cells, cells), np.float32))
        smooth = nn.functional.interpolate(coarse, size=(side, side), mode="bicubic")[0].numpy()
        noisy = smooth + 0.08 * random.standard_normal(smooth.shape)
        made.append((noisy.clip(0, 1) * 255).round().astype(np.uint8))
    return np.stack(made)


def normal(pixels):
    return ((pixels.astype(np.float32) / 255 - MEAN) / STD).astype(np.float32)


def prepared(make, channels, side):
    """The network with weights from a fixed seed, as if it had been trained."""
    torch.manual_seed(7)
    model = make()
    x = torch.tensor(normal(pictures(channels, side, 32, 1)))
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.2)
        norm.momentum = None
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and not norms:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    with torch.no_grad():
        if norms:
            model.train()
            model(x)
        model.eval()
        # Random networks answer one class alone, unless their outputs are centred.
        last = [layer for layer in model.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))][-1]
        seen = {}
        hook = last.register_forward_hook(lambda _, __, y: seen.update(y=y))
        model(x)
        hook.remove()
        last.bias -= seen["y"].transpose(0, 1).flatten(1).mean(1)
    return model


def export(model, x, path, dynamo):
    arguments = {"external_data": False, "verbose": False} if dynamo else {}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        torch.onnx.export(model, (x,), path, dynamo=dynamo, **arguments)


def outputs(path, images):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.array([session.run(None, {name: image[None]})[0].ravel() for image in images])


class Reader(quantization.CalibrationDataReader):
    def __init__(self, path, images):
        name = onnxruntime.InferenceSession(str(path)).get_inputs()[0].name
        self.images = iter([{name: image[None]} for image in images])

    def get_next(self):
        return next(self.images, None)


def static_int8(path, folder, images):
    """ONNX Runtime's own: weights by channel, activations by tensor."""
    ready, quantised = folder / "ready.onnx", folder / "int8.onnx"
    quant_pre_process(str(path), str(ready), skip_symbolic_shape=True)
    quantization.quantize_static(str(ready), str(quantised), Reader(ready, images), per_channel=True)
    return quantised


def answers(values, least=0.0):
    """The class; of one value, or of many with a sigmoid, which are reached."""
    values = np.asarray(values)
    return values >= least if least > 0 or values.shape[1] == 1 else values.argmax(1)[:, None]


def same(a, b):
    return int((a == b).all(1).sum())


def evaluate(program, *arguments):
    command = [program, *map(str, arguments), "-", str(MEAN), str(STD)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(run.stdout)


def export_all(folder, channels, side, make):
    """Both files, the pictures, and what ONNX Runtime makes of them."""
    model = prepared(make, channels, side)
    images = pictures(channels, side, CALIBRATION + COMPARED, 3)
    images[:CALIBRATION].tofile(folder / "calibration.bin")
    images[CALIBRATION:].tofile(folder / "compared.bin")
    images[:2].tofile(folder / "two.bin")
    x = normal(images)
    for name, dynamo in (("script", False), ("dynamo", True)):
        export(model, torch.tensor(x[:1]), str(folder / f"{name}.onnx"), dynamo)
    expected = outputs(folder / "script.onnx", x[CALIBRATION:])
    theirs = outputs(static_int8(folder / "script.onnx", folder, x[:CALIBRATION]), x[CALIBRATION:])
    np.savez(folder / "reference.npz", expected=expected, theirs=theirs)


def row(program, folder, name, channels, side, make):
    if not (folder / "reference.npz").exists():
        export_all(folder, channels, side, make)
    reference = np.load(folder / "reference.npz")
    expected, theirs = reference["expected"], reference["theirs"]
    script, dynamo = folder / "script.onnx", folder / "dynamo.onnx"
    got = evaluate(program, script, folder / "calibration.bin", folder / "compared.bin")
    if "integers" not in got:
        return f"| {name} | {side} | no: {got['error'].split(': ', 1)[-1][:100]} | | | | | | | |"
    sigmoid = "sigmoid" in name
    reals = np.array(got["float"])
    shown = 1 / (1 + np.exp(-reals)) if sigmoid else reals
    error = np.abs(shown - expected).max() / np.abs(expected).max()
    second = evaluate(program, dynamo, "-", folder / "two.bin")
    close = "float" in second and np.allclose(
        second["float"], evaluate(program, script, "-", folder / "two.bin")["float"], rtol=1e-3, atol=1e-3)
    truth = answers(expected, 0.5 if sigmoid else 0.0)
    integers = np.array(got["integers"])
    ours = same(integers >= 0 if sigmoid else answers(integers), truth)
    theirs = same(answers(theirs, 0.5 if sigmoid else 0.0), truth)
    classes = len(np.unique(truth, axis=0))
    imports = "both" if close else "older exporter"
    bits = f"{got['weight_bits']}" + (" by channel" if got["by_channel"] else "") + f" / {got['result_bits']}"
    percent = lambda count: f"{100 * count / COMPARED:.1f} %"
    cells = [name, side, imports, f"{got['activations']:,}", got["ring_bits"], f"{error:.0e}", classes, bits, percent(ours), percent(theirs)]
    return "| " + " | ".join(map(str, cells)) + " |"


def main():
    program, folder, *names = sys.argv[1:]
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(4)
    headings = ["network", "side", "imports", "activations", "k", "error of reals", "answers", "weight / result bits", "integers agree", "ONNX Runtime's agree"]
    print("| " + " | ".join(headings) + " |")
    print("| " + " | ".join("---" for _ in headings) + " |", flush=True)
    for name in names or NETWORKS:
        channels, side, make = NETWORKS[name]
        own = pathlib.Path(folder, name)
        own.mkdir(parents=True, exist_ok=True)
        print(row(program, own, name, channels, side, make), flush=True)


if __name__ == "__main__":
    main()
