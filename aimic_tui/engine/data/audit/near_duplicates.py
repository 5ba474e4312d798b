"""Near duplicates: images that were rotated, mirrored, recompressed or slightly cropped.

Three stages, each finer and slower than the one before, since cells of one smear resemble each other:

1. A perceptual hash of each thumbnail: the magnitudes of its low cosine coefficients, which are invariant to quarter
   turns and mirroring. Nearest neighbours are candidates; beyond some thousands of images they are found by
   locality-sensitive hashing.
2. The candidates' thumbnails are aligned in all eight orientations, with shift and scale.
3. Images that still match are read again, aligned at 64 pixels a side (Lucas and Kanade, 1981: least squares on shift,
   scale, gain and offset), and compared by their fine detail alone: shapes may agree by chance, grain does not.
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
_IN_A_CELL = 8  # neighbours of an image in a crowded cell of a grid
_RADIUS = 0.42  # largest distance of the hashes of an image and its crop
_EXACT = 10_000  # with more images, not all pairs are compared
_NARROW = 0.12  # the radius then: rotation, mirroring and compression stay below 0.08
_GRIDS, _GRID_AXES, _CELL = 12, 8, 0.15
_FAINT = 1.5  # grey levels: a thumbnail with a smaller standard deviation is not compared
_PLAUSIBLE = 0.7  # correlation of unaligned thumbnails from which they are aligned
_ALIKE = 0.93  # correlation of aligned thumbnails from which images are read again
# The minimum of artificial copies (rotated, cropped up to 8 % a side, quality 40) and of cells photographed twice is
# 0.86; the maximum of different cells of real smears is 0.79.
_SAME = 0.83  # correlation of aligned detail from which images are near duplicates
_FINE = 64  # pixels a side in the last stage
_COVERED = 0.55  # share of the image in which both must overlap
_BATCH = 512  # thumbnails compared at once: they stay in the processor's cache
_READ = 256  # images compared at once


@dataclass(frozen=True)
class NearPair:
    """Two near duplicates.

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
    """Find near duplicates.

    Args:
        thumbs: [n, T, T], brightness of each image.
        indices: which of them to compare; of exact duplicates one is enough.
        read: returns an image as [height, width, 3]; may raise UnreadableImage.
        report: receives the number of pairs that are compared.
        should_stop: checked regularly.

    Returns:
        Each pair once, by index.

    Raises:
        Interrupted: `should_stop` returned True.
    """
    spread = [thumbs[indices[at : at + _BATCH]].std(axis=(1, 2)) for at in range(0, len(indices), _BATCH)]
    comparable = indices[np.concatenate([*spread, np.zeros(0)]) >= _FAINT]
    pairs = _candidates(thumbs, comparable)
    matches = _matching(thumbs, comparable[pairs], report, should_stop)
    return sorted(_verified(matches, read, should_stop), key=lambda pair: (pair.first, pair.second))


@dataclass(frozen=True, eq=False)
class _Matches:
    """m pairs whose thumbnails match: pairs int [m, 2], orientations int [m], warps float32 [m, 4] (see `_align`)."""

    pairs: npt.NDArray[np.integer]
    orientations: npt.NDArray[np.integer]
    warps: Floats


