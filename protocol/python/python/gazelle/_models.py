"""Models: made of ONNX files, looked at, measured."""

import functools
import json
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _native
from ._arguments import Flag, flags
from ._images import Image, Images, files_of, tensor

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Card:
    """The public part of a network: what every client learns."""

    name: str
    #: Channels, height, width.
    input: tuple[int, int, int]
    #: What a client learns of an image, in words.
    output: str
    classes: list[str] = field(repr=False)
    #: The card's hash; ``Client(card=…)`` accepts no other.
    card: str

    @classmethod
    def of(cls, native: _native.Card) -> "Card":
        fields = json.loads(native.json())
        return cls(**{**fields, "input": tuple(fields["input"])})


class Model:
    """A model file: the integer network with its weights, computed in the clear by its owner."""

    def __init__(self, path: Path) -> None:
        self._native = _native.Model(path)

    @functools.cached_property
    def card(self) -> Card:
        """The public part of the network."""
        return Card.of(self._native.card)

    def tensor(self, image: Image) -> npt.NDArray[np.uint8]:
        """The image as the network reads it: ``uint8`` of shape (channels, height, width)."""
        pixels = tensor(self._native.card, self.card.input, image)
        return np.frombuffer(pixels, np.uint8).reshape(self.card.input)

    def logits(self, images: Iterable[Image]) -> npt.NDArray[np.int32]:
        """The values of all classes for each image: ``int32`` of shape (count, classes).

        ``images`` are files, pictures, or arrays as :meth:`Client.classify` takes them; an array of shape
        (count, channels, height, width) is all of them at once. A private classification gives the same
        integers, bit for bit, where the server reveals them.
        """
        pixels = b"".join(tensor(self._native.card, self.card.input, image) for image in images)
        values = self._native.logits(pixels)
        return np.array(values, np.int32).reshape(-1, len(self.card.classes))


@dataclass(frozen=True)
class Accuracy:
    """How many labelled images get their label."""

    images: int
    #: In integers.
    correct: int
    #: Before quantisation, where the ONNX file was given.
    correct_in_floating_point: int | None = None

    @property
    def share(self) -> float:
        """The share of images that get their label, in integers."""
        return self.correct / self.images


@dataclass(frozen=True)
class ImportedLayer:
    """What was chosen for a linear layer."""

    node: str
    weight_bits: int
    shift_by_channel: bool
    signal_to_noise: float | None
    #: Of the activation that reads the layer, if one does.
    result_bits: int | None = None


@dataclass(frozen=True)
class ImportReport:
    """An import: where the model is and how much integers are like floating point."""

    #: The model file.
    output: str
    name: str
    #: The hash of the model's card.
    card: str
    calibration_images: int
    #: Images that get the result that they get in floating point, of those compared.
    agreeing: int
    compared: int
    #: Decibels.
    signal_to_noise: float | None
    #: Whether each channel has a unit of its own.
    units_by_channel: bool
    layers: list[ImportedLayer]
    warnings: list[str]
    #: On the images of ``test``.
    accuracy: Accuracy | None = None

    def __str__(self) -> str:
        headings = ["linear layer", "weight bits", "result bits", "signal to noise"]
        rows = [[x.node, x.weight_bits, x.result_bits, x.signal_to_noise] for x in self.layers]
        alike = f"{self.agreeing} of {self.compared} images get the result that they get in floating point"
        return f"{self.output}: {alike}\n{text_table([headings, *rows])}"


def import_onnx(
    path: Path,
    images: Images,
    output: Path,
    *,
    test: Images | None = None,
    labels: Path | npt.ArrayLike | None = None,
    classes: Sequence[str] | None = None,
    name: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    pixels: Literal[1, 255] | None = None,
    resize: str | int | None = None,
    colours: Literal["grey", "rgb", "bgr"] | None = None,
    output_name: str | None = None,
    shape: tuple[int, int, int] | None = None,
    weight_bits: int | None = None,
    activation_bits: int | None = None,
    calibration: Literal["max", "percentile", "mse"] | None = None,
) -> ImportReport:
    """Makes an integer network of a trained one and writes it to ``output``.

    ``images`` are some like those to be classified; the ranges of activations are measured on at most a
    thousand of them. They are a folder of PNG and JPEG files, an IDX file, a list of files and pictures, or an
    array of ``uint8`` of shape (count, channels, height, width) or, of one channel, (count, height, width).
    ``test`` and ``labels`` are images and their classes to measure accuracy on: two arrays, two IDX files, or
    a folder with a folder for each class. The other keywords are the flags of ``gazelle import``: what
    training did to pixels (``mean``, ``std``, ``pixels``), how pictures become images (``resize``,
    ``colours``), and how many bits integers have.

    What makes integers worse than they need be is in the report, and warned of.

    Raises :class:`InputError` if the file cannot be imported, and says which part of it and what to use
    instead.
    """
    options: dict[str, Flag] = {
        "output": output, "classes": classes, "name": name, "mean": mean, "std": std, "pixels": pixels,
        "resize": resize, "colours": colours, "output_name": output_name, "shape": shape,
        "weight_bits": weight_bits, "activation_bits": activation_bits, "calibration": calibration,
    }  # fmt: skip
    with files_of(images) as (calibrate, _), files_of(test, labels) as (tested, labelled):
        places: dict[str, Flag] = {"calibrate": calibrate, "test": tested, "labels": labelled}
        arguments = [*flags({**places, **options}), "--", os.fspath(path)]
        report = import_report(json.loads(_native.import_onnx(arguments)))
    for warning in report.warnings:
        warnings.warn(warning, stacklevel=2)
    return report


