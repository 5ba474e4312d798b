"""Reading files that others may have written: bounded in time and memory, whatever is in them.

A run's folder may come from a colleague, a full disk or somebody who means harm. Each kind of file has one way to be
read here: only regular files (a pipe would be waited for, a device never ends), up to a size that no file of ours
comes near, nested no deeper than ours are, with numbers that a float or a 64-bit integer holds. What is beyond that is
a `DamagedFile`, which names the file. What the values mean is checked by whoever asked for them (`typed_values.py`).
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import bytes_text, csv_rows, one_line, printable

JSON_LIMIT = 32 << 20  # bytes; results of twenty networks with a hundred classes take ten million
TOML_LIMIT = 1 << 20
TABLE_LIMIT = 512 << 20  # predictions of a million images for twenty classes
LOG_LIMIT = 1 << 20  # of a log, its end
_ROW_LIMIT = 4 << 20  # characters of one row of a table
_DEPTH = 64
_VALUES = 4_000_000  # of one JSON file: as many take some 300 MB for a moment
_CONTAINERS = 500_000
_DIGITS = 20  # of an integer, enough for 64 bits

_DIGITS_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class DamagedFile(InputProblem, ValueError):
    """A file can't be what it should be: too large, nested too deeply, no JSON, not a file at all.

    Attributes:
        path: the file.
        reason: what is wrong with it, to follow a colon: "it is empty".
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{printable(str(path))} can't be read: {reason}. It was damaged or changed since it was written; restore "
            "it from a copy."
        )
        self.path = path
        self.reason = reason


def open_regular(path: Path) -> IO[bytes]:
    """Open a file for reading, without waiting.

    Raises:
        OSError: there is none, or it may not be read.
        DamagedFile: it is a folder, a pipe or a device.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)  # a pipe without a writer would wait forever
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise DamagedFile(path, f"it is {'a folder' if stat.S_ISDIR(mode) else 'a pipe or a device'}, not a file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bounded(path: Path, limit: int) -> bytes:
    """Return the content of a file of at most `limit` bytes.

    Raises:
        OSError: it can't be read.
        DamagedFile: it is larger, or no file.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            _too_large(path, size, limit)
        content = file.read(limit + 1)  # it may grow, or not have said its size
    if len(content) > limit:
        _too_large(path, len(content), limit)
    return content


def read_end(path: Path, limit: int = LOG_LIMIT) -> str:
    """Return the last `limit` bytes of a text, such as what a process printed.

    Raises:
        OSError: it can't be read.
        DamagedFile: it is no file.
    """
    with open_regular(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - limit))
        return file.read(limit).decode("utf-8", "replace")


