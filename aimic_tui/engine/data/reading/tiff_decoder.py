"""The values of one TIFF page as the file stores them, whatever its compression and packing.

tifffile decodes, with imagecodecs for all compressions but the simplest. Pillow reads a few kinds that these don't, or
where imagecodecs is missing: only those of which tests show that it reads them rightly. Anything else is refused by
name.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aimic_tui.engine.data.reading.pixels import CannotDecode, Values

_AXES = {"YX", "YXS", "SYX"}
_NONE, _LZW, _OLD_JPEG, _JPEG = 1, 5, 6, 7
_CCITT = {2, 3, 4}
# LZW, deflate and its older numbers, LZMA and zstd. The format defines the tag for these alone; some programs leave it
# in files of other compressions, whose values are not differences.
_WITH_PREDICTOR = {_LZW, 8, 32946, 50013, 34925, 50000}
_JPEG_TO_RGB = {_OLD_JPEG, _JPEG, 33007}
_GREY, _RGB, _PALETTE, _YCBCR = {0, 1}, 2, 3, 6
_MIN_IS_WHITE = 0
_DEEPEST_PACKED = 16
_ORIENTATION = 274
# What Pillow's libtiff is shown to read rightly (tests/engine/data/reading/test_matrix.py) for 8-bit grey, RGB and
# palettes: LZW, deflate and its old number, PackBits, LZMA and zstd.
_PILLOW_LOSSLESS = {_LZW, 8, 32946, 32773, 34925, 50000}
_SAVE_WHOLE = "save it anew with all of them, or take it out"
_SAVE_PLAIN = "save the image uncompressed or with LZW"


def decode_page(page: Any, path: Path) -> Values:
    """Return a page as [height, width, samples] of the type that the file states; 1-bit values as uint8.

    YCbCr becomes RGB where a decoder does it along the way (`becomes_rgb`).

    Args:
        page: of tifffile; a frame is decoded as its keyframe says.
        path: the file.

    Raises:
        CannotDecode: its compression or its packing can't be read rightly here.
        Exception: whatever a broken file does to a decoder.
    """
    stored = page.keyframe
    bits = stored.bitspersample
    if stored.dtype is None or stored.dtype.kind not in "buif":
        kind = stored.dtype or f"{bits}-bit, sample format {stored.sampleformat}"
        raise CannotDecode(f"stores values of the type {kind}, which have no brightness", "save real numbers instead")
    if isinstance(bits, tuple):
        raise CannotDecode(f"packs its samples as {', '.join(map(str, bits))} bits", "save the image as 8 or 16 bits")
    if bits not in (32, 64) and bits > _DEEPEST_PACKED and stored.dtype.kind in "ui":
        # Programs disagree whether such values follow the file's byte order.
        raise CannotDecode(f"is stored as {_name(stored)}, which can't be read here", "save the image as 16 or 32 bits")
    subsampled = bool(stored.is_subsampled) and stored.compression not in (_JPEG, 34892, 33007)
    if stored.compression == _OLD_JPEG or subsampled:  # tifffile reads the first only if it is whole, the second never
        return _by_pillow_or_refuse(page, path, "save the image as RGB")
    _check_that_it_is_whole(page, path)
    if stored.predictor != _NONE and stored.compression not in _WITH_PREDICTOR:
        stored.predictor = _NONE
    if stored.compression == _LZW and _pillow_is_right(page):  # which decodes it twice as fast
        return _by_pillow(page, path)
    try:
        values = _checked(page, stored)
    except Exception as error:
        if _lacks_a_codec(error):
            return _by_pillow_or_refuse(page, path, _SAVE_PLAIN)
        if not any(words in str(error) for words in _TOO_MUCH_DATA) or stored.is_tiled:
            raise
        values = _with_full_last_strip(page)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    return by_samples(values, page.axes if hasattr(page, "axes") else stored.axes)


def becomes_rgb(page: Any) -> bool:
    """Tell whether a page of YCbCr is decoded as RGB: JPEG whose channels lie together, and sub-sampled colour."""
    stored = page.keyframe
    if stored.compression in _JPEG_TO_RGB:
        return bool(stored.planarconfig == 1)
    return bool(stored.is_subsampled)


def by_samples(values: Values, axes: str) -> Values:
    """Return values with these axes as [height, width, samples].

    Raises:
        ValueError: they are not those of a picture.
    """
    if axes not in _AXES:
        raise ValueError(f"a page with the axes {axes} is not a picture")
    if axes == "SYX":
        return np.moveaxis(values, 0, 2)
    return values if values.ndim == 3 else values[:, :, None]


def _check_that_it_is_whole(page: Any, path: Path) -> None:
    """Raise where strips or tiles are left out or lie behind the file's end: decoders fill them with zeros or grey."""
    size = path.stat().st_size
    if not page.dataoffsets or any(not offset or not count for offset, count in _segments(page)):
        raise CannotDecode("lacks strips or tiles of its picture", _SAVE_WHOLE)
    if page.keyframe.is_contiguous:  # whose length is wrong in some files
        ends = page.dataoffsets[0] + page.keyframe.nbytes
    else:
        if len(_segments(page)) < math.prod(page.keyframe.chunked):
            raise CannotDecode("lacks strips or tiles of its picture", _SAVE_WHOLE)
        ends = max(offset + count for offset, count in _segments(page))
    if ends > size:
        raise ValueError("truncated: the file ends before its picture does")


