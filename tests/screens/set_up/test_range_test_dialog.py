"""The range test as the app shows it: its curve while it grows, its mark, what is taken."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.runs.prepare.first_trial_answers import RangeTestAnswer
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.set_up import range_test_dialog as range_test
from aimic_tui.screens.set_up.range_test_dialog import RangeTestDialog
from aimic_tui.screens.set_up.screen import SetUpScreen
from aimic_tui.widgets.chart import Chart
from aimic_tui.workspace.range_test import RangeTestReport, RangeTestStep
from aimic_tui.workspace.trial_command import CommandRefused

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]

RATES = [10 ** (-6 + step / 10) for step in range(41)]
LOSSES = [1.4 - 0.02 * min(step, 35) for step in range(41)]
ANSWER = RangeTestAnswer.model_validate(
    {
        "network": "mobilenet_v2",
        "rates": RATES,
        "losses": LOSSES,
        "smoothed": LOSSES,
        "steps": 100,
        "diverged": True,
        "suggested": 3.2e-4,
        "rule": "a tenth of the minimum",
        "sentence": "3.2e-4: a tenth of 3.2e-3, where the loss was lowest.",
        "batch_size": 16,
        "device": "cpu",
        "images_per_second": 25.0,
    }
)


class StandIn:
    """Stands for the process: tells two steps, then waits for a word."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.asked: list[tuple[Experiment, str]] = []
        self.ended = 0
        self.problem = ""

    async def __call__(
        self, workspace: Path, experiment: Experiment, network: str, report: Callable[[RangeTestReport], None]
    ) -> RangeTestAnswer:
        self.asked.append((experiment, network))
        report(Progress("read", 60, 60))
        for step in (1, 2):
            rate, loss = RATES[step - 1], LOSSES[step - 1]
            report(RangeTestStep(rate, loss, loss))
            report(Progress("step", step, 100, f"loss {loss}", seconds_left=90.0))
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        if self.problem:
            raise CommandRefused(ErrorRecord(self.problem))
        return ANSWER


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr(range_test, "run_range_test", stand_in)
    return stand_in


def set_up(tmp_path: Path, cells: Path) -> AimicApp:
    app = AimicApp(Workspace(tmp_path / "workspace"), place="set-up")
    app.context.data_path = str(cells)
    app.context.draft = {"model.weights": "none", "compute.devices": "cpu"}
    return app


def form_text(app: AimicApp, key: str) -> str:
    screen = next(screen for screen in app.screen_stack if isinstance(screen, SetUpScreen))
    return screen.session.draft.text(key)


def said(app: AimicApp, id: str = "#message") -> str:
    return str(app.screen.query_one(id, Static).render())


async def open_test(app: AimicApp, pilot: Pilot[None], until: Until) -> None:
    await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
    screen = app.screen
    assert isinstance(screen, SetUpScreen)
    screen.form.go_to("training.learning_rate")
    await pilot.pause()
    await pilot.press("t")
    await until(pilot, lambda: isinstance(app.screen, RangeTestDialog))


async def test_t_on_the_learning_rate_draws_the_curve_and_enter_takes_the_suggestion(
    tmp_path: Path, cells: Path, until: Until, process: StandIn
) -> None:
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_test(app, pilot, until)
        await until(pilot, lambda: "2 of 100 steps" in said(app))
        assert said(app) == "Training: 2 of 100 steps, 2 min left, loss 1.38"
        assert len(app.screen.query_one(Chart).data.series[0].x) == 2
        await pilot.press("enter")  # nothing to take yet
        assert isinstance(app.screen, RangeTestDialog)
        process.go_on.set()
        await until(pilot, lambda: "a tenth of" in said(app))
        assert "41 steps of 16 images, until it diverged, 25 images/s" in said(app)
        assert app.screen.query_one(Chart).data.mark == 3.2e-4
        assert app.screen.query_one(Chart).data.mark_name == "3.2e-4 suggested"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        assert form_text(app, "training.learning_rate") == "3.2e-4"
        await until(pilot, lambda: "by the range test" in said(app, "#plan"))  # its speed tells the time
    experiment, network = process.asked[0]
    assert network == "mobilenet_v2"
    assert experiment.data.path == str(cells)


async def test_the_mark_moves_by_tenths_of_a_decade_and_back_to_the_suggestion(
    tmp_path: Path, cells: Path, until: Until, process: StandIn
) -> None:
    app = set_up(tmp_path, cells)
    process.go_on.set()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_test(app, pilot, until)
        await until(pilot, lambda: app.screen.query_one(Chart).data.mark is not None)
        await pilot.press("right", "right")
        assert app.screen.query_one(Chart).data.mark == pytest.approx(5e-4, rel=0.05)
        assert "suggested" not in app.screen.query_one(Chart).data.mark_name
        await pilot.press("s")
        assert app.screen.query_one(Chart).data.mark == 3.2e-4
        await pilot.press(*["left"] * 60)
        assert app.screen.query_one(Chart).data.mark == pytest.approx(1e-6)  # the lowest that was tested
        await pilot.press("enter")
        await until(pilot, lambda: form_text(app, "training.learning_rate") == "1e-6")


async def test_esc_ends_the_process_and_leaves_the_field(
    tmp_path: Path, cells: Path, until: Until, process: StandIn
) -> None:
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_test(app, pilot, until)
        await until(pilot, lambda: "2 of 100 steps" in said(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen) and process.ended == 1)
        assert form_text(app, "training.learning_rate") == "3e-4"


async def test_a_refusal_is_one_sentence_and_r_tries_again(
    tmp_path: Path, cells: Path, until: Until, process: StandIn
) -> None:
    process.problem = "There are no pre-trained weights for mobilenet_v2."
    process.go_on.set()
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_test(app, pilot, until)
        await until(pilot, lambda: said(app) == "! There are no pre-trained weights for mobilenet_v2.")
        process.problem = ""
        await pilot.press("r")
        await until(pilot, lambda: "a tenth of" in said(app))
    assert len(process.asked) == 2


async def test_t_is_a_letter_where_one_writes_words(
    tmp_path: Path, cells: Path, until: Until, process: StandIn
) -> None:
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, SetUpScreen)
        screen.form.go_to("name")
        await pilot.pause()
        await pilot.press("t")
        assert screen.session.draft.text("name") == "t"
        screen.form.go_to("training.batch_size")  # takes the word auto
        await pilot.pause()
        app.screen.focused.value = "au"  # type: ignore[union-attr]
        assert isinstance(app.screen.focused, Input)
        await pilot.press("end", "t", "o")
        assert screen.session.draft.text("training.batch_size") == "auto"
        await pilot.press("f12")
        await until(pilot, lambda: isinstance(app.screen, RangeTestDialog))


@pytest.mark.slow
async def test_the_real_command_is_followed_to_its_end(tmp_path: Path, cells: Path, until: Until) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    app = set_up(tmp_path, cells)
    app.context.draft = {
        "model.weights": "none",
        "model.networks": "test_efficientnet",
        "model.image_size": "32",
        "training.batch_size": "8",
        "training.precision": "fp32",
        "training.optimizer": "sgd",
        "compute.devices": "cpu",
        "compute.threads": "1",
        "split.folds": "3",
    }
    async with app.run_test(size=(120, 40)) as pilot:
        await open_test(app, pilot, until)
        for _ in range(2000):
            if "steps of 8 images" in said(app):
                break
            await pilot.pause(0.1)
        assert "steps of 8 images" in said(app)
        assert len(app.screen.query_one(Chart).data.series[0].x) > 20
