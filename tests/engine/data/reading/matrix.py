"""TIFFs in every form, made from known values: what is stored, how it is packed, and what must come back."""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile

from aimic_tui.engine.data.reading.pixels import Pixels
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_pixels

HEIGHT, WIDTH = 32, 48
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
DTYPES = ("bool", *INTEGERS, "float16", "float32", "float64", "uint4", "uint12")
PACKED = {"uint4": 4, "uint12": 12}
# kind -> photometric, samples, kinds of the extra ones
KINDS = {
    "black": ("minisblack", 1, ()),
    "white": ("miniswhite", 1, ()),
    "black, alpha": ("minisblack", 2, ("unassalpha",)),
    "black, associated alpha": ("minisblack", 2, ("assocalpha",)),
    "white, alpha": ("miniswhite", 2, ("unassalpha",)),
    "two channels": ("minisblack", 2, ("unspecified",)),
    "rgb": ("rgb", 3, ()),
    "rgb, alpha": ("rgb", 4, ("unassalpha",)),
    "rgb, associated alpha": ("rgb", 4, ("assocalpha",)),
    "rgb, another": ("rgb", 4, ("unspecified",)),
    "palette": ("palette", 1, ()),
    "cmyk": ("separated", 4, ()),
    "cmyk, associated alpha": ("separated", 5, ("assocalpha",)),
}
PLAIN = ("none", "lzw", "zlib", "packbits", "zstd", "lzma")
CODECS = ("jpeg2000", "png", "webp", "jpegxl", "lerc", "jpegxr")  # without loss
PREDICTORS = ("none", "horizontal", "float")


@dataclass(frozen=True)
class Form:
    """One way to store a picture."""

    dtype: str
    kind: str
    planar: str
    order: str
    compression: str
    predictor: str
    tiled: bool

    @property
    def name(self) -> str:
        """A file's name."""
        words = (self.dtype, self.kind, self.planar, {"<": "little", ">": "big"}[self.order], self.compression)
        tail = f"{self.predictor}-{'tiles' if self.tiled else 'strips'}.tif"
        return "-".join((*words, tail)).replace(", ", "+").replace(" ", "_")

    @property
    def twin(self) -> Form:
        """The same values, little-endian in one uncompressed strip."""
        return replace(self, planar="contig", order="<", compression="none", predictor="none", tiled=False)


def all_forms() -> Iterator[Form]:
    """Every combination that can be written."""
    for form in itertools.starmap(
        Form,
        itertools.product(DTYPES, KINDS, ("contig", "separate"), "<>", (*PLAIN, *CODECS), PREDICTORS, (False, True)),
    ):
        if _makes_sense(form):
            yield form


def _makes_sense(form: Form) -> bool:
    samples = KINDS[form.kind][1]
    if form.compression in CODECS and not (form.order == "<" and _codec_takes(form, samples)):
        return False
    return not (
        (samples == 1 and form.planar == "separate")
        or (form.kind.startswith(("palette", "cmyk")) and form.dtype not in ("uint8", "uint16"))
        or (form.predictor == "horizontal" and form.dtype not in INTEGERS)
        or (form.predictor == "float" and not form.dtype.startswith("float"))
        or (form.predictor != "none" and form.compression not in ("lzw", "zlib", "zstd", "lzma"))
        or (form.dtype == "bool" and (samples > 1 or form.tiled))
        # tifffile can't write the rest of packed values, or writes it wrongly
        or (form.dtype in PACKED and (form.tiled or form.order == ">" or form.compression != "none"))
    )


def _codec_takes(form: Form, samples: int) -> bool:
    together = 1 if form.planar == "separate" else samples
    dtypes = {
        "jpeg2000": ("uint8", "uint16"),
        "png": ("uint8", "uint16"),
        "webp": ("uint8",),
        "jpegxl": ("uint8", "uint16"),
        "lerc": ("uint8", "uint16", "int16", "float32"),
        "jpegxr": ("uint8",),
    }[form.compression]
    colours = {"webp": (3, 4), "jpegxl": (1, 3), "jpegxr": (1, 3)}.get(form.compression, (1, 2, 3, 4))
    return (
        form.dtype in dtypes
        and together in colours
        and not (form.compression == "png" and form.kind.startswith("cmyk"))
    )


def stored_values(form: Form) -> np.ndarray:
    """Return what is stored, as [height, width, samples]; of alpha a third is opaque and a third transparent."""
    _, samples, extra = KINDS[form.kind]
    random = np.random.default_rng(zlib.crc32(f"{form.dtype} {form.kind}".encode()))
    shape = (HEIGHT, WIDTH, samples)
    dtype = stored_type(form)
    top = top_of(form)
    if form.dtype == "bool":
        return random.integers(0, 2, shape).astype(np.bool_)
    if dtype.kind == "f":
        values = random.random(shape).astype(dtype)
        if form.kind in ("black", "two channels") and form.compression != "lerc":  # LERC has no number for NaN
            values[0, :3] = (np.array([[np.nan], [-2.5], [3.25]])).astype(dtype)
    else:
        low = -(top + 1) if dtype.kind == "i" and not extra else 0
        values = random.integers(low, top, shape, dtype=np.int64, endpoint=True).astype(dtype)
    if extra and extra[0] != "unspecified":
        alpha = np.full((HEIGHT, WIDTH), top, np.float64)
        alpha[:10], alpha[10:20] = 0, top * 0.6 if dtype.kind == "f" else top * 3 // 5
        values[:, :, -1] = alpha.astype(dtype)
        if extra[0] == "assocalpha":
            share = alpha[:, :, None] / top
            values[:, :, :-1] = (values[:, :, :-1] * share).astype(dtype)
    return values


