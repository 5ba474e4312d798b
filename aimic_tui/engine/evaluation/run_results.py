"""What a run found out: the content of its results.json as types.

Nothing here imports numpy or pydantic, so that any screen can read a run's results at once. `results_file` reads and
writes the file, `build_results` computes what is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aimic_tui.engine.evaluation.baseline import AbsentBaseline, Baseline
from aimic_tui.engine.evaluation.interval import DOMINANT_SHARE, Interval

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import SplitProtocol  # its module imports pydantic, which Home does without

Selection = Literal["validation part", "inner folds"]
"""The images that choose a network in each fold."""

Intervals = Mapping[str, Interval]
"""Figure -> its value and limits; overall figures by the names of `metrics.ALL_METRICS`."""

Values = Mapping[str, float | None]
"""Figure -> its value, None where it is not defined."""


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (n - 1) of a figure; `sd` is None for a single value, both without any."""

    mean: float | None
    sd: float | None


@dataclass(frozen=True)
class FoldFigures:
    """One network's figures on the test images of one fold, by one seed.

    Attributes:
        fold: from 1, over all repeats.
        repeat: of the cross-validation, from 1.
        images: how many the fold tests.
        only_class: the one class that is predicted for all of them, though they are of several; else None.
        values: the overall figures.
    """

    fold: int
    repeat: int
    seed: int
    images: int
    only_class: str | None
    values: Values


@dataclass(frozen=True)
class ClassFigures:
    """One class against the rest.

    Attributes:
        figures: by the names of `metrics.CLASS_METRICS`.
        support: test images of the class.
        predicted: test images predicted to be of it.
        groups, groups_outside: groups with images of the class, and with images of other classes.
        effective_groups, effective_groups_outside: how many groups of equal size these are worth.
        rate_correlation: of the estimates of sensitivity (recall) and specificity over groups, -1 to 1.
    """

    figures: Intervals
    support: int
    predicted: int
    groups: int
    groups_outside: int
    effective_groups: float
    effective_groups_outside: float
    rate_correlation: float = 0.0


@dataclass(frozen=True)
class LargestGroup:
    """The group with the most of a network's test images.

    Attributes:
        share: of the images.
    """

    name: str
    share: float

    @property
    def dominant(self) -> bool:
        """Whether so many images are in it that the intervals rest on it more than on any other."""
        return self.share >= DOMINANT_SHARE


@dataclass(frozen=True)
class NetworkResults:
    """One network over all folds that are tested.

    A pooled figure is that of all folds' predictions together. With several seeds or repeats it is the mean over each
    of them, as one image's predictions are no independent images; intervals resample groups of images, and with a
    group everything that every seed and repeat predicts for it (Tsamardinos et al. 2018, Machine Learning 107, 1895,
    who resample images in the same way over repeats). Those of `pooled` say how figures vary with the images, for these
    trained networks; those of `recipe` contain the training, too.

    Attributes:
        trials_done, trials_total: trials that are tested, and that there will be.
        seeds, repeats: those that the figures are means over.
        images, groups: that were tested.
        effective_groups: how many groups of equal size these are worth.
        largest_group: None without images.
        unclassified: images without a prediction.
        pooled: the overall figures, with intervals for these trained networks.
        recipe: the same with intervals for the recipe, trained anew; empty for a single seed and repeat.
        folds: one for each tested fold and seed.
        spread: figure -> over those.
        by_seed, by_repeat: seed or repeat -> its pooled figures.
        seed_spread, repeat_spread: figure -> over those.
        classes: name -> its figures.
        confusion: counts, rows truth, columns prediction, in the order of the run's classes; summed over seeds and
            repeats.
    """

    trials_done: int
    trials_total: int
    seeds: tuple[int, ...]
    repeats: tuple[int, ...]
    images: int
    groups: int
    effective_groups: float
    largest_group: LargestGroup | None
    unclassified: int
    pooled: Intervals
    recipe: Intervals
    folds: tuple[FoldFigures, ...]
    spread: Mapping[str, Spread]
    by_seed: Mapping[int, Values]
    seed_spread: Mapping[str, Spread]
    by_repeat: Mapping[int, Values]
    repeat_spread: Mapping[str, Spread]
    classes: Mapping[str, ClassFigures]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def complete(self) -> bool:
        """Whether all of its trials are tested."""
        return self.trials_done == self.trials_total


@dataclass(frozen=True)
class FoldChoice:
    """The network that one fold takes.

    Attributes:
        values: network -> the figure that it was chosen by, a mean over seeds.
    """

    fold: int
    repeat: int
    network: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class SelectedNetwork:
    """Choosing a network in each fold without its test images, evaluated on these.

    Attributes:
        by: which images choose.
        metric: the figure that they choose by.
        choices: one a fold.
        times: network -> how many folds take it.
        results: as of one network that predicts for each fold by the network that the fold takes.
    """

    by: Selection
    metric: str
    choices: tuple[FoldChoice, ...]
    times: Mapping[str, int]
    results: NetworkResults


@dataclass(frozen=True)
class Temperature:
    """What one network's logits are divided by.

    Attributes:
        value: 1 where nothing is gained on held-out validation images.
        images: validation images that it was fitted on.
        at_bound: whether these ask for the lowest or the highest temperature there is, and so can't tell it.
        weights_undone: whether the class weights of the training are undone (`prior_correction`).
    """

    fold: int
    seed: int
    value: float
    images: int
    at_bound: bool = False
    weights_undone: bool = False


