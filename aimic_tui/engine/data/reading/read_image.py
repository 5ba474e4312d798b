"""Read any image file, however odd or hostile, or say in a sentence why not.

JPEG, PNG, BMP, GIF, WebP, JPEG 2000, AVIF and PNM are Pillow's work (`pillow_reader.py`), TIFF is tifffile's
(`tiff_reader.py`), lossless and deep JPEG are imagecodecs' (`uncommon_jpeg.py`), and the files of Zeiss, Nikon and
Leica are their own readers' (`vendor_reader.py`). What is no image is called by its name (`foreign_content.py`). Of
several frames, scenes or time points the first counts. Transparent pixels show white, like the light of a bright
field. EXIF orientation is obeyed; colour profiles are not, since a network was never taught them.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from aimic_tui.engine.data.reading.foreign_content import container_without_pixels, foreign_content
from aimic_tui.engine.data.reading.header_cost import check_cost
from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.engine.data.reading.jpeg_segments import CostlyHeader
from aimic_tui.engine.data.reading.medmnist import image_bytes, npz_of
from aimic_tui.engine.data.reading.pillow_reader import read_with_pillow, zero_filled
from aimic_tui.engine.data.reading.pixels import (
    PIXEL_LIMIT,
    THUMB,
    CannotDecode,
    Pixels,
    Rgb,
    RuleMismatch,
    TooManyPixels,
    own_limits,
    thumbnail,
    to_rgb,
)
from aimic_tui.engine.data.reading.tiff_reader import TIFF_MAGIC, read_tiff
from aimic_tui.engine.data.reading.uncommon_jpeg import read_uncommon_jpeg, uncommon_frame
from aimic_tui.engine.data.reading.vendor_reader import MissingReader, read_vendor_file, vendor_of
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import one_line, printable

ImageProblemKind = Literal["empty", "truncated", "unreadable", "not-an-image", "too-large"]

_BYTE_LIMIT = 1 << 30
_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG(?!\n|\r\r\n|\r\n\x1a\r)|BM|GIF8[79]a|II[*+]\0|MM\0[*+]|RIFF....WEBP|"
    rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51|....ftypavi[fs]|P[1-6]\s",
    re.DOTALL,
)
_TOO_SHORT = re.compile(
    r"truncat|not enough|unexpected end|end of file|eof|short|incomplete|past the end|no more data", re.I
)


class UnreadableImage(InputProblem):
    """An image file that can't be used.

    Attributes:
        path: the file.
        kind: "empty", "truncated", "unreadable", "not-an-image" or "too-large".
        detail: what is wrong, without the file's name.
    """

    def __init__(
        self,
        path: Path,
        kind: ImageProblemKind,
        detail: str,
        remedy: str = "Replace it, or take it out of the data set.",
    ) -> None:
        self.path = path
        self.kind = kind
        self.detail = detail
        super().__init__(f"{printable(str(path))} {detail}. {remedy}")


@dataclass(frozen=True)
class ImageFacts:
    """What there is to say about one image.

    Attributes:
        width, height: pixels, after the orientation was obeyed.
        channels: in the file.
        bits: in use for each value.
        format, mode: such as "JPEG" and "RGB".
        bytes: size of the file.
        low, high: range of the stored values, of those that are finite; 0 and 1 where none is.
        sharpness: 0 (flat) to 1: the spread of the Laplacian of the brightness, relative to itself and four times the
            spread of the brightness; does not depend on contrast.
    """

    width: int
    height: int
    channels: int
    bits: int
    format: str
    mode: str
    bytes: int
    low: float
    high: float
    sharpness: float


def read_image(path: Path, rule: InputRule = AS_STORED) -> Rgb:
    """Read a file as uint8 [height, width, 3].

    Args:
        path: the file.
        rule: which of its values become which colour.

    Raises:
        UnreadableImage: it is empty, truncated, broken, too large, no image at all, or lacks a channel.
    """
    return to_rgb(read_pixels(path, rule=rule), rule)


def read_pixels(path: Path, data: bytes | None = None, rule: InputRule = AS_STORED) -> Pixels:
    """Read the values that a file stores, of the channels and the plane that the rule wants; `data` is the file's
    content where that was read before.

    Raises:
        UnreadableImage: as `read_image`.
    """
    content = read_bytes(path) if data is None else data
    if not content:
        raise UnreadableImage(path, "empty", "is empty (0 bytes)")
    vendor = vendor_of(content)
    _refuse_foreign(path, content)
    try:
        check_cost(content)
        return _decoded(path, content, vendor, rule)
    except CostlyHeader as error:
        raise UnreadableImage(path, "unreadable", str(error), "Save it anew, or take it out of the data set.") from None
    except CannotDecode as error:
        raise UnreadableImage(path, "unreadable", f"{error}; {error.remedy}") from None
    except MissingReader as error:
        raise UnreadableImage(path, "unreadable", f"{error} ({_INSTALL})", _MISSING) from None
    except (TooManyPixels, Image.DecompressionBombError, MemoryError) as error:
        raise _too_large(path, str(error), getattr(error, "limit", _LIMIT)) from None
    except RuleMismatch as error:
        raise UnreadableImage(path, "unreadable", str(error), _UNFIT) from None
    except Exception as error:  # hostile bytes can raise anything in a decoder
        if _ends_early(content, str(error)):
            raise UnreadableImage(path, "truncated", "is incomplete") from None
        reason = (
            one_line(str(error).replace(str(path), "the file"), 100)
            if not isinstance(error, UnidentifiedImageError)
            else ""
        )
        raise UnreadableImage(path, "unreadable", f"can't be decoded{f' ({reason})' if reason else ''}") from None


def _decoded(path: Path, content: bytes, vendor: str | None, rule: InputRule) -> Pixels:
    if vendor is not None:
        return read_vendor_file(path, vendor, rule)
    if content.startswith(TIFF_MAGIC):
        return read_tiff(path, rule)
    uncommon = uncommon_frame(content)
    return read_with_pillow(content, rule) if uncommon is None else read_uncommon_jpeg(content, uncommon, rule)


def _refuse_foreign(path: Path, content: bytes) -> None:
    foreign = container_without_pixels(path.suffix.lower(), content)
    if foreign is None and vendor_of(content) is None and not _MAGIC.match(content):
        foreign = foreign_content(content)
        if foreign is None:
            raise UnreadableImage(path, "not-an-image", "is not an image of a known format")
    if foreign is not None:
        raise UnreadableImage(path, "not-an-image", foreign.detail)


_INSTALL = "`pip install aimic[formats]`"
_MISSING = "Install it, or take the file out of the data set."
_UNFIT = "Take it out of the data set, or change data.channels and data.window."


def verify(path: Path, data: bytes, rule: InputRule = AS_STORED) -> tuple[int, int, npt.NDArray[np.uint8]]:
    """Decode an image as fast as its format allows, for its faults only.

    Returns:
        Its stored width and height, and a grey thumbnail, not turned: uint8 [THUMB, THUMB].

    Raises:
        UnreadableImage: as `read_image`.
    """
    if rule.keeps_8_bit and data.startswith(b"\xff\xd8\xff") and not zero_filled(data):
        try:
            check_cost(data)
            with Image.open(io.BytesIO(data), formats=("JPEG", "MPO")) as image:
                width, height = image.size
                if width * height <= PIXEL_LIMIT and image.mode != "CMYK":
                    # Every coefficient is decoded, but down to an eighth of the pixels made.
                    image.draft("L", (THUMB, THUMB))
                    return width, height, thumbnail(image.convert("L"))
        except Exception:  # the thorough way finds the words for it
            pass
    pixels = read_pixels(path, data, rule)
    height, width = pixels.values.shape[:2]
    return width, height, thumbnail(Image.fromarray(to_rgb(pixels, rule)).convert("L"))


def image_facts(path: Path, rule: InputRule = AS_STORED) -> ImageFacts:
    """Read an image and describe it.

    Raises:
        UnreadableImage: as `read_image`.
    """
    data = read_bytes(path)
    pixels = read_pixels(path, data, rule)
    height, width = pixels.values.shape[:2]
    low, high = own_limits(pixels.values)
    return ImageFacts(
        width=width,
        height=height,
        channels=pixels.channels,
        bits=pixels.bits,
        format=pixels.format,
        mode=pixels.mode,
        bytes=path.stat().st_size if npz_of(path) is None else len(data),
        low=low,
        high=high,
        sharpness=sharpness(np.asarray(Image.fromarray(to_rgb(pixels, rule)).convert("L"))),
    )


def sharpness(grey: npt.NDArray[np.uint8]) -> float:
    """Return how much of the variation of uint8 [height, width] is between neighbouring pixels; see `ImageFacts`."""
    if min(grey.shape) < 3:
        return 0.0
    values = grey.astype(np.float32)
    centre = values[1:-1, 1:-1]
    laplacian = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * centre
    fine, all_of_it = _deviation(laplacian), 4 * _deviation(centre)
    return fine / (fine + all_of_it) if all_of_it > 0 else 0.0


def _deviation(values: npt.NDArray[np.float32]) -> float:
    flat = values.ravel()
    flat = flat - flat.mean()
    return float(np.sqrt(np.dot(flat, flat) / flat.size))


def read_bytes(path: Path) -> bytes:
    """Read an image file's content; of a stack (TIFF, CZI, ND2, LIF) above the byte limit only the beginning.

    Raises:
        UnreadableImage: it is missing, not a plain file (a pipe would never end), not ours to read, or too large.
    """
    try:
        if npz_of(path) is not None:
            return image_bytes(path)
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableImage(path, "unreadable", "is not a file")
            if status.st_size > _BYTE_LIMIT:
                beginning = file.read(1 << 16)
                if not beginning.startswith(TIFF_MAGIC) and vendor_of(beginning) is None:
                    raise _too_large(path, f"{status.st_size >> 20} MB")
                return beginning
            return file.read()
    except FileNotFoundError:
        raise UnreadableImage(path, "unreadable", _missing(path)) from None
    except OSError as error:
        raise UnreadableImage(path, "unreadable", f"can't be read ({error.strerror})") from None
    except UnreadableImage:
        raise
    except InputProblem as problem:  # of the .npz it lies in
        raise UnreadableImage(path, "unreadable", f"can't be read ({one_line(problem.sentence, 200)})") from None
    except ValueError:  # a NUL in a name from a manifest
        raise UnreadableImage(path, "unreadable", "does not exist") from None


def _missing(path: Path) -> str:
    if not path.is_symlink():
        return "does not exist"
    target = str(path.readlink())
    if "annex/objects" in target:
        return "is a git-annex link whose image was not downloaded: run `git annex get` in its repository"
    return f"is a link to {one_line(target, 80)}, which does not exist"


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)  # a pipe without a writer would wait forever


_LIMIT = f"{PIXEL_LIMIT // 1_000_000} million pixels"


def _too_large(path: Path, size: str, limit: str = _LIMIT) -> UnreadableImage:
    counted = re.search(r"\((\d+) pixels\)", size)  # Pillow's own words are longer
    size = f"{int(counted[1]) // 1_000_000:,} million pixels" if counted else size
    size = f"{one_line(size, 80)}; " if size else ""
    return UnreadableImage(path, "too-large", f"is too large ({size}at most {limit})")


def _ends_early(content: bytes, complaint: str) -> bool:
    """Tell whether a broken file lacks its format's end mark or is shorter than its header says; where the format has
    neither, whether the decoder's complaint speaks of that."""
    end = content[-64:]
    if content.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in end or zero_filled(content)
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in end
    if content.startswith(b"GIF8"):
        return not content.rstrip(b"\0").endswith(b";")
    if content.startswith(b"RIFF"):
        return len(content) < 12 or struct.unpack_from("<I", content, 4)[0] + 8 > len(content)
    if content.startswith(b"BM"):
        return len(content) < 26 or struct.unpack_from("<I", content, 2)[0] > len(content)
    return len(content) < 16 or _TOO_SHORT.search(complaint) is not None
