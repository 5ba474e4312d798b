"""The evaluations of a run's models on other data sets, as its workspace keeps them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.inference.evaluation_file import FILE, EvaluationResults, read_evaluation
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.workspace_folder import Workspace


def evaluations_of_run(run: RunFolder) -> tuple[EvaluationResults, ...]:
    """Return what was found when models of a run were evaluated, the oldest first.

    Those in the workspace's folder `evaluations` are found: the app's, and the ones that `aimic evaluate --output`
    was told to put there. One that can't be read is left out.
    """
    try:
        folders = sorted((Workspace.of_run(run).root / "evaluations").iterdir(), key=lambda path: path.name)
    except OSError:
        return ()
    home = run.path.resolve()
    found = []
    for folder in folders:
        if (folder / FILE).is_file():
            with suppress(InputProblem, OSError, ValueError):  # a path in it may be none
                results = read_evaluation(folder)
                if home in (Path(results.model).resolve(), *Path(results.model).resolve().parents):
                    found.append(results)
    return tuple(found)
