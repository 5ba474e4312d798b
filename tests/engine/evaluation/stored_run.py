"""A run's folder with stored predictions, as trials would leave it, without training anything."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.manifest import write_manifest
from aimic_tui.engine.data.splitting.make_split import make_split
from aimic_tui.engine.data.splitting.split import write_split
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.predictions import Predictions, write_predictions
from aimic_tui.engine.experiment import Experiment

CLASSES = ("basophil", "eosinophil", "neutrophil")


def make_run(  # what a test wants to differ
    folder: Path,
    *,
    skills: dict[str, float] | None = None,
    folds: int = 3,
    groups: int = 24,
    images_a_group: int = 5,
    seeds: tuple[int, ...] = (0,),
    protocol: str = "honest",
    boast: float = 1.0,
    repeats: int = 1,
    inner_folds: int = 0,
) -> Path:
    """Write a run of `skills` (network -> how well it does); every fold of every network is done.

    `boast` is how many times too large the logits are that the networks give.
    """
    skills = {"mobilenet_v2": 2.0} if skills is None else skills
    images = groups * images_a_group
    codes = np.repeat(np.arange(groups), images_a_group).astype(np.int32)
    data = DataSet(
        root=folder,
        images=tuple(f"smear{code:03d}_{number:04d}.png" for number, code in enumerate(codes)),
        classes=CLASSES,
        labels=(np.arange(images) % 3).astype(np.int32),
        groups=codes,
        group_names=tuple(f"smear{code:03d}" for code in range(groups)),
        group_rule=r"^(smear\d+)",
    )
    experiment = Experiment.from_mapping(
        {
            "name": "some",
            "model": {"networks": list(skills)},
            "split": {"folds": folds, "protocol": protocol, "repeats": repeats, "inner_folds": inner_folds},
            "training": {"seeds": len(seeds)},
            "evaluation": {"resamples": 1000},
        }
    )
    split = make_split(data, experiment.split, "none", 0)
    folder.mkdir(parents=True)
    (folder / "experiment.toml").write_text(experiment.to_toml())
    trials = [
        {"network": network, "fold": fold, "seed": seed, "state": "finished"}
        for network in skills
        for fold in range(1, split.folds + 1)
        for seed in seeds
    ]
    status = {"run": folder.name, "state": "finished", "trials": trials, "protocol": protocol}
    (folder / "status.json").write_text(json.dumps({**status, "networks": list(skills), "folds": split.folds}))
    write_manifest(folder / "manifest.csv", data)
    write_split(folder / "split.csv", data, split)
    for network, skill in skills.items():
        for fold in range(1, split.folds + 1):
            parts = [(f"fold-{fold}-inner-{inner}", inner) for inner in range(1, inner_folds + 1)]
            parts += [(f"fold-{fold}" + (f"-seed-{seed}" if seed else ""), 0) for seed in seeds]
            for number, (trial, inner) in enumerate(parts):
                seed = fold * 100 + (seeds[number - inner_folds] if not inner else 10_000 + inner)
                for file, part, shift in (("predictions.csv", Part.TEST, 0), ("validation.csv", Part.VALIDATION, 50)):
                    indices = split.indices(fold, part, inner)
                    said = _said(data.labels[indices], skill, seed + shift, boast)
                    names = tuple(data.images[index] for index in indices)
                    path = folder / "trials" / network / trial / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_predictions(path, Predictions(names, data.labels[indices], said, CLASSES))
    return folder


def _said(labels: Integers, skill: float, seed: int, boast: float) -> Floats:
    raw = np.random.default_rng(seed).normal(size=(len(labels), len(CLASSES)))
    raw[np.arange(len(labels)), labels] += skill
    table = np.exp(raw * boast)
    return np.asarray(table / table.sum(axis=1, keepdims=True))
