"""Files that are whole or not there: atomic replacement, appended lines, locks, tables, digests."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from aimic_tui.engine.bounded_files import CsvRows, open_regular
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.system_errors import LocksUnavailable, explain
from aimic_tui.engine.text import csv_line, from_csv_cell, printable, to_csv_cell
from aimic_tui.engine.waiting import pause

_BLOCK = 1 << 20
_PART = ".part"
_DEAD_AFTER = 600.0  # seconds; a writer on another host, whose lock may not be seen here, has long gone on by then
# A temporary file is made private; its place in the folder asks for what other files there have.
_UMASK = os.umask(0o022)
os.umask(_UMASK)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replace `path` with `content`, so that a reader or a crash sees the old file or the new one, never a part.

    Text is written as UTF-8; bytes of file names that are not UTF-8 (surrogateescape) go out unchanged.

    Raises:
        OSError: the disk is full, the folder is gone or not writable. The old file is then untouched and
            nothing is left behind.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    with replacing(path) as file:
        file.write(data)


class replacing:  # noqa: N801 - used as a statement: `with replacing(path) as file:`
    """Open a temporary file beside `path`; on a clean exit flush it to the disk and put it in `path`'s place."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> IO[bytes]:
        prefix = f".{self._path.name[:80]}."
        _remove_dead_parts(self._path.parent, prefix)
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=_PART, dir=self._path.parent)
        self._temporary = Path(name)
        with suppress(OSError):  # held until it is closed, so that nobody takes it for what a killed writer left
            _flock(handle, fcntl.LOCK_EX, self._temporary)
        self._file = os.fdopen(handle, "wb")
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
                os.fchmod(self._file.fileno(), 0o666 & ~_UMASK)
            self._file.close()
            if kind is None:
                self._temporary.replace(self._path)
                sync_folder(self._path.parent)
        except OSError as problem:
            raise _named(problem, self._path) from None
        finally:
            self._temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            _named(error, self._path)


