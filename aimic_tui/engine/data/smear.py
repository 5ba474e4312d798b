"""A drawn blood smear: labelled crops of white cells that need no download and belong to nobody.

Pictures are made as a microscope makes them: dyes absorb light (Beer and Lambert: their densities add up), the
light has a colour and a level, the lens a focus, the sensor noise. A slide has one stain, light, focus and crowd of
red cells; on it five kinds of white cell differ, as in life, by the shape of the nucleus and by granules, and
overlap in size, colour and outline, so that a network has something to learn and something to get wrong.

Lengths are in micrometres unless they say pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from aimic_tui.engine.progress import Progress, ReportProgress, no_report

CLASSES = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
FIELD = 26.0  # side of a crop

Floats = NDArray[np.float32]
Vector = tuple[float, float, float]

# How often each kind is met: as in blood, but with the rare ones less rare.
_SHARES = (0.12, 0.17, 0.22, 0.18, 0.31)
_RADII = {  # smallest and largest
    "basophil": (5.0, 6.8),
    "eosinophil": (5.8, 7.6),
    "lymphocyte": (3.8, 6.3),
    "monocyte": (6.4, 8.8),
    "neutrophil": (5.4, 7.4),
}
# Optical densities for red, green and blue light of what the dyes colour.
_NUCLEUS: Vector = (0.72, 1.12, 0.16)
_RED_CELL: Vector = (0.09, 0.36, 0.38)
_PLASMA: Vector = (0.010, 0.022, 0.020)
_PLATELET: Vector = (0.30, 0.48, 0.10)
_CYTOPLASM: dict[str, Vector] = {
    "basophil": (0.16, 0.26, 0.06),
    "eosinophil": (0.08, 0.30, 0.16),
    "lymphocyte": (0.42, 0.28, 0.05),
    "monocyte": (0.27, 0.23, 0.05),
    "neutrophil": (0.09, 0.23, 0.07),
}
_ORANGE_GRANULE: Vector = (0.05, 0.50, 0.52)
_BLUE_GRANULE: Vector = (0.75, 0.95, 0.35)
_LILAC_GRANULE: Vector = (0.13, 0.24, 0.05)
# Nuclei: how dense, and how coarse and how strong their chromatin's texture is.
_CHROMATIN = {
    "basophil": (0.75, 9, 0.14),
    "eosinophil": (0.95, 12, 0.16),
    "lymphocyte": (1.15, 8, 0.13),
    "monocyte": (0.80, 16, 0.20),
    "neutrophil": (1.05, 12, 0.18),
}


def draw_smear(
    folder: Path,
    *,
    slides: int,
    seed: int,
    size: int = 96,
    crops: int = 12,
    first_slide: int = 1,
    report: ReportProgress = no_report,
) -> None:
    r"""Draw a smear into `folder`: `<class>/slide003_07.png`, so that `^(slide\d+)` groups the crops of a slide.

    Args:
        folder: made where it is missing; files of the same names are replaced.
        slides: how many; their numbers count from `first_slide`.
        seed: the same seed draws the same pictures; each slide depends on the seed and its own number only.
        size: side of a crop in pixels, 26 micrometres wide whatever the size.
        crops: of each slide, one white cell in each.
        report: receives the number of crops that are drawn.

    Raises:
        OSError: the folder can't be written.
    """
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for done, (name, kind, picture) in enumerate(_crops(slides, seed, size, crops, first_slide), start=1):
        Image.fromarray(picture).save(folder / kind / name, compress_level=1)
        report(Progress("draw", done, slides * crops))


def _crops(
    slides: int, seed: int, size: int, crops: int, first_slide: int
) -> Iterator[tuple[str, str, NDArray[np.uint8]]]:
    for number in range(first_slide, first_slide + slides):
        generator = np.random.default_rng([seed, number])
        slide = Slide.make(generator)
        for crop in range(1, crops + 1):
            kind = CLASSES[generator.choice(len(CLASSES), p=_SHARES)]
            yield f"slide{number:03d}_{crop:02d}.png", kind, draw_crop(kind, slide, generator, size)


@dataclass(frozen=True)
class Slide:
    """What all crops of one slide share.

    Attributes:
        basic, acid: strength of the blue and of the red dye for each colour of light: factors on densities.
        light: of an empty place, red, green, blue, 0 to 255.
        slope: how much the light falls off over the crop, to the right and downwards, as a share.
        focus: standard deviation of the blur.
        crowd: how close red cells lie, 0 to 1.
        pallor: how hollow red cells are, 0 to 1.
        red_radius: of its red cells.
        noise: standard deviation of the sensor's noise, in steps of 255.
    """

    basic: Floats
    acid: Floats
    light: Floats
    slope: tuple[float, float]
    focus: float
    crowd: float
    pallor: float
    red_radius: float
    noise: float

    @classmethod
    def make(cls, generator: np.random.Generator) -> Slide:
        """Draw a slide's properties."""
        tint = generator.normal(0, 0.035, 3)
        return cls(
            basic=np.exp(generator.normal(0, 0.16) + generator.normal(0, 0.09, 3)).astype(np.float32),
            acid=np.exp(generator.normal(0, 0.20) + generator.normal(0, 0.10, 3)).astype(np.float32),
            light=(generator.uniform(196, 238) * np.exp(tint)).astype(np.float32),
            slope=(generator.normal(0, 0.03), generator.normal(0, 0.03)),
            focus=float(generator.gamma(3.0, 0.055)) + 0.06,
            crowd=float(generator.uniform(0.1, 1.0)),
            pallor=float(generator.uniform(0.65, 1.0)),
            red_radius=float(generator.normal(3.65, 0.18)),
            noise=float(generator.uniform(1.0, 3.5)),
        )


