"""The house as a drawing: floors from the top down, rooms as wide as their lines, arrows to what they import.

Arrows that a longer way already implies are faint, and those of a circle are red: no other arrow goes up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import fmean

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path as Curve

from house_graph import Arrow, House, Room, essential_arrows

# Inches.
HEIGHT, BETWEEN, GAP, MARGIN = 0.4, 0.75, 0.22, 0.6
LETTER, LINE = 0.082, 1 / 420
TINTS = ("#e6e4dd", "#cfe3f2", "#fde3bf", "#d5ecd0", "#ead9f0")
INK, EDGE, ARROW, FAINT, RED = "#222222", "#77756e", "#5b6b7a", "#d9dde1", "#d1242f"
GROUND = "#eeede8"
SWEEPS = 24


@dataclass
class Box:
    """Where a room is drawn: its middle, its lower edge, its width."""

    x: float
    y: float
    width: float

    def port(self, towards: float) -> float:
        """Choose where on its edge an arrow to or from another place is tied."""
        reach = max(self.width / 2 - 0.12, 0)
        return min(max(towards, self.x - reach), self.x + reach)


def draw(house: House, file: Path, title: str) -> None:
    """Draw a house into a file; its ending says which kind."""
    boxes = place_rooms(house)
    left = min(box.x - box.width / 2 for box in boxes.values()) - MARGIN
    right = max(box.x + box.width / 2 for box in boxes.values()) + MARGIN
    top = max(box.y for box in boxes.values()) + HEIGHT + 2 * MARGIN
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "house", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(right - left, top + MARGIN))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(left, right), ylim=(-MARGIN, top))
        axes.set_axis_off()
        draw_floors(axes, sorted({room.floor for room in house.rooms}))
        draw_arrows(axes, house, boxes)
        tints = choose_tints(house.rooms)
        for room in house.rooms:
            draw_room(axes, room, boxes[room.name], tints[parent(room)])
        draw_words(axes, house, title, tints)
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def place_rooms(house: House) -> dict[str, Box]:
    """Give each room its place on its floor, near what it is tied to."""
    floors = {floor: list(rooms) for floor, rooms in groupby(house.rooms, key=lambda room: room.floor)}
    boxes = {
        room.name: Box(0, floor * (HEIGHT + BETWEEN), max(len(label(room)) * LETTER + 0.2, room.lines * LINE))
        for floor, rooms in floors.items()
        for room in rooms
    }
    ties = neighbours(essential_arrows(house.arrows), boxes)
    for sweep in range(SWEEPS):
        for floor in sorted(floors, reverse=bool(sweep % 2)):
            names = [room.name for room in floors[floor]]
            wanted = {name: fmean(boxes[other].x for other in ties[name] or [name]) for name in names}
            settle(boxes, sorted(names, key=lambda name: (wanted[name], name)), wanted)
    return boxes


def neighbours(arrows: Iterable[Arrow], names: Iterable[str]) -> dict[str, list[str]]:
    """List which rooms each room is tied to, in either direction."""
    ties: dict[str, list[str]] = {name: [] for name in names}
    for source, target in arrows:
        ties[source].append(target)
        ties[target].append(source)
    return ties


def settle(boxes: dict[str, Box], names: Sequence[str], wanted: dict[str, float]) -> None:
    """Put rooms side by side in an order, each as near to where it is wanted as the others let it."""
    edge = float("-inf")
    for name in names:
        box = boxes[name]
        box.x = max(wanted[name], edge + GAP + box.width / 2)
        edge = box.x + box.width / 2
    shift = fmean(wanted[name] - boxes[name].x for name in names)
    for name in names:
        boxes[name].x += shift


def draw_floors(axes: Axes, floors: Iterable[int]) -> None:
    """Draw what the rooms of each floor stand on, and its number."""
    left, right = axes.get_xlim()
    for floor in floors:
        y = floor * (HEIGHT + BETWEEN)
        axes.plot([left + 0.15, right - 0.15], [y, y], color=GROUND, linewidth=1, zorder=0)
        axes.text(left + 0.15, y + 0.05, str(floor) if floor else "ground", fontsize=7, color=EDGE, zorder=0)


def draw_arrows(axes: Axes, house: House, boxes: dict[str, Box]) -> None:
    """Draw the faint arrows first, then those that matter, then the circles."""
    circle_of = {name: circle for circle in house.circles for name in circle.members}
    essential = essential_arrows(house.arrows)
    for arrow in house.arrows:
        source, target = arrow
        if source in circle_of and circle_of[source] is circle_of.get(target):
            draw_arrow(axes, beside(boxes[source], boxes[target]), RED, 1.6, 4)
        elif arrow in essential:
            draw_arrow(axes, down(boxes[source], boxes[target]), ARROW, 0.9, 2)
        else:
            draw_arrow(axes, down(boxes[source], boxes[target]), FAINT, 0.5, 1)


def draw_arrow(axes: Axes, points: Sequence[tuple[float, float]], colour: str, width: float, order: int) -> None:
    """Draw one arrow along a curve."""
    curve = Curve(points, [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])
    tip = "-|>,head_length=4,head_width=2"
    axes.add_patch(FancyArrowPatch(path=curve, arrowstyle=tip, color=colour, linewidth=width, zorder=order))


def down(source: Box, target: Box) -> list[tuple[float, float]]:
    """Find the way from a room's floor to the ceiling of one below."""
    start, end = (source.port(target.x), source.y), (target.port(source.x), target.y + HEIGHT)
    bend = min((start[1] - end[1]) / 2, BETWEEN)
    return [start, (start[0], start[1] - bend), (end[0], end[1] + bend), end]


