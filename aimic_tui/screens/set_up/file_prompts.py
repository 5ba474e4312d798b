"""The questions of Set-up about files: which experiment to load, where to save one, which path a setting takes."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.data.listing.data_source import DATA_SUFFIXES
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.models.weights_suffixes import WEIGHTS_SUFFIXES
from aimic_tui.engine.setting import Setting
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.widgets.dialogs import PathPrompt

PATH_SUFFIXES = {
    "data.path": DATA_SUFFIXES,
    "data.marks": (".csv",),
    "split.from": (".csv",),
    "model.weights": WEIGHTS_SUFFIXES,
}
"""The settings that take a path, and the files that they take beside folders."""

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
        check=_why_not_loaded,
    )


def _why_not_loaded(path: Path) -> str | None:
    try:
        Experiment.from_file(path)
    except AimicError as problem:
        return problem.sentence
    return None


def save_prompt(usual: Path) -> PathPrompt:
    """Return the question for the file to write an experiment to; `usual` is offered."""
    return PathPrompt(
        "Save the experiment as",
        detail="`aimic train FILE` runs it.",
        value=str(usual),
        suffixes=(".toml",),
        action="Save",
        check=lambda path: None if path.suffix == ".toml" else "Its name must end with .toml.",
    )


def path_prompt(setting: Setting, text: str, workspace: Workspace) -> PathPrompt:
    """Return the question for the path of a setting that takes one.

    Args:
        text: what the field holds.
        workspace: whose data sets or runs are offered.
    """
    known: list[str] = []
    if setting.key == "data.path":
        known = [data.path for data in workspace.data_sets()]
    elif setting.key in ("split.from", "model.weights"):
        known = [str(run.path) for run in workspace.runs()]
    return PathPrompt(
        setting.title,
        detail=setting.help,
        value=text if setting.key == "data.path" or "/" in text else "",  # imagenet, for one, is no path to complete
        suffixes=PATH_SUFFIXES[setting.key],
        action="Use",
        known=known,
    )
