"""What the app's own parts cost, each beside the obvious way of doing the same: `python benchmarks/interface.py`.

Prints medians of a few rounds and the ratio; nothing here is asserted anywhere.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, read_status, write_status
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.runs_overview import Overview

ROUNDS = 5


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median time of `work`."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def report(name: str, ours: float, baseline: str, theirs: float) -> None:
    print(f"{name:44} {ours * 1000:9.1f} ms   {baseline:34} {theirs * 1000:9.1f} ms   ratio {theirs / ours:6.1f}")


def table() -> None:
    """A million rows in our table against 20,000 in Textual's."""
    from textual.app import App, ComposeResult
    from textual.widgets import DataTable

    from aimic_tui.app.themes import DARK, missing_colours
    from aimic_tui.widgets.big_table import BigTable
    from aimic_tui.widgets.table_column import Column

    class Tables(App[None]):
        def get_theme_variable_defaults(self) -> dict[str, str]:
            return missing_colours(DARK)

        def compose(self) -> ComposeResult:
            yield BigTable()
            yield DataTable()

    async def measure() -> tuple[float, float]:
        count = 1_000_000
        columns = [Column("row", "row", np.arange(count), str, "right", 9)]
        app = Tables()
        async with app.run_test(size=(120, 40)) as pilot:
            start = time.perf_counter()
            app.query_one(BigTable).show(columns, count)
            await pilot.pause()
            ours = time.perf_counter() - start
            theirs = app.query_one(DataTable)
            theirs.add_column("row")
            start = time.perf_counter()
            theirs.add_rows([(str(row),) for row in range(20_000)])
            await pilot.pause()
            return ours, time.perf_counter() - start

    report("1,000,000 rows in our table", *_with_name(asyncio.run(measure()), "20,000 rows in Textual's DataTable"))


def _with_name(pair: tuple[float, float], name: str) -> tuple[float, str, float]:
    return pair[0], name, pair[1]


def runs() -> None:
    """Two hundred runs on Home: the first look against later ones."""
    with tempfile.TemporaryDirectory() as place:
        workspace = Workspace(Path(place))
        trials = tuple(TrialStatus("mobilenet_v2", fold, 0, "finished") for fold in range(1, 51))
        status = RunStatus(run="", state="finished", trials=trials)
        for number in range(200):
            folder = RunFolder(workspace.runs_folder / f"20261122-{number:06}-run")
            folder.path.mkdir(parents=True)
            write_status(folder, replace(status, run=folder.name))
        overview = Overview(workspace)
        overview.read()
        again = seconds(overview.read)
        report("200 runs of 50 trials, looked at again", again, "each read anew", seconds(lambda: _read(workspace)))


def _read(workspace: Workspace) -> list[str]:
    return [read_status(run).state for run in workspace.runs()]


def resamples() -> None:
    """Two thousand resamples of two thousand images, all figures, against scikit-learn for each resample."""
    from sklearn.metrics import f1_score, roc_auc_score

    from aimic_tui.engine.evaluation.metrics import Scorer

    random = np.random.default_rng(0)
    labels = random.integers(0, 8, 2000)
    probabilities = random.dirichlet(np.ones(8), 2000)
    scorer = Scorer(labels, probabilities)
    weights = random.integers(0, 3, (2000, 2000)).astype(float)
    ours = seconds(lambda: scorer.all_figures(weights), 1)

    def one() -> None:
        drawn = random.integers(0, 2000, 2000)
        f1_score(labels[drawn], probabilities[drawn].argmax(axis=1), average="macro")
        roc_auc_score(labels[drawn], probabilities[drawn], multi_class="ovr")

    report("2,000 resamples, 13 figures", ours, "scikit-learn, 2 figures (from 20)", 2000 * seconds(one, 20))


def first_frame() -> None:
    """A fresh process to Home's first picture, against importing torch alone."""
    program = (
        "import asyncio, sys; from pathlib import Path; from aimic_tui.app.app import AimicApp\n"
        "from aimic_tui.engine.workspace_folder import Workspace\n"
        "async def main():\n"
        "    async with AimicApp(Workspace(Path(sys.argv[1]))).run_test(size=(120, 40)): pass\n"
        "    import os; os._exit(0)\n"
        "asyncio.run(main())"
    )
    with tempfile.TemporaryDirectory() as place:
        ours = seconds(lambda: subprocess.run([sys.executable, "-c", program, place], check=True, env=os.environ))
    theirs = seconds(lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True))
    report("process start to Home's first picture", ours, "import torch", theirs)


if __name__ == "__main__":
    for part in (first_frame, runs, table, resamples):
        part()
