"""The house: who imports whom in this program, by room and floor, now or at an older revision.

    make house                              every room from the top floor down, and what goes round in circles
    make house INSIDE=engine.data           the rooms of one package
    make house AT=d682b3f SVG=before.svg    the house of an older revision, drawn
    make house BASELINE=d682b3f             the totals of a revision beside those of today

An arrow points from a room to one that it imports. A floor is the longest way down to the ground, so arrows point down
unless they are part of a circle.
"""

from __future__ import annotations

import argparse
import io
import json
import signal
import subprocess
import sys
import tarfile
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from house_graph import Circle, House, Modules, Room, build_house, find_module_circles, read_modules

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "aimic_tui"
OPENED = ("engine", "screens")  # of which the house shows the rooms
WIDTH = 120
COLUMNS = "    rooms  arrows  circles  of modules"


def main(arguments: Sequence[str] | None = None) -> int:
    """Show what was asked for; return 1 where a check finds a circle, 2 where a revision or package isn't there."""
    asked = parse(arguments)
    try:
        return show(asked)
    except LookupError as problem:
        print(f"house: {problem.args[0]}", file=sys.stderr)
        return 2


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inside", metavar="PACKAGE", help="the rooms of this package, such as engine.data")
    parser.add_argument("--at", metavar="REVISION", help="the house of an older revision")
    parser.add_argument("--baseline", metavar="REVISION", help="the totals of a revision beside these")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="draw it, too")
    parser.add_argument("--check", action="store_true", help="only say what goes round in circles; 1 if anything does")
    parser.add_argument("--types", action="store_true", help="count imports that only type checkers follow, too")
    parser.add_argument("--json", action="store_true", help="the modules, their lines and imports, as JSON")
    parser.add_argument("--folder", metavar="FOLDER", type=Path, default=ROOT, help="where the package lies")
    parser.add_argument("--package", metavar="NAME", default=PACKAGE, help=f"another package than {PACKAGE}")
    return parser.parse_args(arguments)


def show(asked: argparse.Namespace) -> int:
    """Print what was asked for."""
    modules = read_revision(asked, asked.at) if asked.at else read_folder(asked)
    if asked.json:
        print(
            json.dumps({"lines": modules.lines, "imports": {name: sorted(of) for name, of in modules.imports.items()}})
        )
        return 0
    if asked.baseline:
        print_beside(read_revision(asked, asked.baseline), modules, (asked.baseline, asked.at or "now"))
        return 0
    if asked.check:
        return check(modules, asked.inside)
    house = open_house(modules, asked.inside)
    print_house(house)
    if asked.svg:
        from house_drawing import draw

        draw(house, asked.svg, f"{title(house)}, {asked.at}" if asked.at else title(house))
    return 0


def read_folder(asked: argparse.Namespace) -> Modules:
    """Read the package as it lies in the folder."""
    if not (asked.folder / asked.package).is_dir():
        raise LookupError(f"there is no package {asked.package} in {asked.folder}")
    return read_modules(asked.folder, asked.package, asked.types)


def read_revision(asked: argparse.Namespace, revision: str) -> Modules:
    """Read the package as it was at a revision, in a process of its own: no module is found in two places."""
    archive = ["git", "-C", str(asked.folder), "archive", "--format=tar", revision, asked.package]
    packed = subprocess.run(archive, capture_output=True, check=False)
    if packed.returncode:
        raise LookupError(packed.stderr.decode(errors="replace").strip())
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
            files.extractall(folder, filter="data")
        command = [sys.executable, __file__, "--json", "--folder", folder, "--package", asked.package]
        command += ["--types"] if asked.types else []
        answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    imports = {name: frozenset(of) for name, of in answer["imports"].items()}
    return Modules(asked.package, answer["lines"], imports)


def open_house(modules: Modules, inside: str | None) -> House:
    """Open one package, or the whole house with the packages whose rooms it shows."""
    if not inside:
        return build_house(modules, modules.package, [f"{modules.package}.{name}" for name in OPENED])
    name = inside if inside.split(".")[0] == modules.package else f"{modules.package}.{inside}"
    if name not in modules.packages:
        raise LookupError(f"there is no package {name}")
    return build_house(modules, name)


