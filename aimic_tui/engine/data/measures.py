"""What an audit measures of every image, in one pass over the files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from aimic_tui.engine.data.pixels import THUMB, Pixels, Rgb, thumbnail, to_rgb
from aimic_tui.engine.data.reading import UnreadableImage, read_bytes, read_pixels, sharpness
from aimic_tui.engine.data.threads import Progress, ShouldStop, in_threads

_BORDER = 0.04  # width of the border, in shares of the shorter side


_LEVELS = np.arange(256, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Measures:
    """n images by column; the rows of images that can't be read are zeros.

    Attributes:
        readable: bool [n].
        width, height: int32 [n], pixels.
        file_size: int64 [n], bytes.
        formats: n formats, "" where unreadable.
        bits: int16 [n].
        pixels: uint64 [n, 2], digest of the decoded values: equal for equal pictures, whatever the container.
        thumbs: uint8 [n, THUMB, THUMB], brightness.
        border: float32 [n, 3], mean red, green and blue of a narrow frame, 0 to 255.
        inner: float32 [n, 3], the same of everything.
        contrast: float32 [n], standard deviation of the brightness.
        sharpness: float32 [n], see `reading.ImageFacts`.
        faults: index -> what is wrong with an unreadable image.
    """

    readable: npt.NDArray[np.bool_]
    width: npt.NDArray[np.int32]
    height: npt.NDArray[np.int32]
    file_size: npt.NDArray[np.int64]
    formats: tuple[str, ...]
    bits: npt.NDArray[np.int16]
    pixels: npt.NDArray[np.uint64]
    thumbs: npt.NDArray[np.uint8]
    border: npt.NDArray[np.float32]
    inner: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]
    faults: dict[int, UnreadableImage]


@dataclass(frozen=True, eq=False)
class _Row:
    width: int
    height: int
    file_size: int
    format: str
    bits: int
    digest: bytes
    thumb: npt.NDArray[np.uint8]
    border: npt.NDArray[np.float32]
    inner: npt.NDArray[np.float32]
    contrast: float
    sharpness: float


def measure_images(
    paths: Sequence[Path],
    intensity: str,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Measures:
    """Read and measure all images, in threads; what can't be read is noted, not raised.

    Raises:
        Interrupted: `should_stop` said so.
    """
    count = len(paths)
    found = Measures(
        readable=np.zeros(count, bool),
        width=np.zeros(count, np.int32),
        height=np.zeros(count, np.int32),
        file_size=np.zeros(count, np.int64),
        formats=(),
        bits=np.zeros(count, np.int16),
        pixels=np.zeros((count, 2), np.uint64),
        thumbs=np.zeros((count, THUMB, THUMB), np.uint8),
        border=np.zeros((count, 3), np.float32),
        inner=np.zeros((count, 3), np.float32),
        contrast=np.zeros(count, np.float32),
        sharpness=np.zeros(count, np.float32),
        faults={},
    )
    formats: list[str] = []

    def row_of(path: Path) -> _Row | UnreadableImage:
        try:
            return _measure(path, intensity)
        except UnreadableImage as error:
            return error

    for index, row in enumerate(in_threads(row_of, paths, progress=progress, should_stop=should_stop)):
        if isinstance(row, UnreadableImage):
            found.faults[index] = row
            formats.append("")
            continue
        formats.append(row.format)
        found.readable[index] = True
        found.width[index], found.height[index] = row.width, row.height
        found.file_size[index], found.bits[index] = row.file_size, row.bits
        found.pixels[index] = np.frombuffer(row.digest, np.uint64)
        found.thumbs[index], found.border[index], found.inner[index] = row.thumb, row.border, row.inner
        found.contrast[index], found.sharpness[index] = row.contrast, row.sharpness
    return Measures(**{**found.__dict__, "formats": tuple(formats)})


def _measure(path: Path, intensity: str) -> _Row:
    data = read_bytes(path)
    pixels = read_pixels(path, data)
    image = to_rgb(pixels, intensity)
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    grey = picture.convert("L")
    everything = np.array(picture.histogram()).reshape(3, 256)
    edge = max(1, round(_BORDER * min(width, height)))
    middle = (edge, edge, max(edge, width - edge), max(edge, height - edge))
    frame = everything - np.array(picture.crop(middle).histogram()).reshape(3, 256)
    return _Row(
        width=width,
        height=height,
        file_size=len(data),
        format=pixels.format,
        bits=pixels.bits,
        digest=_digest(pixels, image),
        thumb=thumbnail(grey),
        border=_means(frame),
        inner=_means(everything),
        contrast=_spread(np.array(grey.histogram())),
        sharpness=sharpness(np.asarray(grey)),
    )


def _digest(pixels: Pixels, image: Rgb) -> bytes:
    # Deep values are digested as they are: two dark 16-bit images may well be the same black in 8 bits.
    values = image if pixels.bits <= 8 else np.ascontiguousarray(pixels.values)
    digest = hashlib.blake2b(f"{values.shape} {values.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(values).data)
    return digest.digest()


def _means(histograms: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the mean brightness behind each of [channels, 256] counts; counts are summed much faster than pixels."""
    return np.asarray(histograms @ _LEVELS / np.maximum(1, histograms.sum(axis=1)), np.float32)


def _spread(histogram: npt.NDArray[np.int64]) -> float:
    total = histogram.sum()
    mean = histogram @ _LEVELS / total
    return float(np.sqrt(max(0.0, histogram @ _LEVELS**2 / total - mean**2)))