def _segments(page: Any) -> list[tuple[int, int]]:
    return list(zip(page.dataoffsets, page.databytecounts, strict=False))


def _checked(page: Any, stored: Any) -> Values:
    """Decode with tifffile; raise where a codec gives another type than the page states, which tifffile would cast."""
    if stored.compression not in _IMAGE_CODECS:
        values: Values = page.asarray(maxworkers=1)
        return values
    found: list[np.dtype[Any]] = []

    def note(decoded: Any) -> None:
        found.append(decoded[0].dtype)

    for _ in page.segments(maxworkers=1, func=note):
        break
    if (found and found[0].itemsize > stored.dtype.itemsize) or (found and found[0].kind != stored.dtype.kind):
        raise CannotDecode(f"states {stored.dtype} values, but its {_name(stored)} data are {found[0]}", _SAVE_PLAIN)
    decoded: Values = page.asarray(maxworkers=1)
    return decoded


# Compressions whose data say themselves how they are to be decoded: JPEG 2000, JPEG XR, PNG, WebP, LERC, JPEG XL.
_IMAGE_CODECS = {22610, 33003, 33004, 33005, 34712, 34713, 34715, 34887, 34927, 34933, 34934, 50001, 50002, 52546}


# How decoders say that a strip or tile holds more than belongs into it.
_TOO_MUCH_DATA = ("INSUFFICIENT_SPACE", "OUTPUT_TOO_SMALL", "buffer is too small")


def _with_full_last_strip(page: Any) -> Values:
    """Decode a page whose last strip is as long as the others, though the picture ends before it does."""
    import tifffile

    page.parent.filehandle.seek(page.offset)
    longer: Any = tifffile.TiffPage(page.parent, page.index)
    height = longer.imagelength
    full = -(-height // longer.rowsperstrip) * longer.rowsperstrip
    at = longer.axes.index("Y")
    longer.imagelength = full
    longer.shape = (*longer.shape[:at], full, *longer.shape[at + 1 :])
    longer.shaped = (*longer.shaped[:2], full, *longer.shaped[3:])
    values: Values = longer.asarray(maxworkers=1)
    return values.take(range(height), axis=at)


def _lacks_a_codec(error: Exception) -> bool:
    """Tell whether tifffile could not decode for want of a codec, rather than for the file's sake."""
    said = str(error)
    return isinstance(error, (ImportError, AttributeError, NotImplementedError)) or any(
        words in said for words in ("imagecodecs", "COMPRESSION", "PREDICTOR", "not supported", "packints")
    )


def _by_pillow_or_refuse(page: Any, path: Path, remedy: str) -> Values:
    if _pillow_is_right(page):
        return _by_pillow(page, path)
    install = "install imagecodecs (`pip install imagecodecs`), or " if _codecs_are_missing() else ""
    raise CannotDecode(f"is stored as {_name(page.keyframe)}, which can't be read here", install + remedy)


def _codecs_are_missing() -> bool:
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        return True
    return False


def _pillow_is_right(page: Any) -> bool:
    stored = page.keyframe
    plain = (
        not page.parent.is_bigtiff
        and isinstance(page.index, int)  # no SubIFD
        and stored.tags.valueof(_ORIENTATION, 1) == 1  # Pillow would turn it, and so would we
        and not stored.extrasamples
        and (stored.sampleformat, stored.fillorder) == (1, 1)
    )
    photometric, compression = int(stored.photometric), int(stored.compression)
    if not plain or stored.bitspersample != 8:
        return plain and stored.bitspersample == 1 and compression in _CCITT and photometric in _GREY
    samples = {_RGB: 3, _YCBCR: 3}.get(photometric, 1)
    if stored.samplesperpixel != samples or (samples > 1 and stored.planarconfig != 1):
        return False
    if compression in (_JPEG, _OLD_JPEG):
        return photometric in {*_GREY, _RGB, _YCBCR}
    if photometric == _YCBCR:
        return compression != _NONE and bool(stored.is_subsampled)  # which it turns into RGB
    return compression in _PILLOW_LOSSLESS and photometric in {*_GREY, _RGB, _PALETTE}


def _by_pillow(page: Any, path: Path) -> Values:
    with Image.open(path, formats=["TIFF"]) as image:
        image.seek(page.index)
        values: Values = np.asarray(image)
    stored = page.keyframe
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    if values.shape[:2] != (stored.imagelength, stored.imagewidth) or values.dtype != np.uint8:
        raise CannotDecode(f"is stored as {_name(stored)}, which can't be read here", _SAVE_PLAIN)
    if int(stored.photometric) == _MIN_IS_WHITE:  # Pillow turns it into brightness
        values = (1 if stored.bitspersample == 1 else 255) - values
    return values if values.ndim == 3 else values[:, :, None]


def _name(stored: Any) -> str:
    """Name how a page is stored: its compression, or how it packs values that are not compressed."""
    import tifffile

    bits = stored.bitspersample
    if stored.is_subsampled and stored.compression not in (_JPEG, _OLD_JPEG):
        packing = "sub-sampled YCbCr"
    else:
        packing = "" if bits in (8, 16, 32, 64) else f"packed {bits}-bit values"
    if stored.compression == _NONE:
        return packing or f"{stored.dtype} with predictor {int(stored.predictor)}"
    try:
        codec = tifffile.COMPRESSION(stored.compression).name.replace("_", " ")
    except ValueError:
        codec = f"compression {stored.compression}"
    return f"{codec} ({packing})" if packing else codec
