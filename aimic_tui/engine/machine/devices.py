"""Which devices a run may use, found without torch: the GPUs through NVML, the processors through the system."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.machine.quotas import available_processors
from aimic_tui.engine.text import printable


@dataclass(frozen=True)
class Slot:
    """A place for one worker.

    Attributes:
        number: from 1.
        device: what people call it: "cpu", "cuda:2".
        visible: what CUDA_VISIBLE_DEVICES is set to for its worker, so that it sees its own GPUs only; "" hides all.
        threads: processor threads for each of its processes.
        ranks: processes that train one trial together, each on a GPU of its own (or all on the processor).
    """

    number: int
    device: str
    visible: str
    threads: int
    ranks: int = 1


@dataclass(frozen=True)
class Gpu:
    """A GPU (or a slice of one) that this process may use; `visible` names it for CUDA_VISIBLE_DEVICES."""

    number: int
    name: str
    visible: str
    memory: int  # bytes, 0 where unknown


def gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves; none where there is no driver."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = _all_gpus()
    if allowed is None or not found:
        return found
    entries: list[Gpu] = []
    for entry in (part.strip() for part in allowed.split(",")):
        known = next((gpu for gpu in found if entry in (gpu.visible, str(gpu.number))), None)
        if known is None and not entry.startswith(("GPU-", "MIG-")):
            break  # CUDA too ignores everything from the first entry that names no device
        # The entry goes on as it is written: CUDA may count its devices in another order than the driver.
        entries.append(Gpu(len(entries), known.name if known else "GPU", entry, known.memory if known else 0))
    return tuple(entries)


def _all_gpus() -> tuple[Gpu, ...]:
    try:
        import pynvml
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        found: list[Gpu] = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            name = _text(pynvml.nvmlDeviceGetName(handle))
            for part in _slices(pynvml, handle) or [handle]:
                memory = 0
                with contextlib.suppress(pynvml.NVMLError):
                    memory = int(pynvml.nvmlDeviceGetMemoryInfo(part).total)
                found.append(Gpu(len(found), name, _text(pynvml.nvmlDeviceGetUUID(part)), memory))
        return tuple(found)
    except pynvml.NVMLError:
        return ()
    finally:
        pynvml.nvmlShutdown()


def _slices(nvml: Any, handle: Any) -> list[Any]:
    """Return a GPU's MIG slices: a process can use one of those, not the GPU that is cut into them."""
    slices = []
    try:
        if not nvml.nvmlDeviceGetMigMode(handle)[0]:
            return []
        for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
            with contextlib.suppress(nvml.NVMLError):
                slices.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
    except nvml.NVMLError:
        return []
    return slices


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def find_slots(devices: str, workers: int, threads: int, ranks: int = 1) -> tuple[Slot, ...]:
    """Return a slot for each worker that `compute.devices`, `compute.workers` and `compute.threads` ask for.

    Args:
        ranks: GPUs a trial, `compute.data_parallel`; GPUs that are left over by it stay unused.

    Raises:
        UsageProblem: `devices` says nothing that is understood.
        InputProblem: it asks for a GPU that isn't there.
    """
    wanted = devices.strip().lower()
    if not re.fullmatch(r"auto|cpu|cuda|cuda:\d+(\s*,\s*cuda:\d+)*", wanted):
        raise UsageProblem(
            f"compute.devices = {printable(devices)} must be auto, cpu, cuda, or a list such as cuda:0,cuda:2.",
            key="compute.devices",
        )
    found = gpus() if wanted != "cpu" else ()
    if wanted not in ("auto", "cpu") and not found:
        raise InputProblem(
            f"compute.devices = {wanted}: there is no GPU that this machine's driver shows. Use auto or cpu.",
            key="compute.devices",
        )
    if not found:
        share = threads or max(1, available_processors() // (workers * ranks))
        return tuple(Slot(number, "cpu", "", share, ranks) for number in range(1, workers + 1))
    chosen = list(found)
    if wanted not in ("auto", "cuda"):
        numbers = sorted({int(number) for number in re.findall(r"\d+", wanted)})
        if numbers[-1] >= len(found):
            there = "cuda:0" if len(found) == 1 else f"cuda:0 to cuda:{len(found) - 1}"
            raise InputProblem(
                f"compute.devices = {wanted}: there is no cuda:{numbers[-1]}, only {there}.", key="compute.devices"
            )
        chosen = [found[number] for number in numbers]
    teams = [chosen[start : start + ranks] for start in range(0, len(chosen) - ranks + 1, ranks)]
    if not teams:
        there = "is only one GPU" if len(chosen) == 1 else f"are only {len(chosen)} GPUs"
        raise InputProblem(
            f"compute.data_parallel = {ranks}: there {there} to share a trial. Set a smaller number, or off.",
            key="compute.data_parallel",
        )
    share = threads or max(1, available_processors() // (len(teams) * ranks))
    return tuple(
        Slot(
            number,
            "cuda:" + "+".join(str(gpu.number) for gpu in team),
            ",".join(gpu.visible for gpu in team),
            share,
            ranks,
        )
        for number, team in enumerate(teams, 1)
    )


def worker_environment(slot: Slot, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a slot's worker: it sees its own devices only and keeps to its threads."""
    return {
        **environment,
        "CUDA_VISIBLE_DEVICES": slot.visible,
        "OMP_NUM_THREADS": str(slot.threads),
        "MKL_NUM_THREADS": str(slot.threads),
        "OPENBLAS_NUM_THREADS": str(slot.threads),
        "PYTHONUNBUFFERED": "1",
    }
