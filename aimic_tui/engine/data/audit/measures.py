"""The measurements of an audit, in one pass over the files."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from aimic_tui.engine.data.audit.measurement_store import MeasurementStore, keys_of
from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.pixels import THUMB, Pixels, Rgb, thumbnail, to_rgb
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_bytes, read_pixels, sharpness
from aimic_tui.engine.data.threads import ShouldStop, in_threads
from aimic_tui.engine.progress import Progress, ReportProgress, no_report

_BORDER = 0.04  # width of the border, in shares of the shorter side
_LEVELS = np.arange(256, dtype=np.float64)
_EXIF = {"make": 271, "model": 272, "software": 305, "changed": 306, "details": 34665, "taken": 36867}

# One image: of fixed size, so that a million of them are one array and one file.
ROW = np.dtype(
    [
        ("width", "<i4"),
        ("height", "<i4"),
        ("file_size", "<i8"),
        ("format", "S12"),
        ("bits", "<i2"),
        ("exceeded", "<i2"),
        ("pixels", "<u8", 2),
        ("thumb", "u1", (THUMB, THUMB)),
        ("border", "<f4", 3),
        ("inner", "<f4", 3),
        ("contrast", "<f4"),
        ("sharpness", "<f4"),
        ("compression", "<f4"),
        ("day", "<i4"),
        ("camera", "<u4"),
        ("blank", "u1"),
    ]
)
Row = npt.NDArray[np.void]


class Blank(IntEnum):
    """Whether an image shows nothing."""

    NO = 0
    ONE_VALUE = 1
    TRANSPARENT = 2


@dataclass(frozen=True, eq=False)
class Measures:
    """n images by column; the rows of images that can't be read are zeros.

    Attributes:
        readable: bool [n].
        rows: [n] of `ROW`.
        faults: index -> what is wrong with an unreadable image.
    """

    readable: npt.NDArray[np.bool_]
    rows: Row
    faults: dict[int, UnreadableImage]

    @property
    def width(self) -> npt.NDArray[np.int32]:
        """int32 [n], pixels."""
        return self.rows["width"]

    @property
    def height(self) -> npt.NDArray[np.int32]:
        """int32 [n], pixels."""
        return self.rows["height"]

    @property
    def file_size(self) -> npt.NDArray[np.int64]:
        """int64 [n], bytes."""
        return self.rows["file_size"]

    @property
    def formats(self) -> npt.NDArray[np.bytes_]:
        """bytes [n], such as b"JPEG"; empty where unreadable."""
        return self.rows["format"]

    @property
    def bits(self) -> npt.NDArray[np.int16]:
        """int16 [n]."""
        return self.rows["bits"]

    @property
    def exceeded(self) -> npt.NDArray[np.int16]:
        """int16 [n], the bits that a file declares and its values exceed; 0 where they don't."""
        return self.rows["exceeded"]

    @property
    def pixels(self) -> npt.NDArray[np.uint64]:
        """uint64 [n, 2], digest of the decoded values: equal for equal pixels, whatever the file format."""
        return self.rows["pixels"]

    @property
    def thumbs(self) -> npt.NDArray[np.uint8]:
        """uint8 [n, THUMB, THUMB], brightness."""
        return self.rows["thumb"]

    @property
    def border(self) -> npt.NDArray[np.float32]:
        """float32 [n, 3], mean red, green and blue of a narrow border, 0 to 255."""
        return self.rows["border"]

    @property
    def inner(self) -> npt.NDArray[np.float32]:
        """float32 [n, 3], mean red, green and blue of the whole image."""
        return self.rows["inner"]

    @property
    def contrast(self) -> npt.NDArray[np.float32]:
        """float32 [n], standard deviation of the brightness."""
        return self.rows["contrast"]

    @property
    def sharpness(self) -> npt.NDArray[np.float32]:
        """float32 [n], see `reading.ImageFacts`."""
        return self.rows["sharpness"]

    @property
    def compression(self) -> npt.NDArray[np.float32]:
        """float32 [n], mean step of a JPEG's quantisation tables (1: the finest); 0 of other formats."""
        return self.rows["compression"]

    @property
    def day(self) -> npt.NDArray[np.int32]:
        """int32 [n], the recording day by the file's metadata, counted from the year 1; 0 where unknown."""
        return self.rows["day"]

    @property
    def camera(self) -> npt.NDArray[np.uint32]:
        """uint32 [n], a digest of the camera's maker and model and of the software by the metadata; 0 where unknown."""
        return self.rows["camera"]

    @property
    def blank(self) -> npt.NDArray[np.uint8]:
        """uint8 [n], of `Blank`."""
        return self.rows["blank"]


