"""images.json beside a manifest: where its images lie now, and which of them people accepted in another version.

The manifest stays as it was written: what happened to the images afterwards is noted beside it, and whoever reads the
manifest sees the images where they are. `manifest_check.py` compares digests before anything is noted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.data.reading.medmnist import npz_of
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import write_json
from aimic_tui.engine.text import printable
from aimic_tui.engine.typed_values import MALFORMED, items, mapping, text

_FILE = "images.json"
_VERSION = 1
_ASKED = 64  # images by which a folder is recognised


@dataclass(frozen=True)
class Move:
    """What lay below the folder (or in the .npz file) `before` lies below `after` now; both absolute."""

    before: str
    after: str

    def applied_to(self, path: str) -> str | None:
        """Return where the file is now, None where it was not below `before`."""
        if path == self.before:
            return self.after
        start = self.before.rstrip(os.sep) + os.sep
        return os.path.join(self.after, path[len(start) :]) if path.startswith(start) else None  # noqa: PTH118


@dataclass(frozen=True)
class ImageNotes:
    """What is noted of a manifest's images.

    Attributes:
        moves: of their folders, no two of the same one.
        accepted: image -> SHA-256 of the version that counts instead of the manifest's.
    """

    moves: tuple[Move, ...] = ()
    accepted: Mapping[str, str] = field(default_factory=dict)

    def place_of(self, path: Path) -> Path:
        """Return where a file of the manifest is now."""
        for move in self.moves:
            if (now := move.applied_to(str(path))) is not None:
                return Path(now)
        return path

    def with_move(self, move: Move) -> ImageNotes:
        """Return the notes with another move; it replaces what was noted of the same folder and of those in it."""
        kept = [known for known in self.moves if Move(move.before, "/").applied_to(known.before) is None]
        if move.before == move.after:  # back where they were
            return replace(self, moves=tuple(kept))
        return replace(self, moves=(move, *kept))

    def with_accepted(self, digests: Mapping[str, str]) -> ImageNotes:
        """Return the notes with other versions of images that count from now on."""
        return replace(self, accepted={**self.accepted, **digests})


def read_notes(manifest: Path) -> ImageNotes:
    """Read what is noted beside a manifest; nothing where there is no such file.

    Raises:
        InputProblem: the file is there and can't be read: the images would be looked for where they no longer are.
    """
    file = manifest.with_name(_FILE)
    try:
        record = read_json(file)
        if record["version"] != _VERSION:
            raise InputProblem(f"{printable(str(file))} was written by a later version of aimic. Use that one.")
        moves = items(record["moves"], lambda move: Move(text(move["before"]), text(move["after"])))
        return ImageNotes(moves, mapping(record["accepted"], text))
    except FileNotFoundError:
        return ImageNotes()
    except OSError as error:
        raise InputProblem(f"{printable(str(file))} can't be read: {error.strerror}.") from None
    except InputProblem:
        raise
    except MALFORMED:
        raise InputProblem(
            f"{printable(str(file))} is damaged; it says where the run's images are now. Remove it, then say it again: "
            "`aimic resume RUN --data FOLDER`."
        ) from None


def write_notes(manifest: Path, notes: ImageNotes) -> None:
    """Write what is noted beside a manifest.

    Raises:
        OSError: the folder can't be written.
    """
    moves = [vars(move) for move in notes.moves]
    write_json(manifest.with_name(_FILE), {"version": _VERSION, "moves": moves, "accepted": dict(notes.accepted)})


def find_move(paths: Sequence[Path], place: Path) -> Move | None:
    """Return the move that explains how images which lay at `paths` can be found below `place`; None where none does.

    Of each image the longest end of its path that exists below `place` counts, so `place` may be the data set's folder
    as well as one above or inside it. Some of the images are looked for, and what most of them say is returned.
    """
    votes: dict[str, int] = {}
    for path in paths[:: max(1, len(paths) // _ASKED)]:
        parts = path.parts
        for kept in range(1, len(parts)):
            if image_exists(place.joinpath(*parts[kept:])):
                before = str(Path(*parts[:kept]))
                votes[before] = votes.get(before, 0) + 1
                break
    if not votes:
        return None
    return Move(max(votes, key=lambda before: votes[before]), str(place))


def image_exists(path: Path) -> bool:
    """Tell whether an image's file is there, or the .npz that it lies in."""
    try:
        return (npz_of(path) or path).is_file()
    except (OSError, ValueError):  # a mount whose server is gone; a name that no file can have
        return False


def missing_folder(path: Path) -> Path | None:
    """Return the topmost folder on the way to a file that is not there; None where its own folder exists."""
    gone = None
    for folder in path.parents:
        try:
            if folder.exists():
                break
        except OSError:  # as above
            pass
        gone = folder
    return gone
