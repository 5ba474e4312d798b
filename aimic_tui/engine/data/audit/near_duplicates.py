"""Pictures that are nearly the same: turned, mirrored, compressed again, slightly cropped.

Three looks, each finer and dearer than the one before, since cells of one smear resemble each other:

1. A hash of each thumbnail: the sizes of its low cosine coefficients, which no turn or mirror changes. Neighbours in
   that space are candidates; beyond some thousands of images they are found by locality-sensitive hashing.
2. The candidates' thumbnails are laid over each other in all eight orientations, shifted and scaled to fit.
3. What still fits is read again, aligned at 64 pixels a side (Lucas and Kanade, 1981: least squares on shift, scale,
   gain and offset), and compared by its fine detail alone: shapes may agree by chance, grain does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from aimic_tui.engine.data.reading.read_image import UnreadableImage
from aimic_tui.engine.data.threads import ShouldStop, in_threads
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.progress import Progress, ReportProgress, no_report

Floats = npt.NDArray[np.float32]

_COEFFICIENTS = 6
_NEIGHBOURS = 20
_IN_A_CELL = 8  # neighbours of a picture in a crowded cell of a grid
_RADIUS = 0.42  # distance of two hashes up to which a picture and its crop may be apart
_EXACT = 10_000  # pictures up to which all are compared with all
_NARROW = 0.12  # the radius beyond that: turns, mirrors and compression stay below 0.08
_GRIDS, _GRID_AXES, _CELL = 12, 8, 0.15
_FAINT = 1.5  # grey levels: a thumbnail that varies less shows nothing to compare
_PLAUSIBLE = 0.7  # correlation of thumbnails as they lie, to be aligned
_ALIKE = 0.93  # correlation of aligned thumbnails, to be looked at again
# Of planted copies (turned, cropped up to 8 % a side, quality 40) the least reaches 0.86, and so do cells that were
# photographed twice; of different cells of real smears the most is 0.79.
_SAME = 0.83  # correlation of aligned detail, to be called nearly the same
_FINE = 64  # pixels a side of the last look
_COVERED = 0.55  # share of the picture that both must show
_BATCH = 512  # thumbnails compared at once: they stay in the processor's cache
_READ = 256  # pictures compared at once


@dataclass(frozen=True)
class NearPair:
    """Two pictures that are nearly the same.

    Attributes:
        first, second: their indices.
        distance: 0 (the same detail) to 1 (none in common): 1 less the correlation of the aligned detail.
    """

    first: int
    second: int
    distance: float


def near_pairs(
    thumbs: npt.NDArray[np.uint8],
    indices: npt.NDArray[np.integer],
    read: Callable[[int], npt.NDArray[np.uint8]],
    report: ReportProgress = no_report,
    should_stop: ShouldStop | None = None,
) -> list[NearPair]:
    """Find the pictures that are nearly the same.

    Args:
        thumbs: [n, T, T], brightness of each picture.
        indices: which of them to compare; of pictures known to be the same, one is enough.
        read: gives a picture as [height, width, 3]; may raise UnreadableImage.
        report: hears how many of how many pairs are compared.
        should_stop: is asked now and then.

    Returns:
        Each pair once, by index.

    Raises:
        Interrupted: `should_stop` said so.
    """
    spread = [thumbs[indices[at : at + _BATCH]].std(axis=(1, 2)) for at in range(0, len(indices), _BATCH)]
    shown = indices[np.concatenate([*spread, np.zeros(0)]) >= _FAINT]
    pairs = _candidates(thumbs, shown)
    fits = _fitting(thumbs, shown[pairs], report, should_stop)
    return sorted(_verified(fits, read, should_stop), key=lambda pair: (pair.first, pair.second))


@dataclass(frozen=True, eq=False)
class _Fits:
    """m pairs that fit: pairs int [m, 2], orientations int [m], warps float32 [m, 4] (see `_align`)."""

    pairs: npt.NDArray[np.integer]
    orientations: npt.NDArray[np.integer]
    warps: Floats


def _candidates(thumbs: npt.NDArray[np.uint8], shown: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return [m, 2] pairs of neighbours among the pictures `shown`, as places in it, each once."""
    hashes = perceptual_hashes(thumbs, shown)
    pairs = _nearest(hashes) if len(hashes) <= _EXACT else _colliding(hashes)
    return np.unique(np.sort(pairs, axis=1), axis=0) if len(pairs) else np.zeros((0, 2), np.int64)