def beside(source: Box, target: Box) -> list[tuple[float, float]]:
    """Find the way between rooms on one floor: over them to the right, under them to the left."""
    right = source.x < target.x
    edge, bend = (source.y + HEIGHT, BETWEEN / 2) if right else (source.y, -BETWEEN / 2)
    start, end = source.port(target.x), target.port(source.x)
    return [(start, edge), (start, edge + bend), (end, edge + bend), (end, edge)]


def draw_room(axes: Axes, room: Room, box: Box, tint: str) -> None:
    """Draw a room with its name and lines."""
    corner = (box.x - box.width / 2, box.y)
    style = "round,pad=0,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch(
            corner, box.width, HEIGHT, style, facecolor=(tint, 0.88), edgecolor=EDGE, linewidth=0.7, zorder=5
        )
    )
    axes.text(box.x, box.y + 0.25, label(room), ha="center", va="center", fontsize=9, color=INK, zorder=6)
    size = f"{room.lines:,}" if room.files == 1 else f"{room.files} files, {room.lines:,}"
    axes.text(box.x, box.y + 0.09, size, ha="center", va="center", fontsize=6, color=EDGE, zorder=6)


def draw_words(axes: Axes, house: House, title: str, tints: dict[str, str]) -> None:
    """Write what is shown, and which tint is which package's."""
    left, top = axes.get_xlim()[0] + MARGIN / 2, axes.get_ylim()[1] - MARGIN / 2
    axes.text(left, top, title, fontsize=15, va="top", color=INK, zorder=7)
    words = f"rooms: {len(house.rooms)}, arrows: {len(house.arrows)} (faint: implied by others)"
    words += f", circles: {len(house.circles)}"
    axes.text(left, top - 0.35, words, fontsize=9, va="top", color=INK, zorder=7)
    if len(tints) > 1:
        patches = [Patch(facecolor=tint, edgecolor=EDGE, label=package) for package, tint in tints.items()]
        axes.legend(handles=patches, loc="upper right", frameon=False, fontsize=9)


def choose_tints(rooms: Iterable[Room]) -> dict[str, str]:
    """Give each opened package its tint."""
    packages = sorted({parent(room) for room in rooms})
    return {package: TINTS[number % len(TINTS)] for number, package in enumerate(packages)}


def parent(room: Room) -> str:
    """Name the opened package that a room is in."""
    return room.name.rpartition(".")[0]


def label(room: Room) -> str:
    """Name a room as its door does."""
    return room.name.rpartition(".")[2]
