"""How often the 95 % intervals contain the truth: `python benchmarks/intervals.py [--studies 1000] [--json]`.

Studies of the sizes that laboratories have are drawn again and again from populations whose figures are known, because
400,000 images were drawn from each first. Every study is judged as a run is (`cluster_bootstrap`); a row of the table
is a population, a column a figure, a cell the share of intervals that contain the population's figure, in per cent.
Of 1,000 studies with intervals that are right, 93.6 to 96.4 % contain it in 95 of 100 cells.

In each population images of a group are likely to be right together, classes are of unequal size, five folds have
networks that boast by different amounts (their test images are judged together, as a run's are), and

    alone       150 images of 3 classes, each a group of its own
    smears      240 images of 4 classes in 60 groups
    photographs 400 images of 3 classes in 40 groups
    good        400 images of 4 classes in 100 groups, 95 % of them right
    patients    320 images of 3 classes in 80 groups, each of one class only
    calibrated  300 images of 3 classes in 75 groups, probabilities close to right
    small       200 images of 3 classes in 50 patients of one class, 7 of them of the smallest
    few         150 images of 3 classes in 15 groups
    dozen       250 images of 3 classes in 25 groups
    dominant    400 images of 3 classes in 41 groups, one of them with half the images
    log-normal  400 images of 3 classes in 40 groups, their sizes log-normal with a standard deviation of 1.2
    rare        400 images of 4 classes in 40 groups, 98.6 % of them right, 20 of the smallest class, mostly all right
    perfect     400 images of 3 classes in 60 groups, 99.5 % of them right

Where there are fewer or unequal groups, or few errors, intervals may hold the truth more often than they say: Student's
t has few degrees of freedom, and of two ways to make one the wider is taken. `dominant` is so (97 to 100 %), and `rare`
and `perfect` are.

With --differences, of two networks on the same images, the second one a little worse; with --null of two that are
equally good, and a cell is the share of intervals that exclude 0, which should be 3 to 7 % or less. Of calibration
errors' differences there is no interval. With --recipes, also with --null, intervals
for networks trained anew: see `recipes.py`.

A figure that gets no interval in a study (too few groups of a class) does not count in it; `given` is the smallest
share of studies in which a figure has one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.intervals import cluster_bootstrap, paired_difference
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, CLASS_METRICS, Floats, Integers, Scorer

FOLDS = 5
Limits = tuple[float, float]
CHECKED = tuple(name for name in ALL_METRICS if name not in ("macro_recall", "one_vs_rest_accuracy"))


@dataclass(frozen=True)
class Population:
    """Where studies are drawn from.

    Attributes:
        shares: of the classes.
        likeness: standard deviation over groups of how well their images are recognised.
        skill: how well the network does.
        boast: how many times too large its logits are, differing by fold.
        pure: whether all images of a group are of one class.
        spread: standard deviation of the logarithms of the groups' sizes.
        dominant: the share of the images that are in one group, 0 where none is special.
    """

    groups: int
    images: int
    shares: tuple[float, ...]
    likeness: float = 0.8
    skill: float = 2.2
    boast: float = 1.5
    pure: bool = False
    spread: float = 0.0
    dominant: float = 0.0

    def draw(self, generator: np.random.Generator) -> tuple[Integers, Floats, NDArray[np.int64]]:
        """Return labels, probabilities and groups of a study."""
        groups = np.repeat(np.arange(self.groups), self._sizes(generator))
        folds = generator.permutation(self.groups) % FOLDS
        steps = np.cumsum(self.shares)[:-1]
        labels = np.searchsorted(steps, generator.random(self.groups))[groups] if self.pure else None
        if labels is None:
            labels = np.searchsorted(steps, generator.random(len(groups)))
        logits = generator.normal(size=(len(groups), len(self.shares)))
        logits[np.arange(len(groups)), labels] += self.skill + generator.normal(0, self.likeness, self.groups)[groups]
        logits *= (self.boast * np.exp(0.1 * (folds[groups] - FOLDS // 2)))[:, None]
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return labels.astype(np.int32), raised / raised.sum(axis=1, keepdims=True), groups

    def _sizes(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """How many images each group has, at least one."""
        if self.spread:
            sizes = np.exp(generator.normal(0, self.spread, self.groups))
            return np.maximum(1, np.round(sizes / sizes.sum() * self.images)).astype(np.int64)
        if self.dominant:
            others = round(self.images * (1 - self.dominant))
            small = 1 + generator.poisson(others / (self.groups - 1) - 1, self.groups - 1)
            return np.r_[self.images - others, small]
        each = self.images / self.groups
        return np.ones(self.groups, np.int64) if each == 1 else 1 + generator.poisson(each - 1, self.groups)

    def truth(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Return the figures of 400,000 images: overall [1] and of the classes [1, c]."""
        labels, probabilities, _ = self.everyone().draw(np.random.default_rng(2**20))
        return Scorer(labels, probabilities).all_figures(np.ones((1, len(labels))))

    def everyone(self) -> Population:
        """The same with 400,000 images, and no group special: how large one is says nothing about its images."""
        times = 400_000 // self.images
        return replace(self, groups=self.groups * times, images=self.images * times, spread=0.0, dominant=0.0)


