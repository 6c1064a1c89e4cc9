"""Images, in whatever form they are, and files of many."""

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ._errors import InputError

if TYPE_CHECKING:
    from ._native import Card

Bytes: TypeAlias = npt.NDArray[np.uint8]
#: A PNG or JPEG file, an open picture of Pillow's, or an array of ``uint8``.
Image: TypeAlias = str | os.PathLike[str] | npt.ArrayLike | Any
#: A folder or an IDX file, an array of ``uint8`` with all images, or a list of files and pictures.
Images: TypeAlias = str | os.PathLike[str] | npt.ArrayLike | Sequence[Any]


def tensor(card: "Card", shape: tuple[int, int, int], image: Image) -> bytes:
    """The image as a network of this input shape reads it, channel by channel, row by row."""
    if isinstance(image, (str, os.PathLike)):
        return card.of_file(image)
    if is_picture(image):
        return card.of_bytes(png(image))
    pixels = whole_pixels(image)
    if pixels.shape == shape:
        return pixels.tobytes()
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (1, 3)):
        return card.of_pixels(pixels.tobytes(), pixels.shape[0], pixels.shape[1])
    raise InputError(
        f"an array of shape {pixels.shape} is no image of this model: give one of shape {shape}, or a picture "
        "of shape (height, width) or (height, width, 3)"
    )


def is_picture(image: object) -> bool:
    """Whether it is a picture of Pillow's, which need not be installed."""
    return hasattr(image, "getbands") and hasattr(image, "save")


def png(picture: Any) -> bytes:
    """The file of a picture of Pillow's; upright, since the file's note of how it was held is lost."""
    from PIL import ImageOps

    file = io.BytesIO()
    ImageOps.exif_transpose(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def whole_pixels(image: npt.ArrayLike) -> Bytes:
    """An array of uint8, in C order; others are refused, since nobody knows what their numbers count."""
    array = np.asarray(image)
    if array.dtype != np.uint8:
        raise InputError(
            f"an array of {array.dtype} is no image: give pixels of 0 to 255 as uint8, before any normalisation"
        )
    return np.ascontiguousarray(array)


@contextlib.contextmanager
def files_of(images: Images | None, labels: Any = None) -> Iterator[tuple[str | None, str | None]]:
    """The files of images and labels; what is in memory goes to a temporary folder that only its owner reads."""
    with tempfile.TemporaryDirectory() as folder:

        def file(value: Any, write: Callable[[Path, Any], Path]) -> str | None:
            if value is None or isinstance(value, (str, os.PathLike)):
                return None if value is None else os.fspath(value)
            return str(write(Path(folder), value))

        yield file(images, write_images), file(labels, write_labels)


def write_images(folder: Path, images: Any) -> Path:
    """An IDX file of an array, or a folder of pictures."""
    if isinstance(images, Sequence) and any(is_file_or_picture(image) for image in images):
        return write_pictures(folder / "images", images)
    array = whole_pixels(images)
    if array.ndim not in (3, 4):
        raise InputError(
            f"an array of shape {array.shape} holds no images: give (count, channels, height, width) or, of one "
            "channel, (count, height, width)"
        )
    return write_idx(folder / "images", array)


def is_file_or_picture(image: object) -> bool:
    return isinstance(image, (str, os.PathLike)) or is_picture(image)


def write_pictures(folder: Path, images: Sequence[Any]) -> Path:
    folder.mkdir()
    for number, image in enumerate(images):
        if isinstance(image, (str, os.PathLike)):
            file = Path(image).resolve()
            (folder / f"{number:08}{file.suffix}").symlink_to(file)
        elif is_picture(image):
            (folder / f"{number:08}.png").write_bytes(png(image))
        else:
            raise InputError("a list of images holds files and pictures alone; give arrays as one array")
    return folder


def write_labels(folder: Path, labels: npt.ArrayLike) -> Path:
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.size and not 0 <= array.min() <= array.max() <= 255:
        raise InputError("labels are whole numbers from 0 to 255, one for each image")
    return write_idx(folder / "labels", array.astype(np.uint8))


def write_idx(path: Path, array: Bytes) -> Path:
    """An IDX file: type and number of dimensions, their sizes, the values."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(head + array.tobytes())
    return path
