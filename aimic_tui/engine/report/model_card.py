"""A model card (Mitchell et al. 2019) of what a run's record can answer; what it can't know is left open, as such."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation.undefined_figures import undefined_predictive_values
from aimic_tui.engine.report.accuracy import majority_accuracy
from aimic_tui.engine.report.choice_words import selection_sentences, verdict_on_best
from aimic_tui.engine.report.limitations import limitations
from aimic_tui.engine.report.methods_text import methods_paragraphs
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.report.robustness_section import elsewhere_summary, robustness_summary
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.report.write_markdown import escaped
from aimic_tui.engine.text import listed

OPEN = "*Open: to be filled in by whoever publishes this model.*"


def model_card(record: RunRecord) -> str:
    """Return the card of the network with the best validation figure, as Markdown."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: RunRecord) -> Iterator[str]:
    results, name = record.results, record.chosen
    network = results.networks[name]
    folds = len({(fold.fold, fold.seed) for fold in network.folds})
    yield f"# Model card: {escaped(str(record.setting('name') or results.run))}"
    yield ""
    yield "## Model details"
    yield ""
    versions = record.environment.get("versions", {})
    libraries = ", ".join(
        f"{library} {versions[library]}" for library in ("torch", "torchvision", "timm") if library in versions
    )
    yield from _points(
        ("network", escaped(name)),
        ("models", _models(record, folds)),
        ("classes", escaped(listed(results.classes))),
        ("input", escaped(_input(record))),
        ("initial weights", escaped(str(record.setting("model.weights")))),
        ("made by", escaped(f"aimic {record.environment.get('aimic', '')}{'; ' + libraries if libraries else ''}")),
        ("made on", f"{record.snapshot.status.created:%d %B %Y}" if record.snapshot.status.created else "not recorded"),
        ("run", escaped(results.run)),
        ("contact, licence", OPEN),
    )
    yield ""
    yield "## Intended use"
    yield ""
    yield from _points(
        ("intended uses and users", OPEN),
        ("uses that are out of scope", OPEN),
        ("limits", "It assigns one of its classes to every image, even to an image of something else."),
    )
    yield from (f"  - {escaped(sentence)}" for sentence in limitations(record))
    yield ""
    yield "## Factors"
    yield ""
    grouped = (
        f"{results.groups:,} groups (patients, slides or photographs) were kept together in the split and "
        "resampled as a whole."
        if record.grouped
        else "No groups (patients, slides) were known; if images share one, these figures are likely too high."
    )
    yield from _points(("groups", grouped), ("age, sex, origin of the patients; devices; stains", OPEN))
    yield ""
    yield "## Data"
    yield ""
    yield escaped(methods_paragraphs(record)[0])
    yield ""
    yield from _points(("source of the images, consent, ethics", OPEN), ("who labelled them, and how", OPEN))
    yield ""
    yield "## Training"
    yield ""
    yield escaped(methods_paragraphs(record)[1])
    yield ""
    yield "## Figures"
    yield ""
    yield escaped(f"{results.note} {_what_figures_are_of(folds, record)}")
    yield ""
    yield f"In parentheses: {escaped(results.method)}."
    yield ""
    yield from _table(
        ["", "value"],
        [
            [title, escaped(_value(record, metric))]
            for metric, title in (
                ("macro_f1", "macro F1"),
                ("accuracy", "accuracy"),
                ("balanced_accuracy", "balanced accuracy"),
                ("auroc", "AUROC"),
                ("ece", "calibration error, as trained"),
            )
        ],
    )
    yield ""
    yield from _table(
        ["class", "images", "sensitivity", "specificity", "precision (PPV)", "NPV"],
        [
            [
                escaped(one),
                f"{found.support:,}",
                *(
                    interval(found.figures[metric])
                    for metric in ("recall", "specificity", "precision", "negative_predictive_value")
                ),
            ]
            for one, found in network.classes.items()
        ],
    )
    yield ""
    yield "Predictive values hold for the class frequencies of these images; with other frequencies they differ."
    yield from (escaped(sentence) for sentence in undefined_predictive_values(network.classes))
    yield from _chosen(record)
    yield from _elsewhere(record)
    yield from _calibration(record)
    yield ""
    yield "## Ethical considerations, caveats and recommendations"
    yield ""
    yield OPEN


def _models(record: RunRecord, folds: int) -> str:
    if folds == 1:
        return "1"
    seeds = " and seed" if record.tested.seeds > 1 else ""
    return f"{folds}, one for each fold{seeds}; on new images they predict by the mean of their probabilities"


def _what_figures_are_of(models: int, record: RunRecord) -> str:
    """Say that the figures are single models', and that all of them together were not measured on these images."""
    if models == 1:
        return "The figures are this model's on its test images."
    several = record.tested.seeds * record.tested.split.repeats > 1
    mean = " Figures are means over seeds and repeats." if several else ""
    return (
        f"The figures are of single models: each image is classified by the model of the fold that tests it.{mean} How "
        f"well the {models} models do together, as they predict new images, is not measured: each image here helped to "
        "train some of them. An evaluation on other data measures it."
    )


def _value(record: RunRecord, metric: str) -> str:
    results = record.results
    figure = interval(results.networks[record.chosen].pooled[metric])
    if metric != "accuracy":
        return figure
    return f"{figure}; majority class for every image: {number(majority_accuracy(results, record.chosen))}"


def _chosen(record: RunRecord) -> Iterator[str]:
    best = [verdict_on_best(record)] if record.results.best_network("macro_f1") == record.chosen else []
    for sentence in (*best, *selection_sentences(record)):
        if sentence:
            yield ""
            yield escaped(sentence)


def _elsewhere(record: RunRecord) -> Iterator[str]:
    for title, sentence in (("Disturbed", robustness_summary(record)), ("Elsewhere", elsewhere_summary(record))):
        if sentence:
            yield ""
            yield escaped(f"{title}: {sentence}")


def _calibration(record: RunRecord) -> Iterator[str]:
    found = record.results.calibration.get(record.chosen)
    if found is None:
        return
    temperatures = ", ".join(number(temperature.value, 2) for temperature in found.temperatures)
    yield ""
    yield "## Calibration"
    yield ""
    yield (
        f"Temperatures {temperatures}, fitted on validation images and stored beside the models; calibration error "
        f"{interval(found.before['ece'])} as trained, {interval(found.after['ece'])} calibrated."
    )


def _input(record: RunRecord) -> str:
    size = record.setting("model.image_size")
    pixels = "the network's own size" if size == "auto" else f"{size} x {size} pixels"
    return f"one image, {pixels}, fit: {record.setting('data.fit')}, intensity: {record.setting('data.intensity')}"


def _points(*points: tuple[str, str]) -> Iterator[str]:
    yield from (f"- **{term}**: {value}" for term, value in points)


def _table(header: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{' --- |' * len(header)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