def _candidates(thumbs: npt.NDArray[np.uint8], comparable: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return [m, 2] pairs of neighbours among the images `comparable`, as positions in it, each once."""
    hashes = perceptual_hashes(thumbs, comparable)
    pairs = _nearest(hashes) if len(hashes) <= _EXACT else _colliding(hashes)
    return np.unique(np.sort(pairs, axis=1), axis=0) if len(pairs) else np.zeros((0, 2), np.int64)


def _nearest(hashes: Floats) -> npt.NDArray[np.integer]:
    """Return pairs of each hash with its nearest ones, by exhaustive search."""
    count, neighbours = len(hashes), min(_NEIGHBOURS, len(hashes) - 1)
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, count if neighbours > 0 else 0, 1024):
        block = hashes[start : start + 1024]
        similarity = block @ hashes.T
        rows = np.arange(len(block))
        similarity[rows, rows + start] = -1  # itself
        nearest = np.argpartition(similarity, -neighbours, axis=1)[:, -neighbours:]
        close = np.take_along_axis(similarity, nearest, axis=1) >= 1 - _RADIUS**2 / 2
        found.append(np.stack([(rows[:, None] + start + 0 * nearest)[close], nearest[close]], axis=1))
    return np.concatenate(found)


def _colliding(hashes: Floats) -> npt.NDArray[np.integer]:
    """Return pairs of hashes that fall into the same cell of one of several randomly shifted grids.

    Only close ones do so reliably: among so many images, many look alike, so larger crops are found in small sets only.
    """
    random = np.random.default_rng(0)
    some = hashes[random.permutation(len(hashes))[:20_000]]
    axes = np.linalg.eigh(np.cov(some.T))[1][:, ::-1]
    projected = (hashes @ axes[:, :_GRID_AXES]).astype(np.float32)
    found = [np.zeros((0, 2), np.int64)]
    for _ in range(_GRIDS):
        shifted = (projected + 2 + random.uniform(0, _CELL, _GRID_AXES)) / _CELL
        cells = shifted.astype(np.uint64) @ (np.uint64(64) ** np.arange(_GRID_AXES, dtype=np.uint64))
        along = axes[:, _GRID_AXES:] @ random.normal(size=axes.shape[1] - _GRID_AXES)
        order = np.lexsort((hashes @ along.astype(np.float32), cells))
        for step in range(1, _IN_A_CELL + 1):  # in a crowded cell, neighbours along another axis
            one, other = order[:-step], order[step:]
            same = cells[one] == cells[other]
            one, other = one[same], other[same]
            for start in range(0, len(one), 1 << 18):
                pair = np.stack([one[start : start + (1 << 18)], other[start : start + (1 << 18)]], axis=1)
                similarity = np.einsum("ij,ij->i", hashes[pair[:, 0]], hashes[pair[:, 1]])
                found.append(pair[similarity >= 1 - _NARROW**2 / 2])
    return np.concatenate(found)


def perceptual_hashes(thumbs: npt.NDArray[np.uint8], indices: npt.NDArray[np.integer]) -> Floats:
    """Return a hash of each of the [n, T, T] thumbnails at `indices` [m], as float32 [m, d] of length 1.

    Mirroring changes only the signs of cosine coefficients, and a quarter turn also swaps (u, v) with (v, u), so the
    hash has the sum and the difference of both magnitudes. It is invariant to brightness and contrast.
    """
    side = thumbs.shape[1]
    centres = np.arange(side) + 0.5
    basis = np.cos(np.pi / side * np.outer(np.arange(_COEFFICIENTS), centres)).astype(np.float32)
    basis[0] *= np.float32(np.sqrt(0.5))
    first, second = np.triu_indices(_COEFFICIENTS)
    low = (first + second > 0) & (first + second <= _COEFFICIENTS)
    first, second = first[low], second[low]
    off = first != second
    hashes = np.empty((len(indices), len(first) + int(off.sum())), np.float32)
    for start in range(0, len(indices), _BATCH):
        magnitudes = np.abs(basis @ thumbs[indices[start : start + _BATCH]].astype(np.float32) @ basis.T)
        one, other = magnitudes[:, first, second], magnitudes[:, second, first]
        sums = np.where(off, (one + other) * np.float32(np.sqrt(0.5)), one)
        differences = np.abs(one - other)[:, off] * np.float32(np.sqrt(0.5))
        hashes[start : start + _BATCH] = np.concatenate([sums, differences], axis=1)
    hashes /= np.maximum(np.linalg.norm(hashes, axis=1, keepdims=True), 1e-6)
    return hashes


def _turned(images: Floats, orientation: int) -> Floats:
    """Return [m, s, s] images in one of the eight orientations."""
    turned = images.transpose(0, 2, 1) if orientation & 4 else images
    return turned[:, :: -1 if orientation & 1 else 1, :: -1 if orientation & 2 else 1]


def _matching(
    thumbs: npt.NDArray[np.uint8],
    pairs: npt.NDArray[np.integer],
    report: ReportProgress,
    should_stop: ShouldStop | None,
) -> _Matches:
    matches: list[tuple[npt.NDArray[np.integer], npt.NDArray[np.integer], Floats]] = []
    report(Progress("compare", 0, len(pairs)))
    for start in range(0, len(pairs), _BATCH):
        if should_stop is not None and should_stop():
            raise Interrupted("stopped before all images were compared.")
        some = pairs[start : start + _BATCH]
        fixed, moving = (thumbs[some[:, side]].astype(np.float32) for side in (0, 1))
        shapes = [_standardised(images) for images in (fixed, moving)]
        unaligned = np.stack(
            [(shapes[0] * _turned(shapes[1], orientation)).sum(axis=(1, 2)) for orientation in range(8)]
        )
        # the two orientations that fit best unaligned are worth aligning
        correlations = np.full((8, len(some)), -1, np.float32)
        warps = np.zeros((8, len(some), 4), np.float32)
        ranks = np.argsort(-unaligned, axis=0)[:2]
        for orientation in range(8):
            tried = np.flatnonzero((ranks == orientation).any(axis=0) & (unaligned[orientation] >= _PLAUSIBLE))
            if not len(tried):
                continue
            turned = _turned(moving[tried], orientation)
            warps[orientation, tried] = _align(fixed[tried], turned, _identity(len(tried)), 4)
            correlations[orientation, tried] = _agreement(fixed[tried], turned, warps[orientation, tried])
        best = correlations.argmax(axis=0)
        each = np.arange(len(some))
        good = correlations[best, each] >= _ALIKE
        matches.append((some[good], best[good], warps[best, each][good]))
        report(Progress("compare", start + len(some), len(pairs)))
    if not matches:
        return _Matches(np.zeros((0, 2), np.int64), np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    return _Matches(*(np.concatenate(column) for column in zip(*matches, strict=True)))


def _standardised(images: Floats) -> Floats:
    """Return [m, s, s] images of mean 0 and norm 1."""
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True)), np.float32)


def _verified(
    matches: _Matches, read: Callable[[int], npt.NDArray[np.uint8]], should_stop: ShouldStop | None
) -> list[NearPair]:
    found: list[NearPair] = []

    def grey(index: int) -> Floats:
        return _small_grey(read, index)

    for start in range(0, len(matches.pairs), _READ):
        some = slice(start, start + _READ)
        needed, positions = np.unique(matches.pairs[some], return_inverse=True)
        images = np.stack(list(in_threads(grey, needed.tolist(), should_stop=should_stop)))
        positions = positions.reshape(-1, 2)
        one, other = images[positions[:, 0]], images[positions[:, 1]]
        for orientation in range(8):
            turned = matches.orientations[some] == orientation
            other[turned] = _turned(other[turned], orientation)
        correlations = _detail_correlation(one, other, matches.warps[some])
        for (first, second), correlation in zip(matches.pairs[some].tolist(), correlations.tolist(), strict=True):
            if correlation >= _SAME:
                found.append(NearPair(first, second, round(max(0.0, 1 - correlation), 3)))
    return found


def _small_grey(read: Callable[[int], npt.NDArray[np.uint8]], index: int) -> Floats:
    try:
        grey = Image.fromarray(read(index)).convert("L")
    except UnreadableImage:  # it was readable a moment ago; a flat image matches no other
        return np.zeros((_FINE, _FINE), np.float32)
    return np.asarray(grey.resize((_FINE, _FINE), Image.Resampling.BOX), np.float32)


def _detail_correlation(one: Floats, other: Floats, warps: Floats) -> Floats:
    """Align [m, s, s] images from coarse to fine; return the correlation of their fine detail, -1 to 1."""
    for step in (2, 1):
        warps = _align(_halved(one, step), _halved(other, step), warps, 6)
    return _agreement(_detail(one), _detail(other), warps)


def _halved(images: Floats, step: int) -> Floats:
    count, side, _ = images.shape
    blocks = images.reshape(count, side // step, step, side // step, step)
    return np.asarray(blocks.mean(axis=(2, 4)), np.float32)


def _detail(images: Floats) -> Floats:
    """Subtract the blurred image: a box filter of seven pixels, twice."""
    blurred = images
    for _ in range(2):
        for axis in (1, 2):
            padded = np.pad(blurred, [(3, 3) if at == axis else (0, 0) for at in range(3)], mode="edge")
            blurred = np.lib.stride_tricks.sliding_window_view(padded, 7, axis).mean(axis=-1, dtype=np.float32)
    return images - blurred


def _identity(count: int) -> Floats:
    return np.tile(np.array([1, 1, 0, 0], np.float32), (count, 1))


def _grid(side: int) -> Floats:
    """Return the pixels' centres, from -1 to 1 across the image."""
    return ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1).astype(np.float32)


