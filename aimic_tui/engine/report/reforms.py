"""What REFORMS asks of any science that uses machine learning, in 32 items, and what of it a run's record can answer.

Kapoor, Cantrell, Peng et al. (2024), "REFORMS: Consensus-based Recommendations for Machine-learning-based Science",
Science Advances 10, eadk3452, Table 1. Items are named in short, in our own words.
"""

from __future__ import annotations

from aimic_tui.engine.evaluation.baseline_words import against_baselines
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.report.audit_section import shortcut_alarms
from aimic_tui.engine.report.checklist_answers import ChecklistAnswers, Item
from aimic_tui.engine.report.limitations import TITLE as LIMITATIONS
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.reproduction import TITLE as REPRODUCTION
from aimic_tui.engine.report.robustness_section import ELSEWHERE, elsewhere_summary
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import listed, plural


def reforms(known: ChecklistAnswers) -> list[Item]:
    """Return the items of REFORMS; a number's figure is the module."""
    return [
        *_goals(),
        *_reproducibility(known),
        *_data_quality(known),
        *_preprocessing(known),
        *_modelling(known),
        *_leakage(known),
        *_uncertainty(known),
        *_generalisability(known),
    ]


def _goals() -> list[Item]:
    return [
        Item("1a", "Population about which the claim is made"),
        Item("1b", "Why this population"),
        Item("1c", "Why machine learning"),
    ]


def _reproducibility(known: ChecklistAnswers) -> list[Item]:
    record = known.record
    devices = sorted({trial.status.device for trial in record.snapshot.trials if trial.status.device})
    trained = f"Trained on {listed(devices)}. " if devices else ""
    return [
        Item(
            "2a",
            "Dataset, with a link that identifies it",
            f"{known.numbers} The run's manifest.csv has the SHA-256 of each file.",
            "a link or DOI",
        ),
        Item("2b", "Code, with a link to its version", known.software, "a link or DOI"),
        Item("2c", "Computing infrastructure", f"{trained}{known.see('Software, hardware, time')}"),
        Item(
            "2d",
            "README that says how to generate the results",
            f"This report says how, and reproduce.sh holds the commands. {known.see(REPRODUCTION)}",
        ),
        Item(
            "2e",
            "Script that reproduces all results",
            "reproduce.sh, which `aimic report --folder` writes, for all that is in this report; it ends by comparing "
            f"the figures. {known.see(REPRODUCTION)}",
            "other results of the paper",
        ),
    ]


def _data_quality(known: ChecklistAnswers) -> list[Item]:
    data, results = known.record.tested.data, known.record.results
    frequencies = ", ".join(f"{name} {count:,} ({percent(count / len(data))})" for name, count in data.counts().items())
    return [
        Item("3a", "Sources, time of collection, annotation", known.audit, "sources, times and annotators"),
        Item("3b", "Sampling frame"),
        Item("3c", "Why the dataset suits the task"),
        Item(
            "3d",
            "Outcome: definition, descriptive statistics",
            f"The image's class, one of {listed(results.classes)}: {frequencies}.",
            "how the classes are defined",
        ),
        Item("3e", "Sample size and outcome frequencies", f"{known.numbers} {frequencies}."),
        Item("3f", "Missing data, by outcome class", known.missing, "data that were never collected"),
        Item("3g", "Why the sample represents the population"),
    ]


def _preprocessing(known: ChecklistAnswers) -> list[Item]:
    return [
        Item("4a", "Samples excluded, and why", *_excluded(known)),
        Item("4b", "Impossible or corrupt samples", f"{known.missing} {known.audit}"),
        Item("4c", "All transformations from raw data to the model's input", known.preprocessing),
    ]


def _excluded(known: ChecklistAnswers) -> tuple[str, str]:
    if known.decisions is None:
        return f"No mark excludes an image. {known.subsets}", "what was left out before the data set was made"
    return f"{known.decisions} {known.subsets}", "the reasons"


