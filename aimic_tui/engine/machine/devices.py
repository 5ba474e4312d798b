"""Which devices a run may use, found without torch, and what each of its workers gets of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.machine.gpus import usable_gpus
from aimic_tui.engine.machine.quotas import available_processors
from aimic_tui.engine.text import printable


@dataclass(frozen=True)
class Slot:
    """What one worker gets.

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


def find_slots(devices: str, workers: int, threads: int, ranks: int = 1) -> tuple[Slot, ...]:
    """Return a slot for each worker that `compute.devices`, `compute.workers` and `compute.threads` ask for.

    The driver is queried at each call: the app runs for days, in which GPUs come and go (a driver that is reloaded, a
    GPU that is divided by MIG), and a run must start on those that are there. It takes milliseconds.

    Args:
        ranks: GPUs a trial, `compute.data_parallel`; GPUs that are left over by it stay unused.

    Raises:
        UsageProblem: `devices` can't be parsed.
        InputProblem: it names a GPU that isn't there.
    """
    wanted = devices.strip().lower()
    if not re.fullmatch(r"auto|cpu|cuda|cuda:\d+(\s*,\s*cuda:\d+)*", wanted):
        raise UsageProblem(
            f"compute.devices = {printable(devices)} must be auto, cpu, cuda, or a list such as cuda:0,cuda:2.",
            key="compute.devices",
        )
    found = usable_gpus() if wanted != "cpu" else ()
    if wanted not in ("auto", "cpu") and not found:
        raise InputProblem(
            f"compute.devices = {wanted}: this machine's driver shows no GPU. Use auto or cpu.",
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
    groups = [chosen[start : start + ranks] for start in range(0, len(chosen) - ranks + 1, ranks)]
    if not groups:
        there = "is only one GPU" if len(chosen) == 1 else f"are only {len(chosen)} GPUs"
        raise InputProblem(
            f"compute.data_parallel = {ranks}: there {there} to share a trial. Set a smaller number, or off.",
            key="compute.data_parallel",
        )
    share = threads or max(1, available_processors() // (len(groups) * ranks))
    return tuple(
        Slot(
            number,
            "cuda:" + "+".join(str(gpu.number) for gpu in group),
            ",".join(gpu.visible for gpu in group),
            share,
            ranks,
        )
        for number, group in enumerate(groups, 1)
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