def draw_crop(kind: str, slide: Slide, generator: np.random.Generator, size: int = 96) -> NDArray[np.uint8]:
    """Draw one white cell of a kind among red cells: uint8 [size, size, 3]."""
    view = _View(size, generator)
    radius = float(generator.uniform(*_RADII[kind]))
    strays = generator.random() < 0.12  # cut by the frame, as happens
    centre = generator.normal(0, 4.0 if strays else 1.3, 2).clip(-8, 8)

    cell = _white_cell(kind, view, centre, radius)
    red = _red_cells(view, slide, centre, radius)
    densities = view.layer(1 + 0.4 * view.texture(5), _PLASMA) * slide.acid
    # White cells push red ones aside; what lies over them shows through a little.
    densities += view.layer(red * (1 - 0.85 * cell.body), _RED_CELL) * slide.acid
    densities += view.layer(_platelets(view) * (1 - cell.body), _PLATELET) * slide.basic
    densities += cell.basic * slide.basic + cell.acid * slide.acid
    return _photograph(densities, view, slide)


def _photograph(densities: Floats, view: _View, slide: Slide) -> NDArray[np.uint8]:
    """Shine light through the densities, focus it, and read the sensor."""
    fall_off = 1 + (slide.slope[0] * view.x + slide.slope[1] * view.y) / FIELD
    bright = np.exp(-densities) * slide.light * fall_off[..., None]
    picture = Image.fromarray(bright.clip(0, 255).astype(np.uint8))
    blur = slide.focus * float(np.exp(view.generator.normal(0, 0.35))) * view.pixels_per_micrometre
    picture = picture.filter(ImageFilter.GaussianBlur(blur))
    grain = view.generator.normal(0, slide.noise, (view.size, view.size, 3)).astype(np.float32)
    return np.asarray((np.asarray(picture, np.float32) + grain).clip(0, 255).round(), np.uint8)


