"""Random numbers that depend on their purpose alone, never on earlier draws.

Every draw is a function of (seed, epoch, sample), so a trial that is resumed, or whose images are loaded by any
number of threads in any order, gets exactly the numbers of an undisturbed one. The generator is counter-based:
SplitMix64's finaliser (Steele, Lea and Flood, 2014) over the keys, which numpy computes for a whole batch at once.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


class Stream(IntEnum):
    """The purpose of random numbers: equal keys in different streams give unrelated numbers."""

    WEIGHTS = 1
    ORDER = 2
    OVERSAMPLING = 3
    AUGMENTATION = 4
    STEP = 5
    MIXING = 6


def seed_for(stream: Stream, *keys: int) -> int:
    """Return the seed of a generator for `stream` and `keys`, within 0 to 2**63 - 1."""
    return _mix(stream, *keys) >> 1


def uniforms(
    stream: Stream, seed: int, epoch: int, samples: npt.NDArray[np.integer], draws: int
) -> npt.NDArray[np.float64]:
    """Return float64 [samples, draws] within [0, 1): row i depends on (stream, seed, epoch, samples[i]) only."""
    state = np.uint64(_mix(stream, seed, epoch))
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is intended
        rows = _finalise(state + np.uint64(_GOLDEN) * (samples.astype(np.uint64) + np.uint64(1)))
        counters = np.uint64(_GOLDEN) * np.arange(1, draws + 1, dtype=np.uint64)
        bits = _finalise(rows[:, None] + counters[None, :])
    numbers: npt.NDArray[np.float64] = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


def shuffled(stream: Stream, seed: int, epoch: int, samples: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return `samples` (each at most once) in the order of this epoch."""
    keys = uniforms(stream, seed, epoch, samples, 1)[:, 0]
    return samples[np.argsort(keys, kind="stable")]


def _mix(*keys: int) -> int:
    state = 0
    for key in keys:
        state = _finalise_int((state + _GOLDEN * ((key & _MASK) + 1)) & _MASK)
    return state


def _finalise(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return bits


def _finalise_int(bits: int) -> int:
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)
