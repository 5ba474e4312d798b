"""What this machine is and how busy it is."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from aimic_tui.workspace.machine import MachineReader, describe_machine, disk_free


def test_this_machine_makes_sense() -> None:
    reader = MachineReader()
    found = reader.read()
    assert found.cores >= 1
    assert 0 < found.memory_used < found.memory
    assert 0 <= found.busy <= 1
    assert reader.gauges()


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
        nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetHandleByUUID=lambda name: int(name[-1]),
        nvmlDeviceGetUUID=lambda handle: f"GPU-{handle}",
        nvmlDeviceGetMigMode=lambda handle: (0, 0),
        nvmlDeviceGetTemperature=lambda handle, sensor: 60,
        NVML_TEMPERATURE_GPU=0,
        nvmlDeviceGetPowerUsage=lambda handle: 300_000,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: 0,
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