def every_house(modules: Modules) -> dict[str, House]:
    """Open the whole house, and each package in it by itself, by what they are called."""
    houses = [open_house(modules, None), *(build_house(modules, name) for name in modules.packages)]
    return {title(house): house for house in houses}


def title(house: House) -> str:
    """Name the whole house, or the package that is opened."""
    return "The house" if house.opened else f"Inside {short(house.inside)}"


def short(name: str) -> str:
    """Name a module without the package that all of them are in."""
    return name.partition(".")[2] or name


def print_house(house: House) -> None:
    """Print the rooms from the top floor down, the totals and the circles."""
    width = max(len(house.label(room.name)) for room in house.rooms)
    print(f"{title(house)}: files, lines and imports of each room")
    for floor, rooms in groupby(house.rooms, key=lambda room: room.floor):
        print(f"\nfloor {floor}" if floor else "\nground")
        for room in rooms:
            print(room_line(house, room, width))
    print()
    for line in totals(house):
        print(line)


def room_line(house: House, room: Room, width: int) -> str:
    """Write a room on one line, or on more where it imports many."""
    head = f"  {house.label(room.name):{width}} {room.files:4} {room.lines:6,}"
    imports = ", ".join(house.label(name) for name in sorted(room.imports))
    indent = " " * (len(head) + 4)
    return textwrap.fill(imports, WIDTH, initial_indent=f"{head}  > ", subsequent_indent=indent) or head


def totals(house: House) -> Iterator[str]:
    """Write how many rooms, arrows and circles there are, and every circle."""
    files, lines = sum(room.files for room in house.rooms), sum(room.lines for room in house.rooms)
    floors = len({room.floor for room in house.rooms})
    yield f"{len(house.rooms)} rooms on {floors} floors, {len(house.arrows)} arrows; {files} files, {lines:,} lines"
    yield f"circles between rooms: {len(house.circles)}, between modules: {len(house.module_circles)}"
    yield from circle_lines("rooms", house.circles)
    yield from circle_lines("modules", house.module_circles)


def circle_lines(of: str, circles: Sequence[Circle]) -> Iterator[str]:
    """Write circles with the imports that tie them."""
    for circle in circles:
        yield f"\na circle of {len(circle.members)} {of}: {', '.join(map(short, circle.members))}"
        yield from (f"  {short(source)} > {short(target)}" for source, target in circle.ties)


def check(modules: Modules, inside: str | None) -> int:
    """Print every circle, of modules and of rooms on any level; return 1 if there is one."""
    houses = [open_house(modules, inside)] if inside else list(every_house(modules).values())
    circles = find_module_circles(modules, modules.lines)
    found = list(circle_lines("modules", circles))
    for house in houses:
        of = "rooms" if house.opened else f"rooms inside {short(house.inside)}"
        found += circle_lines(of, [circle for circle in house.circles if circle not in circles])
    print("\n".join(found).lstrip() or "No circles.")
    return 1 if found else 0


def print_beside(before: Modules, after: Modules, names: tuple[str, str]) -> None:
    """Print the totals of the house and of each package at two revisions."""
    sides = [every_house(before), every_house(after)]
    titles = sorted({*sides[0], *sides[1]}, key=lambda title: (title.startswith("Inside"), title))
    width = max(map(len, titles))
    print(f"{'':{width}}{names[0]:>{len(COLUMNS)}}{names[1]:>{len(COLUMNS)}}")
    print(f"{'':{width}}{COLUMNS}{COLUMNS}")
    for name in titles:
        print(f"{name:{width}}{''.join(house_cells(side.get(name)) for side in sides)}")
    print()
    for side, modules in zip(names, (before, after), strict=True):
        print(f"{side}: {len(modules.lines)} files, {sum(modules.lines.values()):,} lines")


def house_cells(house: House | None) -> str:
    """Write the totals of one package at one revision, or dashes where it isn't there."""
    if house is None:
        return f"{'-':>9}{'-':>8}{'-':>9}{'-':>12}"
    return f"{len(house.rooms):9}{len(house.arrows):8}{len(house.circles):9}{len(house.module_circles):12}"


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as any command: `make house | head` ends quietly
    sys.exit(main())
