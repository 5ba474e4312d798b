"""Stored measurements of images, in a file that grows while an audit runs: a stopped one loses nothing.

Rows of a fixed size, each behind a key made of the image's path, its state on disk and the input rule; a row
that was cut off by a crash is dropped, and rows of changed images are never looked up again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.reading.medmnist import npz_of
from aimic_tui.engine.files import file_state, open_unlinked, write_atomically
from aimic_tui.engine.user_folders import expanded

_VERSION = 3  # of everything that is measured, and of a row's size; 2: TIFF and deep values read as they are stored
_AT_ONCE = 512  # rows a write
_STALE = 2.0  # the file is rewritten where it holds more than this many times the rows in use
_FOLDER = "audits"


def measurements_file(cache_folder: Path, root: Path) -> Path:
    """Return the file for measurements of the data set at `root`."""
    name = hashlib.blake2b(os.fsencode(expanded(root).resolve()), digest_size=10).hexdigest()
    return cache_folder / _FOLDER / f"{name}-{_VERSION}.measures"


def measurements_files(cache_folder: Path) -> list[Path]:
    """Return the files of all data sets."""
    return sorted((cache_folder / _FOLDER).glob("*.measures"))


def keys_of(paths: Sequence[Path], steps: str) -> npt.NDArray[np.uint64]:
    """Return uint64 [n, 2]: a key of each file as it is now, zero where there is no file.

    Args:
        paths: n files.
        steps: everything else that the measurements depend on.
    """
    keys = np.zeros((len(paths), 2), np.uint64)
    for index, path in enumerate(paths):
        with suppress(OSError):
            state = (npz_of(path) or path).stat()
            words = f"{_VERSION}\0{steps}\0".encode() + file_state(state) + b"\0" + os.fsencode(path)
            keys[index] = np.frombuffer(hashlib.blake2b(words, digest_size=16).digest(), np.uint64)
    return keys


def load_rows(path: Path, keys: npt.NDArray[np.uint64], rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Fill in the rows that are stored, and write nothing.

    Args:
        path: the file.
        keys: uint64 [n, 2].
        rows: [n], written to.

    Returns:
        bool [n], which of them were stored.
    """
    known = np.zeros(len(keys), bool)
    if not path.is_file():  # a pipe would be waited for
        return known
    try:
        record = _record_of(rows.dtype)
        stored = np.memmap(path, record, "r", shape=(path.stat().st_size // record.itemsize,))
    except (OSError, ValueError):  # none yet, or empty
        return known
    found = _positions(stored, keys)
    known = found >= 0
    rows[known] = stored["row"][found[known]]
    return known


def _record_of(row: np.dtype[np.void]) -> np.dtype[np.void]:
    return np.dtype([("key", "<u8", 2), ("row", row)])


def _positions(stored: npt.NDArray[np.void], keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
    """Return int [n], the position of each key in the file; -1 where it is not stored."""
    stored_keys = np.asarray(stored["key"])
    order = np.lexsort((stored_keys[:, 1], stored_keys[:, 0]))
    firsts = stored_keys[order, 0]
    candidates = order[np.minimum(np.searchsorted(firsts, keys[:, 0]), len(order) - 1)]
    positions: npt.NDArray[np.intp] = np.where(
        (stored_keys[candidates] == keys).all(axis=1) & keys.any(axis=1), candidates, -1
    )
    return positions


class MeasurementStore:
    """The measurements in one file, by key. Where it can't be written, only the next audit takes longer."""

    def __init__(self, path: Path, row: np.dtype[np.void]) -> None:
        self._record = _record_of(row)
        self._path = path
        self._pending: list[bytes] = []
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            size = path.stat().st_size
            if size % self._record.itemsize:  # a crash in the middle of a write
                os.truncate(path, size - size % self._record.itemsize)

    def load(self, keys: npt.NDArray[np.uint64], rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        """Fill in the rows that are stored.

        Args:
            keys: uint64 [n, 2].
            rows: [n], written to.

        Returns:
            bool [n], which of them were stored.
        """
        if not self._path.is_file():
            return np.zeros(len(keys), bool)
        try:
            stored = np.memmap(self._path, self._record, "r")
        except (OSError, ValueError):  # none yet, or empty
            return np.zeros(len(keys), bool)
        positions = _positions(stored, keys)
        known: npt.NDArray[np.bool_] = positions >= 0
        found = positions[known]
        rows[known] = stored["row"][found]
        if len(stored) > _STALE * len(keys) + _AT_ONCE:
            with suppress(OSError):
                write_atomically(self._path, stored[found].tobytes())
        return known

    def save(self, key: npt.NDArray[np.uint64], row: npt.NDArray[np.void]) -> None:
        """Store a row, [1], under its key, uint64 [2]; written in batches and by `close`."""
        if not key.any():
            return
        record = np.zeros(1, self._record)
        record["key"], record["row"] = key, row
        self._pending.append(record.tobytes())
        if len(self._pending) >= _AT_ONCE:
            self.close()

    def close(self) -> None:
        """Write the pending rows."""
        if not self._pending:
            return
        with suppress(OSError):
            handle = open_unlinked(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(handle, b"".join(self._pending))
            finally:
                os.close(handle)
        self._pending = []
