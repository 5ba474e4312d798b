"""Which pages of a TIFF are its picture: by the metadata of OME, ImageJ and others, else by what each page says.

Never a thumbnail, an overview or a mask where the file holds a full picture.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.pixels import CannotDecode, Values, plane_range, projected, select_channels
from aimic_tui.engine.data.reading.tiff_decoder import by_samples, decode_page
from aimic_tui.engine.text import one_line, plural

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_OLD_REDUCED = 2  # value of SubfileType
_NEW_SUBFILE, _OLD_SUBFILE, _PHOTOMETRIC = 254, 255, 262
_TRANSPARENCY_MASK = 4  # value of PhotometricInterpretation
_UNNAMED = "IQ"  # axes of pages of which a file does not say what they are
_SAYS_WHAT_PAGES_ARE = (
    *("ome", "imagej", "lsm", "stk", "micromanager", "fluoview", "scanimage", "nih", "sis", "eer"),
    *("svs", "qpi", "scn", "bif", "ndpi", "philips", "avs", "mdgel"),
)

Locate = Callable[[int, int], Any]


@dataclass(frozen=True)
class Picture:
    """The pages of a file's first full picture: by channel, and for each channel the planes of its stack.

    Attributes:
        page: one of them, which says how all are stored.
        channels: that lie in pages of their own; 1 where a page is all of a plane.
        planes: of the stack.
        read_page: returns [height, width, samples] of a channel and a plane, from 0.
    """

    page: Any
    channels: int
    planes: int
    read_page: Callable[[int, int], Values]

    def read(self, rule: InputRule) -> Values:
        """Return the planes that the rule wants as [height, width, samples], or its channels as [height, width, n].

        Raises:
            RuleMismatch, CannotDecode: as they say.
            Exception: whatever a broken file does to a decoder.
        """
        if self.channels == 1:
            return self._plane(0, rule)
        wanted = [divmod(number, self.samples) for number in select_channels(self.channels * self.samples, rule)]
        pages = {channel: self._plane(channel, rule) for channel in {channel for channel, _ in wanted}}
        return np.stack([pages[channel][:, :, sample] for channel, sample in wanted], axis=2)

    @property
    def samples(self) -> int:
        """Channels that lie together in a page."""
        return int(self.page.samplesperpixel)

    def _plane(self, channel: int, rule: InputRule) -> Values:
        return projected(self.read_page(channel, plane) for plane in plane_range(self.planes, rule))


_MOST_METADATA = 4 << 20  # characters; ten thousand planes take less
_MOST_PLANES = 1_000_000
_SAVE_ANEW = "Save it anew, or take it out of the data set."


def find_picture(tiff: Any, path: Path, rule: InputRule) -> Picture:
    """Find the picture of an open TIFF.

    Where the file says what its pages are, they are that. Where it does not, they are planes of a stack, or the
    channels where the rule asks for more of them than a page has. Of time points and positions the first counts that
    the file holds.

    Args:
        tiff: of tifffile.
        path: the file.
        rule: which channels and planes it wants.

    Raises:
        CannotDecode: metadata refer to pages or files that are not there, or would take minutes to read.
        Exception: whatever a broken file does to tifffile.
    """
    first = tiff.pages[0]
    _check_metadata(first.description)
    if not _says_what_pages_are(tiff, first):
        page = first if _is_full(first) else _first_full_page(tiff, first)
        if max(rule.channel_indices or (0,)) < int(page.samplesperpixel) and rule.plane == "first":
            return _single(page, path)  # without looking for further pages, which takes time
        series = next((one for one in tiff.series if any(_same(page, other) for other in one.pages)), None)
        return _of_series(series, page, path, rule) if series is not None else _single(page, path)
    if tiff.is_ome and tiff.series[0].kind != "ome":
        mapped = _of_this_file(tiff, first, path)  # tifffile gives up on a set of files, of which it may open one only
        if mapped is not None:
            return mapped
    if tiff.is_imagej and tiff.series[0].kind != "imagej":
        _check_lost_stack(tiff.imagej_metadata or {}, rule)
    series = next((one for one in tiff.series if _is_full(one.keyframe)), tiff.series[0])
    page = next((page for page in series.pages if page is not None), None)
    return _of_series(series, first if page is None else page.keyframe, path, rule)


def _says_what_pages_are(tiff: Any, first: Any) -> bool:
    named = _NAMED_AXES.match(first.description) is not None
    return named or any(getattr(tiff, f"is_{kind}") for kind in _SAYS_WHAT_PAGES_ARE)


# As tifffile writes it where it is told the axes.
_NAMED_AXES = re.compile(r'\{"shape": .*"axes": "')


def _check_metadata(description: str) -> None:
    if len(description) > _MOST_METADATA:
        raise CannotDecode(f"has {len(description) >> 20} MB of metadata", "Save the picture without them.")
    for pixels in re.finditer(r"<(?:\w+:)?Pixels\b[^>]*>", description):
        sizes = re.findall(r'\bSize[CZT]="(\d{1,18})"', pixels[0])
        if math.prod(map(int, sizes)) > _MOST_PLANES:
            raise CannotDecode("claims millions of planes", _SAVE_ANEW)
    counts = re.findall(r'\b(?:PlaneCount|images|slices|frames|channels)="?(\d{1,18})', description)
    if max(map(int, counts), default=0) > _MOST_PLANES:
        raise CannotDecode("claims millions of planes", _SAVE_ANEW)


def _check_lost_stack(about: Mapping[str, Any], rule: InputRule) -> None:
    """Refuse a stack of ImageJ of which pages are missing, unless the first of them is all that is wanted."""
    channels = about.get("channels", 1)
    if channels != 1 or rule.plane != "first":
        raise CannotDecode(
            f"lacks pages of the stack that it describes ({plural(int(channels), 'channel')}, "
            f"{plural(int(about.get('slices', 1)), 'slice')})",
            "save the stack anew, or copy it again",
        )


def _is_full(page: Any) -> bool:
    kind = int(page.tags.valueof(_NEW_SUBFILE, 0) or 0)
    return (
        not kind & (_REDUCED | _MASK)
        and page.tags.valueof(_OLD_SUBFILE) != _OLD_REDUCED
        and page.tags.valueof(_PHOTOMETRIC) != _TRANSPARENCY_MASK
    )


def _first_full_page(tiff: Any, first: Any) -> Any:
    """Return the first page that is neither reduced nor a mask; where none is, one of the SubIFDs, else the first."""
    tiff.pages.useframes = False
    every = list(tiff.pages)
    below = (page for parent in every for page in parent.pages or ())
    return next((page for page in itertools.chain(every, below) if _is_full(page)), first)


def _same(page: Any, other: Any) -> bool:
    return other is not None and page.offset == other.offset


def _single(page: Any, path: Path) -> Picture:
    return Picture(page, 1, 1, lambda channel, plane: decode_page(page, path))


def _of_series(series: Any, page: Any, path: Path, rule: InputRule) -> Picture:
    """Return the pages of one of tifffile's series by channel and plane."""
    own, samples, most = page.axes, int(page.samplesperpixel), max(rule.channel_indices or (0,))
    # Samples of a page may have another name as an axis of the series, such as the channels of an LSM.
    if not series.axes.endswith(own) and series.shape[-len(own) :] != page.shape:
        return _single(page, path)
    axes, shape = series.axes[: -len(own)], series.shape[: -len(own)]
    steps = [int(np.prod(shape[at + 1 :], dtype=np.int64)) for at in range(len(axes))]

    def place(names: str) -> tuple[int, int]:
        """Return length and step of the first of these axes; (1, 0) where there is none."""
        return next(((int(shape[at]), steps[at]) for at, name in enumerate(axes) if name in names), (1, 0))

    channels, channel_step = place("C") if "C" not in own else (1, 0)
    planes, plane_step = place("Z")
    if not set(axes) & set("CZT") and most >= samples:
        channels, channel_step = place(_UNNAMED)
    elif not set(axes) & set("CZT"):
        planes, plane_step = place(_UNNAMED)
    return Picture(
        page,
        channels,
        planes,
        lambda channel, plane: _page_of_series(series, channel * channel_step + plane * plane_step, path),
    )


