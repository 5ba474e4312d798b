"""Augmentation of training images on the device, a batch at a time, with random parameters for each image.

The parameters are a function of (seed, epoch, image): the same whichever batch, thread or resumed process the image
comes through. Geometry (a flip or quarter turn, a small shift, scale and rotation) is one `grid_sample`;
light and colour (brightness, contrast, saturation) are one 3x3 matrix and a bias for each image, and so is stain, in
optical-density space, where by Beer and Lambert's law the amounts of stains add up. Only elementwise arithmetic is
used: a batched matrix product may round differently for another batch size.

Cost in CPU time of one thread, 32 images of 224 pixels at once: none 0.1 ms an image, flips 0.3, stain
0.8, cells and strong 1.5 (0.6 of it the `grid_sample`). All steps work on NCHW, and the
conversion to the network's layout comes last: working by channel is four times as fast on planes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - the usual alias
from torch import Tensor

from aimic_tui.engine.training.augmentation_ranges import LARGEST_BLUR, LARGEST_NOISE, Ranges
from aimic_tui.engine.training.randomness import Stream, uniforms

# Optical densities of haematoxylin, eosin and DAB, a unit vector each (Ruifrok and Johnston, 2001): a basis in which
# the amounts of a dark nuclear and a pink cytoplasmic stain vary apart, as they do between smears (Tellez et al. 2018,
# "Whole-slide mitosis detection", whose jitter of amounts and offsets this is).
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_STAINS /= np.linalg.norm(_STAINS, axis=1, keepdims=True)
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_DRAWS = 20  # random numbers per image
_WHITE = 256.0  # no absorption; one above the largest value so that black has a finite density
_BLUR_REACH = 2.5  # standard deviations
_NOISE_MARGIN = 64  # pixels by which the shared noise is larger than an image, which takes a random crop of it
_MEAN_STEP = 4  # an image's mean is taken over every fourth pixel of every fourth row


def normalised(images: Tensor, mean: Iterable[float], std: Iterable[float]) -> Tensor:
    """Turn uint8 [b, 3, S, S] into the network's input: float32, channels_last, (value / 255 - mean) / std."""
    scale = images.new_tensor([255.0 * value for value in std], dtype=torch.float32)[:, None, None]
    offset = images.new_tensor([255.0 * value for value in mean], dtype=torch.float32)[:, None, None]
    return _planes(images).sub_(offset).div_(scale).contiguous(memory_format=torch.channels_last)


class Augmentation:
    """Augment and normalise batches.

    Args:
        ranges: one of PRESETS; None leaves images as they are.
        seed: the trial's.
        mean, std: the network's normalisation, for values from 0 to 1.
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
        # Contrast pivots on each image's mean grey. It stays on the device: reading it would wait for the last step.
        # The integer sum is exact in any order of summation.
        sparse = images[:, :, ::_MEAN_STEP, ::_MEAN_STEP]
        means = sparse.sum(dim=(2, 3), dtype=torch.int64).double() / (sparse.shape[2] * sparse.shape[3])
        values = _noisy(_blurred(_moved(images, draws, ranges), draws, ranges), draws, ranges)
        matrices, pivots = _colour_maps(draws, ranges)
        grey = means[:, 0] * _LUMA[0] + means[:, 1] * _LUMA[1] + means[:, 2] * _LUMA[2]
        offset = _tensor(pivots, images) * grey
        offset = (offset[:, None] / 255 - _tensor(self._mean, images)) / _tensor(self._std, images)
        matrices = matrices / (255 * self._std[:, None])
        if ranges.stain:
            # A density is log(white) - log(value + 1), and white * exp(-density) - 1 a value again; white, signs and
            # ones are folded into the maps.
            varied, added = _stain_maps(draws, ranges)
            logs = values.clamp_(0, 255).add_(1).log_()
            values = _mapped(logs, varied, _tensor((1 - varied.sum(axis=2)) * math.log(_WHITE) - added, images)).exp_()
            offset = offset - _tensor(matrices.sum(axis=2), images)
        mapped = _mapped(values, matrices, offset)
        return mapped.contiguous(memory_format=torch.channels_last)


def _planes(images: Tensor) -> Tensor:
    """Return float32 [b, 3, S, S], a copy, each channel a plane of its own."""
    # The layout changes while the values are bytes: a quarter of the memory traffic.
    return images.contiguous().float()


def _tensor(values: npt.NDArray[np.float64], like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like.device, non_blocking=True)


def _signed(draws: npt.NDArray[np.float64], column: int, count: int = 1) -> npt.NDArray[np.float64]:
    """Return columns of `draws` stretched to [-1, 1). Each parameter has its own column in every preset."""
    columns = draws[:, column] if count == 1 else draws[:, column : column + count]
    return 2 * columns - 1


def _moved(images: Tensor, draws: npt.NDArray[np.float64], ranges: Ranges) -> Tensor:
    """Return float32 [b, 3, S, S], each image flipped, turned, shifted, scaled and rotated by its own parameters."""
    element = (draws[:, 0] * 8).astype(np.int64) if ranges.dihedral else np.zeros(len(draws), dtype=np.int64)
    if not (ranges.shift or ranges.scale or ranges.rotation):
        return _dihedral(images, element)
    angle = np.radians(ranges.rotation) * _signed(draws, 1) + (element % 4) * (np.pi / 2)
    zoom = np.exp(-ranges.scale * _signed(draws, 2))
    flip = np.where(element >= 4, -1.0, 1.0)
    # Maps a position in the result to a position in the image, both within [-1, 1].
    theta = np.empty((len(draws), 2, 3))
    theta[:, 0, 0] = zoom * np.cos(angle) * flip
    theta[:, 0, 1] = -zoom * np.sin(angle) * flip
    theta[:, 1, 0] = zoom * np.sin(angle)
    theta[:, 1, 1] = zoom * np.cos(angle)
    theta[:, :, 2] = 2 * ranges.shift * _signed(draws, 3, 2)
    grid = _grid(torch.from_numpy(theta).to(images.device, torch.float32), images.shape[3])
    return F.grid_sample(_planes(images), grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _dihedral(images: Tensor, element: npt.NDArray[np.int64]) -> Tensor:
    """Apply element 0 to 7 of the square's symmetries: a quarter turn times `element % 4`, from 4 on after a flip."""
    planes = images.contiguous()
    result = torch.empty(images.shape, dtype=torch.float32, device=images.device)
    for index, symmetry in enumerate(element.tolist()):
        image = planes[index].flip(2) if symmetry >= 4 else planes[index]
        result[index] = image.rot90(symmetry % 4, (1, 2))
    return result