def measure_images(
    paths: Sequence[Path],
    rule: InputRule,
    report: ReportProgress = no_report,
    should_stop: ShouldStop | None = None,
    store: Path | None = None,
) -> Measures:
    """Read and measure all images, in threads; what can't be read is recorded in `faults`, not raised.

    Args:
        paths: n files.
        rule: from stored values to colours.
        report: receives the number that are measured.
        should_stop: checked regularly.
        store: a file to which measurements are added as they are made, so that an audit that was stopped continues
            where it was, and the next one reads only new and changed images.

    Raises:
        Interrupted: `should_stop` returned True.
    """
    count = len(paths)
    rows = np.zeros(count, ROW)
    readable = np.zeros(count, bool)
    faults: dict[int, UnreadableImage] = {}
    stored = MeasurementStore(store, ROW) if store is not None else None
    keys = keys_of(paths, json.dumps(rule.to_json())) if stored is not None else np.zeros((0, 2), np.uint64)
    if stored is not None:
        readable = stored.load(keys, rows)
    left = np.flatnonzero(~readable)
    known = count - len(left)

    def row_of(index: int) -> Row | UnreadableImage:
        try:
            return _measure(paths[index], rule)
        except UnreadableImage as error:
            return error

    def report_all(progress: Progress) -> None:
        report(Progress("read", known + progress.done, count))

    try:
        for index, row in zip(
            left.tolist(), in_threads(row_of, left.tolist(), report=report_all, should_stop=should_stop), strict=True
        ):
            if isinstance(row, UnreadableImage):
                faults[index] = row
                continue
            rows[index] = row[0]
            readable[index] = True
            if stored is not None:
                stored.save(keys[index], row)
    finally:
        if stored is not None:
            stored.close()
    return Measures(readable, rows, faults)


def _measure(path: Path, rule: InputRule) -> Row:
    data = read_bytes(path)
    pixels = read_pixels(path, data, rule)
    image = to_rgb(pixels, rule)
    height, width = image.shape[:2]
    colour = Image.fromarray(image)
    grey = colour.convert("L")
    everything = np.array(colour.histogram()).reshape(3, 256)
    edge = max(1, round(_BORDER * min(width, height)))
    middle = (edge, edge, max(edge, width - edge), max(edge, height - edge))
    frame = everything - np.array(colour.crop(middle).histogram()).reshape(3, 256)
    row = np.zeros(1, ROW)
    row["width"], row["height"], row["file_size"] = width, height, len(data)
    row["format"], row["bits"], row["exceeded"] = pixels.format.encode()[:12], pixels.bits, pixels.exceeded_bits
    row["pixels"] = np.frombuffer(_digest(pixels, image), np.uint64)
    row["thumb"], row["border"], row["inner"] = thumbnail(grey), _means(frame), _means(everything)
    row["contrast"], row["sharpness"] = _spread(np.array(grey.histogram())), sharpness(np.asarray(grey))
    row["compression"], row["day"], row["camera"] = _metadata(data)
    row["blank"] = _blank(pixels)
    return row


def _blank(pixels: Pixels) -> Blank:
    if pixels.opacity is not None and not pixels.opacity.any():
        return Blank.TRANSPARENT
    if pixels.opacity is not None and (pixels.opacity != pixels.opacity[0, 0]).any():
        return Blank.NO  # what is cut out has a shape at least
    values = pixels.values
    first = values[0, 0]
    same = (values[0] == first).all() and (values == first).all()
    return Blank.ONE_VALUE if same else Blank.NO


def _metadata(data: bytes) -> tuple[float, int, int]:
    """Return the coarseness of a file's compression, the recording day, and a digest of the camera."""
    with suppress(Exception), Image.open(io.BytesIO(data), formats=("JPEG", "TIFF", "PNG", "WEBP")) as image:
        tables = getattr(image, "quantization", None) or {}
        steps = [step for table in tables.values() for step in table]
        exif = image.getexif()
        words = "|".join(str(exif.get(_EXIF[name], "")) for name in ("make", "model", "software"))
        taken = exif.get_ifd(_EXIF["details"]).get(_EXIF["taken"]) or exif.get(_EXIF["changed"])
        return (
            float(np.mean(steps)) if steps else 0.0,
            _day(str(taken)),
            zlib.crc32(words.encode()) if words != "||" else 0,
        )
    return 0.0, 0, 0


def _day(text: str) -> int:
    """Return the day of an EXIF time such as 2021:03:17 09:12:44, or 0."""
    with suppress(ValueError):
        year, month, day = (int(part) for part in text[:10].replace("-", ":").split(":"))
        return date(year, month, day).toordinal()
    return 0


def _digest(pixels: Pixels, image: Rgb) -> bytes:
    # Of the stored values where they are deeper: two different dark 16-bit images may be the same black in 8 bits.
    values = image if pixels.bits <= 8 else np.ascontiguousarray(pixels.values)
    digest = hashlib.blake2b(f"{values.shape} {values.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(values).data)
    if values is not image and pixels.opacity is not None:
        digest.update(np.ascontiguousarray(pixels.opacity).data)
    return digest.digest()


def _means(histograms: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the mean of each histogram [channels, 256]; summing counts is much faster than summing pixels."""
    return np.asarray(histograms @ _LEVELS / np.maximum(1, histograms.sum(axis=1)), np.float32)


def _spread(histogram: npt.NDArray[np.int64]) -> float:
    total = histogram.sum()
    mean = histogram @ _LEVELS / total
    return float(np.sqrt(max(0.0, histogram @ _LEVELS**2 / total - mean**2)))
