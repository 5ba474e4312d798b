"""Read any image file, however odd or hostile, or say in a sentence why not.

JPEG, PNG, BMP, GIF, WebP, JPEG 2000, AVIF, PNM and plain TIFF are Pillow's work, other TIFF tifffile's. Of several
frames the first counts. Transparent pixels show white, like the light of a bright field. EXIF orientation is obeyed;
colour profiles are not, since a network was never taught them.
"""

from __future__ import annotations

import ctypes
import importlib
import io
import logging
import os
import re
import stat
import struct
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError

from aimic_tui.engine.data.npz import image_bytes, npz_of
from aimic_tui.engine.data.pixels import THUMB, Pixels, Rgb, Values, thumbnail, to_rgb
from aimic_tui.engine.data.tiff import TooManyPixels, read_tiff, turned
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import one_line, printable

FaultKind = Literal["empty", "truncated", "unreadable", "not-an-image", "too-large"]

_ALLOWED = {"JPEG", "MPO", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "JPEG2000", "AVIF", "PPM"}
PIXEL_LIMIT = 100_000_000  # 300 MB decoded; a cell's image has a thousandth of it, a decompression bomb more
_BYTE_LIMIT = 1 << 30
# Importing a reader registers it. No others: some start programs (EPS) or take any bytes for an image (TGA).
for _reader in ("Jpeg", "Mpo", "Png", "Bmp", "Gif", "WebP", "Tiff", "Jpeg2K", "Avif", "Ppm"):
    with suppress(ImportError):  # AVIF is missing in older Pillows
        importlib.import_module(f"PIL.{_reader}ImagePlugin")
_FORMATS = [name for name in Image.OPEN if name in _ALLOWED]
_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG|BM|GIF8[79]a|II[*+]\0|MM\0[*+]|RIFF....WEBP|"
    rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51|....ftypavi[fs]|P[1-6]\s",
    re.DOTALL,
)
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_EXIF_ORIENTATION = 274
_TOO_SHORT = re.compile(
    r"truncat|not enough|unexpected end|end of file|eof|short|incomplete|past the end|no more data", re.I
)

# Pillow itself refuses twice this many before it decodes; between them it only warns, on stderr.
Image.MAX_IMAGE_PIXELS = PIXEL_LIMIT // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())  # or its complaints would go to stderr, too


def _silence_libtiff() -> None:
    """Keep Pillow's libtiff from writing its complaints to stderr, over whatever the terminal shows.

    Pillow passes on that reading failed, but leaves libtiff's own error handler in place. Where the library is part
    of Pillow itself there is none to find, and nothing is done.
    """
    with suppress(OSError, AttributeError):
        loaded = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        for name in {line.split(maxsplit=5)[5] for line in loaded.splitlines() if "/libtiff" in line}:
            ctypes.CDLL(name).TIFFSetErrorHandler(None)


_silence_libtiff()


class UnreadableImage(InputProblem):
    """An image file that can't be used.

    Attributes:
        path: the file.
        kind: "empty", "truncated", "unreadable", "not-an-image" or "too-large".
        detail: what is wrong, without the file's name.
    """

    def __init__(self, path: Path, kind: FaultKind, detail: str) -> None:
        self.path = path
        self.kind = kind
        self.detail = detail
        super().__init__(f"{printable(str(path))} {detail}. Replace it, or take it out of the data set.")


