"""Experiments as files: where they are kept, how one is read and written, and the questions about it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from aimic_tui.engine.errors import AimicError, ErrorRecord
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.run_folder import slug
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.workspace.processes import command_line, run_command

_KNOWN = 20  # files and runs that the arrow keys walk through


def load_prompt(workspace: Workspace) -> PathPrompt:
    """Return the question for an experiment to fill the form from."""
    saved = sorted((workspace.root / "experiments").glob("*.toml"), reverse=True)[:_KNOWN]
    runs = [run.experiment_file for run in workspace.runs()[:_KNOWN]]
    return PathPrompt(
        "Load an experiment",
        detail="A TOML file: one that was saved here, or experiment.toml of a run.",
        suffixes=(".toml",),
        known=[str(path) for path in (*saved, *runs)],
        check=_why_not,
    )


def _why_not(path: Path) -> str | None:
    try:
        Experiment.from_file(path)
    except AimicError as problem:
        return problem.sentence
    return None


def save_prompt(workspace: Workspace, experiment: Experiment) -> PathPrompt:
    """Return the question for the file to write an experiment to."""
    return PathPrompt(
        "Save the experiment as",
        detail="`aimic train FILE` runs it.",
        value=str(workspace.root / "experiments" / f"{slug(experiment.name, 'experiment')}.toml"),
        suffixes=(".toml",),
        action="Save",
        check=lambda path: None if path.suffix == ".toml" else "Its name must end with .toml.",
    )


def save(path: Path, experiment: Experiment) -> None:
    """Write an experiment to a file, its folder made where it is missing.

    Raises:
        OSError: it can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, experiment.to_toml())


async def start_run(workspace: Workspace, experiment: Experiment) -> Path | ErrorRecord:
    """Start a run by the command that a person could type; return its folder, or why there is none.

    Raises:
        OSError: the experiment can't be written.
    """
    file = workspace.root / "experiments" / f"{datetime.now():%Y%m%d-%H%M%S}-{slug(experiment.name, 'experiment')}.toml"
    save(file, experiment)
    outcome = await run_command(command_line(workspace.root, "train", str(file), "--detach", "--json"))
    if outcome.code != 0:
        return outcome.error
    return Path(json.loads(outcome.stdout.strip().splitlines()[-1])["path"])
