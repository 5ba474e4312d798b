"""First weights that come from another run: which run is meant, and which images it has shown them.

A network that was pre-trained on an image knows it. If a fold tests on that image its figures are too good, and
nothing in the fold's own split can show it; the digests of both runs' files do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import Split, read_split
from aimic_tui.engine.errors import AimicError, InputProblem, about
from aimic_tui.engine.experiment import Experiment, read_run_experiment
from aimic_tui.engine.files import read_table
from aimic_tui.engine.models.model_folder import read_model_card
from aimic_tui.engine.models.provenance import Provenance
from aimic_tui.engine.models.weights_folder import SourceModel, published_tag, source_model
from aimic_tui.engine.models.weights_suffixes import WEIGHTS_SUFFIXES
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.engine.user_folders import expanded
from aimic_tui.engine.workspace_folder import Workspace

PRETRAINING = "first weights"  # what the warnings below are about, in the run's events
_GENERATIONS = 10  # of runs that start from runs; more can only be a circle
_SHOWN = 6  # folds listed in a sentence


def named_weights(spec: str, workspace: Workspace) -> str:
    """Return `model.weights` as it is written into a run: a run's name (or its beginning, or `latest`) as its path.

    What exists as a file or folder is that, and never a run of the same name.

    Raises:
        InputProblem: no run has this name, or several begin with it.
    """
    if spec == "none" or published_tag(spec) is not None:
        return spec
    path = expanded(spec).absolute()
    named = "/" not in spec and not spec.lower().endswith(WEIGHTS_SUFFIXES)
    if path.exists() or not named:
        return str(path)
    try:
        return str(workspace.find_run(spec).path)
    except InputProblem as problem:
        raise InputProblem(f"model.weights: {problem.sentence}", key="model.weights") from None


def pretraining_warnings(experiment: Experiment, split: Split, digests: Sequence[str]) -> list[str]:
    """Return what must be said about first weights from another run: test images they know, other preprocessing.

    Args:
        experiment: its `model.weights` resolved.
        split: of the new run.
        digests: SHA-256 of each image's file, "" where nobody knows.

    Raises:
        InputProblem: there is no model to start from.
    """
    spec = experiment.model.weights
    if spec == "none" or published_tag(spec) is not None or not Path(spec).is_dir():
        return []
    sentences: dict[str, None] = {}
    for network in experiment.model.networks:
        with about("model.weights"):
            source = source_model(Path(spec), network)
        sentences |= dict.fromkeys(_other_preprocessing(source, experiment))
        for ancestor in _ancestry(source):
            sentences |= dict.fromkeys(_known_test_images(ancestor, network, split, digests))
    return list(sentences)


@dataclass(frozen=True)
class _Ancestor:
    """A model that first weights come from, or come from in turn; `seen` are the digests of the images that made it,
    None where nobody knows."""

    name: str
    seen: frozenset[str] | None


def _ancestry(source: SourceModel) -> Iterator[_Ancestor]:
    for _ in range(_GENERATIONS):
        run = RunFolder.containing(source.folder)
        yield _Ancestor(source.name, _seen(run, source.provenance) if run else None)
        older = _older(run, source) if run else None
        if older is None:
            return
        source = older


def _seen(run: RunFolder, provenance: Provenance) -> frozenset[str] | None:
    """Return the digests of the images that a model learned from, or that chose its epoch."""
    if provenance.fold is None:
        return None
    try:
        data = read_manifest(run.manifest_file)
        column = read_split(run.split_file, data.images).column(provenance.fold)
        digests = [row["digest"] for row in read_table(run.manifest_file)]
    except (AimicError, OSError, ValueError, KeyError):
        return None
    parts = [Part.TRAIN, Part.VALIDATION]
    if provenance.protocol == "aimic-2022":
        parts.append(Part.TEST)  # it chose the epoch
    used = np.isin(column, parts)
    if not all(digest for digest, one in zip(digests, used, strict=True) if one):
        return None
    return frozenset(digest for digest, one in zip(digests, used, strict=True) if one)


def _older(run: RunFolder, source: SourceModel) -> SourceModel | None:
    """Return the model that a run's own first weights came from, where they came from a run that is still there."""
    try:
        spec = str(read_run_experiment(run.experiment_file).get("model", {}).get("weights", "none"))
        if spec == "none" or published_tag(spec) is not None or not Path(spec).is_dir():
            return None
        return source_model(Path(spec), read_model_card(source.folder).network)
    except AimicError:
        return None


def _known_test_images(ancestor: _Ancestor, network: str, split: Split, digests: Sequence[str]) -> Iterator[str]:
    if ancestor.seen is None:
        yield (
            f"Whether {printable(network)} starts from weights that have seen test images can't be checked: "
            f"{ancestor.name} does not record its training images."
        )
        return
    known = np.array([digest in ancestor.seen for digest in digests])
    tests = split.parts == Part.TEST
    counts = [(fold, int((test & known).sum()), int(test.sum())) for fold, test in enumerate(tests, start=1)]
    touched = [(fold, count, images) for fold, count, images in counts if count]
    if not touched:
        return
    shown = [f"{count} of the {images} of fold {fold}" for fold, count, images in touched[:_SHOWN]]
    if len(touched) > _SHOWN:
        shown.append(f"some in {len(touched) - _SHOWN} more folds")
    total = int((tests.any(axis=0) & known).sum())
    yield (
        f"{plural(total, 'test image')} {'was' if total == 1 else 'were'} seen in pre-training: {printable(network)} "
        f"starts from {ancestor.name}, which was trained on {', '.join(shown)}. The metrics of these folds are too "
        "good. Start from weights that have seen none of these images, for example imagenet."
    )


def _other_preprocessing(source: SourceModel, experiment: Experiment) -> Iterator[str]:
    theirs, ours = source.preprocessing, experiment.data
    pairs = (("fit", theirs.fit, ours.fit), ("intensity", theirs.intensity, ours.intensity))
    for key, there, here in pairs:
        if there != here:
            yield (
                f"The initial weights were trained with data.{key} = {one_line(str(there), 60)}, this run uses {here}. "
                f"--set data.{key}={one_line(str(there), 60)} suits them better."
            )