def _nearest(hashes: Floats) -> npt.NDArray[np.integer]:
    """Return each hash with its nearest ones, found by comparing all with all."""
    count, neighbours = len(hashes), min(_NEIGHBOURS, len(hashes) - 1)
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, count if neighbours > 0 else 0, 1024):
        block = hashes[start : start + 1024]
        likeness = block @ hashes.T
        rows = np.arange(len(block))
        likeness[rows, rows + start] = -1  # itself
        nearest = np.argpartition(likeness, -neighbours, axis=1)[:, -neighbours:]
        close = np.take_along_axis(likeness, nearest, axis=1) >= 1 - _RADIUS**2 / 2
        found.append(np.stack([(rows[:, None] + start + 0 * nearest)[close], nearest[close]], axis=1))
    return np.concatenate(found)


def _colliding(hashes: Floats) -> npt.NDArray[np.integer]:
    """Return pairs of hashes that fall into the same cell of one of several randomly shifted grids.

    Only close ones do so reliably: of so many pictures, many look alike, and a larger crop is left to the smaller sets.
    """
    random = np.random.default_rng(0)
    some = hashes[random.permutation(len(hashes))[:20_000]]
    axes = np.linalg.eigh(np.cov(some.T))[1][:, ::-1]
    places = (hashes @ axes[:, :_GRID_AXES]).astype(np.float32)
    found = [np.zeros((0, 2), np.int64)]
    for _ in range(_GRIDS):
        shifted = (places + 2 + random.uniform(0, _CELL, _GRID_AXES)) / _CELL
        cells = shifted.astype(np.uint64) @ (np.uint64(64) ** np.arange(_GRID_AXES, dtype=np.uint64))
        along = axes[:, _GRID_AXES:] @ random.normal(size=axes.shape[1] - _GRID_AXES)
        order = np.lexsort((hashes @ along.astype(np.float32), cells))
        for step in range(1, _IN_A_CELL + 1):  # in a crowded cell, those that another axis puts side by side
            one, other = order[:-step], order[step:]
            same = cells[one] == cells[other]
            one, other = one[same], other[same]
            for start in range(0, len(one), 1 << 18):
                pair = np.stack([one[start : start + (1 << 18)], other[start : start + (1 << 18)]], axis=1)
                likeness = np.einsum("ij,ij->i", hashes[pair[:, 0]], hashes[pair[:, 1]])
                found.append(pair[likeness >= 1 - _NARROW**2 / 2])
    return np.concatenate(found)


def perceptual_hashes(thumbs: npt.NDArray[np.uint8], indices: npt.NDArray[np.integer]) -> Floats:
    """Return a hash of each of the [n, T, T] thumbnails at `indices` [m], as float32 [m, d] of length 1.

    A mirror changes the signs of cosine coefficients only, and a quarter turn also swaps (u, v) with (v, u): what is
    kept is the sum and the difference of both sizes. Brightness and contrast fall out.
    """
    side = thumbs.shape[1]
    places = np.arange(side) + 0.5
    basis = np.cos(np.pi / side * np.outer(np.arange(_COEFFICIENTS), places)).astype(np.float32)
    basis[0] *= np.float32(np.sqrt(0.5))
    first, second = np.triu_indices(_COEFFICIENTS)
    kept = (first + second > 0) & (first + second <= _COEFFICIENTS)
    first, second = first[kept], second[kept]
    off = first != second
    hashes = np.empty((len(indices), len(first) + int(off.sum())), np.float32)
    for start in range(0, len(indices), _BATCH):
        sizes = np.abs(basis @ thumbs[indices[start : start + _BATCH]].astype(np.float32) @ basis.T)
        one, other = sizes[:, first, second], sizes[:, second, first]
        sums = np.where(off, (one + other) * np.float32(np.sqrt(0.5)), one)
        differences = np.abs(one - other)[:, off] * np.float32(np.sqrt(0.5))
        hashes[start : start + _BATCH] = np.concatenate([sums, differences], axis=1)
    hashes /= np.maximum(np.linalg.norm(hashes, axis=1, keepdims=True), 1e-6)
    return hashes


def _turned(images: Floats, orientation: int) -> Floats:
    """Return [m, s, s] images in one of the eight orientations."""
    turned = images.transpose(0, 2, 1) if orientation & 4 else images
    return turned[:, :: -1 if orientation & 1 else 1, :: -1 if orientation & 2 else 1]