class _View:
    """The pixels of a crop, where they are, and what can be drawn on them."""

    def __init__(self, size: int, generator: np.random.Generator) -> None:
        self.size = size
        self.generator = generator
        self.pixels_per_micrometre = size / FIELD
        places = ((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5) * FIELD
        self.x, self.y = np.meshgrid(places, places)

    def layer(self, amount: Floats, density: Vector) -> Floats:
        """float [size, size, 3]: so much of something of this density."""
        return amount[..., None] * np.array(density, np.float32)

    def texture(self, grains: int) -> Floats:
        """float [size, size]: smooth noise, mean 0, standard deviation about 1, with so many grains across a crop."""
        coarse = self.generator.normal(0, 1, (grains + 3, grains + 3)).astype(np.float32)
        inner = (1, 1, grains + 2, grains + 2)
        fine = Image.fromarray(coarse).resize((self.size, self.size), Image.Resampling.BICUBIC, box=inner)
        return np.asarray(np.asarray(fine) * 1.3, np.float32)

    def inside(self, distance: Floats, edge: float = 0.3) -> Floats:
        """float [size, size]: 1 where a signed distance is negative, 0 outside, soft over `edge` around it."""
        step = (0.5 - distance / edge).clip(0, 1)
        return np.asarray(step * step * (3 - 2 * step), np.float32)

    def round_outline(self, centre: NDArray[np.float64], radius: float, wobble: float, flat: float = 0.0) -> Floats:
        """Signed distance to a closed outline around a centre: a circle, flattened and wobbling by these shares."""
        dx, dy = self.x - np.float32(centre[0]), self.y - np.float32(centre[1])
        angle = np.arctan2(dy, dx)
        outline = np.ones_like(dx)
        turn = self.generator.uniform(0, 2 * math.pi, 5)
        sizes = self.generator.normal(0, wobble, 5) / np.arange(1, 6)
        for order in range(2, 6):
            outline += np.float32(sizes[order - 1]) * np.cos(order * angle + np.float32(turn[order - 1]))
        outline += np.float32(flat) * np.cos(2 * angle + np.float32(turn[0]))
        return np.asarray(np.hypot(dx, dy) - np.float32(radius) * outline, np.float32)

    def stroke(self, points: NDArray[np.float64], radii: NDArray[np.float64]) -> Floats:
        """Signed distance to a brush stroke through `points` [k, 2] with `radii` [k], its joints filled smoothly."""
        distance = np.full_like(self.x, np.inf)
        softness = np.float32(0.35)
        for (px, py), radius in zip(points, radii, strict=True):
            new = np.hypot(self.x - np.float32(px), self.y - np.float32(py)) - np.float32(radius)
            blend = (0.5 + 0.5 * (new - distance) / softness).clip(0, 1)
            with np.errstate(invalid="ignore"):
                mixed = new + (distance - new) * blend - softness * blend * (1 - blend)
            distance = np.where(np.isinf(distance), new, mixed)
        return np.asarray(distance, np.float32)

    def granules(self, centres: NDArray[np.float64], radius: float) -> Floats:
        """float [size, size], 0 to 1: round grains at `centres` [k, 2]."""
        scale = self.pixels_per_micrometre
        reach = math.ceil(2.5 * radius * scale)
        offsets = np.arange(-reach, reach + 1)
        pixels = (centres / FIELD + 0.5) * self.size - 0.5
        nearest = np.round(pixels).astype(np.int64)
        rows = nearest[:, 1, None, None] + offsets[:, None]
        columns = nearest[:, 0, None, None] + offsets
        away = np.hypot(rows - pixels[:, 1, None, None], columns - pixels[:, 0, None, None]) / scale
        amount = np.exp(-((away / radius) ** 4))
        seen = (rows >= 0) & (rows < self.size) & (columns >= 0) & (columns < self.size)
        cells = (rows * self.size + columns)[seen]
        total = np.bincount(cells, weights=amount[seen], minlength=self.size**2)
        return np.asarray((1 - np.exp(-1.6 * total)).reshape(self.size, self.size), np.float32)

    def scatter(self, centre: NDArray[np.float64], radius: float, number: int) -> NDArray[np.float64]:
        """float [number, 2]: places spread evenly over a disc."""
        away = radius * np.sqrt(self.generator.random(number))
        angle = self.generator.uniform(0, 2 * math.pi, number)
        return centre + np.stack([away * np.cos(angle), away * np.sin(angle)], axis=1)


def _red_cells(view: _View, slide: Slide, centre: NDArray[np.float64], radius: float) -> Floats:
    """float [size, size]: thickness of red cells that leave room for a white one, 1 at the thickest of one cell."""
    generator = view.generator
    total = np.zeros_like(view.x)
    placed: list[NDArray[np.float64]] = []
    for _ in range(int(8 + 42 * slide.crowd)):
        place = generator.uniform(-FIELD / 2 - 3, FIELD / 2 + 3, 2)
        size = slide.red_radius * float(generator.normal(1, 0.06))
        if np.hypot(*(place - centre)) < radius + size * generator.uniform(0.75, 1.0):
            continue
        # Now and then two overlap; mostly they lie side by side.
        room = size * (2.0 if generator.random() < 0.85 else 1.2)
        if any(np.hypot(*(place - other)) < room for other in placed):
            continue
        placed.append(place)
        outline = view.round_outline(place, size, 0.05, flat=abs(float(generator.normal(0, 0.06))))
        part = ((outline + size) / size).clip(0, 1)  # 0 at the centre, 1 at the rim
        square = part * part
        # Evans and Fung (1972): the thickness of a resting red cell over its radius.
        hollow = np.sqrt(1 - square) * (0.207 + 2.003 * square - 1.123 * square * square) / 0.65
        full = np.sqrt(1 - square * square)
        total += hollow * slide.pallor + full * (1 - slide.pallor) * 0.9
    return np.asarray(total, np.float32)


def _platelets(view: _View) -> Floats:
    total = np.zeros_like(view.x)
    for place in view.generator.uniform(-FIELD / 2, FIELD / 2, (view.generator.poisson(1.0), 2)):
        body = view.inside(view.round_outline(place, float(view.generator.uniform(0.8, 1.5)), 0.12), 0.5)
        total += body * (0.8 + 0.3 * view.texture(30))
    return np.asarray(total, np.float32)


@dataclass(frozen=True)
class _WhiteCell:
    """A white cell's layers.

    Attributes:
        body: float [size, size], 1 inside it.
        basic, acid: float [size, size, 3], densities of what the blue and what the red dye colours.
    """

    body: Floats
    basic: Floats
    acid: Floats


def _white_cell(kind: str, view: _View, centre: NDArray[np.float64], radius: float) -> _WhiteCell:
    generator = view.generator
    wobble = {"monocyte": 0.075, "lymphocyte": 0.035}.get(kind, 0.045)
    outline = view.round_outline(centre, radius, wobble, flat=abs(float(generator.normal(0, 0.05))))
    body = view.inside(outline, 0.35)
    shape = _NUCLEI[kind](view, centre, radius)
    nucleus = view.inside(shape + 0.18 * view.texture(18), 0.4) * body

    cytoplasm = body * (1 - 0.75 * nucleus)
    thickness = float(np.exp(generator.normal(0, 0.22)))
    basic = view.layer(cytoplasm * thickness * (1 + 0.12 * view.texture(24)), _CYTOPLASM[kind])
    acid = np.zeros_like(basic)
    density, grains, strength = _CHROMATIN[kind]
    chromatin = 1 + strength * (view.texture(grains) + 0.6 * view.texture(2 * grains))
    basic += view.layer(nucleus * chromatin.clip(0.3, 2) * density * float(np.exp(generator.normal(0, 0.10))), _NUCLEUS)

    if kind == "eosinophil":
        # Some are poor in granules, or pale where the stain was sour.
        amount = generator.uniform(0.45, 1.1)
        places = view.scatter(centre, radius * 0.93, int(2.1 * radius * radius * generator.uniform(0.5, 1.2)))
        orange = view.granules(places, float(generator.uniform(0.42, 0.58))) * body
        acid += view.layer(orange * amount * (1 - 0.7 * nucleus), _ORANGE_GRANULE)
    elif kind == "basophil":
        # Their granules dissolve in water: some cells keep only a few.
        number = int(generator.uniform(10, 28) if generator.random() < 0.2 else generator.uniform(40, 95))
        places = view.scatter(centre, radius * 0.92, number)
        blue = view.granules(places, float(generator.uniform(0.40, 0.65))) * body
        basic += view.layer(blue * generator.uniform(0.6, 1.1), _BLUE_GRANULE)
    elif kind == "neutrophil":
        fine = (0.5 + 0.7 * view.texture(50)).clip(0, 2)
        basic += view.layer(cytoplasm * fine * generator.uniform(0.2, 0.8), _LILAC_GRANULE)
    elif kind == "monocyte":
        dust = (0.3 + 0.5 * view.texture(44)).clip(0, 2)
        basic += view.layer(cytoplasm * dust * generator.uniform(0.1, 0.6), _LILAC_GRANULE)
        holes = view.scatter(centre, radius * 0.85, int(generator.poisson(2.5)))
        vacuoles = view.granules(holes, float(generator.uniform(0.45, 0.8)))
        basic *= (1 - 0.6 * vacuoles)[..., None]
    elif generator.random() < 0.15:  # a large granular lymphocyte
        places = view.scatter(centre, radius * 0.95, int(generator.uniform(4, 12)))
        basic += view.layer(view.granules(places, 0.3) * cytoplasm, _BLUE_GRANULE) * np.float32(0.6)
    return _WhiteCell(body, basic, acid)


# Nuclei, by kind: signed distances.


def _lobes(
    view: _View, centre: NDArray[np.float64], radius: float, *, number: int, size: float, bridge: float
) -> Floats:
    """`number` lobes along an arc, with bridges between them; sizes are shares of the cell's radius."""
    generator = view.generator
    bend = generator.uniform(0.9, 1.45) if number > 2 else generator.uniform(1.6, 2.6)
    angles = generator.uniform(0, 2 * math.pi) + bend * (np.arange(number) - (number - 1) / 2)
    angles += generator.normal(0, 0.12, number)
    away = radius * np.clip(generator.normal(0.47, 0.06, number), 0.3, 0.6)
    lobes = centre + np.stack([away * np.cos(angles), away * np.sin(angles)], axis=1)
    points, radii = [], []
    for index in range(number):
        along = generator.normal(0, 0.13 * radius, 2)  # lobes are longer than wide
        points += [lobes[index] - along, lobes[index] + along]
        radii += [radius * size * generator.uniform(0.82, 1.12) for _ in range(2)]
        if index:
            for part in (0.25, 0.42, 0.58, 0.75):
                points.append(lobes[index - 1] * (1 - part) + lobes[index] * part)
                radii.append(radius * bridge)
    return view.stroke(np.array(points), np.array(radii))


def _arc(view: _View, centre: NDArray[np.float64], radius: float, *, span: float, away: float, size: float) -> Floats:
    """A bent sausage: a kidney where it is thick and short, a horseshoe where it is thin and long."""
    generator = view.generator
    angles = generator.uniform(0, 2 * math.pi) + np.linspace(-span / 2, span / 2, 9)
    # The middle of the sausage, not of its circle, lies about the middle of the cell.
    middle = centre - radius * away * 0.45 * np.array([np.cos(angles[4]), np.sin(angles[4])])
    points = middle + radius * away * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    radii = radius * size * (1 + 0.12 * generator.normal(0, 1, 9).cumsum() / 3)
    return view.stroke(points, radii)


def _neutrophil(view: _View, centre: NDArray[np.float64], radius: float) -> Floats:
    if view.generator.random() < 0.12:  # a young one, not yet in lobes
        return _arc(view, centre, radius, span=view.generator.uniform(2.6, 4.2), away=0.52, size=0.21)
    number = int(view.generator.choice([2, 3, 4, 5], p=[0.12, 0.43, 0.32, 0.13]))
    size = {2: 0.33, 3: 0.29, 4: 0.25, 5: 0.22}[number]
    return _lobes(view, centre, radius, number=number, size=size, bridge=0.075)


def _eosinophil(view: _View, centre: NDArray[np.float64], radius: float) -> Floats:
    number = 2 if view.generator.random() < 0.82 else 3
    return _lobes(view, centre, radius, number=number, size=0.36 if number == 2 else 0.29, bridge=0.11)


def _basophil(view: _View, centre: NDArray[np.float64], radius: float) -> Floats:
    span, size = view.generator.uniform(1.2, 3.2), view.generator.uniform(0.30, 0.40)
    return _arc(view, centre, radius, span=span, away=0.40, size=size)


def _lymphocyte(view: _View, centre: NDArray[np.float64], radius: float) -> Floats:
    share = view.generator.uniform(0.70, 0.93)
    shifted = centre + view.generator.normal(0, (1 - share) * radius * 0.45, 2)
    nucleus = view.round_outline(shifted, radius * share, 0.04)
    if view.generator.random() < 0.3:  # a notch
        notch = view.scatter(shifted, 0.1, 1)[0] + radius * share * _direction(view)
        nucleus = np.maximum(nucleus, radius * 0.28 - np.hypot(view.x - notch[0], view.y - notch[1]))
    return nucleus.astype(np.float32)


def _monocyte(view: _View, centre: NDArray[np.float64], radius: float) -> Floats:
    if view.generator.random() < 0.25:  # round or folded
        share = view.generator.uniform(0.58, 0.74)
        return view.round_outline(centre + view.generator.normal(0, 0.1 * radius, 2), radius * share, 0.10, flat=0.08)
    span, size = view.generator.uniform(1.3, 3.4), view.generator.uniform(0.30, 0.38)
    return _arc(view, centre, radius, span=span, away=0.48, size=size)


def _direction(view: _View) -> NDArray[np.float64]:
    angle = view.generator.uniform(0, 2 * math.pi)
    return np.array([math.cos(angle), math.sin(angle)])


_NUCLEI: dict[str, Callable[[_View, NDArray[np.float64], float], Floats]] = {
    "basophil": _basophil,
    "eosinophil": _eosinophil,
    "lymphocyte": _lymphocyte,
    "monocyte": _monocyte,
    "neutrophil": _neutrophil,
}
