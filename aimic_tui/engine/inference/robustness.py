"""What a model's figures lose when its images are disturbed: blurred, noisy, lit or stained otherwise, compressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.pixels import Rgb
from aimic_tui.engine.data.reading.read_image import UnreadableImage
from aimic_tui.engine.data.threads import in_threads
from aimic_tui.engine.errors import InputProblem, Interrupted
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap, paired_difference
from aimic_tui.engine.files import write_json
from aimic_tui.engine.inference.class_map import ClassMap
from aimic_tui.engine.inference.disturbances import Disturbance, disturbances
from aimic_tui.engine.inference.loaded_model import LoadedModel, choose_device, load_model
from aimic_tui.engine.inference.origin import Origin, find_origin
from aimic_tui.engine.inference.predict import BATCH
from aimic_tui.engine.inference.robustness_file import FILE, FORMAT, read_robustness
from aimic_tui.engine.machine.quotas import available_processors
from aimic_tui.engine.models.model_folder import find_models
from aimic_tui.engine.progress import Progress, ReportProgress, no_report

METHOD = (
    "The images as the network is shown them, disturbed; losses against the same images undisturbed, paired, with "
    "cluster bootstrap intervals over groups."
)
_RESAMPLES = 1000


@dataclass(frozen=True)
class Loss:
    """One disturbance.

    Attributes:
        figures: figure -> what it is on the disturbed images.
        differences: figure -> disturbed minus clean, with paired intervals.
    """

    disturbance: Disturbance
    figures: dict[str, Interval]
    differences: dict[str, Interval]


@dataclass(frozen=True)
class Robustness:
    """One network under every disturbance.

    Attributes:
        images, groups: that were disturbed.
        clean: figure -> what it is on the images as they are.
        unreadable: images left out since they can't be read.
    """

    network: str
    models: int
    images: int
    groups: int
    clean: dict[str, Interval]
    losses: tuple[Loss, ...]
    unreadable: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values; see `keep_robustness`."""
        return {
            "models": self.models,
            "images": self.images,
            "groups": self.groups,
            "unreadable": self.unreadable,
            "clean": _plain(self.clean),
            "rows": [
                {
                    **asdict(loss.disturbance),
                    "figures": _plain(loss.figures),
                    "differences": _plain(loss.differences),
                }
                for loss in self.losses
            ],
        }


def _plain(figures: dict[str, Interval]) -> dict[str, dict[str, float | None]]:
    return {name: asdict(figure) for name, figure in figures.items()}


def robustness_of_run(
    run: Path,
    network: str,
    *,
    device: str = "auto",
    batch_size: int | None = None,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> Robustness:
    """Disturb a run's test images: each fold's model is asked about its own, which it has never seen.

    Raises:
        InputProblem: there is no such network in the run, a model is damaged, or the images are no longer there.
        UsageProblem: no such device.
        Interrupted: `should_stop` said so.
    """
    place = choose_device(device)
    work: list[_Work] = []
    models = find_models(run, network)
    for number, folder in enumerate(models):
        report(Progress("load", number, len(models)))
        origin = find_origin(folder)
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
) -> Robustness:
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
            raise InputProblem("The model knows other classes than its run. Train this trial anew.")
        same = ClassMap(classes, np.arange(len(classes)), {name: code for code, name in enumerate(classes)}, {})
        return cls(models, origin.data_set, origin.test, origin.data_set.labels[origin.test], same)