@dataclass(frozen=True)
class ImageFacts:
    """What there is to say about one image.

    Attributes:
        width, height: pixels, after the orientation was obeyed.
        channels: in the file.
        bits: in use for each value.
        format, mode: such as "JPEG" and "RGB".
        bytes: size of the file.
        low, high: range of the stored values.
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


def read_image(path: Path, intensity: str = "auto") -> Rgb:
    """Read a file as uint8 [height, width, 3].

    Args:
        path: the file.
        intensity: how values beyond 8 bits are scaled, see `pixels.to_rgb`.

    Raises:
        UnreadableImage: it is empty, truncated, broken, too large or no image at all.
    """
    return to_rgb(read_pixels(path), intensity)


def read_pixels(path: Path, data: bytes | None = None) -> Pixels:
    """Read the values that a file stores; `data` is its content where that was read before.

    Raises:
        UnreadableImage: as `read_image`.
    """
    content = read_bytes(path) if data is None else data
    if not content:
        raise UnreadableImage(path, "empty", "is empty (0 bytes)")
    if not _MAGIC.match(content):
        raise UnreadableImage(path, "not-an-image", "is not an image of a known format")
    try:
        found = read_tiff(path, PIXEL_LIMIT) if content.startswith(_TIFF_MAGIC) else None
    except (TooManyPixels, MemoryError) as error:
        raise _too_large(path, str(error)) from None
    except Exception:  # a codec that tifffile lacks, or a broken file: Pillow has the last word
        found = None
    try:
        return found or _read_with_pillow(path, content)
    except (TooManyPixels, Image.DecompressionBombError, MemoryError) as error:
        raise _too_large(path, str(error)) from None
    except Exception as error:  # hostile bytes can raise anything in a decoder
        if _ends_early(content, str(error)):
            raise UnreadableImage(path, "truncated", "is truncated: its end is missing") from None
        reason = one_line(str(error), 100) if not isinstance(error, UnidentifiedImageError) else ""
        raise UnreadableImage(path, "unreadable", f"can't be decoded{f' ({reason})' if reason else ''}") from None


def verify(path: Path, data: bytes) -> tuple[int, int, npt.NDArray[np.uint8]]:
    """Decode an image as fast as its format allows, for its faults only.

    Returns:
        Its stored width and height, and a grey thumbnail, not turned: uint8 [THUMB, THUMB].

    Raises:
        UnreadableImage: as `read_image`.
    """
    if data.startswith(b"\xff\xd8\xff") and not _zero_filled(data):
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG", "MPO")) as image:
                width, height = image.size
                if width * height <= PIXEL_LIMIT:
                    # Every coefficient is decoded, but down to an eighth of the pixels made.
                    image.draft("L", (THUMB, THUMB))
                    return width, height, thumbnail(image.convert("L"))
        except Exception:  # the thorough way finds the words for it
            pass
    pixels = read_pixels(path, data)
    height, width = pixels.values.shape[:2]
    return width, height, thumbnail(Image.fromarray(to_rgb(pixels, "auto")).convert("L"))


def image_facts(path: Path) -> ImageFacts:
    """Read an image and describe it.

    Raises:
        UnreadableImage: as `read_image`.
    """
    data = read_bytes(path)
    pixels = read_pixels(path, data)
    height, width = pixels.values.shape[:2]
    return ImageFacts(
        width=width,
        height=height,
        channels=pixels.channels,
        bits=pixels.bits,
        format=pixels.format,
        mode=pixels.mode,
        bytes=path.stat().st_size if npz_of(path) is None else len(data),
        low=float(np.nanmin(pixels.values)),
        high=float(np.nanmax(pixels.values)),
        sharpness=sharpness(np.asarray(Image.fromarray(to_rgb(pixels, "auto")).convert("L"))),
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
    """Read an image file's content; of a TIFF above the byte limit only the beginning, since a stack may be long.

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
                if not beginning.startswith(_TIFF_MAGIC):
                    raise _too_large(path, f"{status.st_size >> 20} MB")
                return beginning
            return file.read()
    except FileNotFoundError:
        raise UnreadableImage(path, "unreadable", "does not exist") from None
    except OSError as error:
        raise UnreadableImage(path, "unreadable", f"can't be read ({error.strerror})") from None
    except UnreadableImage:
        raise
    except InputProblem as problem:  # of the .npz it lies in
        raise UnreadableImage(path, "unreadable", f"can't be read ({one_line(problem.sentence, 200)})") from None
    except ValueError:  # a NUL in a name from a manifest
        raise UnreadableImage(path, "unreadable", "does not exist") from None


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)  # a pipe without a writer would wait forever


def _too_large(path: Path, size: str) -> UnreadableImage:
    return UnreadableImage(
        path, "too-large", f"is too large ({one_line(size, 80)}; at most {PIXEL_LIMIT // 1_000_000} million pixels)"
    )


def _open(path: Path, content: bytes) -> ImageFile.ImageFile:
    # of a TIFF `content` may be the beginning only
    source = path if content.startswith(_TIFF_MAGIC) else io.BytesIO(content)
    return Image.open(source, formats=_FORMATS)


