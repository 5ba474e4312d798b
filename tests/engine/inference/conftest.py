"""Small models and images that the tests of inference and of its command share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.model_folder import ModelCard, save_model
from aimic_tui.engine.models.provenance import Provenance

CLASSES = ("basophil", "=lymphocyte", "monocyte")
WAY = Preprocessing(48, "stretch", "auto", (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))


def make_model(
    folder: Path,
    seed: int,
    *,
    network: str = "test_resnet",
    classes: tuple[str, ...] = CLASSES,
    way: Preprocessing = WAY,
) -> Path:
    """Save a small network with random weights whose predictions differ from image to image."""
    torch.manual_seed(seed)
    made = build_network(network, len(classes), way.image_size)
    made.train()
    with torch.no_grad():
        # running statistics that are not those of a new network
        for _ in range(3 if any(isinstance(module, nn.BatchNorm2d) for module in made.modules()) else 0):
            made(torch.randn(8, 3, way.image_size, way.image_size) * 2 + 1)
    provenance = Provenance(fold=seed, validation={"macro_f1": 0.5})
    save_model(folder, ModelCard(network, classes, way, provenance), made.state_dict())
    return folder


def make_images(folder: Path, count: int) -> list[tuple[str, Path]]:
    """Write images of random colours and sizes; return (name, path) of each."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    files = []
    for number in range(count):
        size = int(generator.integers(20, 80))
        values = generator.integers(0, 256, (size, size + 7, 3), dtype=np.uint8)
        path = folder / f"cell{number:03}.png"
        Image.fromarray(values // 2 + generator.integers(0, 128, 3, dtype=np.uint8)).save(path)
        files.append((path.name, path))
    return files


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with the models of two folds."""
    for fold in (1, 2):
        make_model(tmp_path / "run" / "trials" / "test_resnet" / f"fold-{fold}" / "model", fold)
    return tmp_path / "run"


@pytest.fixture
def images(tmp_path: Path) -> list[tuple[str, Path]]:
    """Twenty-one images."""
    return make_images(tmp_path / "images", 21)
