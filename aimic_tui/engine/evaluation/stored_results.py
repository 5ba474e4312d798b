"""A run's results.json beside its predictions: figures of other images are not shown as the run's own."""

from __future__ import annotations

from aimic_tui.engine.bounded_files import CsvRows
from aimic_tui.engine.evaluation.predictions import PredictionColumns
from aimic_tui.engine.evaluation.results_file import read_results_file
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.run_folder import RunFolder


def read_stored_results(run: RunFolder) -> RunResults | None:
    """Return what results.json of a run says.

    None where there is no such file, or it is damaged, of another version, or about other networks or classes than the
    run's predictions, which whoever draws both would look up in vain. A run without predictions has its figures only.
    """
    results = read_results_file(run.results_file)
    if results is None:
        return None
    tables = {
        trial.key.network: trial.predictions_file
        for trial in run.trials()
        if not trial.key.inner and trial.predictions_file.is_file()
    }
    if not tables:
        return results
    try:
        with CsvRows(next(iter(tables.values()))) as rows:
            classes = PredictionColumns.from_header(next(rows, [])).classes
    except (OSError, ValueError):
        return None
    return results if results.classes == classes and results.networks.keys() <= tables.keys() else None
