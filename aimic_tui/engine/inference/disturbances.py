"""Image degradations of known strength: blur, noise, brightness, contrast, stain and JPEG compression.

Images are disturbed after preprocessing, at the network's input size, so that a strength means the same for a camera
of any resolution. The same image, kind and strength give the same pixels.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from aimic_tui.engine.data.reading.pixels import Rgb
from aimic_tui.engine.files import digest_of_bytes

# Unit vectors of optical density: haematoxylin, eosin, and what is orthogonal to both (Ruifrok and Johnston 2001).
_HAEMATOXYLIN = np.array([0.65, 0.70, 0.29]) / np.linalg.norm([0.65, 0.70, 0.29])
_EOSIN = np.array([0.07, 0.99, 0.11]) / np.linalg.norm([0.07, 0.99, 0.11])
_REST = np.cross(_HAEMATOXYLIN, _EOSIN) / np.linalg.norm(np.cross(_HAEMATOXYLIN, _EOSIN))
_STAINS = np.stack([_HAEMATOXYLIN, _EOSIN, _REST])


@dataclass(frozen=True)
class Disturbance:
    """One kind of disturbance at one strength.

    Attributes:
        kind: "blur", "noise", "brightness", "contrast", "stain" or "jpeg".
        strength: 1, 2 or 3.
        amount: what it does, for people.
        value: the amount itself, as the functions below take it.
    """

    kind: str
    strength: int
    amount: str
    value: float

    def __call__(self, image: Rgb, name: str) -> Rgb:
        """Disturb uint8 [S, S, 3]; `name`, the image's, seeds random noise."""
        return _FUNCTIONS[self.kind](image, self.value, name)


TITLES = {
    "blur": "blur",
    "noise": "sensor noise",
    "brightness": "brightness",
    "contrast": "contrast",
    "stain": "stain",
    "jpeg": "JPEG compression",
}


def disturbances() -> tuple[Disturbance, ...]:
    """Return every kind at its strengths, weakest first; brightness and stain each go both ways."""
    found = []
    for kind, values, words in (
        ("blur", (0.004, 0.008, 0.016), "Gaussian, standard deviation {:.1%} of the side"),
        ("noise", (5.0, 10.0, 20.0), "Gaussian, standard deviation {:.0f} of 255"),
        ("brightness", (0.85, 0.7, 0.5), "light times {:.2f}"),
        ("brightness", (1.15, 1.3, 1.6), "light times {:.2f}"),
        ("contrast", (0.8, 0.6, 0.4), "contrast times {:.1f}"),
        ("stain", (0.8, 0.6, 0.4), "haematoxylin times {:.1f}, eosin divided by it"),
        ("stain", (1.25, 1.67, 2.5), "haematoxylin times {:.2f}, eosin divided by it"),
        ("jpeg", (60.0, 30.0, 10.0), "quality {:.0f}"),
    ):
        for strength, value in enumerate(values, start=1):
            found.append(Disturbance(kind, strength, words.format(value), value))
    return tuple(found)


def blurred(image: Rgb, share: float, name: str = "") -> Rgb:
    """Apply a Gaussian blur; its standard deviation is a share of the side."""
    picture = Image.fromarray(image).filter(ImageFilter.GaussianBlur(share * image.shape[1]))
    return np.asarray(picture)


def noisy(image: Rgb, deviation: float, name: str) -> Rgb:
    """Add independent Gaussian noise to each value, seeded by the image's name."""
    seed = int(digest_of_bytes(name.encode("utf-8", "surrogateescape"))[:16], 16)
    noise = np.random.default_rng([seed, round(1000 * deviation)]).normal(0, deviation, image.shape)
    return _as_bytes(image + noise)


def lit(image: Rgb, factor: float, name: str = "") -> Rgb:
    """Multiply the brightness; values above white are clipped."""
    return _as_bytes(image * factor)


def flattened(image: Rgb, factor: float, name: str = "") -> Rgb:
    """Scale the contrast around the image's mean colour."""
    mean = image.reshape(-1, 3).mean(axis=0)
    return _as_bytes((image - mean) * factor + mean)


def restained(image: Rgb, factor: float, name: str = "") -> Rgb:
    """Multiply the haematoxylin and divide the eosin by a factor, in optical density (Beer-Lambert law)."""
    density = -np.log((image.astype(np.float64) + 1) / 256)
    amounts = density @ np.linalg.inv(_STAINS)
    amounts *= (factor, 1 / factor, 1.0)
    return _as_bytes(256 * np.exp(-(amounts @ _STAINS)) - 1)


def compressed(image: Rgb, quality: float, name: str = "") -> Rgb:
    """Encode as JPEG of a quality from 1 to 95, and decode."""
    data = io.BytesIO()
    Image.fromarray(image).save(data, "JPEG", quality=round(quality))
    with Image.open(data, formats=("JPEG",)) as picture:
        return np.asarray(picture.convert("RGB"))


def _as_bytes(values: NDArray[np.floating]) -> Rgb:
    rounded: Rgb = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


_FUNCTIONS: dict[str, Callable[[Rgb, float, str], Rgb]] = {
    "blur": blurred,
    "noise": noisy,
    "brightness": lit,
    "contrast": flattened,
    "stain": restained,
    "jpeg": compressed,
}
