"""Makes a run's baselines from its images: once, when the run has ended, or later while the images are still there.

Nothing of it can fail a run. What can't be made is recorded with its reason, and the majority class, for which labels
are enough (`evaluation/baselines.py`), is there in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.audit.measurement_store import measurements_file
from aimic_tui.engine.data.audit.measures import Measures, measure_images
from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.reading.input_rule import rule_from_settings
from aimic_tui.engine.data.splitting.split import Split, read_split
from aimic_tui.engine.errors import AimicError, InputProblem, Interrupted
from aimic_tui.engine.evaluation.baseline import Absence, BaselineName
from aimic_tui.engine.evaluation.baseline_record import BaselineRecord, MissingBaseline, write_baseline_record
from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.predictions import Predictions, write_predictions
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.models.catalogue import NetworkInfo, find_network
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.baselines.linear_classifier import OneClassOnly, predict_fold
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.engine.workspace_folder import Workspace

_NOT_YET = "It is being made, or was interrupted; `aimic results RUN --baselines` makes it."


class _Absent(Exception):
    """A baseline can't be made, and why."""

    def __init__(self, reason: Absence, sentence: str) -> None:
        self.reason = reason
        super().__init__(sentence)


@dataclass(frozen=True)
class _Run:
    """A run whose baselines are made; `used` are the indices of the images that some fold uses."""

    folder: RunFolder
    experiment: Experiment
    data: DataSet
    split: Split
    used: Sequence[int]
    report: ReportProgress
    should_stop: Callable[[], bool]

    @property
    def paths(self) -> list[Path]:
        """Of the images that some fold uses."""
        return [self.data.path(index) for index in self.used]

    @cached_property
    def measures(self) -> Measures:
        """What an audit measures of them; an earlier audit's measurements are used again."""
        store = measurements_file(Workspace.of_run(self.folder).cache_folder, Path(self.experiment.data.path))
        rule = rule_from_settings(self.experiment.data)
        found = measure_images(self.paths, rule, self.report, self.should_stop, store)
        if found.faults:
            first = printable(str(self.paths[min(found.faults)]))
            count = plural(len(found.faults), "image")
            raise _Absent("images", f"{count} of the run can't be read any more; the first one is {first}.")
        return found

    def of_all_images(self, features: Floats) -> Floats:
        """Put features of the used images, float [used, d], into the rows of all images, [n, d]."""
        table = np.zeros((len(self.data), features.shape[1]))
        table[self.used] = features
        return table


def make_baselines(
    folder: RunFolder, report: ReportProgress = no_report, should_stop: Callable[[], bool] = lambda: False
) -> BaselineRecord:
    """Predict a run's test images from colour, and from frozen features, by its own folds; write tables and a record.

    Args:
        report: hears how many images are read.
        should_stop: asked now and then.

    Raises:
        InputProblem: the run's own files can't be read.
        Interrupted: `should_stop` returned True.
        OSError: the run's folder can't be written.
    """
    experiment = Experiment.of_run(folder.experiment_file)
    data = read_manifest(folder.manifest_file)
    split = read_split(folder.split_file, data.images)
    used = np.flatnonzero((split.parts != Part.UNUSED).any(axis=0)).tolist()
    run = _Run(folder, experiment, data, split, used, report, should_stop)
    record = BaselineRecord()
    record = _with(record, run, "border_colour", lambda: (_border(run), ""), squares=True)
    record = _with(record, run, "image_colour", lambda: (_whole(run), ""), squares=True)
    # Much the longest, and the first to run out of memory: what is there by then stays.
    pending = MissingBaseline(name="frozen_features", reason="not-made", sentence=_NOT_YET)
    write_baseline_record(folder.baseline_record, record.model_copy(update={"missing": (*record.missing, pending)}))
    record = _with(record, run, "frozen_features", lambda: _frozen(run))
    write_baseline_record(folder.baseline_record, record)
    return record


def _with(
    record: BaselineRecord,
    run: _Run,
    name: BaselineName,
    features: Callable[[], tuple[Floats, str]],
    *,
    squares: bool = False,
) -> BaselineRecord:
    """Make one baseline and return the record with it, or with the reason why there is none."""
    try:
        found, detail = features()
        _predict(run, name, run.of_all_images(found), squares=squares)
        return record.model_copy(update={"made": {**record.made, name: detail}})
    except _Absent as absent:
        reason, sentence = absent.reason, str(absent)
    except Interrupted:
        raise
    except OneClassOnly:
        reason, sentence = "classes", "The training part of a fold holds images of one class only."
    except Exception as error:
        words = error.sentence if isinstance(error, AimicError) else f"{type(error).__name__}: {error}"
        reason, sentence = "failed", f"It could not be made: {one_line(words)}"
    missing = MissingBaseline(name=name, reason=reason, sentence=sentence)
    return record.model_copy(update={"missing": (*record.missing, missing)})


def _predict(run: _Run, name: BaselineName, features: Floats, *, squares: bool) -> None:
    balanced = run.experiment.data.balance != "none"
    for fold in range(1, run.split.folds + 1):
        test = run.split.indices(fold, Part.TEST)
        said = predict_fold(
            features,
            run.data.labels,
            len(run.data.classes),
            run.split,
            fold,
            balanced=balanced,
            squares=squares,
        )
        table = run.folder.baseline_table(name, fold)
        table.parent.mkdir(parents=True, exist_ok=True)
        names = tuple(run.data.images[index] for index in test)
        write_predictions(table, Predictions(names, run.data.labels[test], said, run.data.classes))


def _border(run: _Run) -> Floats:
    return np.asarray(run.measures.border, np.float64)


def _whole(run: _Run) -> Floats:
    return np.column_stack([run.measures.inner, run.measures.contrast]).astype(np.float64)


def _frozen(run: _Run) -> tuple[Floats, str]:
    """Return the features of the run's smallest network that has pre-trained weights here, and its name."""
    model = run.experiment.model
    if model.trainable == "head":
        raise _Absent("frozen", "The run's own networks are linear classifiers on frozen features.")
    # The spec of a run that trains from random weights names none, but the published ones may be here.
    experiment = (
        run.experiment.with_values({"model.weights": "imagenet"}) if model.weights == "none" else run.experiment
    )
    info = _smallest(experiment)
    import torch  # now that it is needed

    from aimic_tui.engine.training.frozen_features import frozen_features

    on_processor = run.experiment.compute.devices == "cpu" or not torch.cuda.is_available()
    device = torch.device("cpu" if on_processor else "cuda")
    found = frozen_features(experiment, info, run.paths, device, report=run.report, should_stop=run.should_stop)
    return found.astype(np.float64), info.name


def _smallest(experiment: Experiment) -> NetworkInfo:
    """Return the network with the fewest multiply-adds whose initial weights are on this machine.

    Raises:
        _Absent: there is none.
    """
    from aimic_tui.engine.models.weights_folder import check_weights

    there, problem = [], ""
    for name in experiment.model.networks:
        try:
            check_weights(experiment.model.weights, [name])
            there.append(find_network(name))
        except InputProblem as error:
            problem = error.sentence
    if not there:
        raise _Absent("weights", f"No network of the run has pre-trained weights on this machine. {problem}".strip())
    return min(there, key=lambda info: info.gmacs)
