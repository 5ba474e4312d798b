"""What a run's record answers of the items that several checklists ask for; each answer names sections that exist."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.report.accuracy import accuracy_text
from aimic_tui.engine.report.audit_section import TITLE as AUDIT
from aimic_tui.engine.report.audit_section import audit_sentence
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import listed, plural

_BALANCE = {
    "none": "Classes are neither weighted nor resampled.",
    "weighted-loss": "Errors in small classes weigh more in the loss, by the inverse of the class's frequency.",
    "undersample": "Images were dropped at random down to the size of the smallest class.",
    "oversample": "Training images of small classes are shown more often.",
}
_METHODS = {
    "hold-out": "One part of the images was held out for testing",
    "predefined": "The parts were given with the data set",
}


@dataclass(frozen=True)
class Item:
    """An item of a checklist, named in short.

    Attributes:
        number: as the checklist counts.
        asks: for what.
        answer: the record's; None where it has none, and the item is open.
        left: what the record can't know of an item that it answers in part.
    """

    number: str
    asks: str
    answer: str | None = None
    left: str = ""

    @property
    def text(self) -> str:
        """What stands in the checklist's table."""
        if self.answer is None:
            return "open"
        return f"{self.answer} Open: {self.left}." if self.left else self.answer


class ChecklistAnswers:
    """The answers of one run's record.

    Args:
        sections: titles of the report's sections, so that an answer refers to none that is not there.
    """

    def __init__(self, record: RunRecord, sections: Collection[str]) -> None:
        self.record = record
        self._sections = frozenset(sections)

    def see(self, *titles: str) -> str:
        """Refer to those of the sections that exist: "See sections Data and Recipe."; "" for none."""
        there = [title for title in titles if title in self._sections]
        return f"See section{'s' if len(there) > 1 else ''} {listed(there)}." if there else ""

    def has(self, title: str) -> bool:
        """Tell whether the report has a section."""
        return title in self._sections

    @property
    def networks(self) -> str:
        """The networks with their sizes."""
        parameters = {
            name: next((trial.start.parameters for trial in self.record.trials_of(name) if trial.start), 0)
            for name in self.record.networks
        }
        named = [f"{name} ({count:,} parameters)" if count else name for name, count in parameters.items()]
        return f"Networks of torchvision and timm with a classifier for these classes: {listed(named)}."

    @property
    def preprocessing(self) -> str:
        """From a file to a network's input."""
        size = self.record.setting("model.image_size")
        pixels = "each network's own size" if size == "auto" else f"{size} pixels"
        return (
            f"Resized to {pixels} ({self.record.setting('data.fit')}); {self.record.rule.sentence()}; normalised as "
            "each network expects."
        )

    @property
    def audit(self) -> str:
        """Checks of the images before the run."""
        return f"{audit_sentence(self.record)} {self.see(AUDIT)}".rstrip()

    @property
    def decisions(self) -> str | None:
        """What people excluded or changed; None where nothing was."""
        return " ".join(self.record.decisions) or None

    @property
    def subsets(self) -> str:
        """Which of the images were used."""
        split, images = self.record.tested.split, len(self.record.tested.data)
        used = int((split.parts > 0).any(axis=0).sum())
        if used == images:
            return f"All {images:,} images were used."
        undersampled = self.record.setting("data.balance") == "undersample"
        why = f" {_BALANCE['undersample']}" if undersampled else ""
        return f"{used:,} of {images:,} images were used.{why}"

    @property
    def missing(self) -> str:
        """What happened to images that can't be read or have no class."""
        unclassified = sum(network.unclassified for network in self.record.results.networks.values())
        audit = self.record.audit
        unlabelled = 0 if audit is None else sum(finding.kind == "unlabelled" for finding in audit.report.problems)
        sentences = ["Every image was opened before the run, which an unreadable one would have stopped."]
        if unlabelled:
            sentences.append(f"Left out since they had no class: {plural(unlabelled, 'image')}.")
        sentences.append(
            f"{plural(unclassified, 'prediction')} of test images failed and {'is' if unclassified == 1 else 'are'} "
            "left out."
            if unclassified
            else "Every test image was classified."
        )
        return " ".join(sentences)

    @property
    def partition(self) -> str:
        """How images were assigned to training, validation and test parts."""
        split = self.record.tested.split
        method = str(self.record.setting("split.method"))
        if method == "k-fold":
            repeated = f", {split.repeats} times repeated" if split.repeats > 1 else ""
            how = f"{split.folds // split.repeats}-fold cross-validation{repeated}, at random and stratified by class"
        else:
            how = _METHODS.get(method, method)
        if self.record.setting("split.from", ""):
            how += " (a split that was made before, used again)"
        validation = ""
        if self.record.results.optimistic:
            validation = "; no validation part"
        elif method == "k-fold":
            share = percent(float(self.record.setting("split.validation", 0)), None)
            validation = f"; {share} of each fold's other images are its validation part"
        return (
            f"{how}{validation}; seed {self.record.setting('seed', 0)}. Image by image in the run's split.csv. "
            f"{self.see('Data')}"
        ).rstrip()

    @property
    def disjoint(self) -> str:
        """At which level training and test parts share nothing."""
        if self.record.results.optimistic:
            return "By image (published protocol): images of one group may be on both sides."
        if self.record.grouped_by_rule:
            groups, rule = len(self.record.tested.data.group_names), self.record.setting("data.group")
            return f"By group: {groups:,} groups by {rule}; images that are identical or nearly so are in one group."
        if self.record.grouped:
            return "By image; only images that are identical or nearly so are kept together. No other groups are known."
        return "By image; no groups are known."

    @property
    def software(self) -> str:
        """Versions of what was used."""
        environment = self.record.environment
        versions = environment.get("versions", {})
        commit = f" (commit {environment['git_commit']})" if environment.get("git_commit") else ""
        python = f"Python {environment['python']}" if environment.get("python") else ""
        parts = [f"aimic {environment.get('aimic', '')}{commit}", python, *(f"{k} {v}" for k, v in versions.items())]
        return "; ".join(part for part in parts if part) + "."

    @property
    def weights(self) -> str:
        """What training started from."""
        weights = str(self.record.setting("model.weights"))
        start = {
            "none": "Random weights.",
            "imagenet": "Weights pre-trained on ImageNet; the classifier starts from random values.",
        }.get(weights, "The weights of an earlier model.")
        return f"{start} {self.see('Initial weights')}".rstrip()

    @property
    def training(self) -> str:
        """How networks were trained, and how many."""
        trials = sum(network.trials_done for network in self.record.results.networks.values())
        setting = self.record.setting
        return (
            f"{setting('training.optimizer')}, learning rate {setting('training.learning_rate')}, at most "
            f"{setting('training.epochs')} epochs; {plural(trials, 'model')} trained, one for each network, fold and "
            f"seed. {self.see('Methods paragraph', 'Recipe')}"
        ).rstrip()

    @property
    def selection(self) -> str:
        """What chose the epoch and the network."""
        part = "test (published protocol, optimistic)" if self.record.results.optimistic else "validation"
        monitor = TITLES.get(str(self.record.setting("training.monitor")), "loss")
        sentence = f"Each model is its fold's best epoch by {part} {monitor}."
        if len(self.record.networks) > 1:
            sentence += (
                f" All networks are reported; {self.record.chosen}, the best by {part} figures, is shown closely. "
                f"{self.see('The best network')}"
            )
        return sentence.rstrip()

    @property
    def metrics(self) -> str:
        """The measures of performance."""
        return (
            "Accuracy, balanced accuracy, top-k accuracy, macro precision, recall and F1, AUROC, average precision, "
            "Matthews, kappa, log loss, Brier score, calibration error (15 bins of equal width); by class sensitivity, "
            "specificity, predictive values."
            + (" Calibration slope and intercept of each class." if self.record.results.calibration else "")
            + (" Net benefit (decision curve)." if self.has("Benefit of acting on predictions") else "")
        )

    @property
    def uncertainty(self) -> str:
        """How intervals and tests are made."""
        return f"{self.record.results.method}. {self.see('Comparison of networks')}".rstrip()

    @property
    def internal(self) -> str:
        """The evaluation within the data set."""
        results, folds = self.record.results, self.record.tested.folds
        where = f"{folds} folds" if folds > 1 else "one test part"
        return f"{where[0].upper()}{where[1:]}, {results.images:,} test images of {plural(results.groups, 'group')}."

    @property
    def numbers(self) -> str:
        """How many images there are."""
        data, results = self.record.tested.data, self.record.results
        return (
            f"{len(data):,} images of {plural(len(data.group_names), 'group')} in {len(data.classes)} classes, "
            f"{results.images:,} tested. {self.see('Data')}"
        ).rstrip()

    @property
    def performance(self) -> str:
        """The headline figures of every network."""
        return " ".join(
            f"{name}: macro F1 {interval(network.pooled['macro_f1'])}, {accuracy_text(self.record.results, name)}."
            for name, network in self.record.results.networks.items()
        )

    @property
    def of_classes(self) -> str:
        """The figures of each class."""
        return (
            "Sensitivity, specificity, predictive values and F1 of each class with intervals, ROC and precision-recall "
            f"curves. {self.see(*self.record.networks)}"
        ).rstrip()

    @property
    def failures(self) -> str:
        """The analysis of incorrect results."""
        return (
            "The confusion matrix and figures of each class, and the worst errors as images. "
            f"{self.see(*self.record.networks, 'Typical and worst cases')} {self.across_groups or ''}"
        ).rstrip()

    @property
    def across_groups(self) -> str | None:
        """The performance across groups; None where it was not looked at."""
        seen = self.see("By group", "Subgroups")
        return f"Accuracy by group, with tests for groups that do worse. {seen}" if seen else None

    @property
    def balance(self) -> str:
        """What was done about classes of different size."""
        found = str(self.record.setting("data.balance"))
        return f"{_BALANCE.get(found, found)} {self.see('Data')}".rstrip()

    @property
    def calibration(self) -> str | None:
        """The calibration of probabilities; None where there is none."""
        found = self.record.results.calibration
        if not found:
            return None
        undone = any(one.weights_undone for each in found.values() for one in each.temperatures)
        balance = "Class weights of the training are undone. " if undone else ""
        return f"{balance}Temperature scaling, fitted on validation images. {self.see('Calibration')}".rstrip()
