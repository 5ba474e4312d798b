"""What CLAIM (2024) and TRIPOD+AI (2024) ask for and a run's record can answer; the rest is left to the authors."""

from __future__ import annotations

from dataclasses import dataclass

from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import listed, plural


@dataclass(frozen=True)
class Item:
    """An item, named in short, with the record's answer; None is open."""

    number: str
    asks: str
    answer: str | None = None


def claim(record: RunRecord) -> list[Item]:
    """Return the items of the Checklist for Artificial Intelligence in Medical Imaging, 2024 update."""
    known = _answers(record)
    return [
        Item("1", "Title or abstract: the study is one of AI; which kind", "Deep learning: " + known["networks"]),
        Item("2", "Abstract: structured summary"),
        Item("3", "Background, intended use and role of the AI"),
        Item("4", "Aims, objectives, hypotheses"),
        Item("5", "Prospective or retrospective"),
        Item("6", "Study goal"),
        Item("7", "Data sources"),
        Item("8", "Inclusion and exclusion criteria"),
        Item("9", "Data preprocessing", known["preprocessing"]),
        Item("10", "Selection of data subsets", known["subsets"]),
        Item("11", "De-identification"),
        Item("12", "Missing data", known["missing"]),
        Item("13", "Image acquisition protocol"),
        Item("14", "Reference standard: how it was obtained"),
        Item("15", "Reference standard: why this one"),
        Item("16", "Reference standard: who annotated"),
        Item("17", "Annotation of the test set"),
        Item("18", "Inter- and intrarater variability"),
        Item("19", "How data were assigned to partitions", known["partition"]),
        Item("20", "Level at which partitions are disjoint", known["disjoint"]),
        Item("21", "Intended sample size"),
        Item("22", "Model", known["networks"]),
        Item("23", "Software and libraries", known["software"]),
        Item("24", "Initialisation of model parameters", known["weights"]),
        Item("25", "Training approach", known["training"]),
        Item("26", "Selection of the final model", known["selection"]),
        Item("27", "Ensembling", "None in these figures: each image is classified by its fold's network."),
        Item("28", "Metrics of performance", known["metrics"]),
        Item("29", "Significance and uncertainty", record.results.method),
        Item("30", "Robustness or sensitivity analysis"),
        Item("31", "Explainability"),
        Item("32", "Evaluation on internal data", known["internal"]),
        Item("33", "Testing on external data"),
        Item("34", "Clinical trial registration"),
        Item("35", "Numbers included and excluded", known["numbers"]),
        Item("36", "Demographic and clinical characteristics"),
        Item("37", "Performance and its uncertainty", known["performance"]),
        Item(
            "38",
            "Diagnostic performance and its precision",
            "Sensitivity, specificity and predictive values by class with intervals, ROC and precision-recall curves: "
            "section Results.",
        ),
        Item("39", "Failure analysis", known["failures"]),
        Item("40", "Limitations"),
        Item("41", "Implications for practice"),
        Item("42", "Full study protocol"),
        Item("43", "Availability of software, model and data"),
        Item("44", "Funding"),
    ]