def import_report(fields: dict[str, Any]) -> ImportReport:
    accuracy = fields.get("accuracy")
    fields["layers"] = [ImportedLayer(**layer) for layer in fields["layers"]]
    fields["accuracy"] = accuracy and Accuracy(**accuracy)
    return ImportReport(**fields)


def evaluate(
    model: Path,
    images: Images,
    labels: Path | npt.ArrayLike | None = None,
    *,
    onnx: Path | None = None,
    **pixels: Flag,
) -> Accuracy:
    """Measures a model's accuracy on labelled images, in the clear.

    ``images`` and ``labels`` are two arrays (``uint8`` of shape (count, channels, height, width) or (count,
    height, width); whole numbers of shape (count,)), two IDX files, or a folder with a folder for each class.
    With ``onnx``, the network that the model was imported from is measured too; what it reads is in the
    model's card, unless ``mean``, ``std`` and so on say otherwise, as in :func:`import_onnx`.
    """
    with files_of(images, labels) as (images_at, labels_at):
        places: dict[str, Flag] = {"images": images_at, "labels": labels_at, "onnx": onnx}
        arguments = [*flags({**places, **pixels}), "--", os.fspath(model)]
        return Accuracy(**json.loads(_native.evaluate(arguments)))


@dataclass(frozen=True)
class Cost:
    """Bytes from client to server and back, and round trips."""

    bytes_up: int
    bytes_down: int
    rounds: int


@dataclass(frozen=True)
class Node:
    """What the image, a node or the head costs in one inference."""

    tensor: int
    name: str
    activations: int
    ring_bits: int
    #: AND gates that are garbled.
    ands: int
    offline: Cost
    online: Cost
    #: What computes the node, if it is not local.
    engine: str | None = None


@dataclass(frozen=True)
class Inspection:
    """A model's nodes and what each costs, before anything runs; a table where it is printed or shown."""

    card: Card
    nodes: list[Node]
    setup: Cost
    offline: Cost
    online: Cost
    #: What a client fetches once, if the model has a hint.
    hint: Cost | None
    #: The object that ``gazelle inspect --json`` prints.
    json: dict[str, Any] = field(repr=False)

    def rows(self) -> list[list[Any]]:
        """The table: headings, a row for each node, a row for each phase."""
        headings = ["node", "engine", "activations", "ring bits", "ANDs", "offline up", "offline down",
                    "online up", "online down", "rounds"]  # fmt: skip
        rows: list[list[Any]] = [headings]
        for n in self.nodes:
            costs = [n.offline.bytes_up, n.offline.bytes_down, n.online.bytes_up, n.online.bytes_down]
            rows.append([n.name, n.engine, n.activations, n.ring_bits, n.ands, *costs, n.online.rounds])
        return rows

    def __str__(self) -> str:
        phases: list[list[Any]] = [["phase", "bytes up", "bytes down", "rounds"]]
        for name in ("setup", "hint", "offline", "online"):
            cost = getattr(self, name)
            if cost is not None:
                phases.append([name, cost.bytes_up, cost.bytes_down, cost.rounds])
        title = f"{self.card.name}: {'×'.join(map(str, self.card.input))} to {self.card.output}"
        return f"{title}\ncard {self.card.card}\n\n{text_table(self.rows())}\n\n{text_table(phases)}"

    def _repr_html_(self) -> str:
        head, *body = self.rows()
        lines = "".join(html_row("td", cells) for cells in body)
        return f"<table><thead>{html_row('th', head)}</thead><tbody>{lines}</tbody></table>"


def html_row(tag: str, cells: list[Any]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell_text(cell))}</{tag}>' for cell in cells)}</tr>"


def inspect(
    path: Path,
    *,
    link: str | None = None,
    reveal: Literal["card", "class", "values"] | None = None,
    engine: Literal["auto", "garbled", "masks"] | None = None,
    linear: Literal["auto", "coefficient", "hint"] | None = None,
    **flag: Flag,
) -> Inspection:
    """Shows a model's nodes and what each costs between two parties, before anything runs.

    ``link`` is what plans are made for: ``"loopback"``, ``"lan"`` (without it), ``"wan"``, or bandwidth and
    round trip as in ``"100mbit,80ms"``. Other keywords are the flags of ``gazelle inspect``;
    ``alternatives=True`` and ``security=True`` add to :attr:`Inspection.json`.
    """
    options: dict[str, Flag] = {"link": link, "reveal": reveal, "engine": engine, "linear": linear, **flag}
    found = json.loads(_native.inspect([*flags(options), "--", os.fspath(path)]))
    card = {name: found[name] for name in ("name", "output", "classes", "card")}
    nodes = [
        Node(**{**node, "offline": Cost(**node["offline"]), "online": Cost(**node["online"])})
        for node in found["nodes"]
    ]
    hint = found.get("hint")
    return Inspection(
        card=Card(input=tuple(found["input"]), **card),
        nodes=nodes,
        setup=Cost(**found["setup"]),
        offline=Cost(**found["offline"]),
        online=Cost(**found["online"]),
        hint=hint and Cost(**hint),
        json=found,
    )


def cell_text(cell: Any) -> str:
    """A number with commas, a word, or nothing."""
    if cell is None:
        return ""
    return f"{cell:,.0f}" if isinstance(cell, (int, float)) else str(cell)


def text_table(rows: list[list[Any]]) -> str:
    """Rows of cells as lines of text; the first column stands left, the others right."""
    cells = [[cell_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells)
    return "\n".join(line.rstrip() for line in lines)
