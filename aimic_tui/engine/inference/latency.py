"""How long networks take from image files to classes here, through the very code that predictions go through."""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.smear import draw_smear
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.inference.image_batches import image_batches
from aimic_tui.engine.inference.loaded_model import LoadedModel, choose_device, load_model
from aimic_tui.engine.inference.predict import classified
from aimic_tui.engine.inference.run_networks import BATCH
from aimic_tui.engine.inference.timings import NetworkTiming
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.catalogue import NetworkInfo
from aimic_tui.engine.models.model_folder import ModelCard, save_model
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.text import printable

IMAGES = 100
_CLASSES = tuple(f"class {number}" for number in range(1, 9))  # as many as PBC has
_HALVES = (0.5, 0.5, 0.5)
_DRAWN_SIDE = 360  # pixels, as PBC's images
_LIMIT_SECONDS = 1.0  # of the network alone, at least

Files = Sequence[tuple[str, Path]]


def describe_device(name: str) -> str:
    """Return what a device is called, with the processor threads that are used on it.

    Raises:
        UsageProblem: there is no such device here.
    """
    device = choose_device(name)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {torch.get_num_threads()} threads"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return printable(next(named, "") or platform.processor() or platform.machine())


@contextmanager
def drawn_files(report: ReportProgress = no_report) -> Iterator[Files]:
    """Draw a hundred cells as JPEG files of 360 pixels a side, the published images' kind and size."""
    with tempfile.TemporaryDirectory(prefix="aimic-benchmark-") as folder:
        root = Path(folder)
        draw_smear(root, slides=IMAGES // 10, crops=10, seed=2022, size=_DRAWN_SIDE, report=report)
        files = []
        for path in sorted(root.rglob("*.png")):
            target = path.with_suffix(".jpg")
            with Image.open(path) as image:
                image.save(target, quality=95)
            files.append((target.name, target))
        yield files


def measure_network(
    info: NetworkInfo,
    files: Files,
    device: str = "auto",
    *,
    repetitions: int = 10,
    report: ReportProgress = no_report,
) -> NetworkTiming:
    """Measure one network with new weights: neither its speed nor the way from a file depends on what it has learned.

    Reading, decoding, resizing, normalising, the network and the probabilities are in the times; loading the network
    is not (it is measured apart), nor is a first, unmeasured call of each kind.

    Args:
        files: (name, path); the first hundred are used, again and again where there are fewer.
        repetitions: of each measurement.
        report: hears how many of the repetitions are done; the network alone counts as one more.

    Raises:
        UsageProblem: no such device.
        InputProblem: an image can't be read, or there is none.
    """
    report(Progress("measure", 0, repetitions + 1))
    if not files:
        raise InputProblem("There are no images to measure with.")
    many = [files[number % len(files)] for number in range(IMAGES)]
    with tempfile.TemporaryDirectory(prefix="aimic-benchmark-") as folder:
        began = time.perf_counter()
        model = _new_model(info, Path(folder), device)
        load = time.perf_counter() - began
    batch = BATCH[model.device.type]
    _seconds(model, many[:1], batch)
    _seconds(model, many[:batch], batch)
    ones, hundreds = [], []
    for number in range(repetitions):
        ones.append(_seconds(model, [many[number % len(many)]], batch))
        hundreds.append(_seconds(model, many, batch))
        report(Progress("measure", number + 1, repetitions + 1))
    limit = _limit(model, batch)
    report(Progress("measure", repetitions + 1, repetitions + 1))
    return NetworkTiming(
        info.name,
        info.input_size,
        tuple(ones),
        tuple(hundreds),
        len(many),
        load,
        limit,
        datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _new_model(info: NetworkInfo, folder: Path, device: str) -> LoadedModel:
    torch.manual_seed(0)
    network = build_network(info.name, len(_CLASSES), info.input_size)
    way = Preprocessing(info.input_size, "stretch", "auto", _HALVES, _HALVES)
    save_model(folder, ModelCard(info.name, _CLASSES, way), network.state_dict())
    return load_model(folder, device)


def _seconds(model: LoadedModel, files: Files, batch: int) -> float:
    began = time.perf_counter()
    names = (name for name, _ in files)
    for images in image_batches([path for _, path in files], [model.card.preprocessing], batch):
        classified([model], images)
        for name, image in zip(names, images, strict=False):
            if image.problem:
                raise InputProblem(f"{printable(name)} {image.problem}. Name other images, or none.")
    return time.perf_counter() - began


def _limit(model: LoadedModel, batch: int) -> float:
    """Return images a second of the network alone: the fastest pass over a batch on the device."""
    size = model.card.preprocessing.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    inputs = model.prepare(pixels)
    model.probabilities(inputs)
    fastest, spent, passes = float("inf"), 0.0, 0
    while spent < _LIMIT_SECONDS or passes < 3:
        began = time.perf_counter()
        model.probabilities(inputs)
        seconds = time.perf_counter() - began
        fastest, spent, passes = min(fastest, seconds), spent + seconds, passes + 1
    return batch / fastest
