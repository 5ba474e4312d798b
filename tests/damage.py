"""Ways in which a file of a run is damaged, by accident or by somebody who means harm."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import tomli
import tomli_w

DEEP = "[" * 50_000
WHOLE = {
    "empty": "",
    "zeros": "\0" * 1000,
    "deep": DEEP,
    "deep object": '{"a": ' * 50_000,
    "a list": "[]",
    "null": "null",
    "an empty object": "{}",
    "a text": '"x"',
    "no number": '{"state": NaN, "networks": NaN}',
    "digits": '{"state": ' + "9" * 5000 + "}",
}
"""In place of a whole file."""

_PLACES = ("folder", "pipe", "dangling link", "link without end", "300 MB")
_VALUES: tuple[Any, ...] = (
    *(None, [], {}, "x" * 100_000, "", -1, 0, 3.5, 1e308, 10**18, True, [[]], [None], {"a": 1}),
    *("\u202e\x1b[31m", "\0", "../../x", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-12:00"),
)
_LITERALS = ("9" * 400, "9" * 6000, "NaN", "-Infinity", "1e999", "[" * 3000 + "]" * 3000)
_CELLS = (
    "",
    "nan",
    "inf",
    "-1",
    "1e999",
    "x",
    "9" * 400,
    "'=1",
    "\x1b[31m",
    "0",
    "999999999",
    "p_x",
    "\0",
    "x" * 200_000,
)
_HERE = "@here@"


def whole_files(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what may stand in place of a file, with a name each."""
    yield "half of it", content[: len(content) // 2]
    yield "bytes", bytes(range(256)) * 20
    for name, text in WHOLE.items():
        yield name, text.encode()


def put_in_place(path: Path) -> Iterator[str]:
    """Put one thing after another in a file's place that is none, and say which; the file is gone at the end."""
    path.unlink()
    for kind in _PLACES:
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "dangling link":
            path.symlink_to(path.parent / "nowhere")
        elif kind == "link without end":
            path.symlink_to("/dev/zero")
        else:
            with path.open("wb") as file:
                file.truncate(300 << 20)
        yield kind
        path.rmdir() if kind == "folder" else path.unlink()


def changed_values(path: Path, random: Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield a JSON, JSONL, TOML or CSV file with one value changed, so many times, with a name each."""
    text = path.read_text("utf-8", "replace")
    ways = {".json": _json, ".jsonl": _json_lines, ".toml": _toml, ".csv": _csv}
    if path.suffix in ways:
        for _ in range(count):
            name, changed = ways[path.suffix](text, random)
            yield name, changed.encode("utf-8", "surrogatepass")


def _keys(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*above, key)
        yield from _keys(item, (*above, key))


def _change(value: Any, random: Random, values: tuple[Any, ...]) -> tuple[str, Any]:
    """Change a value somewhere within; return what was done."""
    *above, last = random.choice(list(_keys(value)))
    inner = value
    for key in above:
        inner = inner[key]
    where = ".".join(map(str, (*above, last)))
    if random.random() < 0.2:
        del inner[last]
        return f"without {where}", value
    inner[last] = random.choice(values)
    return f"{where} = {str(inner[last])[:20]!r}", value


def _json(text: str, random: Random) -> tuple[str, str]:
    name, value = _change(json.loads(text), random, (*_VALUES, _HERE))
    return name, json.dumps(value).replace(json.dumps(_HERE), random.choice(_LITERALS))


def _json_lines(text: str, random: Random) -> tuple[str, str]:
    lines = text.splitlines()
    number = random.randrange(len(lines))
    name, lines[number] = _json(lines[number], random)
    return f"line {number + 1}, {name}", "\n".join(lines) + "\n"


def _toml(text: str, random: Random) -> tuple[str, str]:
    values = (*(value for value in _VALUES if value not in (None, [None])), 10**30, float("nan"), float("inf"))
    name, value = _change(tomli.loads(text), random, values)
    return name, tomli_w.dumps(value)


def _csv(text: str, random: Random) -> tuple[str, str]:
    rows = [line.split(",") for line in text.splitlines()]
    number = random.randrange(len(rows))
    row = rows[number]
    way = random.choice(("cell", "cell", "cell", "long row", "short row", "twice", "quote", "gone"))
    if way == "cell":
        row[random.randrange(len(row))] = random.choice(_CELLS)
    elif way == "long row":
        row.append("x")
    elif way == "short row":
        row.pop()
    elif way == "twice":
        rows.insert(number, row)
    elif way == "quote":
        row[0] = '"' + row[0]
    else:
        del rows[number]
    return f"line {number + 1}, {way}", "\n".join(map(",".join, rows)) + "\n"
