"""A look at the system while a trial runs: memory, processors and GPUs, as `system` events in the trial's story.

A thread of the worker looks; the training never waits for it, nor for a driver or a disk that it waits for.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from threading import Event, Thread
from types import TracebackType
from typing import Any

from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.machine.gpu_meter import GpuMeter, GpuUse
from aimic_tui.engine.machine.quotas import memory_bytes

LOOK_EVERY = 2.0  # seconds
_TELL_SOONEST, _TELL_LATEST = 5.0, 30.0  # seconds between events
_TELL_GROWTH = 1 / 60  # of a trial's age: after half an hour the events are 30 s apart, a megabyte a day
_LEAVE_PATIENCE = 2.0  # seconds for the thread to tell its last, where a disk or a driver hangs

Emit = Callable[[str, dict[str, Any]], None]


class SystemWatch:
    """Watches the system during a trial: `with SystemWatch(...) as watch:`.

    A `system` event says, of the time since the one before: `cpu`, the share of the machine's processors in use;
    `memory_used` and `memory` of the machine, in bytes; `process_cpu`, processors that this worker kept busy;
    `process_memory` and `process_peak`, its resident bytes now and at most since it began; and where there is a GPU,
    `gpu`, the share of the time in which it computed, `gpu_memory_used` and `gpu_memory` in bytes, `temperature` in
    degrees Celsius, `power` in watts, and `energy`, the joules that the trial took so far, earlier attempts included.

    Args:
        emit: appends an event to the trial's story; what the disk says against it is passed over.
        visible: the worker's GPUs, as CUDA_VISIBLE_DEVICES names them.
        energy_before: joules that earlier attempts took.
        look_every: seconds.
    """

    def __init__(
        self, emit: Emit, visible: str = "", energy_before: float = 0.0, look_every: float = LOOK_EVERY
    ) -> None:
        import psutil

        self._psutil = psutil
        self._process = psutil.Process()
        self._emit = emit
        self._visible = visible
        self._energy_before = energy_before
        self._look_every = look_every
        self._over = Event()
        self._thread = Thread(target=self._watch, name="system", daemon=True)
        self._meter: GpuMeter | None = None
        self._gpu_peak = 0

    def __enter__(self) -> SystemWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(_LEAVE_PATIENCE)

    def totals(self) -> dict[str, Any]:
        """Return what the trial took: `memory_peak` in bytes, and of its GPUs `gpu_memory_peak` and `energy` (J)."""
        totals: dict[str, Any] = {"memory_peak": peak_memory()}
        if self._gpu_peak:
            totals["gpu_memory_peak"] = self._gpu_peak
        return totals | self._energy()

    def _energy(self) -> dict[str, float]:
        taken = self._meter.energy() if self._meter is not None else None
        return {} if taken is None else {"energy": round(self._energy_before + taken, 1)}

    def _watch(self) -> None:
        self._meter = GpuMeter(self._visible)
        began = told = time.monotonic()
        used_before = self._used()
        self._psutil.cpu_percent(None)  # the first answer is since ever; the next ones since the last question
        busy: list[float] = []
        while True:
            over = self._over.wait(self._look_every)
            gpu = self._meter.read()
            if gpu is not None:
                self._gpu_peak = max(self._gpu_peak, gpu.memory_used)
                busy += [gpu.busy] if gpu.busy is not None else []
            now = time.monotonic()
            due = min(_TELL_LATEST, max(_TELL_SOONEST, (now - began) * _TELL_GROWTH))
            if over or now - told >= due or told == began:
                used = self._used()
                fields = self._of_process((used - used_before) / max(now - told, 1e-3)) | self._of_gpu(gpu, busy)
                with suppress(OSError):  # a disk that is full or gone is the training's affair
                    self._emit("system", fields)
                told, used_before, busy = now, used, []
            if over:
                self._meter.close()
                return

    def _used(self) -> float:
        """Return the seconds of processor time that this process took."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _of_process(self, processors: float) -> dict[str, Any]:
        memory, used = memory_bytes()
        resident = int(self._process.memory_info().rss)
        return {
            "cpu": round(self._psutil.cpu_percent(None) / 100, 3),
            "memory_used": used,
            "memory": memory,
            "process_cpu": round(processors, 2),
            "process_memory": resident,
            "process_peak": max(resident, peak_memory()),  # the kernel brings its peak up to date now and then
        }

    def _of_gpu(self, gpu: GpuUse | None, busy: list[float]) -> dict[str, Any]:
        if gpu is None:
            return {}
        fields = {
            "gpu": round(fmean(busy), 3) if busy else None,
            "gpu_memory_used": gpu.memory_used,
            "gpu_memory": gpu.memory,
            "temperature": gpu.temperature,
            "power": round(gpu.power, 1) if gpu.power is not None else None,
        }
        return {name: value for name, value in fields.items() if value is not None} | self._energy()


def peak_memory() -> int:
    """Return the most resident memory that this process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024  # Linux counts in kibibytes


def recorded_energy(events_file: Path) -> float:
    """Return the joules that a trial's story has so far, 0 where there is none."""
    events = EventReader(events_file, latest_only=("progress", "system", "epoch")).new()
    recorded = [event["energy"] for event in events if event["event"] == "system" and "energy" in event]
    return float(recorded[-1]) if recorded and isinstance(recorded[-1], (int, float)) else 0.0


def visible_gpus() -> str:
    """Return the GPUs that this worker's environment shows it."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")
