"""Where an axis has its numbers."""

from __future__ import annotations

import math


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` (at least 1) round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`."""
    if high <= low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / max(most, 1)))
    while True:
        for factor in (1, 2, 5):
            first, last = math.ceil(low / (step * factor) - 1e-9), math.floor(high / (step * factor) + 1e-9)
            if last - first + 1 <= most:
                return [round(index * step * factor, 12) for index in range(first, last + 1)] or [low]
        step *= 10


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most about `most` ticks for an axis whose values are decimal logarithms from `low` to `high`.

    They are powers of ten, with 2 and 5 times them where there is room.
    """
    powers = range(math.floor(low), math.ceil(high) + 1)
    candidates: list[list[float]] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [power + math.log10(factor) for power in powers for factor in factors]
        candidates.append([tick for tick in ticks if low - 1e-9 <= tick <= high + 1e-9])
    for ticks in candidates:
        if 2 <= len(ticks) <= most:
            return ticks
    if len(candidates[0]) < 2:  # a range within one step: say its ends
        return [low, high] if high > low else [low]
    return candidates[-1][:: math.ceil(len(candidates[-1]) / most)]
