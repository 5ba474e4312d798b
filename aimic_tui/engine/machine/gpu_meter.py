"""What GPUs are doing, asked of their driver (NVML). Without a driver there is nothing to say, and no error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aimic_tui.engine.machine.gpus import NoDriver, open_driver


@dataclass(frozen=True)
class GpuUse:
    """One worker's GPUs together; None where the driver does not say.

    Attributes:
        memory_used, memory: bytes, of all processes on them.
        busy: share of the last moments in which they computed, 0 to 1, their mean.
        temperature: of the hottest, degrees Celsius.
        power: of all, watts.
    """

    memory_used: int
    memory: int
    busy: float | None
    temperature: int | None
    power: float | None


class GpuMeter:
    """Reads the GPUs that `CUDA_VISIBLE_DEVICES` shows a worker.

    Args:
        visible: their names (UUIDs, or numbers as the driver counts) with commas between; "" for none.
    """

    def __init__(self, visible: str) -> None:
        self._nvml: Any = None
        self._handles: list[Any] = []
        self._energy = _Integral()
        self._counted_from: list[int] | None = None
        names = [name.strip() for name in visible.split(",") if name.strip()]
        if not names:
            return
        try:
            self._nvml = open_driver()
        except NoDriver:
            return
        with contextlib.suppress(self._nvml.NVMLError):
            self._handles = [_handle(self._nvml, name) for name in names]
        self._counted_from = self._counters()

    def read(self) -> GpuUse | None:
        """Return their use now, None where there is none to read. May take milliseconds: not for the training's thread.

        To be called now and then: where the driver counts no energy, it is the power integrated between calls.
        """
        if not self._handles:
            return None
        try:
            memory = [self._nvml.nvmlDeviceGetMemoryInfo(handle) for handle in self._handles]
        except self._nvml.NVMLError:
            return None
        busy = self._of_all(lambda nvml, handle: nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
        heat = self._of_all(lambda nvml, handle: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
        power = self._of_all(lambda nvml, handle: nvml.nvmlDeviceGetPowerUsage(handle) / 1000)  # it says milliwatts
        if power:
            self._energy.add(sum(power))
        return GpuUse(
            memory_used=sum(int(one.used) for one in memory),
            memory=sum(int(one.total) for one in memory),
            busy=sum(busy) / len(busy) if busy else None,
            temperature=int(max(heat)) if heat else None,
            power=sum(power) if power else None,
        )

    def energy(self) -> float | None:
        """Return the joules they took since this meter was made, None where the driver says nothing about it."""
        now = self._counters()
        if now is not None and self._counted_from is not None:
            return max(0.0, sum(now) - sum(self._counted_from)) / 1000
        return self._energy.total

    def close(self) -> None:
        """Let the driver go."""
        if self._nvml is not None:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            self._nvml, self._handles = None, []

    def _of_all(self, ask: Callable[[Any, Any], float]) -> list[float]:
        """Ask every GPU; a part of one (MIG) has no such figure of its own, and then none is given."""
        try:
            return [float(ask(self._nvml, handle)) for handle in self._handles]
        except self._nvml.NVMLError:
            return []

    def _counters(self) -> list[int] | None:
        """Return each GPU's energy in millijoules since its driver was loaded (Volta and newer count it)."""
        if not self._handles:
            return None
        try:
            return [int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) for handle in self._handles]
        except self._nvml.NVMLError:
            return None


def _handle(nvml: Any, name: str) -> Any:
    if name.startswith(("GPU-", "MIG-")):
        return nvml.nvmlDeviceGetHandleByUUID(name)
    return nvml.nvmlDeviceGetHandleByIndex(int(name) if name.isdigit() else 0)


class _Integral:
    """Watts over time, by the trapezoidal rule."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.total: float | None = None
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def add(self, watts: float) -> None:
        now = self._clock()
        if self._last is not None:
            before, then = self._last
            self.total = (self.total or 0.0) + (now - then) * (before + watts) / 2
        self._last = (watts, now)
