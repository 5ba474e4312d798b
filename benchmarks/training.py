"""How fast training is, side by side: `python benchmarks/training.py [--networks mobilenet_v2,resnet50] [--json]`.

`--rivals PYTHON` also runs fastai and Ultralytics `classify`, by a Python in whose environment they are installed.

Contenders, each in a process of its own, on the same images (JPEG of 360 pixels), batch 32 at 224 pixels:

- plain: what most scripts do: torchvision's ImageFolder, a DataLoader with a process a core, eager fp32;
- limit: the same network on one batch that already lies in memory, in the number format that our probe chooses;
- aimic: our cache, loader, augmentation ("cells") and steps, in that format;
- frozen: our frozen network with a linear head, from the second epoch on;
- fastai: its ImageDataLoaders, aug_transforms and Learner around the same network;
- ultralytics: its classify trainer, where it has the network (resnet50), all its settings as they come.

Prints images a second, the number format, the ratio to plain and to limit, the share of time spent waiting for images,
and the peak memory. Ratios hold better than figures, and only on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

    from aimic_tui.engine.training.precision import Precision

BATCH, SIZE, CLASSES = 32, 224, 4
CONTENDERS = ("plain", "limit", "aimic", "frozen")
RIVALS = ("fastai", "ultralytics")
ULTRALYTICS = {"resnet50": "yolov8-cls-resnet50.yaml"}


def draw_images(folder: Path, count: int) -> None:
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"class{number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        coarse.resize((360, 360)).save(place / f"{number:05d}.jpg", quality=90)


def timed(steps: Callable[[], Iterator[int]], seconds: float) -> float:
    """Return images a second of `steps` (each yields its number of images), after two to warm up."""
    running = steps()
    next(running), next(running)
    start, images = time.perf_counter(), 0
    for count in running:
        images += count
        if time.perf_counter() - start > seconds:
            break
    return images / (time.perf_counter() - start)


def chosen_precision(model: nn.Module, device: torch.device) -> Precision:
    """Return what a long training would use."""
    from aimic_tui.engine.training.precision import Precision, choose_format

    return Precision(choose_format(model, SIZE, device, batch_size=BATCH, steps=10_000), device)


def plain(network: str, images: Path, seconds: float, device: str) -> dict[str, Any]:
    import os

    import torch
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    from aimic_tui.engine.models.build import build_network

    steps = [transforms.Resize((SIZE, SIZE)), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    data = datasets.ImageFolder(str(images), transforms.Compose([*steps, transforms.Normalize([0.5] * 3, [0.5] * 3)]))
    cores = len(os.sched_getaffinity(0))
    loader = DataLoader(data, BATCH, shuffle=True, num_workers=cores, drop_last=True, persistent_workers=True)
    model = build_network(network, CLASSES, SIZE).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def epochs() -> Iterator[int]:
        while True:
            for batch, labels in loader:
                optimizer.zero_grad()
                outputs = model(batch.to(device))
                torch.nn.functional.cross_entropy(outputs, labels.to(device)).backward()
                optimizer.step()
                yield len(batch)

    return {"images_per_second": timed(epochs, seconds)}


def limit(network: str, images: Path, seconds: float, device: str) -> dict[str, Any]:
    from aimic_tui.engine.machine.processor import settle_processor

    settle_processor()
    import torch

    from aimic_tui.engine.models.build import build_network

    model = build_network(network, CLASSES, SIZE).to(device, memory_format=torch.channels_last)
    precision = chosen_precision(model, torch.device(device))
    batch = torch.randn(BATCH, 3, SIZE, SIZE, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(BATCH, device=device) % CLASSES
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def epochs() -> Iterator[int]:
        while True:
            optimizer.zero_grad(set_to_none=True)
            with precision.autocast():
                loss = torch.nn.functional.cross_entropy(model(batch).float(), labels)
            loss.backward()
            optimizer.step()
            if device != "cpu":
                torch.cuda.synchronize()
            yield BATCH

    return {"images_per_second": timed(epochs, seconds), "format": precision.format}


def aimic(network: str, images: Path, seconds: float, device: str, *, frozen: bool = False) -> dict[str, Any]:
    from aimic_tui.engine.machine.processor import settle_processor

    settle_processor()
    import numpy as np
    import torch

    from aimic_tui.engine.data.cache import cached_images
    from aimic_tui.engine.data.preprocessing import Preprocessing
    from aimic_tui.engine.experiment import TrainingSettings
    from aimic_tui.engine.models.build import build_network, freeze_backbone
    from aimic_tui.engine.training.augmentation import Augmentation, normalised
    from aimic_tui.engine.training.augmentation_ranges import PRESETS
    from aimic_tui.engine.training.batches import Loader, Throughput, batches_of_epoch
    from aimic_tui.engine.training.objective import Objective
    from aimic_tui.engine.training.optimisation import make_optimizer
    from aimic_tui.engine.training.pipelines import FeaturePipeline, ImagePipeline, Pipeline
    from aimic_tui.engine.training.precision import Precision
    from aimic_tui.engine.training.stepper import Stepper

    where, half = torch.device(device), (0.5, 0.5, 0.5)
    paths = sorted(images.glob("*/*.jpg"))
    labels = np.array([int(path.parent.name[-1]) for path in paths], dtype=np.int32)
    samples = np.arange(len(paths))
    source = cached_images(paths, Preprocessing(SIZE, "stretch", "auto", half, half), images.parent / "cache", "on")
    model = build_network(network, CLASSES, SIZE).to(where, memory_format=torch.channels_last)
    precision = Precision("fp32", where) if frozen else chosen_precision(model, where)
    pictures = ImagePipeline(
        model,
        Loader(source, samples, where),
        Augmentation(PRESETS["cells"], seed=0, mean=half, std=half),
        lambda batch: normalised(batch, half, half),
        evaluation_batch=BATCH,
    )
    pipeline: Pipeline = pictures
    if frozen:
        freeze_backbone(model)
        pipeline = FeaturePipeline(model, pictures, samples, device=where, precision=precision, tick=lambda _: None)
    stepper = Stepper(
        pipeline,
        make_optimizer(TrainingSettings(), model, layerwise=False),
        Objective(np.ones(CLASSES), 0.0, where),
        precision,
        gradient_clip=0,
        micro_batch_size=BATCH,
        warn=print,
    )
    truth = torch.from_numpy(labels.astype(np.int64)).to(where)
    throughput = Throughput()

    def epochs() -> Iterator[int]:
        epoch = 0
        while True:
            epoch += 1
            batches = batches_of_epoch(
                samples, labels, oversample=False, shuffle=True, batch_size=BATCH, drop_last=True, seed=0, epoch=epoch
            )
            pipeline.start_training()
            for number, (batch, inputs) in enumerate(
                zip(batches, pipeline.inputs(batches, epoch, throughput), strict=True)
            ):
                result = stepper.step(inputs, truth[torch.from_numpy(batch.samples).to(where)], seed=number)
                float(result.loss)  # as the trial asks for it
                yield len(batch)

    rate = timed(epochs, seconds)
    return {"images_per_second": rate, "format": precision.format, "waiting": throughput.take()[1]}


class Enough(Exception):
    """Measured for long enough."""


class Meter:
    """Images a second between calls, after two batches to warm up."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.batches, self.images, self.start = seconds, 0, 0, 0.0

    def batch(self, images: int) -> None:
        self.batches += 1
        if self.batches <= 2:
            self.start = time.perf_counter()
            return
        self.images += images
        if time.perf_counter() - self.start > self.seconds:
            raise Enough("measured for long enough")  # fastai reads the first argument of what it passes on

    @property
    def rate(self) -> float:
        return self.images / (time.perf_counter() - self.start)