def _modelling(known: ChecklistAnswers) -> list[Item]:
    results = known.record.results
    baselines = against_baselines(results, interval)
    compared = f"On the same images {baselines}. {known.see('Results')}" if baselines else ""
    return [
        Item("5a", "All models trained", f"{known.networks} {known.training}", "models of other runs"),
        Item("5b", "Why these types of models"),
        Item("5c", "How models were evaluated", f"{known.partition} {known.disjoint}"),
        Item("5d", "How the reported models were selected", known.selection),
        Item(
            "5e",
            "Hyperparameter tuning",
            f"None within this run: its settings were fixed before it began. {known.selection} {known.see('Recipe')}",
            "whether earlier runs led to these settings",
        ),
        Item(
            "5f",
            "Comparison with appropriate baselines",
            f"{known.performance} {compared}".rstrip(),
            "whether these baselines are the appropriate ones",
        ),
    ]


def _leakage(known: ChecklistAnswers) -> list[Item]:
    record = known.record
    alarms = shortcut_alarms(record)
    inputs = "The image's pixels are the only input; names, dates and groups are not."
    if record.audit is None:
        legitimate = f"{inputs} Whether something beside the cell gives the class away was not audited."
    else:
        legitimate = f"{inputs} {' '.join(alarms) or 'The audit found no feature beside the cell that does.'}"
    if record.results.optimistic:
        separated = "Not kept apart: by the published protocol the test images choose each fold's epoch."
    else:
        separated = (
            "Each fold's test images chose nothing: the epoch comes from its validation part, temperatures and "
            "thresholds from validation images, and class weights and a measured exposure from training parts."
        )
        measured = record.setting("data.window", []) and record.setting("data.intensity") != "window"
        if measured and record.tested.folds > 1:
            separated += (
                " An exposure measured over all folds' training parts includes images that other folds test; it looks "
                "at no label."
            )
    return [
        Item("6a", "Preprocessing and modelling use training data only", separated),
        Item("6b", "Dependencies and duplicates across parts", known.disjoint),
        Item("6c", "Each input is legitimate for the task", legitimate, "the judgement"),
    ]


def _uncertainty(known: ChecklistAnswers) -> list[Item]:
    record = known.record
    monitor = TITLES.get(str(record.setting("training.monitor")), "loss")
    return [
        Item(
            "7a",
            "Metrics, and why the one that selects is suitable",
            f"{known.metrics} Epochs and networks are selected by {monitor}.",
            "why it suits the task",
        ),
        Item("7b", "Uncertainty, and how it is computed", known.uncertainty),
        Item(
            "7c",
            "Statistical tests and their assumptions",
            (
                "Between networks: paired randomisation of whole groups, McNemar's test (mid-p) over whole groups, "
                f"Holm's adjustment; no distribution is assumed. {_of_recipes(record)}Images of one group need not be "
                f"independent; the {plural(record.results.groups, 'group')} must be. "
                f"{known.see('Comparison of networks')}"
            )
            if record.comparison
            else "No test compares networks: one was trained.",
            "why these tests" if record.comparison else "",
        ),
    ]


def _of_recipes(record: RunRecord) -> str:
    if record.comparison is None or all(pair.recipe is None for pair in record.comparison.pairs):
        return ""
    return "Between recipes: Student's t, which takes the figures of several trainings as normal. "


def _generalisability(known: ChecklistAnswers) -> list[Item]:
    elsewhere = elsewhere_summary(known.record)
    return [
        Item(
            "8a",
            "Evidence of external validity",
            f"{elsewhere} {known.see(ELSEWHERE)}" if elsewhere else None,
            "whether these data are external",
        ),
        Item(
            "8b",
            "Where the findings are not expected to hold",
            f"What limits the figures, as far as the run's files show. {known.see(LIMITATIONS)}",
            "the contexts",
        ),
    ]
