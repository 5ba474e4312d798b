"""MedMNIST's files: all splits of a data set as arrays in one .npz, each image found under a name of its own.

The image with index 12 of the training part of `pathmnist.npz` is the file `pathmnist.npz/train-00012`, which no disk
holds: `image_bytes` makes it, as a PNM, so that everything that reads image files reads these.
"""

from __future__ import annotations

import re
import threading
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.bounded_files import open_regular
from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import file_state
from aimic_tui.engine.text import bytes_text, printable

_PARTS = {"train": Part.TRAIN, "val": Part.VALIDATION, "test": Part.TEST}
_NAME = re.compile(r"(train|val|test)-(\d+)")
_BYTE_LIMIT = 8 << 30  # decoded; the arrays are compressed, so they are held in memory
_COLOUR, _GREY = 4, 3  # dimensions of an array of images


@dataclass(frozen=True)
class NpzListing:
    """The images of a file: names below it, labels as they stand there, and `Part` codes."""

    images: list[str]
    labels: list[str]
    parts: npt.NDArray[np.int8]


def is_npz(path: Path) -> bool:
    """Tell whether a data path names such a file."""
    return path.suffix.lower() == ".npz" and path.is_file()


def npz_of(path: Path) -> Path | None:
    """Return the .npz that an image's path lies in, or None for a file of its own."""
    file = path.parent
    return file if file.suffix.lower() == ".npz" and _NAME.fullmatch(path.name) and file.is_file() else None


def list_npz(path: Path) -> NpzListing:
    """List the images of a MedMNIST file.

    Raises:
        InputProblem: it is none, is broken, too large, of volumes, or gives an image several labels.
    """
    arrays = _arrays(path)
    images: list[str] = []
    labels: list[str] = []
    parts: list[int] = []
    for name, part in _PARTS.items():
        if f"{name}_images" not in arrays:
            continue
        values = arrays[f"{name}_labels"]
        digits = max(5, len(str(len(values))))
        images += [f"{path.name}/{name}-{index:0{digits}}" for index in range(len(values))]
        labels += [str(value) for value in values.tolist()]
        parts += [part] * len(values)
    width = max(map(len, labels))
    return NpzListing(images, [label.rjust(width, "0") for label in labels], np.array(parts, np.int8))


def image_bytes(path: Path) -> bytes:
    """Return the image of that name as a PNM file.

    Raises:
        FileNotFoundError: there is no such image.
        InputProblem: as `list_npz`.
    """
    match, file = _NAME.fullmatch(path.name), path.parent
    if match is None:
        raise FileNotFoundError(path)
    images = _arrays(file).get(f"{match[1]}_images", np.zeros(0))
    if int(match[2]) >= len(images):
        raise FileNotFoundError(path)
    image = images[int(match[2])]
    kind = b"P6" if image.ndim == _COLOUR - 1 else b"P5"
    return kind + b"\n%d %d\n255\n" % (image.shape[1], image.shape[0]) + bytes(image.tobytes())


_loading = threading.Lock()  # else every decoding thread would load arrays of its own


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    status = path.stat()
    with _loading:
        return _arrays_of(path, file_state(status))


@lru_cache(maxsize=2)
def _arrays_of(path: Path, _state: bytes) -> dict[str, npt.NDArray[Any]]:
    shown = printable(str(path))
    try:
        open_regular(path).close()  # a pipe would be waited for
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _BYTE_LIMIT:
            raise InputProblem(f"{shown} holds {bytes_text(size)} of arrays. Take one of fewer pixels, or image files.")
        with np.load(path, allow_pickle=False) as file:
            wanted = {f"{part}_{what}" for part in _PARTS for what in ("images", "labels")}
            arrays = {name: file[name] for name in file.files if name in wanted}
    except InputProblem:
        raise
    except Exception as error:  # a broken archive can raise anything
        raise InputProblem(f"{shown} can't be read as an .npz: {printable(str(error))}. Download it again.") from None
    return _checked(shown, arrays)


def _checked(shown: str, arrays: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    parts = [part for part in _PARTS if f"{part}_images" in arrays]
    if not parts or any(f"{part}_labels" not in arrays for part in parts):
        raise InputProblem(
            f"{shown} is no MedMNIST file: it lacks train_images and train_labels or the like. Name a folder of "
            "images, a manifest or such a file."
        )
    for part in parts:
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        if labels.ndim > 1 and labels.shape[1:] != (1,):
            raise InputProblem(f"{shown} gives each image {labels.shape[1]} labels; a classifier here has one.")
        if images.dtype != np.uint8 or not (images.ndim == _GREY or (images.ndim == _COLOUR and images.shape[3] == 3)):
            raise InputProblem(
                f"{shown} holds {images.dtype} arrays of shape {images.shape[1:]}, not grey or colour images of 8 bits."
            )
        arrays[f"{part}_labels"] = labels.reshape(-1)
        if len(images) != labels.size:
            raise InputProblem(f"{shown} has {len(images)} images but {labels.size} labels in its part {part}.")
    if not sum(len(arrays[f"{part}_labels"]) for part in parts):
        raise InputProblem(f"{shown} holds no images.")
    return arrays
