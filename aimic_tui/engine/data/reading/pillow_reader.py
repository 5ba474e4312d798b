"""Images as Pillow reads them, with transparency and orientation."""

from __future__ import annotations

import ctypes
import importlib
import io
import logging
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from aimic_tui.engine.data.reading.deep_reader import Deep, read_deep
from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.pixels import (
    PIXEL_LIMIT,
    CannotDecode,
    Pixels,
    Values,
    check_size,
    depth_in_use,
    separate_opacity,
    turned,
    with_channels,
)
from aimic_tui.engine.data.reading.png_chunks import late_exif
from aimic_tui.engine.data.reading.pnm_reader import is_pnm, read_pnm

_ALLOWED = {"JPEG", "MPO", "PNG", "BMP", "DIB", "GIF", "WEBP", "JPEG2000", "AVIF"}
# Importing a reader registers it. No others: some start programs (EPS) or take any bytes for an image (TGA).
# TIFF is for `tiff_decoder`, whose libtiff is kept quiet here.
for _reader in ("Jpeg", "Mpo", "Png", "Bmp", "Gif", "WebP", "Tiff", "Jpeg2K", "Avif"):
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


def read_with_pillow(content: bytes, rule: InputRule) -> Pixels:
    """Read a picture by Pillow, or by what reads it better: anything but TIFF.

    Args:
        content: of the file.
        rule: which channels it wants.

    Raises:
        TooManyPixels, RuleMismatch, CannotDecode: as they say.
        Exception: whatever a broken file does to Pillow.
    """
    if is_pnm(content):
        return read_pnm(content, rule)
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        width, height = image.size
        check_size(width, height)
        form = "JPEG" if image.format == "MPO" else image.format or "?"
        if form == "JPEG" and zero_filled(content):
            raise ValueError("the end of the file was never written")
        stored = image.mode
        deep = read_deep(content, form)
        if deep is None:
            image.load()
            deep = _as_loaded(image)
        elif form == "PNG" and (exif := late_exif(content)):  # which Pillow finds when it decodes
            image.info.setdefault("exif", b"Exif\0\0" + exif)
        orientation = _orientation(image)
    values, opacity = deep.values, deep.opacity
    if values.size == 0:
        raise ValueError("it has no pixels")
    depth = depth_in_use(values, deep.bits, 8 * values.dtype.itemsize)
    values = with_channels(values, rule)
    if orientation != 1:
        values = np.ascontiguousarray(turned(values, orientation))
        opacity = None if opacity is None else turned(opacity[:, :, None], orientation)[:, :, 0]
    wide = f"16-bit {'RGB' if values.shape[2] == 3 else 'grey'}"
    return Pixels(
        values=values,
        bits=depth.bits,
        together=True,
        inverted=False,
        format=form,
        mode=_MODE_WORDS.get(stored, stored) if values.dtype == np.uint8 else wide,
        channels=len(Image.Image.getbands(image)),
        opacity=opacity,
        exceeded_bits=depth.exceeded,
    )


_MODE_WORDS = {"L": "grey", "1": "black and white", "P": "palette", "LA": "grey with alpha", "RGBA": "RGB with alpha"}
_WITH_ALPHA = {"RGBA", "LA", "PA", "RGBa", "La"}


def _as_loaded(image: Image.Image) -> Deep:
    """Return a loaded image as grey or RGB of 8 bits, or 16-bit grey."""
    if image.mode.startswith("I;16"):
        return Deep(np.asarray(image).astype(np.uint16)[:, :, None], 16, None)
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        picture = np.asarray(image.convert("RGBA"))
        grey = image.mode in {"LA", "La", "L", "1"}
        return _with_opacity(picture[:, :, : 1 if grey else 3], picture[:, :, 3])
    if image.mode in {"L", "1"}:
        return Deep(np.asarray(image.convert("L"))[:, :, None], 8, None)
    if image.mode == "CMYK" and "adobe" not in image.info:
        raise CannotDecode("is a CMYK JPEG that does not say whether 0 is ink or paper", "save it as RGB")
    if image.mode not in {"RGB", "P", "CMYK", "YCbCr"}:
        raise CannotDecode(f"stores its pixels in a form that isn't read ({image.mode})", "save it as PNG or TIFF")
    return Deep(np.asarray(image if image.mode == "RGB" else image.convert("RGB")), 8, None)


def _with_opacity(colours: Values, alpha: Values) -> Deep:
    values, opacity = separate_opacity(colours, alpha, 255)
    return Deep(values, 8, opacity)


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