def fastai(network: str, images: Path, seconds: float, device: str) -> dict[str, Any]:
    import os

    import torchvision
    from fastai import callback, vision  # noqa: F401
    from fastai.vision.all import Callback, ImageDataLoaders, Learner, Resize, aug_transforms, default_device

    default_device(device != "cpu")
    meter = Meter(seconds)

    class Counting(Callback):  # type: ignore[misc]
        def after_batch(self) -> None:
            if self.training:
                meter.batch(len(self.xb[0]))

    cores = len(os.sched_getaffinity(0))
    loaders = ImageDataLoaders.from_folder(
        images, valid_pct=0.05, seed=0, item_tfms=Resize(SIZE), batch_tfms=aug_transforms(), bs=BATCH, num_workers=cores
    )
    model = getattr(torchvision.models, network)(num_classes=CLASSES)
    learner = Learner(loaders, model, cbs=[Counting()])
    with suppress(Enough), learner.no_bar(), learner.no_logging():
        learner.fit(1000)
    return {"images_per_second": meter.rate}


def ultralytics(network: str, images: Path, seconds: float, device: str) -> dict[str, Any]:
    import os

    from ultralytics.models.yolo.classify import ClassificationTrainer

    layout = images.parent / "layout"
    for part in ("train", "val"):  # it does not follow links to folders
        if not (layout / part).exists():
            shutil.copytree(images, layout / part, copy_function=os.link)
    settings = {
        "model": ULTRALYTICS[network],
        "data": str(layout),
        "imgsz": SIZE,
        "batch": BATCH,
        "epochs": 1000,
        "device": device,
        "workers": len(os.sched_getaffinity(0)),
        "pretrained": False,
        "val": False,
        "plots": False,
        "save": False,
        "project": str(images.parent / "ultralytics"),
    }
    meter = Meter(seconds)
    trainer = ClassificationTrainer(overrides=settings)
    trainer.add_callback("on_train_batch_end", lambda _: meter.batch(BATCH))
    with suppress(Enough):
        trainer.train()
    return {"images_per_second": meter.rate}