def _page_of_series(series: Any, number: int, path: Path) -> Values:
    pages = series.pages
    if number < len(pages):
        if pages[number] is None:
            raise _absent(f"page {number + 1} of its picture")
        return decode_page(pages[number], path)
    keyframe = series.keyframe
    if series.dataoffset is None:
        raise _absent(f"page {number + 1} of its picture")
    # One block behind a single page, as ImageJ writes what is too long for a TIFF.
    dtype = keyframe.dtype.newbyteorder(series.parent.byteorder)
    size = int(np.prod(keyframe.shape, dtype=np.int64))
    with path.open("rb") as file:
        file.seek(series.dataoffset + number * size * dtype.itemsize)
        block = np.fromfile(file, dtype, size)
    if block.size < size:
        raise ValueError("the file ends before the page does")
    return by_samples(block.astype(keyframe.dtype).reshape(keyframe.shape), keyframe.axes)


def _absent(what: str, where: str = "") -> CannotDecode:
    return CannotDecode(
        f"does not hold {what}, which its metadata refer to" + (f" in {where}" if where else ""),
        "join the set of files into one, for example with ImageJ or bfconvert, or set data.channels to channels that "
        "the file holds",
    )


@dataclass(frozen=True)
class _OmeImage:
    """An image of an OME file that is one of a set.

    Attributes:
        channels: pages apart, in the whole set.
        pages: (channel, plane, time) -> number of the page, of those that lie in this file.
        elsewhere: (channel, plane, time) -> name of the file it lies in.
    """

    channels: int
    pages: Mapping[tuple[int, int, int], int]
    elsewhere: Mapping[tuple[int, int, int], str]


