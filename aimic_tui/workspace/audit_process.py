"""The audit of a data set, as the app follows it: `aimic inspect --json` in a process of its own."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.pairs import pairs_text
from aimic_tui.engine.progress import ReportProgress
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording.numbers import interval_text, number
from aimic_tui.workspace.command_events import CommandEvents
from aimic_tui.workspace.processes import Outcome, command_line, start_command


@dataclass(frozen=True)
class Finding:
    """All that the audit found of one kind.

    Attributes:
        kind: its name in `aimic inspect --json`; "shortcut" for one of those; empty for a note.
        groups: the images of each finding: one for a broken file, two or more for duplicates.
        details: what there is to say of each; of a shortcut its headline and what it means.
    """

    kind: str
    groups: tuple[tuple[str, ...], ...]
    details: tuple[str, ...]

    @property
    def images(self) -> tuple[str, ...]:
        """The images, those of one finding beside each other."""
        return tuple(image for group in self.groups for image in group)

    @property
    def headline(self) -> str:
        """The finding in a few words."""
        if self.kind in ("", "shortcut"):
            return self.details[0]
        count = len(self.groups)
        one, many = _WORDS.get(self.kind, (self.kind, self.kind))
        return f"{count:,} {one if count == 1 else many}"

    @property
    def meaning(self) -> str:
        """What it means for the training, in a sentence; empty where the headline says it."""
        return self.details[1] if self.kind == "shortcut" else _MEANINGS.get(self.kind, "")


_WORDS = {
    "label-error": ("likely label error", "likely label errors"),
    "label-conflict": ("picture with several labels", "pictures with several labels"),
    "empty": ("empty file", "empty files"),
    "truncated": ("truncated file", "truncated files"),
    "unreadable": ("unreadable file", "unreadable files"),
    "not-an-image": ("file that is no image", "files that are no images"),
    "too-large": ("image too large to read", "images too large to read"),
    "too-small": ("image too small to tell", "images too small to tell"),
    "duplicate": ("set of identical images", "sets of identical images"),
    "near-duplicate": ("set of near duplicates", "sets of near duplicates"),
    "unlabelled": ("image without a class", "images without a class"),
    "outlier": ("image unlike its class", "images unlike their class"),
}
_BROKEN = "They can't be learnt from. Replace them, or take them out of the data set."
_MEANINGS = {
    "label-error": "A run's networks agree on another class. Look at each: they may be right, or it is a hard image.",
    "label-conflict": "The same picture under two labels teaches a contradiction. Decide for one.",
    "empty": _BROKEN,
    "truncated": _BROKEN,
    "unreadable": _BROKEN,
    "not-an-image": _BROKEN,
    "too-large": _BROKEN,
    "too-small": "Too few pixels to show a cell. Look whether they are crops that went wrong.",
    "duplicate": "A picture that is there twice can be on both sides of a split unless it shares a group.",
    "near-duplicate": "Nearly the same picture on both sides of a split makes figures look too good.",
    "unlabelled": "They lie outside the class folders and are left out.",
    "outlier": "In size, light, sharpness or colour they stand apart from their class. Look whether they belong to it.",
}


@dataclass(frozen=True)
class Audit:
    """What the audit found.

    Attributes:
        findings: the gravest first, notes last.
        flagged: every image that some problem names; a shortcut's examples are no problem of theirs.
    """

    findings: tuple[Finding, ...]
    flagged: frozenset[str]

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Audit:
        """Read the answer of `aimic inspect --json`."""
        kinds: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for problem in answer["problems"]:
            kinds.setdefault(str(problem["kind"]), []).append((tuple(problem["paths"]), str(problem["detail"])))
        findings = [
            Finding(kind, tuple(paths for paths, _ in found), tuple(detail for _, detail in found))
            for kind, found in kinds.items()
        ]
        flagged = frozenset(image for finding in findings for image in finding.images)
        findings += [_shortcut(found) for found in answer.get("shortcuts", ())]
        findings += [Finding("", (), (str(note),)) for note in answer.get("notes", ())]
        return cls(tuple(findings), flagged)


def _shortcut(found: Mapping[str, Any]) -> Finding:
    figure = interval_text(found["balanced_accuracy"], found["low"], found["high"])
    headline = f"shortcut: {found['feature']} alone {figure}, chance {number(found['chance'])}"
    examples = tuple(tuple(images) for images in found["examples"].values())
    return Finding("shortcut", examples, (headline, str(found["sentence"])))


def finished_run_on(workspace: Path, data: str) -> Path | None:
    """Return the newest finished run on the data set at `data`, whose networks have an opinion of its labels."""
    wanted = Path(data).expanduser().absolute()
    for folder in Workspace(workspace).runs():
        with suppress(AimicError, OSError, ValueError):
            table = tomli.loads(folder.experiment_file.read_text("utf-8"))["data"]
            same = Path(table["path"]).expanduser().absolute() == wanted
            if same and read_status(folder).state == "finished":
                return folder.path
    return None


async def run_audit(
    workspace: Path,
    data: str,
    settings: Mapping[str, Any],
    report: ReportProgress,
    *,
    keep: bool = True,
) -> Audit:
    """Have a data set audited, and its labels judged by the newest finished run on it; cancelled, the process is ended.

    Args:
        workspace: where the result is remembered for Home, and what was measured for the next audit.
        data: the data set's path.
        settings: of the experiment's table `data`, beside the path.
        report: hears a few times a second how far it is.
        keep: make the workspace where there is none; in one that is not there nothing is remembered.

    Raises:
        InputProblem: the command could not audit it; with its sentence.
        OSError: the process could not be started.
    """
    overrides = data_overrides(settings)
    if keep:
        with suppress(OSError):  # nothing is remembered then
            await asyncio.to_thread(workspace.mkdir, parents=True, exist_ok=True)
    run = await asyncio.to_thread(finished_run_on, workspace, data)
    if run is not None:
        with suppress(InputProblem):  # one that can't be read has no say; what else is wrong comes up again without it
            return await _audited(workspace, data, [*overrides, f"--run={run}"], report)
    return await _audited(workspace, data, overrides, report)


async def _audited(workspace: Path, data: str, options: Sequence[str], report: ReportProgress) -> Audit:
    with tempfile.TemporaryDirectory(prefix="aimic-audit-") as folder:
        stdout, stderr, events = (Path(folder) / name for name in ("answer.json", "log.txt", "events.jsonl"))
        command = command_line(workspace, "inspect", "--json", f"--events={events}", *options, "--", data)
        process, followed = start_command(command, stdout, stderr), CommandEvents(events)
        try:
            while process.poll() is None:
                await asyncio.sleep(0.3)
                await asyncio.to_thread(followed.update)
                if followed.progress is not None:
                    report(followed.progress)
        finally:
            if process.poll() is None:
                process.terminate()
        if process.returncode != 0 and not stdout.stat().st_size:
            await asyncio.to_thread(followed.update)
            error = followed.end.error if followed.end is not None else None
            words = await asyncio.to_thread(stderr.read_text, "utf-8", "replace")
            raise InputProblem(error.sentence if error is not None else Outcome(process.returncode, "", words).sentence)
        answer = json.loads(await asyncio.to_thread(stdout.read_text, "utf-8", "surrogatepass"))
    return Audit.from_json(answer)


def data_overrides(settings: Mapping[str, Any]) -> list[str]:
    """Write settings of the table `data` as options of a command."""
    return [f"--set=data.{key}={_toml(value)}" for key, value in settings.items()]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return pairs_text(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (str, bool, int, float)) else str(value)
