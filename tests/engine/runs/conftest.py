"""Run folders made by hand, for what needs no training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from aimic_tui.engine.event_log import now
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, write_status
from tests.drawn_cells import draw_cells


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunFolder]:
    """Return a function that makes a run's folder with a status and nothing else."""

    def make(networks: Sequence[str] = ("small",), folds: int = 2, epochs: int = 4, state: str = "queued") -> RunFolder:
        folder = RunFolder(tmp_path / "runs" / "20261122-190512-cells")
        folder.path.mkdir(parents=True)
        trials = tuple(TrialStatus(network, fold, 0) for network in networks for fold in range(1, folds + 1))
        status = RunStatus(
            run=folder.name,
            state=state,  # type: ignore[arg-type]
            created=now(),
            trials=trials,
            networks=tuple(networks),
            folds=folds,
            epochs=epochs,
            data="/data/cells",
        )
        write_status(folder, status)
        return folder

    return make


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four tiny images of two kinds of cell, dark and light ones, two of each smear."""
    folder = tmp_path_factory.mktemp("data") / "cells"
    draw_cells(folder, 12, "smear{group:03}_{label}{number}")
    return folder
