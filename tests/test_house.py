"""`make house`: rooms, arrows, floors and circles of a small program, and of its older revisions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from house_graph import Modules, build_house, essential_arrows, find_circles, find_floors, find_module_circles

HOUSE = Path(__file__).resolve().parents[1] / "tools" / "house.py"
# `door` over `engine.data`, `engine.runs`; `runs` only names `door` to type checkers.
PROGRAM = {
    "__init__": "",
    "door": "from small.engine.runs import start\nfrom small.words import HELLO\n",
    "words": "HELLO = 1\n",
    "engine.__init__": '"""The engine."""\n',
    "engine.runs": (
        "from typing import TYPE_CHECKING\n\nfrom small.engine.data import find\n\n"
        "if TYPE_CHECKING:\n    from small import door\nstart = 1\n"
    ),
    "engine.data.__init__": "",
    "engine.data.find": "from small.words import HELLO\nfrom small.engine.data import read\n",
    "engine.data.read": "",
}
CIRCLE = {"engine.data.read": "from small.engine import runs\n"}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder.joinpath("small", *name.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def house(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HOUSE), "--folder", str(folder), "--package", "small", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def modules(*imports: str) -> Modules:
    """Make modules of lines such as `a.b > a.c`."""
    arrows = [tuple(line.split(" > ")) for line in imports]
    names = {name for arrow in arrows for name in arrow}
    of = {name: frozenset(target for source, target in arrows if source == name) for name in names}
    return Modules("p", dict.fromkeys(names, 10), of)


def test_rooms_are_shown_from_the_top_floor_down(tmp_path: Path) -> None:
    shown = house(write(tmp_path, PROGRAM))
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines() == [
        "The house: files, lines and imports of each room",
        "",
        "floor 3",
        "  door           1      2  > engine.runs, words",
        "",
        "floor 2",
        "  engine.runs    1      7  > engine.data",
        "",
        "floor 1",
        "  engine.data    3      2  > words",
        "",
        "ground",
        "  words          1      1",
        "",
        "4 rooms on 4 floors, 4 arrows; 6 files, 12 lines",
        "circles between rooms: 0, between modules: 0",
    ]


def test_a_package_is_opened_by_itself(tmp_path: Path) -> None:
    shown = house(write(tmp_path, PROGRAM), "--inside", "engine.data").stdout
    assert "Inside engine.data" in shown
    assert "  find    1      2  > read\n" in shown
    assert "words" not in shown
    assert house(tmp_path, "--inside", "engine.none").returncode == 2


def test_a_check_finds_circles_of_rooms_and_modules(tmp_path: Path) -> None:
    write(tmp_path, PROGRAM)
    whole = house(tmp_path, "--check")
    assert (whole.returncode, whole.stdout) == (0, "No circles.\n")
    write(tmp_path, CIRCLE)
    broken = house(tmp_path, "--check")
    assert broken.returncode == 1
    ties = "engine.data.find > engine.data.read\n  engine.data.read > engine.runs\n  engine.runs > engine.data.find\n"
    assert f"a circle of 3 modules: engine.data.find, engine.data.read, engine.runs\n  {ties}" in broken.stdout
    assert "a circle of 2 rooms: engine.data, engine.runs\n  engine.data.read > engine.runs\n" in broken.stdout
    assert house(tmp_path, "--check", "--inside", "engine.data").returncode == 1


def test_imports_for_type_checkers_count_only_when_asked_for(tmp_path: Path) -> None:
    write(tmp_path, PROGRAM)
    assert "a circle of 2 modules: door, engine.runs" in house(tmp_path, "--check", "--types").stdout


def test_an_older_revision_stands_beside_this_one(tmp_path: Path) -> None:
    git = ["git", "-C", str(write(tmp_path, PROGRAM | CIRCLE)), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for step in (["init", "-q"], ["add", "small"], ["commit", "-qm", "before"]):
        subprocess.run([*git, *step], check=True)
    write(tmp_path, PROGRAM)
    assert "between rooms: 1" in house(tmp_path, "--at", "HEAD").stdout
    lines = house(tmp_path, "--baseline", "HEAD").stdout.splitlines()
    assert " ".join(lines[2].split()) == "The house 4 5 1 1 4 4 0 0"
    assert house(tmp_path, "--at", "nowhere").returncode == 2


@pytest.mark.parametrize("files", [PROGRAM, PROGRAM | CIRCLE])
def test_a_house_is_drawn(tmp_path: Path, files: dict[str, str]) -> None:
    drawn = house(write(tmp_path, files), "--svg", str(tmp_path / "house.svg"))
    assert drawn.returncode == 0, drawn.stderr
    svg = (tmp_path / "house.svg").read_text()
    assert ">runs</text>" in svg
    assert ("#d1242f" in svg) == (files is not PROGRAM)


def test_a_package_that_imports_its_own_modules_is_a_room_when_opened() -> None:
    opened = build_house(modules("p.a > p.a.x", "p.a.x > p.a"), "p.a")
    assert [room.name for room in opened.rooms] == ["p.a.__init__", "p.a.x"]
    assert [circle.members for circle in opened.circles] == [("p.a.__init__", "p.a.x")]
    assert build_house(modules("p.a > p.a.x", "p.a.x > p.a"), "p").circles == ()


def test_rooms_can_go_in_a_circle_where_no_modules_do() -> None:
    tied = modules("p.a.x > p.b.x", "p.b.y > p.a.y")
    assert find_module_circles(tied, tied.lines) == ()
    (circle,) = build_house(tied, "p").circles
    assert circle.members == ("p.a", "p.b")
    assert circle.ties == (("p.a.x", "p.b.x"), ("p.b.y", "p.a.y"))


def test_a_floor_is_the_longest_way_down_and_a_circle_shares_one() -> None:
    arrows = {"top": "ab", "a": "b", "b": "ac", "c": "d", "d": "", "alone": ""}
    follow = {name: frozenset(targets) for name, targets in arrows.items()}
    assert find_circles(follow) == [("a", "b")]
    assert find_floors(follow) == {"top": 3, "a": 2, "b": 2, "c": 1, "d": 0, "alone": 0}


def test_arrows_that_a_longer_way_implies_are_not_essential() -> None:
    assert essential_arrows([("a", "b"), ("b", "c"), ("a", "c")]) == {("a", "b"), ("b", "c")}
    circle = [("a", "b"), ("b", "a"), ("a", "c")]
    assert essential_arrows(circle) == set(circle)
