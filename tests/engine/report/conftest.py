"""Small run records, made by the engine's own writers, that the report's parts are tested on."""

from __future__ import annotations

import pytest

from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.screens.made_run import make_data, make_run

EVIL = ("<img src=x onerror=alert(1)>", "a$b_1$ & |pipe|", 'c\x1b[31m"quoted"')


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of two networks on three classes."""
    place = tmp_path_factory.mktemp("place")
    return make_run(place / "ws", make_data(place / "data"), networks=("mobilenet_v2", "resnet18"))


@pytest.fixture(scope="session")
def evil(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run whose classes and title are hostile names."""
    place = tmp_path_factory.mktemp("evil")
    return make_run(place / "ws", make_data(place / "data", EVIL), settings={"name": "<b>bold</b>"})


@pytest.fixture
def record(run: RunFolder) -> RunRecord:
    """The run of two networks, read."""
    return read_record(run)