def _fitting(
    thumbs: npt.NDArray[np.uint8],
    pairs: npt.NDArray[np.integer],
    report: ReportProgress,
    should_stop: ShouldStop | None,
) -> _Fits:
    kept: list[tuple[npt.NDArray[np.integer], npt.NDArray[np.integer], Floats]] = []
    report(Progress("compare", 0, len(pairs)))
    for start in range(0, len(pairs), _BATCH):
        if should_stop is not None and should_stop():
            raise Interrupted("stopped before all images were compared.")
        some = pairs[start : start + _BATCH]
        fixed, moving = (thumbs[some[:, side]].astype(np.float32) for side in (0, 1))
        shapes = [_standardised(pictures) for pictures in (fixed, moving)]
        as_they_lie = np.stack(
            [(shapes[0] * _turned(shapes[1], orientation)).sum(axis=(1, 2)) for orientation in range(8)]
        )
        # the two orientations that fit best unaligned are worth aligning
        correlations = np.full((8, len(some)), -1, np.float32)
        warps = np.zeros((8, len(some), 4), np.float32)
        ranks = np.argsort(-as_they_lie, axis=0)[:2]
        for orientation in range(8):
            tried = np.flatnonzero((ranks == orientation).any(axis=0) & (as_they_lie[orientation] >= _PLAUSIBLE))
            if not len(tried):
                continue
            turned = _turned(moving[tried], orientation)
            warps[orientation, tried] = _align(fixed[tried], turned, _identity(len(tried)), 4)
            correlations[orientation, tried] = _agreement(fixed[tried], turned, warps[orientation, tried])
        best = correlations.argmax(axis=0)
        each = np.arange(len(some))
        good = correlations[best, each] >= _ALIKE
        kept.append((some[good], best[good], warps[best, each][good]))
        report(Progress("compare", start + len(some), len(pairs)))
    if not kept:
        return _Fits(np.zeros((0, 2), np.int64), np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    return _Fits(*(np.concatenate(column) for column in zip(*kept, strict=True)))


def _standardised(images: Floats) -> Floats:
    """Return [m, s, s] pictures of mean 0 and length 1."""
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True)), np.float32)


def _verified(
    fits: _Fits, read: Callable[[int], npt.NDArray[np.uint8]], should_stop: ShouldStop | None
) -> list[NearPair]:
    found: list[NearPair] = []

    def picture(index: int) -> Floats:
        return _small_grey(read, index)

    for start in range(0, len(fits.pairs), _READ):
        some = slice(start, start + _READ)
        needed, places = np.unique(fits.pairs[some], return_inverse=True)
        pictures = np.stack(list(in_threads(picture, needed.tolist(), should_stop=should_stop)))
        places = places.reshape(-1, 2)
        one, other = pictures[places[:, 0]], pictures[places[:, 1]]
        for orientation in range(8):
            turned = fits.orientations[some] == orientation
            other[turned] = _turned(other[turned], orientation)
        correlations = _detail_correlation(one, other, fits.warps[some])
        for (first, second), correlation in zip(fits.pairs[some].tolist(), correlations.tolist(), strict=True):
            if correlation >= _SAME:
                found.append(NearPair(first, second, round(max(0.0, 1 - correlation), 3)))
    return found


def _small_grey(read: Callable[[int], npt.NDArray[np.uint8]], index: int) -> Floats:
    try:
        grey = Image.fromarray(read(index)).convert("L")
    except UnreadableImage:  # it was readable a moment ago; a flat picture is like no other
        return np.zeros((_FINE, _FINE), np.float32)
    return np.asarray(grey.resize((_FINE, _FINE), Image.Resampling.BOX), np.float32)


def _detail_correlation(one: Floats, other: Floats, warps: Floats) -> Floats:
    """Align [m, s, s] images from coarse to fine; return how well what is finer than their shapes agrees, -1 to 1."""
    for step in (2, 1):
        warps = _align(_halved(one, step), _halved(other, step), warps, 6)
    return _agreement(_detail(one), _detail(other), warps)


def _halved(images: Floats, step: int) -> Floats:
    count, side, _ = images.shape
    blocks = images.reshape(count, side // step, step, side // step, step)
    return np.asarray(blocks.mean(axis=(2, 4)), np.float32)


def _detail(images: Floats) -> Floats:
    """Take the blurred picture away: a box of seven pixels, twice."""
    blurred = images
    for _ in range(2):
        for axis in (1, 2):
            padded = np.pad(blurred, [(3, 3) if at == axis else (0, 0) for at in range(3)], mode="edge")
            blurred = np.lib.stride_tricks.sliding_window_view(padded, 7, axis).mean(axis=-1, dtype=np.float32)
    return images - blurred


def _identity(count: int) -> Floats:
    return np.tile(np.array([1, 1, 0, 0], np.float32), (count, 1))


def _grid(side: int) -> Floats:
    """Return the pixels' centres, from -1 to 1 across the picture."""
    return ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1).astype(np.float32)


