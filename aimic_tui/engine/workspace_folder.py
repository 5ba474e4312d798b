"""The folder that runs are kept in: which runs there are, and which data sets were seen."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import now, to_time
from aimic_tui.engine.files import FileLock, folder_problem, write_json
from aimic_tui.engine.proposed_command import proposed_command
from aimic_tui.engine.run_folder import RESERVED_NAMES, RUNS, RunFolder
from aimic_tui.engine.run_order import RunOrder
from aimic_tui.engine.text import printable
from aimic_tui.engine.typed_values import MALFORMED, text, whole
from aimic_tui.engine.user_folders import expanded
from aimic_tui.engine.waiting import pause

_REMEMBERED = 50  # data sets; the oldest go first
_SHOWN = 5  # runs named in a sentence


@dataclass(frozen=True)
class KnownDataSet:
    """What was found when a data set was looked at last.

    Attributes:
        path: absolute.
        groups: None where images have no groups.
        problems: how many findings want attention; None where nobody looked for any.
        when: the time of looking, with its zone.
    """

    path: str
    images: int
    classes: int
    groups: int | None = None
    problems: int | None = None
    when: datetime | None = None


class Workspace:
    """A workspace; its folder is made when something is first put into it."""

    def __init__(self, root: Path) -> None:
        self.root = expanded(root).absolute()
        self._order = RunOrder()

    @classmethod
    def of_run(cls, run: RunFolder) -> Workspace:
        """Return the workspace that a run is in."""
        return cls(run.path.absolute().parent.parent)

    @property
    def runs_folder(self) -> Path:
        """The folder with a folder a run."""
        return self.root / RUNS

    @property
    def cache_folder(self) -> Path:
        """Decoded images that runs share; safe to delete while no run is on."""
        return self.root / "cache"

    @property
    def marks_folder(self) -> Path:
        """Marks on data sets whose own folders can't be written."""
        return self.root / "marks"

    @property
    def data_sets_file(self) -> Path:
        """The data sets that were seen."""
        return self.root / "data-sets.json"

    def problem(self) -> str:
        """Try to write and to lock a file where runs are kept; return why that fails and what helps, "" if it works."""
        why = folder_problem(self.runs_folder)
        return f"{why} --workspace or AIMIC_WORKSPACE names another one for runs." if why else ""

    def runs(self) -> list[RunFolder]:
        """Return the runs, the one that was started last in front (`run_order.py`)."""
        try:
            entries = [path for path in self.runs_folder.iterdir() if not path.name.startswith(".")]
        except OSError:
            return []
        return self._order.newest_first(run for run in map(RunFolder, entries) if _is_run(run))

    def find_run(self, text: str) -> RunFolder:
        """Return the run that a person means by "latest", a name, the unique beginning of one, or a path.

        "latest" is the run that was started last, whatever its name; a run of that very name is found by its path.

        Raises:
            InputProblem: there is none, or more than one.
        """
        runs = self.runs()
        shown = printable(text)
        if text in RESERVED_NAMES:
            if not runs:
                raise InputProblem(
                    f"There is no run in {printable(str(self.root))} yet. "
                    f"{proposed_command('train', workspace=self.root)} starts one."
                )
            return runs[0]
        for run in runs:
            if run.name == text:
                return run
        if text and os.sep not in text and _is_run(hidden := RunFolder(self.runs_folder / text)):
            return hidden  # which lists leave out, since its name begins with a dot
        if text and (run := RunFolder(expanded(text).absolute())) and _is_run(run):
            return run
        matching = [run for run in runs if text and run.name.startswith(text)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            names = ", ".join(printable(run.name) for run in matching[:_SHOWN])
            more = f" and {len(matching) - _SHOWN} more" if len(matching) > _SHOWN else ""
            raise InputProblem(f"{shown} is the beginning of several runs: {names}{more}. Write more of the name.")
        raise InputProblem(
            f"There is no run {shown} in {printable(str(self.root))}. "
            f"{proposed_command('runs', workspace=self.root)} lists what there is."
        )

    def data_sets(self) -> tuple[KnownDataSet, ...]:
        """Return the data sets that were seen, the latest first; an unreadable record counts as none."""
        try:
            found = [_data_set_from_record(record) for record in read_json(self.data_sets_file)["data_sets"]]
        except (OSError, *MALFORMED):
            return ()
        return tuple(found)

    def remember_data_set(
        self, path: Path, *, images: int, classes: int, groups: int | None = None, problems: int | None = None
    ) -> None:
        """Note that a data set was looked at, for Home.

        Raises:
            OSError: the workspace can't be written.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / ".data-sets.lock")
        for _ in range(100):  # another process writes it for a few milliseconds at most
            if lock.acquire():
                break
            pause(0.02)
        try:
            shown = str(expanded(path).absolute())
            known = {known.path: known for known in self.data_sets()}
            before = known.pop(shown, None)
            if problems is None and before is not None and before.images == images:
                problems = before.problems
            entries = [KnownDataSet(shown, images, classes, groups, problems, now()), *known.values()]
            records = [_to_record(entry) for entry in entries[:_REMEMBERED]]
            write_json(self.data_sets_file, {"data_sets": records})
        finally:
            lock.release()

    def forget_data_set(self, path: str) -> None:
        """Take a data set off the list; its images are not touched.

        Raises:
            OSError: the workspace can't be written.
        """
        records = [_to_record(known) for known in self.data_sets() if known.path != path]
        if self.data_sets_file.exists():
            write_json(self.data_sets_file, {"data_sets": records})


def _is_run(run: RunFolder) -> bool:
    return run.status_file.is_file() or run.experiment_file.is_file()


def _to_record(known: KnownDataSet) -> dict[str, Any]:
    return {**vars(known), "when": known.when.isoformat(timespec="seconds") if known.when else None}


def _data_set_from_record(record: dict[str, Any]) -> KnownDataSet:
    return KnownDataSet(
        path=text(record["path"]),
        images=whole(record["images"]),
        classes=whole(record["classes"]),
        groups=None if record.get("groups") is None else whole(record["groups"]),
        problems=None if record.get("problems") is None else whole(record["problems"]),
        when=to_time(record.get("when")),
    )