def contend(contender: str, network: str, images: Path, seconds: float, device: str) -> None:
    """Be one contender: print what was measured."""
    if contender == "plain":
        measured = plain(network, images, seconds, device)
    elif contender in ("limit", *RIVALS):
        run = {"limit": limit, "fastai": fastai, "ultralytics": ultralytics}[contender]
        measured = run(network, images, seconds, device)
    else:
        measured = aimic(network, images, seconds, device, frozen=contender == "frozen")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(measured | {"peak_megabytes": round(peak)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="mobilenet_v2,resnet50")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=30.0, help="of measuring, for each contender")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rivals", metavar="PYTHON", help="of an environment with fastai and ultralytics")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--contend", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        contender, folder = options.contend
        contend(contender, options.networks, Path(folder), options.seconds, options.device)
        return
    found: dict[str, dict[str, dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        draw_images(images, options.images)
        for network in options.networks.split(","):
            found[network] = {}
            for contender in (*CONTENDERS, *(RIVALS if options.rivals else ())):
                if contender == "ultralytics" and network not in ULTRALYTICS:
                    continue
                python = options.rivals if contender in RIVALS else sys.executable
                command = [python, __file__, "--networks", network, "--seconds", str(options.seconds)]
                command += ["--device", options.device, "--contend", contender, str(images)]
                lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
                found[network][contender] = json.loads(lines[-1])
                if not options.json:
                    show(network, contender, found[network])
    if options.json:
        print(json.dumps({"device": options.device, "networks": found}))


def show(network: str, contender: str, found: dict[str, dict[str, Any]]) -> None:
    measured = found[contender]
    rate = measured["images_per_second"]
    line = f"{network:18} {contender:11} {measured.get('format', 'fp32')} {rate:9.1f} images/s"
    line += f"  {rate / found['plain']['images_per_second']:7.2f} x plain"
    if "limit" in found:
        line += f"  {rate / found['limit']['images_per_second']:7.2f} x limit"
    if "waiting" in measured:
        line += f"  {measured['waiting']:6.1%} waiting"
    print(f"{line}  {measured['peak_megabytes']:6} MB", flush=True)


if __name__ == "__main__":
    main()