POPULATIONS = {
    "alone": Population(150, 150, (0.5, 0.3, 0.2), likeness=0.0),
    "smears": Population(60, 240, (0.4, 0.3, 0.18, 0.12)),
    "photographs": Population(40, 400, (0.5, 0.3, 0.2), skill=2.0, boast=2.0),
    "good": Population(100, 400, (0.4, 0.3, 0.2, 0.1), likeness=0.5, skill=3.0, boast=1.2),
    "patients": Population(80, 320, (0.5, 0.3, 0.2), likeness=0.6, pure=True),
    "calibrated": Population(75, 300, (0.45, 0.35, 0.2), likeness=0.5, skill=1.5, boast=1.3),
    "small": Population(50, 200, (0.5, 0.35, 0.15), likeness=0.6, pure=True),
    "few": Population(15, 150, (0.5, 0.3, 0.2), skill=2.0),
    "dozen": Population(25, 250, (0.5, 0.3, 0.2), skill=2.0),
    "dominant": Population(41, 400, (0.5, 0.3, 0.2), skill=2.0, dominant=0.5),
    "log-normal": Population(40, 400, (0.5, 0.3, 0.2), skill=2.0, spread=1.2),
    "rare": Population(40, 400, (0.5, 0.3, 0.15, 0.05), likeness=0.5, skill=3.85),
    "perfect": Population(60, 400, (0.5, 0.3, 0.2), likeness=0.5, skill=4.3),
}


def study(population: Population, number: int, resamples: int) -> dict[str, Limits]:
    """Judge a study: the limits of every figure that gets an interval."""
    labels, probabilities, groups = population.draw(np.random.default_rng(number))
    judged = cluster_bootstrap(labels, probabilities, groups, resamples=resamples, seed=number)
    found = {name: judged.overall[name] for name in CHECKED}
    for code, figures in enumerate(judged.classes):
        found |= {f"{name} of {code}": figures[name] for name in CLASS_METRICS}
    return {name: (limits.low, limits.high) for name, limits in found.items() if limits.low is not None}  # type: ignore[misc]


def study_of_two(population: Population, number: int, resamples: int, *, equal: bool = False) -> dict[str, Limits]:
    """Judge the differences of two networks on the same images, the second one a little worse or equally good."""
    generator = np.random.default_rng(number)
    labels, probabilities, groups = population.draw(generator)
    first = with_noise(probabilities, generator) if equal else probabilities
    second = with_noise(probabilities, generator)
    a, b = (cluster_bootstrap(labels, table, groups, resamples=resamples, seed=number) for table in (first, second))
    found = paired_difference(a, b)
    return {name: (found[name].low, found[name].high) for name in CHECKED if found[name].low is not None}  # type: ignore[misc]


def with_noise(probabilities: Floats, generator: np.random.Generator) -> Floats:
    """Return probabilities of a network that sees the same and adds errors of its own."""
    raised = probabilities * np.exp(generator.normal(0, 1.0, probabilities.shape))
    return raised / raised.sum(axis=1, keepdims=True)


