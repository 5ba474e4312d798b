"""A run that was made from a manifest with further columns."""

from __future__ import annotations

import csv
from pathlib import Path

import tomli

from aimic_tui.engine.experiment import Experiment
from tests.engine.evaluation.stored_run import make_run


def make_run_with_columns(folder: Path, manifest: Path, subgroups: tuple[str, ...] = ()) -> Path:
    """Make a run of 40 groups; its manifest has the columns sex (by group), age (by group) and scanner (by image)."""
    path = make_run(folder, groups=40, images_a_group=6, skills={"net": 2.5})
    with (path / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    groups = list(dict.fromkeys(row["group"] for row in rows))
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "sex", "age", "scanner"])
        for number, row in enumerate(rows):
            at = groups.index(row["group"])
            writer.writerow([row["image"], row["label"], row["group"], "fm"[at % 2], 20 + at, "AB"[number % 2]])
    experiment = Experiment.from_mapping(tomli.loads((path / "experiment.toml").read_text()))
    changed = experiment.with_values({"data.path": str(manifest), "evaluation.subgroups": list(subgroups)})
    (path / "experiment.toml").write_text(changed.to_toml())
    return path
