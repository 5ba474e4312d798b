"""Images as Pillow reads them, and what it reads only in part: 16-bit colour, transparency, orientation."""

from __future__ import annotations

import ctypes
import importlib
import io
import logging
import re
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.pixels import PIXEL_LIMIT, Pixels, TooManyPixels, Values, select_channels, turned
from aimic_tui.engine.data.reading.tiff_reader import TIFF_MAGIC

_ALLOWED = {"JPEG", "MPO", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "JPEG2000", "AVIF", "PPM"}
# Importing a reader registers it. No others: some start programs (EPS) or take any bytes for an image (TGA).
for _reader in ("Jpeg", "Mpo", "Png", "Bmp", "Gif", "WebP", "Tiff", "Jpeg2K", "Avif", "Ppm"):
    with suppress(ImportError):  # AVIF is missing in older Pillows
        importlib.import_module(f"PIL.{_reader}ImagePlugin")
_FORMATS = [name for name in Image.OPEN if name in _ALLOWED]
_EXIF_ORIENTATION = 274

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


def read_with_pillow(path: Path, content: bytes, rule: InputRule) -> Pixels:
    """Read a picture by Pillow.

    Args:
        path: the file.
        content: of the file; of a TIFF maybe the beginning only.
        rule: which channels it wants.

    Raises:
        TooManyPixels, RuleMismatch: as they say.
        Exception: whatever a broken file does to Pillow.
    """
    with _open(path, content) as image:
        width, height = image.size
        if width * height > PIXEL_LIMIT:
            raise TooManyPixels(f"{width} x {height} pixels")
        if image.format in {"JPEG", "MPO"} and zero_filled(content):
            raise ValueError("the end of the file was never written")
        stored = image.mode
        wide = _wide_colour(image, path, content)
        if wide is None:
            image.load()
            wide = _deep_values(image)
        values: Values = _eight_bits(image) if wide is None else wide
        orientation = 1 if image.format == "TIFF" else _orientation(image)  # Pillow turns a TIFF by itself
        form = "JPEG" if image.format == "MPO" else image.format or "?"
    if values.size == 0:
        raise ValueError("it has no pixels")
    bits = 8 if wide is None else 16
    if rule.channel_indices is not None or rule.window:
        values = values[:, :, select_channels(values.shape[2], rule)]
    return Pixels(
        values=np.ascontiguousarray(turned(values, orientation)) if orientation != 1 else values,
        bits=bits,
        together=True,
        inverted=False,
        format=form,
        mode=_MODE_WORDS.get(stored, stored) if bits == 8 else f"16-bit {'RGB' if values.shape[2] == 3 else 'grey'}",
        channels=len(Image.Image.getbands(image)),
    )


def _open(path: Path, content: bytes) -> ImageFile.ImageFile:
    # of a TIFF `content` may be the beginning only
    source = path if content.startswith(TIFF_MAGIC) else io.BytesIO(content)
    return Image.open(source, formats=_FORMATS)


_MODE_WORDS = {"L": "grey", "1": "black and white", "P": "palette", "LA": "grey with alpha", "RGBA": "RGB with alpha"}


def _eight_bits(image: Image.Image) -> Values:
    """Return what is shown as uint8 [height, width, 3], or [height, width, 1] where the file stores grey."""
    if image.mode in {"L", "1"} and "transparency" not in image.info:
        return np.asarray(image.convert("L"))[:, :, None]
    return np.asarray(_as_rgb(image))[:, :, : 1 if image.mode in {"LA", "La"} else 3]


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
        deep = np.asarray(image).astype(np.uint16)[:, :, None]
        transparent = image.info.get("transparency")
        return np.where(deep == transparent, np.uint16(65535), deep) if isinstance(transparent, int) else deep
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


def zero_filled(content: bytes) -> bool:
    """Tell whether a JPEG ends in zeros instead of its end mark, as copies that broke off do on some disks."""
    if content.endswith(b"\xff\xd9"):
        return False
    written = content.rstrip(b"\0")
    return len(content) - len(written) > 16 and not written.endswith(b"\xff\xd9")
