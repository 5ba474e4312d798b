"""How much of the machine there is to use."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from aimic_tui.engine.data.threads import in_threads
from aimic_tui.engine.machine import quotas as limits
from aimic_tui.engine.machine.quotas import available_processors, memory_bytes


def test_a_containers_limits_are_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "memory.current").write_text("700000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 200000000\n")
    monkeypatch.setattr(limits, "_CGROUP", tmp_path)
    assert available_processors() == 1
    assert memory_bytes() == (1_000_000_000, 500_000_000)


def test_no_limit_means_the_whole_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setattr(limits, "_CGROUP", tmp_path)
    assert available_processors() >= 1
    assert memory_bytes()[0] > 100_000_000


def test_images_are_decoded_by_no_more_threads_than_a_container_has_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    monkeypatch.setattr(limits, "_CGROUP", tmp_path)
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)

    def name(_: int) -> str:
        time.sleep(0.001)
        return threading.current_thread().name

    assert len(set(in_threads(name, range(200)))) == 1
    monkeypatch.setattr(limits, "_CGROUP", tmp_path / "none")
    assert len(set(in_threads(name, range(200)))) > 1