def _grid(theta: Tensor, side: int) -> Tensor:
    """Return the sampling grid [b, side, side, 2] of `theta` [b, 2, 3], pixel centres as in `affine_grid`."""
    centres = ((torch.arange(side, device=theta.device) * 2 + 1).float() / side - 1)[None, :, None]
    along = centres * theta[:, None, :, 0]
    down = centres * theta[:, None, :, 1] + theta[:, None, :, 2]
    # A pair (x, y) as one complex number: one addition for the whole grid, twenty times as fast as by coordinate.
    return torch.view_as_real(torch.view_as_complex(along)[:, None, :] + torch.view_as_complex(down)[:, :, None])


def _blurred(values: Tensor, draws: npt.NDArray[np.float64], ranges: Ranges) -> Tensor:
    """Blur a random share of the images, float32 [b, 3, S, S], in place: rows, then columns."""
    chosen = np.flatnonzero(draws[:, 14] < ranges.blur)
    if not len(chosen):
        return values
    side = values.shape[3]
    reach = math.ceil(_BLUR_REACH * LARGEST_BLUR * side)
    deviations = LARGEST_BLUR * side * (0.2 + 0.8 * draws[chosen, 15])
    weights = np.exp(-0.5 * (np.arange(reach + 1) / deviations[:, None]) ** 2)
    weights /= weights[:, :1] + 2 * weights[:, 1:].sum(axis=1, keepdims=True)
    factors = _tensor(weights, values).float()[:, :, None, None, None]
    indices = torch.from_numpy(chosen).to(values.device)
    blurred = values[indices]
    for axis in (2, 3):
        margin = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        wide = F.pad(blurred, margin, mode="reflect")
        blurred = blurred * factors[:, 0]
        for distance in range(1, reach + 1):
            both = wide.narrow(axis, reach - distance, side) + wide.narrow(axis, reach + distance, side)
            blurred.addcmul_(both, factors[:, distance])
    values[indices] = blurred
    return values


def _noisy(values: Tensor, draws: npt.NDArray[np.float64], ranges: Ranges) -> Tensor:
    """Add noise to a random share of the images, float32 [b, 3, S, S], in place."""
    chosen = np.flatnonzero(draws[:, 16] < ranges.noise)
    if not len(chosen):
        return values
    side = values.shape[3]
    noise = _noise(side + _NOISE_MARGIN, values.device)
    deviations = LARGEST_NOISE * (0.2 + 0.8 * draws[chosen, 17])
    corners = (draws[chosen, 18:20] * (_NOISE_MARGIN + 1)).astype(np.int64)
    for image, deviation, (row, column) in zip(chosen.tolist(), deviations.tolist(), corners.tolist(), strict=True):
        values[image].add_(noise[:, row : row + side, column : column + side], alpha=deviation)
    return values


@lru_cache(maxsize=4)
def _noise(side: int, device: torch.device) -> Tensor:
    """Return normal noise [3, side, side], always the same; each image takes a crop of it."""
    return torch.randn(3, side, side, generator=torch.Generator().manual_seed(0)).to(device)


def _colour_maps(
    draws: npt.NDArray[np.float64], ranges: Ranges
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Combine brightness, then contrast about the mean grey, then saturation: matrices [b, 3, 3], factors of grey."""
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
