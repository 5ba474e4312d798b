"""This machine: processors, memory, GPUs, disk, and how busy they are. Never imports torch.

A container's limits (cgroup) count as the machine, since they are what a run can use.
"""

from __future__ import annotations

import contextlib
import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.machine.gpu_meter import GpuMeter, GpuUse
from aimic_tui.engine.machine.gpus import Gpu, all_gpus, driver_problem
from aimic_tui.engine.machine.quotas import available_processors, memory_bytes
from aimic_tui.engine.text import bytes_text, plural

_SPARK = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Machine:
    """What there is and how busy it is now; memory in bytes, shares from 0 to 1.

    Attributes:
        gpus: each with its use now.
        gpu_problem: why no GPU's driver can be asked, "" where one can.
    """

    cores: int
    memory: int
    memory_used: int
    busy: float
    gpus: tuple[tuple[Gpu, GpuUse], ...]
    gpu_problem: str = ""


class MachineReader:
    """Reads the machine again and again; cheap after the first time, which may wait for a GPU driver to wake.

    Not to be called from two threads at once.
    """

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._gpu_problem = ""
        self._meters: list[tuple[Gpu, GpuMeter]] | None = None
        self._history: dict[str, deque[float]] = {}
        psutil.cpu_percent(None)  # the first answer is since ever; the next ones are since the last question

    def read(self) -> Machine:
        """Return how the machine is now."""
        memory, used = memory_bytes()
        if self._meters is None:
            self._gpu_problem = driver_problem()
            self._meters = [] if self._gpu_problem else [(gpu, GpuMeter(gpu.visible)) for gpu in all_gpus()]
        return Machine(
            cores=available_processors(),
            memory=memory,
            memory_used=used,
            busy=self._psutil.cpu_percent(None) / 100,
            gpus=tuple((gpu, use) for gpu, meter in self._meters if (use := meter.read()) is not None),
            gpu_problem=self._gpu_problem,
        )

    def gauges(self) -> tuple[str, ...]:
        """Return the machine's use in a few words: of its GPUs, of its processors where there are none."""
        machine = self.read()
        words = []
        for gpu, use in machine.gpus:
            name = f"gpu{gpu.number}"
            busy = "" if use.busy is None else f" {self._spark(name, use.busy)} {percent(use.busy):>5}"
            words.append(f"{name}{busy}  {use.memory_used / 1e9:.0f} of {bytes_text(use.memory)}")
        if not machine.gpus:
            words.append(f"cpu {self._spark('cpu', machine.busy)} {percent(machine.busy):>5}")
            words.append(f"memory {percent(machine.memory_used / machine.memory if machine.memory else 0):>5}")
        return tuple(words)

    def _spark(self, name: str, share: float) -> str:
        history = self._history.setdefault(name, deque(maxlen=4))
        history.append(share)
        bars = "".join(_SPARK[min(7, int(max(0.0, value) * 8))] for value in history)
        return bars.rjust(4)


def disk_free(folder: Path) -> int | None:
    """Return how many bytes can still be written where `folder` is or will be; None where nobody can say."""
    for existing in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(existing).free
    return None


def describe_machine(workspace: Path) -> tuple[str, ...]:
    """Return what the machine is, in a few words each: devices, processors, memory, disk, offline weights."""
    reader = MachineReader()
    machine = reader.read()
    parts = [f"{gpu.name} {bytes_text(gpu.memory)}" for gpu, _ in machine.gpus] or ["no GPU"]
    parts += [plural(machine.cores, "core"), f"{bytes_text(machine.memory)} memory"]
    free = disk_free(workspace)
    if free is not None:
        parts.append(f"{bytes_text(free)} disk free")
    return (*parts, _weights())


def _weights() -> str:
    # Late: the catalogue behind it brings numpy, which nothing else on Home needs.
    from aimic_tui.engine.errors import AimicError
    from aimic_tui.engine.models.weights_folder import read_entries

    try:
        networks = len({entry.network for entry in read_entries()})
    except AimicError:
        return "the weights folder can't be read"
    return f"weights of {plural(networks, 'network')} offline" if networks else "no weights offline"