def _under_all(
    network: str,
    work: Sequence[_Work],
    batch: int,
    report: ReportProgress,
    should_stop: Callable[[], bool],
) -> Robustness:
    kinds = disturbances()
    total = sum(len(part.images) for part in work)
    said, labels, groups = [], [], []
    done = 0
    report(Progress("predict", done, total))
    for part in work:
        for tables in _tables(part, kinds, batch):
            said.append(tables)
            done += tables.shape[1]
            report(Progress("predict", done, total))
            if should_stop() and done < total:
                raise Interrupted(f"stopped after {done:,} of {total:,} images; nothing of {network} was kept.")
        labels.append(part.labels)
        groups.append(part.data_set.groups[part.images])
    tables = np.concatenate(said, axis=1)
    kept: NDArray[np.bool_] = np.asarray(~np.isnan(tables).any(axis=(0, 2)))
    if not kept.any():
        raise InputProblem(
            "None of the images can be read: they are no longer where the run found them. Put them back, or judge the "
            "model on a data set with `aimic evaluate MODEL DATA --robustness`."
        )
    truth, of_group = np.concatenate(labels)[kept], np.concatenate(groups)[kept]
    judged = [_judge(truth, table[kept], of_group) for table in tables]
    losses = [
        Loss(kind, found.overall, paired_difference(found, judged[0]))
        for kind, found in zip(kinds, judged[1:], strict=True)
    ]
    return Robustness(
        network,
        sum(len(part.models) for part in work),
        int(kept.sum()),
        judged[0].groups,
        judged[0].overall,
        tuple(losses),
        int((~kept).sum()),
    )


def _judge(labels: NDArray[np.int32], table: NDArray[np.float64], groups: NDArray[np.int32]) -> BootstrapFigures:
    return cluster_bootstrap(labels, table, groups, resamples=_RESAMPLES)


def _tables(part: _Work, kinds: Sequence[Disturbance], batch: int) -> Iterator[NDArray[np.float64]]:
    """Yield float64 [1 + kinds, b, classes] for each batch of images, undisturbed first; NaN where unreadable."""
    ways = list(dict.fromkeys(model.card.preprocessing for model in part.models))
    names = iter([part.data_set.images[index] for index in part.images])
    paths = [part.data_set.path(int(index)) for index in part.images]
    decoded = in_threads(lambda path: _loaded(path, ways), paths)
    with ThreadPoolExecutor(available_processors(), thread_name_prefix="disturb") as pool:
        while found := list(islice(decoded, batch)):
            there = [(name, one) for name, one in zip(islice(names, len(found)), found, strict=True) if one is not None]
            rows = [row for row, one in enumerate(found) if one is not None]
            tables = np.full((1 + len(kinds), len(found), len(part.class_map.classes)), np.nan)
            # One disturbance after the other: all of them at once would be twenty-five times the memory.
            for number, kind in enumerate((None, *kinds)) if there else ():
                each = []
                for model in part.models:
                    way = ways.index(model.card.preprocessing)
                    shown = pool.map(lambda one, way=way, kind=kind: _disturbed(one[1][way], one[0], kind), there)
                    each.append(_probabilities(model, np.stack(list(shown))))
                tables[number, rows] = part.class_map.probabilities(np.mean(each, axis=0))
            yield tables


def _loaded(path: Path, ways: Sequence[Preprocessing]) -> list[Rgb] | None:
    try:
        return [way.load(path) for way in ways]
    except (UnreadableImage, MemoryError):
        return None


def _disturbed(image: Rgb, name: str, kind: Disturbance | None) -> Rgb:
    return image if kind is None else kind(image, name)


def _probabilities(model: LoadedModel, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    with suppress(torch.OutOfMemoryError):
        return model.probabilities(model.prepare(images))
    if len(images) == 1:
        return model.probabilities(model.prepare(images))  # and let it be said
    torch.cuda.empty_cache()
    half = len(images) // 2
    return np.concatenate([_probabilities(model, images[:half]), _probabilities(model, images[half:])])


def keep_robustness(run: Path, found: Robustness, when: str) -> Path:
    """Put a network's robustness into robustness.json of a run, beside that of other networks.

    The file holds {"format", "method", "resamples", "networks": {name: {"when", "models", "images", "groups",
    "unreadable", "clean": {figure: {value, low, high}}, "rows": [{"kind", "strength", "amount", "value", "figures",
    "differences"}]}}}.

    Raises:
        OSError: the run's folder can't be written.
    """
    networks = read_robustness(run)
    networks[found.network] = {"when": when, **found.to_json()}
    write_json(run / FILE, {"format": FORMAT, "method": METHOD, "resamples": _RESAMPLES, "networks": networks})
    return run / FILE
