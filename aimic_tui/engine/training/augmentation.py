"""Training images varied on the device, a whole batch at a time, each image by its own draw.

An image's variation is a function of (seed, epoch, image): the same whichever batch, thread or resumed process
it comes through. Geometry (a flip or quarter turn, a small shift, scale and rotation) is one `grid_sample`;
light and colour (brightness, contrast, saturation) are one 3x3 matrix and a bias for each image, and so is stain, in
optical-density space. Only elementwise arithmetic is used: a batched matrix product may round differently
for another batch size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import Tensor

from aimic_tui.engine.training.randomness import Stream, uniforms


@dataclass(frozen=True)
class Ranges:
    """How far a preset goes; every range is symmetric and drawn from uniformly.

    Attributes:
        dihedral: one of the eight flips and quarter turns; a cell has no upright.
        shift: share of the side, both ways.
        scale: natural logarithm of the zoom.
        rotation: degrees, on top of the quarter turns.
        brightness, contrast, saturation: relative change.
        stain: relative change of the amount of each of the three stains, and a tenth of it as added density.
    """

    dihedral: bool = True
    shift: float = 0.0
    scale: float = 0.0
    rotation: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    stain: float = 0.0


PRESETS: dict[str, Ranges | None] = {
    "none": None,
    "flips": Ranges(),
    "cells": Ranges(shift=0.06, scale=0.12, rotation=20.0, brightness=0.15, contrast=0.15, saturation=0.15),
    "stain": Ranges(stain=0.2),
    "strong": Ranges(shift=0.12, scale=0.25, rotation=45.0, brightness=0.25, contrast=0.25, saturation=0.25, stain=0.2),
}

# Optical densities of haematoxylin, eosin and DAB, a unit vector each (Ruifrok and Johnston, 2001): a basis in which
# the amounts of a dark nuclear and a pink cytoplasmic stain vary apart, as they do between smears.
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_STAINS /= np.linalg.norm(_STAINS, axis=1, keepdims=True)
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_DRAWS = 14


def normalised(images: Tensor, mean: Iterable[float], std: Iterable[float]) -> Tensor:
    """Turn uint8 [b, 3, S, S] into the network's input: float32, channels_last, (value / 255 - mean) / std."""
    scale = images.new_tensor([255.0 * value for value in std], dtype=torch.float32)[:, None, None]
    offset = images.new_tensor([255.0 * value for value in mean], dtype=torch.float32)[:, None, None]
    return ((images.float() - offset) / scale).contiguous(memory_format=torch.channels_last)


class Augmentation:
    """Vary and normalise batches.

    Args:
        ranges: one of PRESETS; None leaves images as they are.
        seed: the trial's seed.
        mean, std: the network's normalisation, of values within 0 to 1.
    """

    def __init__(self, ranges: Ranges | None, *, seed: int, mean: Sequence[float], std: Sequence[float]) -> None:
        self._ranges = ranges
        self._seed = seed
        self._mean = np.asarray(mean, dtype=np.float64)
        self._std = np.asarray(std, dtype=np.float64)

    def __call__(self, images: Tensor, samples: npt.NDArray[np.integer], epoch: int) -> Tensor:
        """Return float32 [b, 3, S, S] (channels_last) of `images`, uint8 [b, 3, S, S], the data set's `samples` [b]."""
        ranges = self._ranges
        if ranges is None:
            return normalised(images, self._mean, self._std)
        draws = uniforms(Stream.AUGMENTATION, self._seed, epoch, samples, _DRAWS)
        # Contrast pivots on each image's own grey. It stays on the device: asking for it would wait for the last step.
        # The integer sum is exact in any order of summation.
        means = images.sum(dim=(2, 3), dtype=torch.int64).double() / (images.shape[2] * images.shape[3])
        values = _moved(images, draws, ranges)
        if ranges.stain:
            matrices, offsets = _stain_maps(draws, ranges)
            density = (values.clamp_(0, 255) + 1).log_().sub_(math.log(256.0)).neg_()
            values = _mapped(density, matrices, _tensor(offsets, images)).neg_().exp_().mul_(256.0).sub_(1)
        matrices, pivots = _colour_maps(draws, ranges)
        grey = means[:, 0] * _LUMA[0] + means[:, 1] * _LUMA[1] + means[:, 2] * _LUMA[2]
        offset = (_tensor(pivots, images) * grey)[:, None] / 255
        offset = (offset - _tensor(self._mean, images)) / _tensor(self._std, images)
        mapped = _mapped(values, matrices / (255 * self._std[:, None]), offset)
        return mapped.contiguous(memory_format=torch.channels_last)


def _tensor(values: npt.NDArray[np.float64], like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like.device, non_blocking=True)