def read_json(path: Path, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """Read a file that holds one JSON object, as all of ours do.

    The result is nested 64 levels at most, its integers have 20 digits at most, its other numbers are finite, and its
    texts can be written to a file with `surrogateescape`.

    Raises:
        OSError: the file can't be read.
        DamagedFile: it is too large, or holds something else.
    """
    value = parse_json(read_bounded(path, limit), path)
    if not isinstance(value, dict):
        raise DamagedFile(path, f"it holds {_kind(value)}, not a JSON object")
    return value


def parse_json(content: bytes, path: Path) -> Any:
    """Read one JSON value; `path` says where it is from.

    Raises:
        DamagedFile: it is no JSON, or beyond the bounds that `read_json` names.
    """
    containers = content.count(b"[") + content.count(b"{")
    if containers > _CONTAINERS or containers + content.count(b",") > _VALUES:
        raise DamagedFile(path, "it holds more values than any such file of aimic")
    alike = content.translate(_DIGITS_ALIKE, b"+")
    exact = b"0" * (_DIGITS + 1) in alike or b"0e000" in alike  # then each number is looked at, which takes longer
    try:
        value = json.loads(
            content.decode("utf-8-sig"),
            parse_constant=_no_number,
            object_pairs_hook=_unique,
            parse_int=_integer if exact else None,
            parse_float=_finite if exact else None,
        )
    except RecursionError:
        raise DamagedFile(path, f"it is nested more than {_DEPTH} levels deep") from None
    except UnicodeDecodeError:
        raise DamagedFile(path, "it is not text in UTF-8") from None
    except json.JSONDecodeError as error:
        what = "it is empty" if not content.strip() else f"it is not JSON ({one_line(str(error))})"
        raise DamagedFile(path, what) from None
    except ValueError as error:
        raise DamagedFile(path, one_line(str(error))) from None
    _check_nested(value, path, texts=b"\\u" in content and _SURROGATE.search(content) is not None)
    return value


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file that we wrote, such as a run's experiment.

    Raises:
        OSError: it can't be read.
        DamagedFile: it is too large, nested too deeply, or no TOML.
    """
    return parse_toml(read_bounded(path, TOML_LIMIT), path)


def parse_toml(content: bytes, path: Path) -> dict[str, Any]:
    """Read a TOML document; `path` says where it is from.

    Raises:
        DamagedFile: it is no TOML, or has numbers of more than 20 digits or tables within tables without end.
    """
    import tomli

    try:
        values = tomli.loads(content.decode("utf-8"))
    except RecursionError:
        raise DamagedFile(path, f"it is nested more than {_DEPTH} levels deep") from None
    except UnicodeDecodeError:
        raise DamagedFile(path, "it is not text in UTF-8") from None
    except ValueError as error:  # not TOML, or more digits than Python reads
        raise DamagedFile(path, f"it is not TOML ({one_line(str(error))})") from None
    _check_nested(values, path, integers=True)
    return values


class CsvRows:
    """The rows of a comma-separated table that we wrote, one after another, the header first.

        with CsvRows(path) as rows:
            header = next(rows, [])
            for row in rows: ...

    Attributes:
        path: the file.
        line: the number of the line that was read last, from 1.

    Raises:
        OSError: it can't be opened or read.
        DamagedFile: it is too large, no file, or no CSV; while opening or at any row.
    """

    def __init__(self, path: Path, limit: int = TABLE_LIMIT) -> None:
        self.path = path
        self._file = open_regular(path)
        size = os.fstat(self._file.fileno()).st_size
        if size > limit:
            self._file.close()
            _too_large(path, size, limit)
        self.line = 0
        self._unread = 0  # characters since the last row
        self._rows = csv_rows(self._lines())

    def __enter__(self) -> CsvRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        self._unread = 0
        try:
            return next(self._rows)
        except DamagedFile:
            raise
        except ValueError as error:
            raise DamagedFile(self.path, f"it is not CSV ({error})") from None

    def _lines(self) -> Iterator[str]:
        text = io.TextIOWrapper(self._file, encoding="utf-8", errors="surrogateescape", newline="")
        while line := text.readline(_ROW_LIMIT):
            self.line += 1
            self._unread += len(line)
            if self._unread > _ROW_LIMIT or len(line) == _ROW_LIMIT:
                raise DamagedFile(self.path, f"a row of it is longer than {bytes_text(_ROW_LIMIT)}")
            yield line


def _too_large(path: Path, size: int, limit: int) -> NoReturn:
    raise DamagedFile(path, f"it has {bytes_text(size)}, where such a file has at most {bytes_text(limit)}")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds: dict[type, str] = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "something else")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} stands in it, which is no number in JSON")


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"a number in it has {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {one_line(text, 40)} in it is too large")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _check_nested(value: Any, path: Path, *, texts: bool = False, integers: bool = False) -> None:
    """Look through a value, level by level: a function that called itself would fail where the value is deep.

    Args:
        texts: whether to look for characters that no file can hold.
        integers: whether to look for integers that are too long.
    """
    level = [value]
    for _ in range(_DEPTH + 1):
        found: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                found += each.values()
                if texts:
                    found += each
            elif isinstance(each, list):
                found += each
        if texts and not all(map(_is_writable, found)):
            raise DamagedFile(path, "a text in it has half a character (a lone surrogate)")
        if integers and any(type(each) is int and abs(each) >= 10**_DIGITS for each in found):
            raise DamagedFile(path, f"a number in it has more than {_DIGITS} digits")
        level = [each for each in found if isinstance(each, (dict, list))]
        if not level:
            return
    raise DamagedFile(path, f"it is nested more than {_DEPTH} levels deep")


def _is_writable(value: object) -> bool:
    if isinstance(value, str):
        try:
            value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return False
    return True
