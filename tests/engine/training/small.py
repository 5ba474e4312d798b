"""A small data set and task that a tiny network trains on within a second."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.splitting.make_split import make_split
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_events import TrialEvent
from aimic_tui.engine.training.task import TrialTask

NETWORK = "test_efficientnet"  # 0.36 million parameters, with batch norm and dropout
CLASSES = ("blue", "green", "red")


def draw_images(folder: Path, each: int = 14, side: int = 40) -> None:
    """Discs of three colours on noise: quickly learned, though not at once."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side]
    for code, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = random.integers(60, 200, (side, side, 3))
            y, x = random.integers(12, side - 12, 2)
            disc = (rows - y) ** 2 + (columns - x) ** 2 < 64
            pixels[disc, 2 - code] += 50
            image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            image.save(folder / name / f"slide{number // 2:02d}_{number}.jpg", quality=95)


def make_task(folder: Path, fold: int = 1, **settings: Any) -> TrialTask:
    """Return a task whose trial lies in `folder`/trials; settings by dotted keys, `__` for the dot."""
    images = folder / "images"
    if not images.exists():
        draw_images(images)
    values = {
        "data.path": str(images),
        "data.group": r"^(slide\d+)",
        "split.folds": 3,
        "split.validation": 0.25,
        "model.networks": [NETWORK],
        "model.weights": "none",
        "model.image_size": 32,
        "training.epochs": 4,
        "training.batch_size": 8,
        "training.learning_rate": 0.003,
        "training.precision": "fp32",
    } | {key.replace("__", "."): value for key, value in settings.items()}
    experiment = Experiment().with_values(values)
    data_set = find_data_set(experiment.data)
    split = make_split(data_set, experiment.split, experiment.data.balance, experiment.seed)
    trial = folder / "trials" / NETWORK / f"fold-{fold}"
    trial.mkdir(parents=True, exist_ok=True)
    return TrialTask(
        network=experiment.model.networks[0],
        fold=fold,
        seed=experiment.seed,
        experiment=experiment,
        data_set=data_set,
        split=split,
        folder=trial,
        cache_folder=folder / "cache",
        device="cpu",
        experiment_digest="e" * 64,
        split_digest="s" * 64,
        run="a-run",
    )


@dataclass
class Story:
    """What a trial emitted; `stop_at` asks it to stop at so many looks."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    stop_at: int | None = None
    looks: int = 0

    def emit(self, event: TrialEvent) -> None:
        self.events.append((event.name, event.to_fields()))

    def should_stop(self) -> bool:
        self.looks += 1
        return self.stop_at is not None and self.looks >= self.stop_at

    @property
    def warnings(self) -> list[str]:
        """What was warned of, but for the few images of these data sets."""
        sentences = [fields["sentence"] for fields in self.of("warning")]
        return [sentence for sentence in sentences if "The best epoch is a guess" not in sentence]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.events if name == event]