def tripod(record: RunRecord) -> list[Item]:
    """Return the items of TRIPOD+AI, 2024, on methods and results, and those that are open in any run."""
    known = _answers(record)
    return [
        Item("1-2", "Title and abstract"),
        Item("3-4", "Background and objectives"),
        Item("5", "Data: sources and dates"),
        Item("6", "Participants: setting, eligibility, treatments"),
        Item("7", "Data preparation", known["preprocessing"]),
        Item("8", "Outcome: definition and assessment"),
        Item("9", "Predictors", "The image alone."),
        Item("10", "Sample size: how it was arrived at"),
        Item("11", "Missing data", known["missing"]),
        Item("12a", "How the data were used", known["partition"]),
        Item("12b", "How predictors were handled", known["preprocessing"]),
        Item("12c", "Type of model and model building", known["networks"] + ". " + known["training"]),
        Item("12d", "Heterogeneity between clusters", known["disjoint"]),
        Item("12e", "Measures of performance", known["metrics"]),
        Item("12f", "Model updating or recalibration", known["calibration"]),
        Item("12g", "How predictions were calculated", "By the network of the fold that tests the image."),
        Item("13", "Class imbalance", known["imbalance"]),
        Item("14", "Fairness"),
        Item("15", "Model output", "A probability for each class; the class with the largest one."),
        Item(
            "16", "Differences between development and evaluation data", "None: cross-validation within one data set."
        ),
        Item("17", "Ethical approval"),
        Item("18", "Funding, interests, protocol, registration, sharing of data and code"),
        Item("19", "Patient and public involvement"),
        Item("20", "Participants: flow and characteristics"),
        Item("21", "Numbers in each analysis", known["numbers"]),
        Item("22", "Model specification", "Weights, classes and preprocessing lie in each trial's folder `model`."),
        Item("23a", "Performance with confidence intervals", known["performance"]),
        Item("23b", "Heterogeneity in performance", known["heterogeneity"]),
        Item("24", "Results of model updating", known["calibration"]),
        Item("25-27", "Interpretation, limitations, usability"),
    ]


def _repeated(record: RunRecord) -> str:
    repeats = record.tested.split.repeats
    return f" in {repeats} repeats" if repeats > 1 else ""


def _answers(record: RunRecord) -> dict[str, str]:
    data, results = record.tested.data, record.results
    pooled = results.networks[record.chosen].pooled
    versions = record.environment.get("versions", {})
    known_groups = len(data.group_names) < len(data)
    unclassified = sum(network.unclassified for network in results.networks.values())
    return {
        "networks": listed(record.networks),
        "preprocessing": f"Resized to {_size(record)} ({record.setting('data.fit')}); "
        f"{record.rule.sentence()}; normalised as each network expects.",
        "subsets": f"Balance: {record.setting('data.balance')}.",
        "missing": "Every image was opened before the run; "
        f"{plural(unclassified, 'test image')} could not be classified.",
        "partition": f"{record.setting('split.method')}, {record.tested.folds} folds"
        f"{_repeated(record)}, stratified by class, seed "
        f"{record.setting('seed', 0)}; recorded image by image in split.csv.",
        "disjoint": "By image (published protocol): groups may be on both sides."
        if results.optimistic
        else (
            "By group; whole groups are resampled for the intervals."
            if record.grouped
            else "By image; no groups are known."
        ),
        "software": "; ".join(
            [f"aimic {record.environment.get('aimic', '')}", *(f"{k} {v}" for k, v in versions.items())]
        ),
        "weights": f"{record.setting('model.weights')}",
        "training": f"{record.setting('training.optimizer')}, learning rate "
        f"{record.setting('training.learning_rate')}, at most "
        f"{record.setting('training.epochs')} epochs; all settings: section Recipe.",
        "selection": results.note + (" Section The best network." if results.selected else ""),
        "metrics": "Accuracy, balanced accuracy, top-k accuracy, macro precision, recall and F1, AUROC, average "
        "precision, Matthews, kappa, log loss, Brier score, calibration error (15 bins of equal width); by class "
        "sensitivity, specificity, predictive values. Net benefit (decision curve).",
        "failures": "Confusion matrices"
        + (", groups with the lowest accuracy" if known_groups else "")
        + " and the worst errors are shown; their causes are open.",
        "heterogeneity": "By fold and by class: section Results."
        + (" By group, with tests for groups that fail: section By group." if known_groups else ""),
        "internal": f"{record.tested.folds} folds, {results.images:,} test images.",
        "numbers": f"{len(data):,} images in {len(data.classes)} classes, {results.images:,} tested: section Data.",
        "performance": f"{record.chosen}: macro F1 {interval(pooled['macro_f1'])}, accuracy "
        f"{interval(pooled['accuracy'])}.",
        "calibration": "Temperature scaling on validation images, before and after: section Calibration."
        if results.calibration
        else "None.",
        "imbalance": f"{record.setting('data.balance')}; counts by class: section Data.",
    }


def _size(record: RunRecord) -> str:
    size = record.setting("model.image_size")
    return "each network's own size" if size == "auto" else f"{size} pixels"
