"""Monitoring the system while a trial runs: memory, processors and GPUs, as `system` events of the trial.

A thread of the worker looks; the training never waits for it, nor for a driver or a disk that it waits for.
"""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from statistics import fmean
from threading import Event, Thread
from types import TracebackType

from aimic_tui.engine.machine.gpu_meter import GpuMeter, GpuUse
from aimic_tui.engine.machine.quotas import memory_bytes
from aimic_tui.engine.run_events import SystemUse, TrialEvent, TrialFinished, trial_events
from aimic_tui.engine.run_folder import TrialFolder
from aimic_tui.engine.waiting import happened

LOOK_EVERY = 2.0  # seconds
_TELL_SOONEST, _TELL_LATEST = 5.0, 30.0  # seconds between events
_TELL_GROWTH = 1 / 60  # of a trial's age: after half an hour the events are 30 s apart, a megabyte a day
_LEAVE_PATIENCE = 2.0  # seconds for the thread to tell its last, where a disk or a driver hangs

Emit = Callable[[TrialEvent], None]


class SystemWatch:
    """Watches the system during a trial: `with SystemWatch(...) as watch:`.

    It appends `SystemUse` events, each about the time since the one before.

    Args:
        emit: appends an event to the trial's events; disk errors are ignored.
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

    def with_totals(self, event: TrialFinished) -> TrialFinished:
        """Return the event with what the trial took: the peaks of its memory, and the energy of its GPUs."""
        return replace(
            event, memory_peak=peak_memory(), gpu_memory_peak=self._gpu_peak or math.nan, energy=self._energy()
        )

    def _energy(self) -> float:
        taken = self._meter.energy() if self._meter is not None else None
        return math.nan if taken is None else round(self._energy_before + taken, 1)

    def _watch(self) -> None:
        self._meter = GpuMeter(self._visible)
        began = reported = time.monotonic()
        used_before = self._used()
        self._psutil.cpu_percent(None)  # the first answer is since ever; the next ones since the last question
        busy: list[float] = []
        while True:
            over = happened(self._over, self._look_every)
            gpu = self._meter.read()
            if gpu is not None:
                self._gpu_peak = max(self._gpu_peak, gpu.memory_used)
                busy += [gpu.busy] if gpu.busy is not None else []
            now = time.monotonic()
            due = min(_TELL_LATEST, max(_TELL_SOONEST, (now - began) * _TELL_GROWTH))
            if over or now - reported >= due or reported == began:
                used = self._used()
                use = self._of_process((used - used_before) / max(now - reported, 1e-3))
                with suppress(OSError):  # a disk that is full or gone is the training's affair
                    self._emit(self._with_gpu(use, gpu, busy) if gpu is not None else use)
                reported, used_before, busy = now, used, []
            if over:
                self._meter.close()
                return

    def _used(self) -> float:
        """Return the seconds of processor time that this process took."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _of_process(self, processors: float) -> SystemUse:
        memory, used = memory_bytes()
        resident = int(self._process.memory_info().rss)
        return SystemUse(
            cpu=round(self._psutil.cpu_percent(None) / 100, 3),
            memory_used=used,
            memory=memory,
            process_cpu=round(processors, 2),
            process_memory=resident,
            process_peak=max(resident, peak_memory()),  # the kernel brings its peak up to date now and then
        )

    def _with_gpu(self, use: SystemUse, gpu: GpuUse, busy: list[float]) -> SystemUse:
        return replace(
            use,
            gpu=round(fmean(busy), 3) if busy else math.nan,
            gpu_memory_used=gpu.memory_used,
            gpu_memory=gpu.memory,
            temperature=math.nan if gpu.temperature is None else gpu.temperature,
            power=math.nan if gpu.power is None else round(gpu.power, 1),
            energy=self._energy(),
        )


def peak_memory() -> int:
    """Return the most resident memory that this process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024  # Linux counts in kibibytes


def recorded_energy(folder: TrialFolder) -> float:
    """Return the joules in a trial's events so far, 0 where there are none."""
    uses = [event for event in trial_events(folder).new() if isinstance(event, SystemUse)]
    return next((use.energy for use in reversed(uses) if math.isfinite(use.energy)), 0.0)


def visible_gpus() -> str:
    """Return the GPUs that this worker's environment shows it."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")