def _sample(images: Floats, warps: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return [m, s, s] images as seen through their warps, and which pixels lie inside."""
    count, side, _ = images.shape
    grid = _grid(side)
    along, within = [], []
    for scale, shift in ((warps[:, 1], warps[:, 3]), (warps[:, 0], warps[:, 2])):
        place = ((scale[:, None] * grid + shift[:, None]) + 1) * (side / 2) - 0.5
        within.append((place >= -0.5) & (place <= side - 0.5))
        along.append(np.clip(place, 0, side - 1.001))
    rows, columns = along
    row, column = rows.astype(np.intp), columns.astype(np.intp)
    down, right = (rows - row)[:, :, None], (columns - column)[:, None, :]
    each = np.arange(count)[:, None, None]
    row, column = row[:, :, None], column[:, None, :]
    above = images[each, row, column] * (1 - right) + images[each, row, column + 1] * right
    below = images[each, row + 1, column] * (1 - right) + images[each, row + 1, column + 1] * right
    seen = (above * (1 - down) + below * down).astype(np.float32)
    return seen, within[0][:, :, None] & within[1][:, None, :]


def _align(fixed: Floats, moving: Floats, warps: Floats, steps: int) -> Floats:
    """Fit [m, s, s] `moving` to `fixed` by Gauss-Newton steps.

    Args:
        warps: [m, 4], where to begin: a place (x, y) in the fixed picture, -1 to 1 across it, is the place
            (w0 x + w2, w1 y + w3) in the moving one.
        steps: how many.
    """
    side = fixed.shape[1]
    grid = _grid(side)
    for _ in range(steps):
        seen, inside = _sample(moving, warps)
        weight = inside.astype(np.float32)
        down, right = np.gradient(seen, 2 / side, axis=(1, 2))
        # the gradient is by the fixed picture's places; by the moving one's it is smaller by the scale
        right, down = right / warps[:, 0, None, None], down / warps[:, 1, None, None]
        columns = np.stack(
            [right * grid[None, None, :], down * grid[None, :, None], right, down, seen, np.ones_like(seen)], axis=-1
        ).reshape(len(seen), -1, 6)
        weighted = columns * weight.reshape(len(seen), -1, 1)
        normal = (weighted.transpose(0, 2, 1) @ columns).astype(np.float64)
        target = weighted.transpose(0, 2, 1) @ fixed.reshape(len(seen), -1, 1)
        # a trace of itself on the diagonal: a stripe has no gradient along it, and nothing to be solved for there
        ridge = (1e-9 * np.trace(normal, axis1=1, axis2=2) + 1e-9)[:, None, None] * np.eye(6)
        solved = np.linalg.solve(normal + ridge, target)[:, :, 0]
        gain = np.where(np.abs(solved[:, 4]) < 0.2, 0.2, solved[:, 4])[:, None]
        change = np.clip(solved[:, :4] / gain, -0.15, 0.15)
        warps = (warps + change).astype(np.float32)
        warps[:, :2] = np.clip(warps[:, :2], 0.7, 1.4)
        warps[:, 2:] = np.clip(warps[:, 2:], -0.35, 0.35)
    return warps


def _agreement(fixed: Floats, moving: Floats, warps: Floats) -> Floats:
    """Return the correlation of [m, s, s] pictures where both show something; -1 where they share too little."""
    seen, inside = _sample(moving, warps)
    weight = inside.astype(np.float32)
    share = weight.mean(axis=(1, 2))
    total = np.maximum(weight.sum(axis=(1, 2)), 1)[:, None, None]
    one = (fixed - (fixed * weight).sum(axis=(1, 2))[:, None, None] / total) * weight
    other = (seen - (seen * weight).sum(axis=(1, 2))[:, None, None] / total) * weight
    product = (one * other).sum(axis=(1, 2))
    norm = np.sqrt((one**2).sum(axis=(1, 2)) * (other**2).sum(axis=(1, 2)))
    return np.where((share >= _COVERED) & (norm > 0), product / np.maximum(norm, 1e-6), -1).astype(np.float32)
