"""What many tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.forking import Nursery, open_nursery

# A busy machine is no failure: nothing here is right or wrong by the time it takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many tests run at a time.

    More than there are cores: a process of the fast tests sleeps more than half of its time, waiting for screens,
    processes and files; one of the slow tests less, which train.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 1 if config.option.markexpr == "slow" else 2 * cores


# What takes longest begins first, so that no process works on it alone at the end.
LONGEST = (
    "engine/report/test_reproduction.py",
    "engine/runs/work/test_kills.py",
    "engine/runs/work/test_disturbances.py",
    "engine/runs/work/test_real_runs.py",
    "engine/study/test_scheduler.py",
    "test_damaged_runs.py",
    "engine/training/test_paper_networks.py",
    "screens/data/test_screen.py",
    "screens/set_up/test_screen.py",
    "engine/training/test_trial.py",
    "engine/runs/work/test_scheduler.py",
    "screens/results/test_screen.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first; all others stay in their order."""
    rank = {Path(__file__).parent / name: position for position, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images and weights that stands beside the repository on the founders' machines."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data" / "wbc-subtypes").is_dir():
        pytest.skip("the real images are not beside this repository")
    return folder


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """What forks schedulers and workers, for tests that start many."""
    with open_nursery() as opened:
        yield opened


@pytest.fixture(scope="module")
def forked(nursery: Nursery) -> Iterator[None]:
    """Have what is started be forked, all through a module."""
    with nursery.starting():
        yield


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Put back what a command that ran in this process does about signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