def _remove_dead_parts(folder: Path, prefix: str) -> None:
    """Remove what writers of the same file left that were killed: not held by anybody, and unchanged for a while."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.name.endswith(_PART):
                path = folder / entry.name
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _DEAD_AFTER and not is_locked(path):
                    path.unlink(missing_ok=True)


def _named(error: OSError, path: Path) -> OSError:
    """Give an error that names no file, as those of writing are, the file that was written."""
    if error.filename is None and error.errno is not None:
        error.filename = str(path)
    return error


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems can't sync a folder; the rename itself still holds
        pass
    finally:
        os.close(handle)


def open_unlinked(path: Path, flags: int) -> int:
    """Open a file of a folder that others may have made, and return its handle; nothing is written through a link.

    A folder that was received can have links in it that lead to any of the user's files, and pipes that nobody reads.

    Raises:
        OSError: `path` is a link or no file, or can't be opened.
    """
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "A link, and nothing is written through links", str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "Not a file", str(path))
    return handle


def open_log(path: Path, mode: Literal["ab", "wb"] = "ab") -> IO[bytes]:
    """Open a file that a process is to write to, as `open_unlinked` does, to append to it or to write it anew.

    Raises:
        OSError: `path` is a link, or can't be opened.
    """
    return open(path, mode, opener=lambda name, flags: open_unlinked(Path(name), flags))


def touch_unlinked(path: Path) -> None:
    """Make an empty file where there is none; a file that is there stays as it is.

    Raises:
        OSError: `path` is a link, or can't be made.
    """
    os.close(open_unlinked(path, os.O_WRONLY | os.O_CREAT))


def outward_links(folder: Path) -> Iterator[Path]:
    """Find the links below `folder`, at any depth, that lead out of it; links to folders are not followed."""
    base = folder.resolve()
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink() and not path.resolve().is_relative_to(base):
                yield path


def refuse_outward_links(folder: Path) -> None:
    """Do nothing if no link in a folder leads out of it.

    Raises:
        InputProblem: one does, so that work in the folder could write elsewhere.
    """
    link = next(outward_links(folder), None)
    if link is not None:
        raise InputProblem(
            f"{printable(str(link))} is a link that leads out of {printable(str(folder))}, through which nothing is "
            "written. Put what it leads to in its place, or take it away."
        )


def append_line(path: Path, line: str, *, follow_links: bool = False) -> None:
    r"""Append `line` and a line end to `path` in a single write, so that lines of several writers never mix.

    Args:
        path: the file.
        line: without its end.
        follow_links: for a file that the user named, which may well be a link; see `open_unlinked`.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    handle = os.open(path, flags, 0o666) if follow_links else open_unlinked(path, flags)
    try:
        os.write(handle, (line + "\n").encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise _named(error, path) from None
    finally:
        os.close(handle)


Stamp = tuple[int, int, int]
"""What `stamp_of` returns."""


def stamp_of(path: Path) -> Stamp:
    """Return what changes when a file does (its place on the disk, time and size); zeros where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return (0, 0, 0)
    return (facts.st_ino, facts.st_mtime_ns, facts.st_size)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as JSON, atomically. NaN is refused: write None where there is no number."""
    write_atomically(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV table atomically; text that a spreadsheet could take for a formula is made harmless."""
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        text.writelines(_table_lines(columns, rows))
        text.flush()
        text.detach()


def table_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return what `write_table` writes."""
    return "".join(_table_lines(columns, rows)).encode("utf-8", "surrogateescape")


def _table_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield csv_line(map(to_csv_cell, columns))
    yield from (csv_line(map(_cell, row)) for row in rows)


def append_row(path: Path, row: Sequence[object]) -> None:
    """Append one row to a CSV table that `write_table` began."""
    append_line(path, csv_line(map(_cell, row))[:-1])


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV table that `write_table` wrote: one dict a row, cells as the text they were.

    An unfinished last line (a writer died in it) is excluded.

    Raises:
        OSError: it can't be read.
        DamagedFile: it is no such table.
    """
    with CsvRows(path) as rows:
        header = [from_csv_cell(cell) for cell in next(rows, [])]
        return [dict(zip(header, map(from_csv_cell, row), strict=True)) for row in rows if len(row) == len(header)]


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    return to_csv_cell(value) if isinstance(value, str) else value


def digest_of_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits.

    Raises:
        OSError: it can't be read.
        DamagedFile: it is a folder, a pipe or a device.
    """
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def file_state(status: os.stat_result) -> bytes:
    """Return what tells one content of a file from the next without reading it, for the key of a cache.

    Size and modification time can be set by whoever copies a file; the time of its last change can't, so an image that
    was replaced with both of them kept is another one.
    """
    return b"%d %d %d" % (status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class FileLock:
    """A lock that the operating system drops when its holder dies, so a dead process never looks alive.

    The lock is on an open file (`flock`): it is not inherited by the processes we start, since Python opens
    files close-on-exec. Where processes of several hosts share a file system, a lock may hold on its own host only
    (`sign_of_life.py`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free; return whether this object holds it now.

        Raises:
            LocksUnavailable: the file system has no locks.
            OSError: the file can't be opened for writing.
        """
        if self._handle is not None:
            return True
        handle = open_unlinked(self.path, os.O_RDWR | os.O_CREAT)
        try:
            for attempt in range(5):  # a reader that asks `is_locked` holds it for a moment
                if _flock(handle, fcntl.LOCK_EX, self.path):
                    self._handle = handle
                    return True
                pause(0.02 * attempt)
        finally:
            if self._handle is None:
                os.close(handle)
        return False

    def release(self) -> None:
        """Give the lock back; without effect where it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def is_locked(path: Path) -> bool:
    """Tell whether a living process holds the lock file `path` (a missing file is free)."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in its place would be waited for
    except FileNotFoundError:
        return False
    try:
        # A shared, non-blocking try: two readers who ask at once don't mistake each other for the holder.
        return not _flock(handle, fcntl.LOCK_SH, path)
    except LocksUnavailable:
        return False  # so nobody holds one
    finally:
        os.close(handle)


def _flock(handle: int, kind: int, path: Path) -> bool:
    """Take a lock on an open file where it is free; return whether it was."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise LocksUnavailable(error, path) from None
    return True


def folder_problem(folder: Path, *, locks: bool = True) -> str:
    """Try to write a file in a folder and to lock it; return why that fails and what helps, "" where it does not.

    Permissions alone don't tell: a full quota, a disk that was remounted read-only and missing locks show only so.
    Where the folder does not exist yet, the one that it would be made in is tried.

    Args:
        folder: to be written in.
        locks: whether files in it have to be locked, too.
    """
    there = next((parent for parent in (folder, *folder.parents) if parent.exists()), Path("/"))
    if not there.is_dir():
        return f"{there} is a file, not a folder."
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(_BLOCK >> 8))
            file.flush()
            if locks:
                _flock(file.fileno(), fcntl.LOCK_EX, there / "lock")
    except OSError as error:
        error.filename = str(there)
        return explain(error)
    return ""
