"""From PyTorch to a file that can be imported."""

import importlib.util
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _native
from ._arguments import Flag, flags
from ._errors import InputError
from ._images import write_idx

#: Random images on which the file is compared with the model.
COMPARED = 4
#: How far apart single precision may be, relative to the largest value.
TOLERANCE = 1e-3


def export(
    model: Any,
    sample: Any,
    path: "str | os.PathLike[str]",
    *,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    pixels: Literal[1, 255] | None = None,
) -> Path:
    """Exports a PyTorch model as an ONNX file that :func:`import_onnx` reads.

    ``sample`` is a tensor that the model reads, of shape (count, channels, height, width). ``mean``, ``std``
    and ``pixels`` are what training did to pixels, as in :func:`import_onnx`: by default the model reads
    pixels divided by 255.

    The file is written only if it can be imported: every part of it is one that Gazelle computes, integers
    can be found for it, and on random images it gives what the model gives. Otherwise
    :class:`InputError` says which part will not do and what to use instead. The model is left as it was, in
    training or not.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError("gazelle.export needs PyTorch: pip install 'gazelle[torch]'") from error

    shape = tuple(sample.shape)
    if len(shape) != 4:
        raise InputError(f"a sample has the shape (count, channels, height, width), not {shape}")
    what: dict[str, Flag] = {"mean": mean, "std": std, "pixels": pixels}
    images = np.random.default_rng(0).integers(0, 256, (COMPARED, *shape[1:]), np.uint8)
    training = model.training
    model.eval()
    try:
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            file = Path(folder, Path(path).name)
            # The newer exporter needs a package that is not always there.
            newer = importlib.util.find_spec("onnxscript") is not None
            torch.onnx.export(model, (sample[:1],), str(file), dynamo=newer, external_data=False, verbose=False)
            reads = normalised(images, mean, std, pixels)
            values = [model(torch.tensor(read[None], dtype=sample.dtype, device=sample.device)) for read in reads]
            if not all(isinstance(value, torch.Tensor) for value in values):
                raise InputError("a model with several outputs is exported by hand: choose one with output_name")
            wanted = np.stack([value.reshape(-1).double().cpu().numpy() for value in values])
            check(file, images, wanted, what)
            # In its place as a whole or not at all.
            beside = Path(f"{os.fspath(path)}.part")
            beside.write_bytes(file.read_bytes())
            return beside.replace(path)
    finally:
        model.train(training)


def normalised(
    images: npt.NDArray[np.uint8],
    mean: float | Sequence[float] | None,
    std: float | Sequence[float] | None,
    pixels: int | None,
) -> npt.NDArray[np.float64]:
    """What training made of images of shape (count, channels, height, width)."""
    whole = images / (255.0 if pixels in (None, 1) else 1.0)
    # One number for all channels, or one each.
    less = np.asarray(0.0 if mean is None else mean, np.float64).reshape(-1, 1, 1)
    divisor = np.asarray(1.0 if std is None else std, np.float64).reshape(-1, 1, 1)
    return np.asarray((whole - less) / divisor)


def check(file: Path, images: npt.NDArray[np.uint8], wanted: npt.NDArray[np.float64], what: dict[str, Flag]) -> None:
    """Refuses a file that cannot be imported, or computes something else than the model."""
    arguments = [*flags(what), "--", str(file)]
    values = np.array(_native.float_values(arguments, images.tobytes())).reshape(len(images), -1)
    if values.shape != wanted.shape or not any(close(head(values), wanted) for head in HEADS):
        raise InputError(
            f"the exported file of shape {values.shape[1:]} gives other values than the model of shape "
            f"{wanted.shape[1:]}; check mean, std and pixels, and that the model is the same each time it is called"
        )
    # Integers are looked for as import does; which ones, the real images tell.
    write_idx(file.with_suffix(".idx"), images)
    places: dict[str, Flag] = {"calibrate": file.with_suffix(".idx"), "output": file.with_suffix(".gazelle")}
    _native.import_onnx([*flags({**places, **what}), "--", str(file)])


def close(values: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> bool:
    """Whether they are alike in single precision."""
    return bool(np.abs(values - wanted).max() <= TOLERANCE * max(np.abs(wanted).max(), 1e-6))


def softmax(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


#: What may stand behind the values that count: import leaves it out, since it changes no order.
HEADS = (
    lambda values: values,
    softmax,
    lambda values: np.log(softmax(values)),
    lambda values: 1 / (1 + np.exp(-values)),
)