@dataclass(frozen=True)
class ReliabilityBin:
    """Test images whose probability of the predicted class lies in (low, high].

    Attributes:
        confidence: the mean of that probability, None without images.
        accuracy: the share of them that is correct.
    """

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Rejection:
    """Leaving unsure images to a person, so that few of the answered ones are wrong.

    Attributes:
        max_error: the largest accepted share of errors among the answered images.
        threshold: of the calibrated probability, chosen on the test images of all folds, for new images; None where
            these are too few, or too often wrong, for any.
        thresholds: one a fold and seed, each chosen on the test images of the other folds; None likewise.
        answered: the share of the test images that is answered by `thresholds`; no value where there is no other fold.
        error: the share of these that is wrong; no value where none is answered.
        rests_on_groups: whether groups are too few to rule out that errors hit whole groups at once.
    """

    max_error: float
    threshold: float | None
    thresholds: tuple[float | None, ...]
    answered: Interval
    error: Interval
    rests_on_groups: bool


@dataclass(frozen=True)
class ClassCalibration:
    """Logistic recalibration of one class against the rest, as trained and calibrated.

    Attributes:
        slope_before, slope_after: 1 is right; below it the probabilities are too extreme. No value where the class has
            no image or is told apart without an error.
        intercept_before, intercept_after: of calibration in the large, at a slope of 1; 0 is right; below it the class
            is given too much probability on the whole.
    """

    slope_before: Interval
    intercept_before: Interval
    slope_after: Interval
    intercept_after: Interval


@dataclass(frozen=True)
class Calibration:
    """How one network's test probabilities are calibrated, before and after temperature scaling.

    Attributes:
        before, after, difference: calibration error, log loss and Brier score; the difference is after - before.
        corrected: "before" and "after": the calibration error without what chance adds to it, None where there are
            too few groups.
        reliability_before, reliability_after: the bins of the calibration error.
        coverage, risk: up to 101 points: the share of test images answered, from the surest on, and the share of
            these that is wrong.
        rejections: one for each accepted share of errors; none where test images chose the epochs.
        classes: name -> slope and intercept, in the order of the run's classes.
    """

    temperatures: tuple[Temperature, ...]
    before: Intervals
    after: Intervals
    difference: Intervals
    corrected: Values
    reliability_before: tuple[ReliabilityBin, ...]
    reliability_after: tuple[ReliabilityBin, ...]
    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    rejections: tuple[Rejection, ...]
    classes: Mapping[str, ClassCalibration] = field(default_factory=dict)


@dataclass(frozen=True)
class PairedDifferences:
    """Two networks on the images that both tested.

    Attributes:
        images: how many these are.
        differences: figure -> a - b, with intervals for these trained networks.
        recipe: the same for the recipes, trained anew; empty where there is a single seed and repeat.
    """

    a: str
    b: str
    images: int
    differences: Intervals
    recipe: Intervals


@dataclass(frozen=True)
class RunResults:
    """The figures of a run, as far as it has come.

    Attributes:
        run: the name of its folder.
        state: of the run, in the words of `runs.status.State`.
        optimistic: whether test images chose anything.
        note: the sentences to that.
        method: how intervals are made, in words.
        confidence: of the intervals, between 0 and 1.
        resamples: of the bootstrap.
        complete: whether every network is tested on every fold with every seed.
        methods, class_methods: figure -> how its interval is made.
        images, groups: of the whole test, also of folds that are not tested yet.
        classes: names in the order of the confusion matrices.
        repeats: of the cross-validation.
        inner_folds: of nested cross-validation, 0 where there are none.
        networks: name -> its results, in the order of the experiment.
        selected: one for each way of choosing a network in each fold without its test images; empty where there is
            nothing to choose, or test images choose anyway.
        calibration: network -> how it is calibrated, for networks with validation predictions.
        pairs: every two networks.
        baselines: what a network must beat, on the same test images; empty until a fold is tested.
        absent_baselines: those that there are not, and why.
    """

    run: str
    state: str
    protocol: SplitProtocol
    optimistic: bool
    note: str
    method: str
    confidence: float
    resamples: int
    complete: bool
    methods: Mapping[str, str]
    class_methods: Mapping[str, str]
    images: int
    groups: int
    classes: tuple[str, ...]
    repeats: int
    inner_folds: int
    networks: Mapping[str, NetworkResults]
    selected: tuple[SelectedNetwork, ...]
    calibration: Mapping[str, Calibration]
    pairs: tuple[PairedDifferences, ...]
    baselines: tuple[Baseline, ...] = ()
    absent_baselines: tuple[AbsentBaseline, ...] = ()

    def best_network(self, metric: str) -> str:
        """Return the network with the best pooled figure; at least one must be tested."""
        from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER  # brings numpy along

        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0

        def merit(name: str) -> float:
            value = self.networks[name].pooled[metric].value
            return float("-inf") if value is None else sign * value

        return max(self.networks, key=merit)

    def selection_of_best(self, metric: str) -> SelectedNetwork | None:
        """Return a selection without test images that takes the best network in every fold, None where none does.

        The two figures are then one, and since no test image had a say in it, being the best does not inflate it.
        """
        if len(self.networks) < 2:
            return None
        best = self.best_network(metric)
        for selected in self.selected:
            if {name for name, times in selected.times.items() if times} == {best}:
                return selected
        return None
