"""What this machine is and how busy it is."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from aimic_tui import machine
from aimic_tui.machine import MachineReader, core_count, describe_machine, disk_free, memory_bytes


def test_this_machine_makes_sense() -> None:
    reader = MachineReader()
    found = reader.read()
    assert found.cores >= 1
    assert 0 < found.memory_used < found.memory
    assert 0 <= found.busy <= 1
    assert reader.gauges()


def test_a_containers_limits_are_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "memory.current").write_text("700000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 200000000\n")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    assert core_count() == 1
    assert memory_bytes() == (1_000_000_000, 500_000_000)


def test_no_limit_means_the_whole_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    assert core_count() >= 1
    assert memory_bytes()[0] > 100_000_000


def test_disk_space_is_known_before_the_folder_is_there(tmp_path: Path) -> None:
    assert (disk_free(tmp_path / "not" / "yet") or 0) > 0


def test_a_gpu_is_shown_by_use_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Problem(Exception):
        pass

    def utilisation(handle: int) -> types.SimpleNamespace:
        if handle == 1:
            raise Problem("not for a part of a GPU")
        return types.SimpleNamespace(gpu=87)

    driver = types.SimpleNamespace(
        NVMLError=Problem,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: b"NVIDIA H100",
        nvmlDeviceGetMemoryInfo=lambda handle: types.SimpleNamespace(used=21_000_000_000, total=80_000_000_000),
        nvmlDeviceGetUtilizationRates=utilisation,
    )
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    first, second = MachineReader().gauges()
    assert first.startswith("gpu0 ")
    assert first.endswith("87 %  21 of 80 GB")
    assert second == "gpu1  21 of 80 GB"
    assert "NVIDIA H100 80 GB" in describe_machine(Path("/"))
