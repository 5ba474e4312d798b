"""Groups: the key goes on to the subgroups by each column of the run's manifest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.evaluation.build_results import write_results
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.results.network_ranking import NetworkRanking
from aimic_tui.widgets.big_table import BigTable
from tests.engine.evaluation.run_with_columns import make_run_with_columns

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


@pytest.mark.slow  # the subgroups come from the command, as in use
async def test_the_key_goes_on_to_the_columns_and_back(tmp_path: Path, until: Until) -> None:
    (tmp_path / "runs").mkdir()
    run = make_run_with_columns(tmp_path / "runs/some", tmp_path / "cells.csv")
    write_results(run)
    app = AimicApp(Workspace(tmp_path), place="results")
    app.context.run = run
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: bool(app.screen.query(NetworkRanking)) and bool(app.screen.query("#groups")))
        await until(pilot, lambda: app.screen.query_one(NetworkRanking).selected == "net")
        await pilot.press("s")
        table = app.screen.query_one("#groups", BigTable)
        await until(pilot, lambda: table.rows.count == 40)
        words = app.screen.query_one("#groups-view .words", Static)
        assert "s again: by sex, age and scanner" in str(words.render())
        await pilot.press("s")
        await until(pilot, lambda: table.rows.count == 2)
        assert [table.rows.columns[0].plain(row).strip("! ") for row in (0, 1)] == ["f", "m"]
        assert "By sex" in str(words.render())
        for rows in (3, 2, 40):
            await pilot.press("s")
            await until(pilot, lambda rows=rows: table.rows.count == rows)
