"""Which GPUs there are, as their driver (NVML) has them. Without a driver there are none, and no error."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Any


class NoDriver(Exception):
    """There is no driver to ask: none is installed, or one of another version."""


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a slice of one (MIG).

    Attributes:
        number: from 0.
        visible: what names it for CUDA_VISIBLE_DEVICES.
        memory: bytes, 0 where unknown.
    """

    number: int
    name: str
    visible: str
    memory: int


def open_driver() -> Any:
    """Return NVML, ready to be asked; whoever opens it calls `nvmlShutdown` at the end.

    Raises:
        NoDriver: there is none, with what the library says about it.
    """
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception as error:  # no driver, no library, a driver of another version: all mean that nobody can say
        raise NoDriver(str(error)) from None
    return pynvml


def all_gpus() -> tuple[Gpu, ...]:
    """Return all GPUs of this machine; one that is cut into slices is there as its slices."""
    try:
        nvml = open_driver()
    except NoDriver:
        return ()
    try:
        found: list[Gpu] = []
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            name = _text(nvml.nvmlDeviceGetName(handle))
            for device in _slices(nvml, handle) or [handle]:
                memory = 0
                with contextlib.suppress(nvml.NVMLError):
                    memory = int(nvml.nvmlDeviceGetMemoryInfo(device).total)
                found.append(Gpu(len(found), name, _text(nvml.nvmlDeviceGetUUID(device)), memory))
        return tuple(found)
    except nvml.NVMLError:
        return ()
    finally:
        nvml.nvmlShutdown()


def usable_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = all_gpus()
    if allowed is None or not found:
        return found
    entries: list[Gpu] = []
    for entry in (name.strip() for name in allowed.split(",")):
        known = next((gpu for gpu in found if entry in (gpu.visible, str(gpu.number))), None)
        if known is None and not entry.startswith(("GPU-", "MIG-")):
            break  # CUDA too ignores everything from the first entry that names no device
        # The entry goes on as it is written: CUDA may count its devices in another order than the driver.
        entries.append(Gpu(len(entries), known.name if known else "GPU", entry, known.memory if known else 0))
    return tuple(entries)


def driver_version() -> str | None:
    """Return the version of the driver, None where there is none."""
    try:
        nvml = open_driver()
    except NoDriver:
        return None
    try:
        return _text(nvml.nvmlSystemGetDriverVersion())
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()


def driver_problem() -> str:
    """Return why no driver can be asked, "" where one can."""
    try:
        open_driver().nvmlShutdown()
    except NoDriver as problem:
        return str(problem)
    return ""


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
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
