"""What the tests of the places share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

import pytest
from textual.pilot import Pilot

from aimic_tui.workspace.processes import start_command
from tests.screens.made_run import make_data

Instead = Callable[..., list[list[str]]]


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set: three classes of twenty images, two images a smear."""
    return make_data(tmp_path_factory.mktemp("data") / "cells")


@pytest.fixture
def until() -> Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]:
    """Wait until something is so, as a person would, and fail after a while."""

    async def wait(pilot: Pilot[None], so: Callable[[], bool], seconds: float = 60.0) -> None:
        for _ in range(int(seconds / 0.05)):
            if so():
                return
            await pilot.pause(0.05)
        raise AssertionError("it did not become so")

    return wait


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> Instead:
    """Have a module start another program than it means to; return what it meant, a list for each start."""

    def replace(module: ModuleType, *program: str) -> list[list[str]]:
        meant: list[list[str]] = []

        def start(arguments: list[str], stdout: Path, stderr: Path) -> object:
            meant.append(list(arguments))
            return start_command(list(program), stdout, stderr)

        monkeypatch.setattr(module, "start_command", start)
        return meant

    return replace