def _sample(images: Floats, warps: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return [m, s, s] warped images, and which pixels lie inside."""
    count, side, _ = images.shape
    grid = _grid(side)
    along, within = [], []
    for scale, shift in ((warps[:, 1], warps[:, 3]), (warps[:, 0], warps[:, 2])):
        position = ((scale[:, None] * grid + shift[:, None]) + 1) * (side / 2) - 0.5
        within.append((position >= -0.5) & (position <= side - 0.5))
        along.append(np.clip(position, 0, side - 1.001))
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
        warps: [m, 4], the initial ones: the point (x, y) in the fixed image, -1 to 1 across it, corresponds to
            (w0 x + w2, w1 y + w3) in the moving one.
        steps: their number.
    """
    side = fixed.shape[1]
    grid = _grid(side)
    for _ in range(steps):
        seen, inside = _sample(moving, warps)
        weight = inside.astype(np.float32)
        down, right = np.gradient(seen, 2 / side, axis=(1, 2))
        # the gradient is in the fixed image's coordinates; in the moving one's it is divided by the scale
        right, down = right / warps[:, 0, None, None], down / warps[:, 1, None, None]
        columns = np.stack(
            [right * grid[None, None, :], down * grid[None, :, None], right, down, seen, np.ones_like(seen)], axis=-1
        ).reshape(len(seen), -1, 6)
        weighted = columns * weight.reshape(len(seen), -1, 1)
        normal = (weighted.transpose(0, 2, 1) @ columns).astype(np.float64)
        target = weighted.transpose(0, 2, 1) @ fixed.reshape(len(seen), -1, 1)
        # regularised: a stripe has no gradient along it, and the system would be singular
        ridge = (1e-9 * np.trace(normal, axis1=1, axis2=2) + 1e-9)[:, None, None] * np.eye(6)
        solved = np.linalg.solve(normal + ridge, target)[:, :, 0]
        gain = np.where(np.abs(solved[:, 4]) < 0.2, 0.2, solved[:, 4])[:, None]
        change = np.clip(solved[:, :4] / gain, -0.15, 0.15)
        warps = (warps + change).astype(np.float32)
        warps[:, :2] = np.clip(warps[:, :2], 0.7, 1.4)
        warps[:, 2:] = np.clip(warps[:, 2:], -0.35, 0.35)
    return warps


def _agreement(fixed: Floats, moving: Floats, warps: Floats) -> Floats:
    """Return the correlation of [m, s, s] images where they overlap; -1 where they overlap too little."""
    seen, inside = _sample(moving, warps)
    weight = inside.astype(np.float32)
    share = weight.mean(axis=(1, 2))
    total = np.maximum(weight.sum(axis=(1, 2)), 1)[:, None, None]
    one = (fixed - (fixed * weight).sum(axis=(1, 2))[:, None, None] / total) * weight
    other = (seen - (seen * weight).sum(axis=(1, 2))[:, None, None] / total) * weight
    product = (one * other).sum(axis=(1, 2))
    norm = np.sqrt((one**2).sum(axis=(1, 2)) * (other**2).sum(axis=(1, 2)))
    return np.where((share >= _COVERED) & (norm > 0), product / np.maximum(norm, 1e-6), -1).astype(np.float32)
