"""Who imports whom in a package, by room: rooms, the arrows between them, the floors they lie on, and circles.

A room is a module or a whole sub-package. An opened package is no room itself: its modules and sub-packages are.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import grimp

Arrow = tuple[str, str]
Arrows = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Modules:
    """Every module of a package: its lines, and the modules of the same package that it imports."""

    package: str
    lines: Mapping[str, int]
    imports: Arrows

    @property
    def packages(self) -> list[str]:
        """The package and all packages below it, by name."""
        return sorted({name.rpartition(".")[0] for name in self.lines if "." in name})

    def below(self, package: str) -> list[str]:
        """Return the modules of a package, its own `__init__` among them."""
        return [name for name in self.lines if name == package or name.startswith(package + ".")]


@dataclass(frozen=True)
class Room:
    """A module or a whole sub-package, and the rooms that it imports; the ground is floor 0."""

    name: str
    files: int
    lines: int
    floor: int
    imports: frozenset[str]


@dataclass(frozen=True)
class Circle:
    """Rooms or modules that all reach each other, and the imports of modules that tie them."""

    members: tuple[str, ...]
    ties: tuple[Arrow, ...]


@dataclass(frozen=True)
class House:
    """The rooms of a package from the top floor down, and what goes round in circles in it."""

    inside: str
    opened: tuple[str, ...]
    rooms: tuple[Room, ...]
    circles: tuple[Circle, ...]
    module_circles: tuple[Circle, ...]

    @property
    def arrows(self) -> list[Arrow]:
        """Every import of a room by another."""
        return [(room.name, target) for room in self.rooms for target in sorted(room.imports)]

    def label(self, name: str) -> str:
        """Name a room without the package that it is in."""
        return name.removeprefix(self.inside + ".")


def read_modules(folder: Path, package: str, types: bool = False) -> Modules:
    """Read a package that lies in a folder, without importing it; with `types`, also imports for type checkers only."""
    sys.path.insert(0, str(folder))
    graph = grimp.build_graph(package, exclude_type_checking_imports=not types, cache_dir=None)
    names = sorted(graph.modules)
    return Modules(
        package,
        {name: count_lines(folder, name) for name in names},
        {name: frozenset(graph.find_modules_directly_imported_by(name)) for name in names},
    )


def count_lines(folder: Path, module: str) -> int:
    """Count the lines of a module's file; a package's is its `__init__`, if it has one."""
    place = folder.joinpath(*module.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return len(file.read_bytes().splitlines()) if file.is_file() else 0


def build_house(modules: Modules, inside: str, opened: Iterable[str] = ()) -> House:
    """Make the rooms of the package `inside`, of which the packages `opened` are rooms no more, but what is in them."""
    opened = tuple(package for package in opened if package in modules.packages)
    room_of = assign_rooms(modules, inside, {inside, *opened})
    arrows: dict[str, set[str]] = {room: set() for room in room_of.values()}
    for source, target in imports_between(modules, room_of):
        if room_of[source] != room_of[target]:
            arrows[room_of[source]].add(room_of[target])
    frozen = {room: frozenset(targets) for room, targets in arrows.items()}
    floors = find_floors(frozen)
    files = Counter(room_of.values())
    lines: Counter[str] = Counter()
    for module, room in room_of.items():
        lines[room] += modules.lines[module]
    rooms = (Room(name, files[name], lines[name], floors[name], frozen[name]) for name in frozen)
    return House(
        inside,
        opened,
        tuple(sorted(rooms, key=lambda room: (-room.floor, room.name))),
        tuple(tie_rooms(circle, modules, room_of) for circle in find_circles(frozen)),
        find_module_circles(modules, modules.below(inside)),
    )


def assign_rooms(modules: Modules, inside: str, opened: set[str]) -> dict[str, str]:
    """Say for each module of the package `inside` which room it belongs to.

    The `__init__` of an opened package is a room of its own where it imports something, and otherwise only a door sign.
    """
    room_of = {}
    for module in modules.below(inside):
        if module in opened:
            if modules.imports[module]:
                room_of[module] = f"{module}.__init__"
            continue
        room = module
        while (parent := room.rpartition(".")[0]) not in opened:
            room = parent
        room_of[module] = room
    return room_of


def imports_between(modules: Modules, among: Iterable[str]) -> list[Arrow]:
    """List the imports among some modules."""
    chosen = set(among)
    return [(source, target) for source in sorted(chosen) for target in sorted(modules.imports[source] & chosen)]


def tie_rooms(circle: tuple[str, ...], modules: Modules, room_of: Mapping[str, str]) -> Circle:
    """Find the imports that tie rooms into a circle."""
    within = [module for module, room in room_of.items() if room in circle]
    ties = imports_between(modules, within)
    return Circle(circle, tuple((one, other) for one, other in ties if room_of[one] != room_of[other]))


def find_module_circles(modules: Modules, among: Iterable[str]) -> tuple[Circle, ...]:
    """Find the circles between single modules."""
    chosen = frozenset(among)
    circles = find_circles({name: modules.imports[name] & chosen for name in chosen})
    return tuple(Circle(circle, tuple(imports_between(modules, circle))) for circle in circles)


def find_circles(arrows: Arrows) -> list[tuple[str, ...]]:
    """Find what reaches itself by way of others: each circle as large as it goes, by name."""
    reached = {name: reach(arrows, name) for name in arrows}
    circles = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in arrows
        if name in reached[name]
    }
    return sorted(circle for circle in circles if len(circle) > 1)


def reach(arrows: Arrows, start: str) -> set[str]:
    """Follow the arrows from a start to wherever they lead; the start is among it only if they lead back."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = arrows[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def find_floors(arrows: Arrows) -> dict[str, int]:
    """Put each room on the floor that is the longest way down from it to the ground; a circle shares one."""
    home = {name: frozenset([name]) for name in arrows}
    home.update((name, frozenset(circle)) for circle in find_circles(arrows) for name in circle)
    floors: dict[str, int] = {}
    # Whoever reaches less comes first: what a room leads down to is settled before it.
    for name in sorted(arrows, key=lambda name: len(reach(arrows, name) | home[name])):
        down = frozenset().union(*(arrows[member] for member in home[name])) - home[name]
        floors[name] = max((floors[target] + 1 for target in down), default=0)
    return floors


def essential_arrows(arrows: Iterable[Arrow]) -> set[Arrow]:
    """Leave out the arrows of which a longer way says the same; one that leads back here first doesn't count."""
    follow: dict[str, frozenset[str]] = defaultdict(frozenset)
    for source, target in arrows:
        follow[source] |= {target}
        follow[target] |= set()
    reached = {name: reach(follow, name) for name in list(follow)}
    return {
        (source, target)
        for source, targets in list(follow.items())
        for target in targets
        if not any(target in reached[other] and source not in reached[other] for other in targets - {target})
    }
