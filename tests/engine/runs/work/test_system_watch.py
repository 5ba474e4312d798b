"""A look at the system while a trial runs; the driver of GPUs that are not here is a stand-in."""

from __future__ import annotations

import json
import math
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest

from aimic_tui.engine.machine import gpu_meter
from aimic_tui.engine.machine.gpu_meter import GpuMeter
from aimic_tui.engine.run_events import SystemUse, TrialEvent, TrialFinished, append_to_trial
from aimic_tui.engine.run_folder import TrialFolder
from aimic_tui.engine.runs.work.system_watch import SystemWatch, peak_memory, recorded_energy


class Problem(Exception):
    pass


class Driver(types.SimpleNamespace):
    """Two GPUs; a question whose name is in `silent` is not answered."""

    NVMLError = Problem
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *silent: str) -> None:
        super().__init__(silent=silent, counted=1_000_000)

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("nvml") and name in super().__getattribute__("silent"):
            return _refuse
        return super().__getattribute__(name)

    def nvmlInit(self) -> None: ...  # noqa: N802

    def nvmlShutdown(self) -> None: ...  # noqa: N802

    def nvmlDeviceGetHandleByUUID(self, name: str) -> int:  # noqa: N802
        return {"GPU-a": 0, "GPU-b": 1}[name]

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> types.SimpleNamespace:  # noqa: N802
        return types.SimpleNamespace(used=(handle + 1) * 10**9, total=80 * 10**9)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> types.SimpleNamespace:  # noqa: N802
        return types.SimpleNamespace(gpu=90 - 10 * handle)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        return 60 + handle

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        return 300_000

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        return int(self.counted)


def _refuse(*_: object) -> None:
    raise Problem("not supported")


def test_gpus_are_read_by_the_names_that_the_worker_sees_them_by(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    one = GpuMeter("GPU-b").read()
    assert one is not None
    assert (one.memory_used, one.busy, one.temperature, one.power) == (2 * 10**9, 0.8, 61, 300.0)

    meter = GpuMeter("GPU-a,GPU-b")
    both = meter.read()
    assert both is not None
    assert both.memory_used == 3 * 10**9
    assert both.memory == 160 * 10**9
    assert both.busy == pytest.approx(0.85)
    assert (both.temperature, both.power) == (61, 600.0)
    driver.counted += 5_000  # millijoules, of each
    assert meter.energy() == 10.0


def test_what_a_driver_does_not_say_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 3.0])
    integral = gpu_meter._Integral(lambda: next(clock))
    for watts in (100.0, 200.0, 200.0):
        integral.add(watts)
    assert integral.total == 300.0 + 200.0

    silent = ["nvmlDeviceGetUtilizationRates", "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPowerUsage"]
    monkeypatch.setitem(sys.modules, "pynvml", Driver(*silent))
    meter = GpuMeter("0")
    use = meter.read()
    assert use is not None
    assert (use.busy, use.power, use.temperature) == (None, None, 60)
    assert meter.energy() is None

    for silent in (["nvmlInit"], ["nvmlDeviceGetHandleByUUID"], ["nvmlDeviceGetMemoryInfo"]):
        monkeypatch.setitem(sys.modules, "pynvml", Driver(*silent))
        assert GpuMeter("GPU-a").read() is None


def test_without_a_gpu_the_processor_and_the_memory_are_told(tmp_path: Path) -> None:
    events: list[TrialEvent] = []
    with SystemWatch(events.append, look_every=0.02) as watch:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            pass
    assert 2 <= len(events) <= 3  # soon after the start and at the end; in between only every few seconds
    last = events[-1]
    assert isinstance(last, SystemUse)
    assert 0 <= last.cpu <= 1
    assert 0 < last.memory_used < last.memory
    assert 0 < last.process_memory <= last.process_peak
    assert last.process_cpu > 0
    append_to_trial(TrialFolder(tmp_path), last)
    line = json.loads(TrialFolder(tmp_path).events_file.read_text())
    assert not any(name.startswith("gpu") or name == "energy" for name in line)
    finished = watch.with_totals(TrialFinished(best_epoch=3))
    assert (finished.best_epoch, finished.memory_peak) == (3, peak_memory())
    assert math.isnan(finished.gpu_memory_peak) and math.isnan(finished.energy)


def test_the_energy_of_earlier_attempts_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    driver = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    trial = TrialFolder(tmp_path)

    def emit(event: TrialEvent) -> None:
        append_to_trial(trial, event)

    for _ in range(2):
        with SystemWatch(emit, "GPU-a", recorded_energy(trial), look_every=0.02):
            time.sleep(0.1)
            driver.counted += 7_000
    assert recorded_energy(trial) == 14.0


def test_a_disk_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    def refuse(event: TrialEvent) -> None:
        raise OSError("gone")

    with SystemWatch(refuse, look_every=0.02) as watch:
        time.sleep(0.1)
    assert watch.with_totals(TrialFinished()).memory_peak > 0
    assert recorded_energy(TrialFolder(tmp_path / "none")) == 0.0
