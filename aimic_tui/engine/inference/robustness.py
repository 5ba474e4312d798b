"""What a model's figures lose when its images are disturbed: blurred, noisy, lit or stained otherwise, compressed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.manifest_check import require_images
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap, paired_difference
from aimic_tui.engine.inference.class_map import ClassMap
from aimic_tui.engine.inference.disturbances import Disturbance, disturbances
from aimic_tui.engine.inference.image_batches import DecodedImage, Pixels, image_batches
from aimic_tui.engine.inference.loaded_model import LoadedModel, choose_device, load_model
from aimic_tui.engine.inference.origin import Origin, find_origin
from aimic_tui.engine.inference.robustness_file import RESAMPLES, DisturbedFigures, NetworkRobustness
from aimic_tui.engine.inference.run_networks import BATCH, class_probabilities
from aimic_tui.engine.machine.quotas import available_processors
from aimic_tui.engine.models.model_folder import find_models
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.run_folder import RunFolder


def robustness_of_run(
    run: Path,
    network: str,
    *,
    device: str = "auto",
    batch_size: int | None = None,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> NetworkRobustness:
    """Disturb a run's test images: each fold's model is asked about its own, which it has never seen.

    Raises:
        InputProblem: there is no such network in the run, a model is damaged, or the images are no longer there.
        UsageProblem: no such device.
        Interrupted: `should_stop` said so.
    """
    place = choose_device(device)
    work: list[_Work] = []
    models = find_models(run, network)
    origins = [find_origin(folder) for folder in models]
    tested = [origin.data_set.path(int(index)) for origin in origins for index in origin.test]
    require_images(tested, RunFolder(run))
    for number, (folder, origin) in enumerate(zip(models, origins, strict=True)):
        report(Progress("load", number, len(models)))
        work.append(_Work.of_fold([load_model(folder, place)], origin))
    return _under_all(network, work, batch_size or BATCH[place.type], report, should_stop)


def robustness_on_data(
    models: Sequence[Path],
    data_set: DataSet,
    class_map: ClassMap,
    *,
    device: str = "auto",
    batch_size: int | None = None,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> NetworkRobustness:
    """Disturb the images of a labelled data set, about which models answer together.

    Arguments and errors as for `evaluate.evaluate`.
    """
    place = choose_device(device)
    report(Progress("load", 0, len(models)))
    loaded = [load_model(folder, place) for folder in models]
    codes = np.array([class_map.of_data.get(name, -1) for name in data_set.classes], np.int32)
    labels = codes[data_set.labels]
    images = np.flatnonzero(labels >= 0).astype(np.int64)
    work = _Work(loaded, data_set, images, labels[images], class_map)
    return _under_all(loaded[0].card.network, [work], batch_size or BATCH[place.type], report, should_stop)


@dataclass(frozen=True, eq=False)
class _Work:
    """Models and the images that they are asked about: indices int64 [n] and codes of the map's classes int32 [n]."""

    models: Sequence[LoadedModel]
    data_set: DataSet
    images: NDArray[np.int64]
    labels: NDArray[np.int32]
    class_map: ClassMap

    @classmethod
    def of_fold(cls, models: Sequence[LoadedModel], origin: Origin) -> _Work:
        classes = models[0].card.classes
        if classes != origin.data_set.classes:
            raise InputProblem("The model has other classes than its run. Train this trial again.")
        same = ClassMap(classes, np.arange(len(classes)), {name: code for code, name in enumerate(classes)}, {})
        return cls(models, origin.data_set, origin.test, origin.data_set.labels[origin.test], same)


def _under_all(
    network: str,
    work: Sequence[_Work],
    batch: int,
    report: ReportProgress,
    should_stop: Callable[[], bool],
) -> NetworkRobustness:
    kinds = disturbances()
    total = sum(len(part.images) for part in work)
    found, labels, groups = [], [], []
    done = 0
    for part in work:
        batches = image_batches(
            [part.data_set.path(int(index)) for index in part.images],
            [model.card.preprocessing for model in part.models],
            batch,
            report=report,
            should_stop=should_stop,
            before=done,
            total=total,
            consequence=f"nothing of {network} was written.",
        )
        found += list(_tables(part, kinds, batches))
        done += len(part.images)
        labels.append(part.labels)
        groups.append(part.data_set.groups[part.images])
    tables = np.concatenate(found, axis=1)
    kept: NDArray[np.bool_] = np.asarray(~np.isnan(tables).any(axis=(0, 2)))
    if not kept.any():
        raise InputProblem(
            "None of the images can be read: they are no longer where the run found them. Put them back, or evaluate "
            "the model on a data set with `aimic evaluate MODEL DATA --robustness`."
        )
    truth, of_group = np.concatenate(labels)[kept], np.concatenate(groups)[kept]
    judged = [_judge(truth, table[kept], of_group) for table in tables]
    rows = [
        DisturbedFigures(
            kind=kind.kind,
            strength=kind.strength,
            amount=kind.amount,
            value=kind.value,
            figures=found.overall,
            differences=paired_difference(found, judged[0]),
        )
        for kind, found in zip(kinds, judged[1:], strict=True)
    ]
    return NetworkRobustness(
        models=sum(len(part.models) for part in work),
        images=int(kept.sum()),
        groups=judged[0].groups,
        unreadable=int((~kept).sum()),
        clean=judged[0].overall,
        rows=tuple(rows),
    )


def _judge(labels: NDArray[np.int32], table: NDArray[np.float64], groups: NDArray[np.int32]) -> BootstrapFigures:
    return cluster_bootstrap(labels, table, groups, resamples=RESAMPLES)


def _tables(
    part: _Work, kinds: Sequence[Disturbance], batches: Iterable[list[DecodedImage]]
) -> Iterator[NDArray[np.float64]]:
    """Yield float64 [1 + kinds, b, classes] for each batch of images, undisturbed first; NaN where unreadable."""
    names = iter([part.data_set.images[index] for index in part.images])
    with ThreadPoolExecutor(available_processors(), thread_name_prefix="disturb") as pool:
        for batch in batches:
            named = list(zip(islice(names, len(batch)), batch, strict=True))
            rows = [row for row, image in enumerate(batch) if not image.problem]
            tables = np.full((1 + len(kinds), len(batch), len(part.class_map.classes)), np.nan)
            # One disturbance after the other: all of them at once would be twenty-five times the memory.
            for number, kind in enumerate((None, *kinds)) if rows else ():
                shown = list(pool.map(partial(_disturbed, kind=kind), [named[row] for row in rows]))
                mean = class_probabilities(part.models, shown).mean(axis=1)
                tables[number, rows] = part.class_map.probabilities(mean)
            yield tables


def _disturbed(named: tuple[str, DecodedImage], kind: Disturbance | None) -> Pixels:
    name, image = named
    if kind is None:
        return image.pixels
    return {preprocessing: kind(pixels, name) for preprocessing, pixels in image.pixels.items()}