def _signed(draws: npt.NDArray[np.float64], column: int, count: int = 1) -> npt.NDArray[np.float64]:
    """Return columns of `draws` stretched to [-1, 1). Each parameter has its own column in every preset."""
    columns = draws[:, column] if count == 1 else draws[:, column : column + count]
    return 2 * columns - 1


def _moved(images: Tensor, draws: npt.NDArray[np.float64], ranges: Ranges) -> Tensor:
    """Return float32 [b, 3, S, S], each image flipped, turned, shifted, scaled and rotated by its own draw."""
    element = (draws[:, 0] * 8).astype(np.int64) if ranges.dihedral else np.zeros(len(draws), dtype=np.int64)
    if not (ranges.shift or ranges.scale or ranges.rotation):
        return _dihedral(images, element)
    angle = np.radians(ranges.rotation) * _signed(draws, 1) + (element % 4) * (np.pi / 2)
    zoom = np.exp(-ranges.scale * _signed(draws, 2))
    flip = np.where(element >= 4, -1.0, 1.0)
    # From a place in the result to the place in the image it shows, both within [-1, 1].
    theta = np.empty((len(draws), 2, 3))
    theta[:, 0, 0] = zoom * np.cos(angle) * flip
    theta[:, 0, 1] = -zoom * np.sin(angle) * flip
    theta[:, 1, 0] = zoom * np.sin(angle)
    theta[:, 1, 1] = zoom * np.cos(angle)
    theta[:, :, 2] = 2 * ranges.shift * _signed(draws, 3, 2)
    grid = _grid(torch.from_numpy(theta).to(images.device, torch.float32), images.shape[3])
    return F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _dihedral(images: Tensor, element: npt.NDArray[np.int64]) -> Tensor:
    """Apply element 0 to 7 of the square's symmetries: a quarter turn times `element % 4`, from 4 on after a flip."""
    result = torch.empty(images.shape, dtype=torch.float32, device=images.device)
    for one in np.unique(element):
        chosen = torch.from_numpy(np.flatnonzero(element == one)).to(images.device)
        part = images[chosen].flip(3) if one >= 4 else images[chosen]
        result[chosen] = part.rot90(int(one) % 4, (2, 3)).float()
    return result


def _grid(theta: Tensor, side: int) -> Tensor:
    """Return the sampling grid [b, side, side, 2] of `theta` [b, 2, 3], pixel centres as in `affine_grid`."""
    places = (torch.arange(side, device=theta.device) * 2 + 1).float() / side - 1
    x, y = places[None, None, :], places[None, :, None]
    t = theta[:, :, :, None, None]
    return torch.stack([t[:, row, 0] * x + (t[:, row, 1] * y + t[:, row, 2]) for row in (0, 1)], dim=-1)


def _colour_maps(
    draws: npt.NDArray[np.float64], ranges: Ranges
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Fold brightness, then contrast about the image's grey, then saturation into [b, 3, 3], and [b] times the grey."""
    brightness = 1 + ranges.brightness * _signed(draws, 5)
    contrast = 1 + ranges.contrast * _signed(draws, 6)
    saturation = 1 + ranges.saturation * _signed(draws, 7)
    matrices = saturation[:, None, None] * np.eye(3) + (1 - saturation)[:, None, None] * _LUMA[None, None, :]
    return matrices * (brightness * contrast)[:, None, None], (1 - contrast) * brightness


def _stain_maps(
    draws: npt.NDArray[np.float64], ranges: Ranges
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Vary the amounts of the three stains, as a map [b, 3, 3] and [b, 3] of optical density per channel."""
    amounts = 1 + ranges.stain * _signed(draws, 8, 3)
    added = 0.1 * ranges.stain * _signed(draws, 11, 3)
    # Rows of _STAINS are densities, so a density row d becomes d @ inverse @ diag(amounts) @ _STAINS: its transpose.
    matrices = np.einsum("kc,bk,ik->bci", _STAINS, amounts, np.linalg.inv(_STAINS))
    return matrices, added @ _STAINS


def _mapped(images: Tensor, matrices: npt.NDArray[np.float64], offsets: Tensor) -> Tensor:
    """Return matrices [b, 3, 3] @ images [b, 3, S, S] + offsets [b, 3], by channel."""
    m = _tensor(matrices, images).float()[:, :, :, None, None]
    b = offsets.float()[:, :, None, None]
    result = torch.empty_like(images)
    for channel in range(3):
        out = result[:, channel]
        torch.addcmul(b[:, channel], images[:, 0], m[:, channel, 0], out=out)
        out.addcmul_(images[:, 1], m[:, channel, 1]).addcmul_(images[:, 2], m[:, channel, 2])
    return result