def _of_this_file(tiff: Any, first: Any, path: Path) -> Picture | None:
    """Return the first image of an OME set of files of which this file holds pages; None where the XML says of none."""
    image = next((one for one in _ome_images(tiff.ome_metadata or "", path.name) if one.pages), None)
    if image is None:
        return None
    time = min(time for _, _, time in image.pages)
    planes = sorted({plane for _, plane, at in image.pages if at == time})

    def read_page(channel: int, plane: int) -> Values:
        place = (channel, planes[plane], time)
        if place not in image.pages:
            raise _absent(f"channel {channel + 1}", one_line(image.elsewhere.get(place, ""), 80))
        number = image.pages[place]
        if number >= len(tiff.pages):
            raise _absent(f"page {number + 1}")
        return decode_page(tiff.pages[number], path)

    return Picture(first, image.channels, len(planes), read_page)


def _ome_images(xml: str, name: str) -> Iterator[_OmeImage]:
    try:
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", xml))
    except ElementTree.ParseError:
        return
    for pixels in root.iter():
        if not pixels.tag.endswith("}Pixels"):
            continue
        found = list(pixels)
        spp = next((int(one.get("SamplesPerPixel", 1)) for one in found if one.tag.endswith("}Channel")), 1)
        order = pixels.get("DimensionOrder", "XYCZT")[2:]
        sizes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in "CZT"}
        sizes["C"] = max(1, sizes["C"] // spp)
        here: dict[tuple[int, int, int], int] = {}
        elsewhere: dict[tuple[int, int, int], str] = {}
        for data in found:
            if not data.tag.endswith("}TiffData"):
                continue
            uuid = next((child for child in data if child.tag.endswith("}UUID")), None)
            file = name if uuid is None or uuid.text == root.get("UUID") else uuid.get("FileName", "another file")
            start = sum(int(data.get(f"First{axis}", 0)) * _step(order, sizes, axis) for axis in order)
            page, count = int(data.get("IFD", 0)), int(data.get("PlaneCount", 1))
            for number in range(min(count, sizes["C"] * sizes["Z"] * sizes["T"] - start)):
                at = {axis: (start + number) // _step(order, sizes, axis) % sizes[axis] for axis in order}
                place = (at["C"], at["Z"], at["T"])
                if file.lower() == name.lower():
                    here[place] = page + number
                else:
                    elsewhere[place] = file
        yield _OmeImage(sizes["C"], here, elsewhere)


def _step(order: str, sizes: Mapping[str, int], axis: str) -> int:
    """Return after how many planes the next place along an axis comes; the first axis of the order runs fastest."""
    return int(np.prod([sizes[before] for before in order[: order.index(axis)]], dtype=np.int64))
