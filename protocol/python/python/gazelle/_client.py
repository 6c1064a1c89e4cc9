"""The client: has images classified by a server, without showing them."""

import functools
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _native
from ._arguments import Flag, flags
from ._images import Image, tensor
from ._models import Card

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Label:
    """A class."""

    label: int
    name: str


@dataclass(frozen=True)
class Threshold:
    """Whether a class reaches its threshold."""

    label: int
    name: str
    reached: bool


@dataclass(frozen=True, eq=False)
class Classification:
    """What the model's head gives of an image; what it does not give is None."""

    #: The result as a line of text.
    text: str
    #: The class.
    label: int | None = None
    name: str | None = None
    #: The best few classes, the best first.
    top: list[Label] | None = None
    thresholds: list[Threshold] | None = None
    #: 0 to 3.
    confidence: int | None = None
    #: The values of all classes: ``int32`` of shape (classes,).
    logits: npt.NDArray[np.int32] | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Phase:
    """What a phase cost, seen from the client."""

    seconds: float
    bytes_up: int
    bytes_down: int
    #: Round trips.
    rounds: int


@dataclass(frozen=True)
class Costs:
    """What a client's sessions have cost so far."""

    setup: Phase
    #: Before images are known.
    offline: Phase
    #: From an image to its class.
    online: Phase


@dataclass(frozen=True)
class Prepared:
    """What there is after inferences were prepared."""

    prepared: int
    #: How many wait, with those from before.
    waiting: int
    offline: Phase


class Client:
    """A session with a server; begun anew when it has failed and another image comes.

    Connects at once and raises what keeps it from that: :class:`ConnectionError`, :class:`RefusedError`,
    :class:`PeerError` for another server or model than was expected, :class:`LimitError` for a model that
    costs more than ``max_memory`` or ``max_download`` (MiB), :class:`InputError` for credentials and arguments
    that cannot be used. ``tls`` is the folder of credentials that ``gazelle keygen`` makes;
    ``plaintext=True`` connects without TLS on this machine, ``"anywhere"`` to all addresses. The other
    keywords are the flags of ``gazelle classify``; seconds are whole. Where the server is full, cannot be
    reached or goes away, another try is made for ``retry`` seconds: 10 if nothing is said, none with 0.

    A client may be used from several threads; its calls come one after another. While they wait, other
    threads go on, and Ctrl-C ends the call and the session.
    """

    def __init__(
        self,
        address: str = "127.0.0.1:7464",
        *,
        tls: Path | None = None,
        plaintext: bool | Literal["here", "anywhere"] = False,
        websocket: bool = False,
        model: str | None = None,
        card: str | None = None,
        store: Path | None = None,
        store_key: Path | None = None,
        store_days: int | None = None,
        max_memory: int | None = None,
        max_download: int | None = None,
        no_lpn: bool = False,
        timeout: int | None = None,
        setup_timeout: int | None = None,
        retry: int | None = None,
    ) -> None:
        options: dict[str, Flag] = {
            "server": address, "tls": tls, "plaintext": plaintext, "websocket": websocket, "model": model,
            "card": card, "store": store, "store_key": store_key, "store_days": store_days,
            "max_memory": max_memory, "max_download": max_download, "no_lpn": no_lpn, "timeout": timeout,
            "setup_timeout": setup_timeout, "retry": retry,
        }  # fmt: skip
        self._native = _native.Client(flags(options))

    @functools.cached_property
    def card(self) -> Card:
        """The public part of the server's network: its name, shapes and classes."""
        return Card.of(self._native.card)

    def tensor(self, image: Image) -> npt.NDArray[np.uint8]:
        """The image as the network reads it, ``uint8`` of shape (channels, height, width); it is not sent."""
        pixels = tensor(self._native.card, self.card.input, image)
        return np.frombuffer(pixels, np.uint8).reshape(self.card.input)

    def classify(self, image: Image) -> Classification:
        """Has an image classified.

        ``image`` is a PNG or JPEG file, a picture of Pillow's, or an array of ``uint8``: of the shape that the
        network reads, (channels, height, width), as it is; of shape (height, width) or (height, width, 3), as
        a picture, which becomes an image as files do. An inference that waits is used, or one is
        prepared now.

        Raises :class:`InputError` for an image that the network does not read, before anything is sent.
        """
        fields = json.loads(self._native.classify(tensor(self._native.card, self.card.input, image)))
        return classification(fields)

    def classify_all(self, images: Iterable[Image]) -> list[Classification]:
        """Has several images classified; an array of shape (count, …) holds all of them.

        As many at a time as there is memory for go through the network together, so that they share the
        round trips. All are read before the first is sent: what the server sees does not depend on them.
        """
        read = [tensor(self._native.card, self.card.input, image) for image in images]
        return [classification(json.loads(fields)) for fields in self._native.classify_all(read)]

    def prepare(self, count: int = 1) -> Prepared:
        """Prepares inferences for images that are not known yet: these need the online phase alone.

        They wait in the folder ``store``, if the client has one and the server keeps its part; otherwise in
        this session.
        """
        fields = json.loads(self._native.prepare(count))
        return Prepared(**{**fields, "offline": Phase(**fields["offline"])})

    @property
    def costs(self) -> Costs:
        """Seconds, bytes and round trips of all phases so far."""
        phases = json.loads(self._native.costs())
        return Costs(**{name: Phase(**phase) for name, phase in phases.items()})

    def close(self) -> None:
        """Ends the session; what has been prepared in it is gone."""
        self._native.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def classification(fields: dict[str, Any]) -> Classification:
    lists: dict[str, type[Label] | type[Threshold]] = {"top": Label, "thresholds": Threshold}
    for name, kind in lists.items():
        if name in fields:
            fields[name] = [kind(**entry) for entry in fields[name]]
    if "logits" in fields:
        fields["logits"] = np.array(fields["logits"], np.int32)
    return Classification(**fields)