def _read_with_pillow(path: Path, content: bytes) -> Pixels:
    with _open(path, content) as image:
        width, height = image.size
        if width * height > PIXEL_LIMIT:
            raise TooManyPixels(f"{width} x {height} pixels")
        if image.format in {"JPEG", "MPO"} and _zero_filled(content):
            raise ValueError("the end of the file was never written")
        stored = image.mode
        wide = _wide_colour(image, path, content)
        if wide is None:
            image.load()
            wide = _deep_values(image)
        values: Values = np.asarray(_as_rgb(image)) if wide is None else wide
        orientation = 1 if image.format == "TIFF" else _orientation(image)  # Pillow turns a TIFF by itself
        form = "JPEG" if image.format == "MPO" else image.format or "?"
    if values.size == 0:
        raise ValueError("it has no pixels")
    bits = 8 if wide is None else 16
    return Pixels(
        values=np.ascontiguousarray(turned(values, orientation)) if orientation != 1 else values,
        bits=bits,
        together=True,
        inverted=False,
        format=form,
        mode=_MODE_WORDS.get(stored, stored) if bits == 8 else f"16-bit {'RGB' if values.shape[2] == 3 else 'grey'}",
        channels=len(Image.Image.getbands(image)),
    )


_MODE_WORDS = {"L": "grey", "1": "black and white", "P": "palette", "LA": "grey with alpha", "RGBA": "RGB with alpha"}


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if "transparency" in image.info or image.mode in {"RGBA", "LA", "PA", "RGBa", "La"}:
        picture = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, (255, 255, 255, 255)), picture).convert("RGB")
    return image.convert("RGB")


def _deep_values(image: Image.Image) -> Values | None:
    """Return the values of a grey image beyond 8 bits as [height, width, 1], None for 8 bits."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[:, :, None]
    if image.mode == "I":  # Pillow scales what is 16 bits in a PNM to 0..65535
        values = np.asarray(image)
        fits = values.size and values.min() >= 0 and values.max() <= 65535
        return (values.astype(np.uint16) if fits else values)[:, :, None]
    return np.asarray(image)[:, :, None] if image.mode == "F" else None


def _wide_colour(image: ImageFile.ImageFile, path: Path, content: bytes) -> Values | None:
    """Return 16-bit colour as uint16 [height, width, 3], None for everything else.

    Pillow keeps only the high byte of each value. Decoded a second time under the name of the other byte order, it
    keeps the low one.
    """
    raw = _raw_mode(image)
    if image.format not in {"PNG", "TIFF"} or raw is None or not re.fullmatch(r"RGBA?;16[BLN]", raw):
        return None
    other = raw[:-1] + ("L" if raw.endswith("B") else "B")
    with _open(path, content) as again:
        _set_raw_mode(again, other)
        low = np.asarray(again).astype(np.uint16)
    high = np.asarray(image).astype(np.uint16)
    values = high << 8 | low
    if values.shape[2] == 3:
        return values
    share = values[:, :, 3:] / 65535.0
    return np.rint(values[:, :, :3] * share + 65535.0 * (1 - share)).astype(np.uint16)


def _raw_mode(image: ImageFile.ImageFile) -> str | None:
    if not image.tile:
        return None
    arguments = image.tile[0][3]
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return raw if isinstance(raw, str) else None


def _set_raw_mode(image: ImageFile.ImageFile, raw: str) -> None:
    image.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw) for tile in image.tile
    ]


def _orientation(image: Image.Image) -> int:
    if "exif" not in image.info and "Raw profile type exif" not in image.info:
        return 1
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # broken EXIF says nothing about the picture
        return 1


def _zero_filled(content: bytes) -> bool:
    """Tell whether a JPEG ends in zeros instead of its end mark, as copies that broke off do on some disks."""
    if content.endswith(b"\xff\xd9"):
        return False
    written = content.rstrip(b"\0")
    return len(content) - len(written) > 16 and not written.endswith(b"\xff\xd9")


def _ends_early(content: bytes, complaint: str) -> bool:
    """Tell whether a broken file lacks its format's end mark or is shorter than its header says; where the format has
    neither, whether the decoder's complaint speaks of that."""
    end = content[-64:]
    if content.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in end or _zero_filled(content)
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in end
    if content.startswith(b"GIF8"):
        return not content.rstrip(b"\0").endswith(b";")
    if content.startswith(b"RIFF"):
        return len(content) < 12 or struct.unpack_from("<I", content, 4)[0] + 8 > len(content)
    if content.startswith(b"BM"):
        return len(content) < 26 or struct.unpack_from("<I", content, 2)[0] > len(content)
    return len(content) < 16 or _TOO_SHORT.search(complaint) is not None