def stored_type(form: Form) -> np.dtype:
    """Return the type that holds the values."""
    return np.dtype({"uint4": "uint8", "uint12": "uint16"}.get(form.dtype, form.dtype))


def top_of(form: Form) -> float:
    """Return the value of what is opaque, or white."""
    dtype = stored_type(form)
    if dtype.kind in "fb":
        return 1
    return 2 ** PACKED[form.dtype] - 1 if form.dtype in PACKED else int(np.iinfo(dtype).max)


def palette(form: Form) -> np.ndarray:
    """Return a palette as TIFF has it: uint16 [3, colours]."""
    colours = 256 if form.dtype == "uint8" else 65536
    return np.random.default_rng(5).integers(0, 65536, (3, colours), dtype=np.uint16)


def write(form: Form, path: Path) -> None:
    """Write one file.

    Raises:
        Exception: an encoder does not take it.
    """
    photometric, samples, extra = KINDS[form.kind]
    values = stored_values(form)
    picture = values[:, :, 0] if samples == 1 else values
    if form.planar == "separate":
        picture = np.moveaxis(values, 2, 0).copy()
    options: dict[str, object] = {}
    if form.compression == "jpegxr":
        options["compressionargs"] = {"level": 1.0}
    elif form.compression in ("webp", "jpegxl"):
        options["compressionargs"] = {"lossless": True}
    elif form.compression == "jpeg2000":
        options["compressionargs"] = {"reversible": True, "level": 0}
    if form.dtype in PACKED:
        options["bitspersample"] = PACKED[form.dtype]
    if form.kind == "palette":
        options["colormap"] = palette(form)
    if form.tiled:
        options["tile"] = (16, 32)
    elif form.compression not in CODECS and form.dtype != "bool":
        options["rowsperstrip"] = HEIGHT if form == form.twin else 10
    if samples > 1:
        options["planarconfig"] = form.planar
    tifffile.imwrite(
        path,
        picture,
        photometric=photometric,
        extrasamples=extra or None,
        byteorder=form.order,
        compression=None if form.compression == "none" else form.compression,
        predictor={"none": None, "horizontal": 2, "float": 3}[form.predictor],
        metadata=None,
        **options,
    )


def fault_of(form: Form, pixels: Pixels) -> str:
    """Return how what was read differs from what was stored, "" where it does not. It knows nothing of readers."""
    photometric, _, extra = KINDS[form.kind]
    stored = stored_values(form)
    transparent = bool(extra) and extra[0] != "unspecified"
    share = stored[:, :, -1:] / top_of(form) if transparent else np.ones((HEIGHT, WIDTH, 1))
    meant = _colours(form, stored, share)
    if pixels.inverted != (photometric == "miniswhite"):
        return "black and white change places"
    if pixels.values.shape != meant.shape or (pixels.opacity is not None) != transparent:
        return f"{pixels.values.shape} for {meant.shape}"
    if transparent and np.abs(pixels.opacity[:, :, None] / 255 - share).max() > 0.5 / 255 + 1e-3:
        return "another transparency"
    visible = share[:, :, 0] > 0
    seen, meant = pixels.values[visible], meant[visible]
    if extra == ("assocalpha",):  # what was multiplied and rounded can't be had back exactly
        step = 2e-3 if stored.dtype.kind == "f" else 17 if form.dtype == "uint4" else 2
        return "" if np.abs(seen.astype(float) - meant).max() <= step else "other values"
    return "" if np.array_equal(seen, meant.astype(seen.dtype), equal_nan=seen.dtype.kind == "f") else "other values"


def _colours(form: Form, stored: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return [height, width, channels] as a reader should: light for ink, colours for a palette, no alpha."""
    photometric, _, extra = KINDS[form.kind]
    top = top_of(form)
    values = stored[:, :, :-1] if extra and extra[0] != "unspecified" else stored
    if photometric == "palette":
        return np.moveaxis((palette(form) // 256)[:, stored[:, :, 0]], 0, 2)
    if extra == ("assocalpha",):
        values = np.minimum(values / np.where(share > 0, share, 1), top)
    if photometric == "separated":
        ink = values.astype(float) / top
        return np.rint((1 - ink[:, :, :3]) * (1 - ink[:, :, 3:]) * top)
    values = values[:, :, :3]
    return np.rint(values.astype(float) * (255 / top)) if form.dtype in ("bool", "uint4") else values


def outcome(form: Form, folder: Path) -> str:
    """Read a file of `write`: "equal", "refused: why", or "wrong: what"."""
    try:
        pixels = read_pixels(folder / form.name)
    except UnreadableImage as error:
        return f"refused: {error.detail}. {error.sentence}"
    fault = fault_of(form, pixels)
    return f"wrong: {fault}" if fault else "equal"


def write_all(forms: Iterable[Form], folder: Path) -> list[Form]:
    """Write those forms that the encoders take, and return them."""
    written = []
    for form in forms:
        try:
            write(form, folder / form.name)
        except (ValueError, TypeError, RuntimeError, NotImplementedError):
            (folder / form.name).unlink(missing_ok=True)
            continue
        written.append(form)
    return written


def tally(forms: Iterable[Form], folder: Path) -> tuple[Counter[str], dict[str, str]]:
    """Read all of them.

    Returns:
        How many were equal, refused and wrong, and for all that were not equal what happened, by name.
    """
    outcomes = {form.name: outcome(form, folder) for form in forms}
    counts = Counter(said.partition(":")[0] for said in outcomes.values())
    return counts, {name: said for name, said in outcomes.items() if said != "equal"}
