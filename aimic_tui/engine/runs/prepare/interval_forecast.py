"""How wide a run's intervals will be, by the images that its split tests."""

from __future__ import annotations

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.evaluation.foreseen_intervals import EXPECTED, ICC, SampleSize
from aimic_tui.engine.evaluation.sample_size import forecast_sample_size, group_table
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.runs.prepare.split_forecast import SplitForecast


def forecast_intervals(
    experiment: Experiment,
    data_set: DataSet,
    split: SplitForecast,
    *,
    expect: float = EXPECTED,
    icc: float = ICC,
    width: float | None = None,
) -> SampleSize | None:
    """Foresee a run's intervals; further arguments as in `forecast_sample_size`.

    Repeats and seeds test the same images again, so they narrow nothing. Copies of a picture, which a run puts into one
    group, are not known before images are opened.

    Returns:
        None where the split tests images of fewer than two classes.
    """
    assert split.split is not None
    tested = (split.split.parts == Part.TEST).any(axis=0)
    table = group_table(data_set.labels[tested], data_set.groups[tested], len(data_set.classes))
    if (table.sum(axis=0) > 0).sum() < 2:
        return None
    return forecast_sample_size(
        table,
        data_set.classes,
        expect=expect,
        icc=icc,
        confidence=experiment.evaluation.confidence,
        width=width,
    )
