"""The intensity window of a data set: one exposure for all of its images.

What `data.intensity` leaves open (percentiles; auto for more than 8 bits) is measured here once, when a run is made, on
training images. It is then stored in the experiment and in each model, so that every later image, of whatever format,
is scaled in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.reading.input_rule import InputRule, rule_from_table
from aimic_tui.engine.data.reading.pixels import Pixels, Values, own_limits
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_pixels
from aimic_tui.engine.data.threads import ShouldStop, in_threads
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.text import one_line, plural

_IMAGES = 256  # that are measured, evenly spread over the data set
_PIXELS = 4_096  # of each image, so that all count alike: a million, of which 5,000 lie above the 99.5th percentile
_PERCENTILES = (0.5, 99.5)  # the default of `data.percentiles`
_TOPS = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)  # of 8, 10, 12, 14 and 16 bits, as cameras have them


def resolve_exposure(
    rule: InputRule,
    percentiles: Sequence[float],
    paths: Sequence[Path],
    report: ReportProgress = no_report,
    should_stop: ShouldStop | None = None,
) -> InputRule:
    """Return the rule with its window measured where it is left open; a window that is there stays as it is.

    Percentiles are those of the pooled values of up to 256 images, 4,096 random pixels of each: one pair where the
    channels are the colours of one picture, a pair for each channel where they were measured apart. Auto takes, for
    values deeper than 8 bits, 0 and the highest value of the bits in use: as the files declare them, else the fewest of
    8, 10, 12, 14 or 16 bits (for floats also 1) that hold all values seen. 8-bit values stay as they are, so of a data
    set of such images nothing is measured.

    Labels are not used, and the result is an exposure: two numbers a channel, the same for every image and class.
    Still, test images should not affect it, so a run passes the images that train in one of its folds. With a hold-out
    or a predefined split no test image is then among them. In a k-fold, where each image trains in all folds but one,
    they are all images: one fold's test images move a percentile of a million pooled values a little, whatever their
    classes, as they would move a camera's exposure time. A window for each fold would need a cache for each.

    Args:
        rule: as the settings state it.
        percentiles: two, from 0 to 100, for intensity "percentiles".
        paths: images to measure; what can't be read is passed over.
        report: receives the number that are measured.
        should_stop: checked regularly.

    Raises:
        InputProblem: images differ in their channels, so that there is no one window for them.
        Interrupted: `should_stop` returned True.
    """
    if rule.window or rule.intensity not in {"auto", "percentiles"} or not paths:
        return rule
    indices = np.unique(np.linspace(0, len(paths) - 1, min(_IMAGES, len(paths))).astype(np.int64))
    chosen = [paths[index] for index in indices]
    seen = in_threads(lambda path: _seen(path, rule), chosen, report=report, should_stop=should_stop)
    found = [sample for sample in seen if sample is not None]
    if rule.intensity == "auto":
        return replace(rule, window=_bits_in_use(found))
    if not found:
        return rule
    first = found[0]
    for sample in found:
        if sample.values.shape[1] != first.values.shape[1]:
            raise InputProblem(
                f"{one_line(str(first.path), 200)} has {plural(first.values.shape[1], 'channel')} to show and "
                f"{one_line(str(sample.path), 200)} {sample.values.shape[1]}: there are no common percentiles. Set "
                "data.channels to channels that all images have.",
                key="data.channels",
            )
    pooled = np.concatenate([sample.values for sample in found])
    columns = [pooled.ravel()] if first.together else [pooled[:, channel] for channel in range(pooled.shape[1])]
    window: list[float] = []
    for column in columns:
        numbers = column[np.isfinite(column)]
        low, high = (float(value) for value in np.percentile(numbers, percentiles)) if numbers.size else (0.0, 1.0)
        window += [low, high if high > low else low + 1]  # of a channel that is all of one value nothing is to be seen
    return replace(rule, window=tuple(window))


def exposure_for_table(
    table: Mapping[str, Any], paths: Sequence[Path], should_stop: ShouldStop | None = None
) -> InputRule:
    """Return the rule by which a run with this table `data` would see images, for a preview.

    Raises:
        Interrupted: `should_stop` returned True.
    """
    rule, percentiles = rule_from_table(table), table.get("percentiles")
    pair = percentiles if isinstance(percentiles, list) and len(percentiles) == 2 else _PERCENTILES
    try:
        return resolve_exposure(rule, pair, paths, should_stop=should_stop)
    except (InputProblem, TypeError, ValueError):  # a run would be refused
        return rule


@dataclass(frozen=True, eq=False)
class _Sample:
    """What was seen of an image.

    Attributes:
        values: float64 [pixels, channels].
        together: whether the channels are the colours of one picture.
        range: what black and white stand for in values deeper than 8 bits, None for others.
    """

    path: Path
    values: npt.NDArray[np.float64]
    together: bool
    range: tuple[float, float] | None


def _seen(path: Path, rule: InputRule) -> _Sample | None:
    try:
        pixels = read_pixels(path, rule=rule)
    except UnreadableImage:  # whoever reads all of them names it
        return None
    flat = pixels.values.reshape(-1, pixels.values.shape[2])
    if len(flat) > _PIXELS:
        flat = flat[np.random.default_rng(0).integers(0, len(flat), _PIXELS)]
    return _Sample(path, flat.astype(np.float64), pixels.together, _range_in_use(pixels))


def _range_in_use(pixels: Pixels) -> tuple[float, float] | None:
    values: Values = pixels.values
    if values.dtype == np.uint8:
        return None
    low, high = own_limits(values)
    if values.dtype.kind != "f" and values.dtype.itemsize <= 2:
        declared = pixels.bits < 8 * values.dtype.itemsize
        return 0.0, float(2**pixels.bits - 1) if declared else _top(high)
    return min(low, 0.0), 1.0 if values.dtype.kind == "f" and high <= 1 else _top(high)


def _top(high: float) -> float:
    return next((top for top in _TOPS if high <= top), high)


def _bits_in_use(found: Sequence[_Sample]) -> tuple[float, ...]:
    """Return the window that holds all images deeper than 8 bits; none where there is no such image."""
    ranges = [sample.range for sample in found if sample.range is not None]
    return (min(low for low, _ in ranges), max(top for _, top in ranges)) if ranges else ()
