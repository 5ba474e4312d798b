"""What a run's workers use of the machine: a line for one trial, a table for all that are running."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual.content import Content

from aimic_tui.engine.formatting.numbers import energy_text, number, percent
from aimic_tui.engine.run_events import SystemUse
from aimic_tui.engine.runs.follow.snapshot import RunSnapshot, TrialSnapshot
from aimic_tui.engine.text import NOTHING, bytes_text, printable
from aimic_tui.widgets.table_column import cut

_NAME = 30  # columns
_HEADER = ("device", "trial", "images/s", "waiting", "cores", "memory", "peak")
_GPU_HEADER = ("GPU", "GPU memory", "°C", "W")


def system_line(use: SystemUse | None) -> str:
    """Say in one line what a trial's worker used when it was measured last, "" where it was not yet."""
    if use is None:
        return ""
    worker = f"worker {bytes_text(use.process_memory)}, peak {bytes_text(use.process_peak)}, {_cores(use)}"
    parts = [worker, f"machine {percent(use.cpu)} busy, memory {_share(use.memory_used, use.memory)}"]
    if math.isfinite(use.gpu_memory):
        gpu = [percent(use.gpu)] if math.isfinite(use.gpu) else []
        gpu.append(f"{_of(use.gpu_memory_used, use.gpu_memory)}")
        gpu += [f"{use.temperature:.0f} °C"] if math.isfinite(use.temperature) else []
        gpu += [f"{use.power:.0f} W"] if math.isfinite(use.power) else []
        parts.insert(0, f"GPU {', '.join(gpu)}")
    return "  ·  ".join(parts)


def system_table(snapshot: RunSnapshot, width: int) -> Content:
    """Write a table of the running trials' workers (of all, once none is running), the machine and the energy so far.

    Args:
        width: columns that there are.
    """
    known = [(trial, trial.system) for trial in snapshot.trials if trial.system is not None]
    running = [trial for trial in snapshot.trials if trial.status.state == "running"]
    if not (running or known):
        return Content.styled("Not measured yet: a running trial reports every few seconds.", "$text-muted")
    shown = running or [trial for trial, _ in known]
    gpus = any(trial.system is not None and math.isfinite(trial.system.gpu_memory) for trial in shown)
    table = [_HEADER + (_GPU_HEADER if gpus else ()), *(_row(trial, gpus) for trial in shown)]
    if gpus and _width(table, 2) > width:  # the GPUs get a table of their own below
        own = len(_HEADER)
        lines = _aligned([row[:own] for row in table], width)
        lines += [Content(""), *_aligned([row[:2] + row[own:] for row in table], width)]
    else:
        lines = _aligned(table, width)
    lines.append(Content(""))
    if uses := [trial.system for trial in running if trial.system is not None]:
        use = uses[-1]
        memory = f"memory {_of(use.memory_used, use.memory)}, {_share(use.memory_used, use.memory)}"
        lines.append(Content(f"machine   processors {percent(use.cpu)} busy   {memory}"))
    joules = [use.energy for _, use in known if math.isfinite(use.energy)]
    if joules:
        lines.append(Content(f"energy    {energy_text(sum(joules))} so far, GPUs in all trials"))
    return Content("\n").join(lines)


def _row(trial: TrialSnapshot, gpus: bool) -> tuple[str, ...]:
    use, progress = trial.system or SystemUse(), trial.progress
    speed = progress.images_per_second if progress is not None else math.nan
    row = (
        printable(trial.status.device),
        _name(trial),
        f"{speed:,.0f}" if math.isfinite(speed) and speed > 0 else NOTHING,
        percent(progress.waiting) if progress is not None else NOTHING,
        number(use.process_cpu, 1),
        bytes_text(use.process_memory if math.isfinite(use.process_memory) else None),
        bytes_text(use.process_peak if math.isfinite(use.process_peak) else None),
    )
    if not gpus:
        return row
    memory = _of(use.gpu_memory_used, use.gpu_memory) if math.isfinite(use.gpu_memory) else NOTHING
    return (*row, percent(use.gpu), memory, number(use.temperature, 0), number(use.power, 0))


def _aligned(table: Sequence[Sequence[str]], width: int) -> list[Content]:
    """Align names left and figures right."""
    gap = " " * (3 if _width(table, 3) <= width else 2)
    widths = _widths(table)
    lines = []
    for index, row in enumerate(table):
        cells = [
            text.ljust(space) if column < 2 else text.rjust(space)
            for column, (text, space) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(Content.styled(gap.join(cells), "" if index else "$text-muted"))
    return lines


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[column]) for row in table) for column in range(len(table[0]))]


def _width(table: Sequence[Sequence[str]], gap: int) -> int:
    widths = _widths(table)
    return sum(widths) + gap * (len(widths) - 1)


def _name(trial: TrialSnapshot) -> str:
    return cut(printable(trial.key.name), _NAME)


def _cores(use: SystemUse) -> str:
    cores = number(use.process_cpu, 1)
    return f"{cores} {'core' if cores == '1.0' else 'cores'}"


def _share(used: float, of: float) -> str:
    return percent(used / of if of > 0 else math.nan)


def _of(used: float, of: float) -> str:
    return f"{bytes_text(used)} of {bytes_text(of)}"