def truth_of_two(population: Population) -> dict[str, float]:
    """Return the differences of the two networks on 400,000 images."""
    generator = np.random.default_rng(2**20)
    labels, probabilities, _ = population.everyone().draw(generator)
    ones = np.ones((1, len(labels)))
    a, b = (
        Scorer(labels, table).all_figures(ones)[0] for table in (probabilities, with_noise(probabilities, generator))
    )
    return {name: float(a[name][0] - b[name][0]) for name in CHECKED}


def coverage(
    population: Population, studies: int, resamples: int, processes: int, *, differences: bool = False
) -> dict[str, tuple[float, float]]:
    """Return for each figure the share of intervals that contain the truth, and the share of studies that give one."""
    if differences:
        truth = truth_of_two(population)
    else:
        overall, of_classes = population.truth()
        truth = {name: float(overall[name][0]) for name in CHECKED}
        for name in CLASS_METRICS:
            truth |= {f"{name} of {code}": float(value) for code, value in enumerate(of_classes[name][0])}
    one = partial(study_of_two if differences else study, population, resamples=resamples)
    return share_containing(truth, one, studies, processes)


def excluding_zero(
    population: Population, studies: int, resamples: int, processes: int
) -> dict[str, tuple[float, float]]:
    """Return for differences of equal networks the share of intervals that exclude 0, and that of studies with one."""
    one = partial(study_of_two, population, resamples=resamples, equal=True)
    found = share_containing(dict.fromkeys(CHECKED, 0.0), one, studies, processes)
    return {name: (1 - share, given) for name, (share, given) in found.items()}


def share_containing(
    truth: dict[str, float], one: Callable[[int], dict[str, Limits]], studies: int, processes: int
) -> dict[str, tuple[float, float]]:
    """Return for each figure the share of intervals that contain the truth, and the share of studies that give one.

    Args:
        one: number of a study -> the limits of every figure that gets an interval; must be picklable.
    """
    inside: Counter[str] = Counter()
    given: Counter[str] = Counter()
    with ProcessPoolExecutor(processes) as pool:
        for limits in pool.map(one, range(studies), chunksize=10):
            for name, (low, high) in limits.items():
                given[name] += 1
                inside[name] += low <= truth[name] <= high
    return {name: (inside[name] / given[name], given[name] / studies) for name in truth if given[name]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--populations", help="names of rows, separated by semicolons; all where not given")
    parser.add_argument("--differences", action="store_true", help="of two networks on the same images")
    parser.add_argument("--null", action="store_true", help="of two networks, or recipes, that are equally good")
    parser.add_argument("--recipes", action="store_true", help="intervals for networks trained anew")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: dict[str, Callable[[], dict[str, tuple[float, float]]]]
    if options.recipes:
        import recipes  # beside this file

        rows = recipes.rows(options.studies, options.resamples, options.processes, null=options.null)
    else:
        judge = excluding_zero if options.null else partial(coverage, differences=options.differences)
        rows = {
            name: partial(judge, population, options.studies, options.resamples, options.processes)
            for name, population in POPULATIONS.items()
        }
    table = {}
    for name in options.populations.split(";") if options.populations else rows:
        began = time.perf_counter()
        table[name] = rows[name]()
        if not options.json:
            if len(table) == 1:
                print(f"{'':42}{'given':>6}", *(f"{metric[:12]:>12}" for metric in CHECKED))
            print(_row(name, table[name], CHECKED), f"  {time.perf_counter() - began:.0f} s", flush=True)
            for code in range(_classes_in(table[name])):
                print(_row(f"{name}, class {code}", table[name], [f"{m} of {code}" for m in CLASS_METRICS]), flush=True)
    if options.json:
        print(json.dumps(table))
    elif any(_classes_in(found) for found in table.values()):
        print("classes:", ", ".join(CLASS_METRICS))


def _classes_in(found: dict[str, tuple[float, float]]) -> int:
    return sum(name.startswith("recall of ") for name in found)


def _row(title: str, found: dict[str, tuple[float, float]], names: tuple[str, ...] | list[str]) -> str:
    cells = [f"{100 * found[name][0]:12.1f}" if name in found else f"{'–':>12}" for name in names]
    given = min((found[name][1] for name in names if name in found), default=0.0)
    return f"{title:<42}{100 * given:6.0f} " + " ".join(cells)


if __name__ == "__main__":
    main()
