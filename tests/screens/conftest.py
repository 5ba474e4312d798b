"""What the tests of the places share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.screens.made_run import make_data


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
