"""The file that a table means: its path as stored, where the table writes it in another Unicode form, case or slash.

A Mac stores names in another Unicode form than Linux and Windows do (NFD, NFC), Windows tells no upper from lower case,
and its paths have backslashes. Names on disk stay the bytes they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aimic_tui.engine.names import caseless, nfc


@dataclass(frozen=True)
class _Listing:
    """The names in a folder, and by their Unicode form and by their case, where only one has it."""

    names: frozenset[str]
    by_form: dict[str, str | None]
    by_case: dict[str, str | None]

    def find(self, name: str) -> str | None:
        """Return the name itself, or the only one that people take for it."""
        if name in self.names:
            return name
        return self.by_form.get(nfc(name)) or self.by_case.get(caseless(name))


class FileFinder:
    """Finds files below a folder as others write their paths; each folder is listed once, and no file is opened."""

    def __init__(self, base: str | os.PathLike[str]) -> None:
        self._base = os.fspath(base)
        self._listings: dict[str, _Listing | None] = {}
        self._folders: dict[str, str | None] = {}

    def find(self, written: str) -> str | None:
        r"""Return the path of the file or folder that is meant, relative where `written` is; None where none is.

        It is `written` itself where that exists. Otherwise each part of it counts in any Unicode form, then in any
        letter case, as long as only one name in its folder fits; and `\` counts as `/`.
        """
        return self._find(written) or (self._find(written.replace("\\", "/")) if "\\" in written else None)

    def _find(self, written: str) -> str | None:
        above, slash, name = written.rpartition("/")
        if not name or name in (".", ".."):
            return self._folder(written)
        folder = self._folder(above + slash)
        if folder is None:
            return None
        listing = self._listing(folder)
        if listing is None:  # a folder that may be entered but not listed
            return folder + name if os.path.exists(os.path.join(self._base, folder, name)) else None  # noqa: PTH110, PTH118
        found = listing.find(name)
        return None if found is None else folder + found

    def _folder(self, written: str) -> str | None:
        if written not in self._folders:
            exists = not written or os.path.isdir(os.path.join(self._base, written))  # noqa: PTH112, PTH118
            found = written if exists else self._find(written.rstrip("/")) if written.strip("/") else None
            self._folders[written] = None if found is None else found.rstrip("/") + "/" if found.strip("/") else found
        return self._folders[written]

    def _listing(self, folder: str) -> _Listing | None:
        if folder not in self._listings:
            try:
                names = frozenset(os.listdir(os.path.join(self._base, folder)))  # noqa: PTH118, PTH208
            except OSError:
                self._listings[folder] = None
            else:
                self._listings[folder] = _Listing(names, _only_ones(names, nfc), _only_ones(names, caseless))
        return self._listings[folder]


def _only_ones(names: Iterable[str], key: Callable[[str], str]) -> dict[str, str | None]:
    """Return the name of each key; None where several names have it."""
    found: dict[str, str | None] = {}
    for name in names:
        found[key(name)] = None if key(name) in found else name
    return found
