"""What a model loses on images from elsewhere, judged against a margin: the logic of a non-inferiority trial.

An interval that holds 0 does not show that nothing is lost: with few images it holds large losses, too. A loss is ruled
out where even the unfavourable end of the interval of the difference lies within a margin that the user names, which is
a one-sided test at 2.5 % where the interval is of 95 % (Piaggio et al. 2012, CONSORT for non-inferiority).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import stdtr

from aimic_tui.engine.evaluation.estimand import THIS_MODEL
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import t_quantile
from aimic_tui.engine.evaluation.intervals import BootstrapFigures
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER
from aimic_tui.engine.formatting.numbers import number, p_value, percent
from aimic_tui.engine.holm import holm
from aimic_tui.engine.inference.evaluation_file import Loss, LossVerdict, Remark, RemarkKind
from aimic_tui.engine.text import plural, printable

JUDGED = ("macro_f1", "balanced_accuracy", "accuracy")
"""The loss is judged by the first of these that has an interval; which one never depends on what it shows."""

_POWER = 0.8
_KINDS: dict[LossVerdict, RemarkKind] = {
    "gain": "fine",
    "within margin": "fine",
    "small loss": "fine",
    "loss": "attention",
    "open": "open",
}


@dataclass(frozen=True)
class HomeComparison:
    """A model's figures on images from elsewhere beside those on its own test images.

    Attributes:
        here, home: figures of both.
        margin: the largest loss that is of no importance.
        differences: figure -> here minus home.
        p: figure -> two-sided p-value of its difference: of the judged figure as it is, of the others adjusted for
            being several (Holm); None where there is no interval.
        class_differences: the same of each class.
        recall_p: of the differences of the classes' recalls, adjusted for being several (Holm).
        loss: the verdict on the judged figure.
    """

    here: BootstrapFigures
    home: BootstrapFigures
    margin: float
    differences: dict[str, Interval]
    p: dict[str, float | None]
    class_differences: tuple[dict[str, Interval], ...]
    recall_p: tuple[float | None, ...]
    loss: Loss

    def loss_remark(self) -> Remark:
        """Say what is lost, and whether the margin rules it out."""
        loss = self.loss
        metric, margin = loss.metric, f"{self.margin:g}"
        title = TITLES[metric][0].upper() + TITLES[metric][1:]
        here, home, difference = self.here.overall[metric], self.home.overall[metric], self.differences[metric]
        if difference.value is None:
            sentence = f"{title} can't be compared with that on the model's own test images."
            return Remark(sentence, "open", "loss")
        sentence = f"{title} is {_text(here)} here and {_text(home)} on the model's own test images"
        if difference.low is None or difference.high is None:
            return Remark(f"{sentence}; too few groups to tell whether that is chance.", "open", "loss")
        lost = sorted((abs(difference.low), abs(difference.high)))
        amount = f"{abs(difference.value):.3f} ({lost[0]:.3f} to {lost[1]:.3f})"
        confidence = percent(0.5 + self.here.confidence / 2, None)
        most = max(0.0, -_favourable(difference, metric)[0])
        if loss.verdict == "gain":
            sentence += f": a gain of {amount}."
        elif loss.verdict == "within margin":
            sentence += f": no loss beyond the margin of {margin}; more than {most:.3f} is ruled out ({confidence})."
        elif loss.verdict == "small loss":
            sentence += f": a small loss of {amount}, within the margin of {margin}."
        elif loss.verdict == "loss":
            sentence += f": a loss of {amount} {THIS_MODEL}."
        else:
            sentence += f": too few images to tell. A loss of up to {most:.3f} remains possible; {self._needed()}"
        return Remark(sentence, _KINDS[loss.verdict], "loss", loss.p)

    def _needed(self) -> str:
        needed, margin = self.loss.groups_needed, f"{self.margin:g}"
        if needed is None:
            return f"no number of images here rules out more than {margin}, for want of test images at home."
        if needed <= self.here.groups:
            return f"the difference is close to the margin of {margin}, which takes many more groups to tell."
        return f"if there is none, about {plural(needed, 'group')} would be needed to rule out more than {margin}."

    def classes_remark(self, names: tuple[str, ...]) -> Remark | None:
        """Name the classes that are shown to be recognised less often, most likely first; None where none is."""
        level = 1 - self.here.confidence
        worse = [
            (p, code)
            for code, (p, found) in enumerate(zip(self.recall_p, self.class_differences, strict=True))
            if p is not None and p <= level and (found["recall"].value or 0.0) < 0
        ]
        if not worse:
            return None
        named = ", ".join(
            f"{printable(names[code])} ({_apart(self.here.classes[code], self.home.classes[code])}, p {_p(p)})"
            for p, code in sorted(worse)
        )
        tested = sum(p is not None for p in self.recall_p)
        adjusted = f"; adjusted for {plural(tested, 'class', 'classes')}" if tested > 1 else ""
        return Remark(f"Recall is lower than at home for {named}{adjusted}.", "attention", "classes", min(worse)[0])


def compare_with_home(here: BootstrapFigures, home: BootstrapFigures, margin: float) -> HomeComparison:
    """Compare figures on images from elsewhere with those at home, whose uncertainty counts as well.

    Args:
        here, home: of the same classes, in the same order, with intervals of the same confidence, of images that share
            no group. Where they do share some, what these have in common makes the intervals of the differences too
            wide, never too narrow.
        margin: above 0, in the figure's own unit.
    """
    differences = {name: difference(name, here.overall[name], home.overall[name]) for name in home.overall}
    metric = next((name for name in JUDGED if differences[name].low is not None), JUDGED[0])
    p = {name: two_sided_p(found, _degrees(name, here, home), here.confidence) for name, found in differences.items()}
    others = [name for name in p if name != metric]
    p |= dict(zip(others, holm([p[name] for name in others]), strict=True))
    of_classes = tuple(
        {name: difference(name, found[name], own[name]) for name in own}
        for found, own in zip(here.classes, home.classes, strict=True)
    )
    recall_p = [
        two_sided_p(found["recall"], min(groups) - 1, here.confidence)
        for found, *groups in zip(of_classes, here.effective_with, home.effective_with, strict=True)
    ]
    loss = judge_loss(metric, here, home, differences[metric], margin)
    return HomeComparison(here, home, margin, differences, p, of_classes, tuple(holm(recall_p)), loss)


def difference(name: str, here: Interval, home: Interval) -> Interval:
    """Return here - home of independent figures, its limits from theirs (MOVER; Zou and Donner 2008).

    The calibration error gets no limits: what chance adds to it differs with the number of images.
    """
    if here.value is None or home.value is None:
        return Interval(None)
    value = here.value - home.value
    if name == "ece" or here.low is None or here.high is None or home.low is None or home.high is None:
        return Interval(value)
    below = math.hypot(here.value - here.low, home.high - home.value)
    above = math.hypot(here.high - here.value, home.value - home.low)
    return Interval(value, value - below, value + above)


def judge_loss(metric: str, here: BootstrapFigures, home: BootstrapFigures, found: Interval, margin: float) -> Loss:
    """Judge the loss in one figure by a margin.

    Args:
        metric: one of `metrics.ALL_METRICS`; the direction in which it is better is its own.
        found: its difference, here minus home.
        margin: above 0.
    """
    if found.value is None or found.low is None or found.high is None:
        return Loss(metric, "open", None, None, None)
    worst, best = _favourable(found, metric)
    degrees = _degrees(metric, here, home)
    verdict: LossVerdict
    if worst > 0:
        verdict = "gain"
    elif worst > -margin:
        verdict = "small loss" if best < 0 else "within margin"
    else:
        verdict = "loss" if best < 0 else "open"
    value = -found.value if metric in LOWER_IS_BETTER else found.value
    beyond = _one_sided(value + margin, value - worst, degrees, here.confidence)
    needed = _groups_needed(metric, here, home, margin) if verdict == "open" else None
    return Loss(metric, verdict, two_sided_p(found, degrees, here.confidence), beyond, needed)


def _degrees(metric: str, here: BootstrapFigures, home: BootstrapFigures) -> float:
    """Degrees of freedom of a difference: those of the set whose groups are worth fewer equal ones."""
    return min(here.effective[metric], home.effective[metric]) - 1


def _favourable(found: Interval, metric: str) -> tuple[float, float]:
    """The interval of a difference as that of a gain: its unfavourable and its favourable end."""
    assert found.low is not None
    assert found.high is not None
    return (-found.high, -found.low) if metric in LOWER_IS_BETTER else (found.low, found.high)


def two_sided_p(found: Interval, degrees: float, confidence: float) -> float | None:
    """Return the p-value of no difference that an interval implies: below 1 - confidence exactly where it has no 0.

    Farther out it follows Student's t with `degrees` degrees of freedom, the limit on the side of 0 being as many
    standard errors away as the confidence says.
    """
    if found.value is None or found.low is None or found.high is None:
        return None
    reach = found.value - found.low if found.value > 0 else found.high - found.value
    p = _one_sided(abs(found.value), reach, degrees, confidence)
    return None if p is None else min(1.0, 2 * p)


def _one_sided(distance: float, reach: float, degrees: float, confidence: float) -> float | None:
    """The chance of lying so far from a bound, where the interval's limit on its side is `reach` away."""
    if reach <= 0:
        return None
    degrees = max(1.0, degrees)
    return float(stdtr(degrees, -distance / reach * t_quantile(0.5 + confidence / 2, degrees)))


def _groups_needed(metric: str, here: BootstrapFigures, home: BootstrapFigures, margin: float) -> int | None:
    """Return roughly how many groups rule a loss beyond the margin out with a power of 80 % where there is none.

    The interval's width here shrinks with the root of the number of groups, that at home stays. None where the images
    at home alone leave more than the margin open.
    """
    down, up = here.overall[metric], home.overall[metric]
    assert down.value is not None
    assert up.value is not None
    if metric in LOWER_IS_BETTER:
        own, other = (down.high or 0.0) - down.value, up.value - (up.low or 0.0)
    else:
        own, other = down.value - (down.low or 0.0), (up.high or 0.0) - up.value
    quantile = t_quantile(0.5 + here.confidence / 2, math.inf)
    room = (margin * quantile / (quantile + t_quantile(_POWER, math.inf))) ** 2 - other**2
    if room <= 0:
        return None
    return _two_digits(here.groups * own**2 / room)


def _two_digits(count: float) -> int:
    """Round up to two digits: it is a rough number."""
    step: int = 10 ** max(0, math.floor(math.log10(max(count, 1.0))) - 1)
    return math.ceil(count / step) * step


def _text(figure: Interval) -> str:
    if figure.value is None:
        return "not defined"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _apart(here: Mapping[str, Interval], home: Mapping[str, Interval]) -> str:
    """Write a recall against another that it is shown to differ from, with the digits in which it does."""
    new, known = here["recall"].value, home["recall"].value
    digits = next((digits for digits in (2, 3) if number(new, digits) != number(known, digits)), 4)
    return f"{number(new, digits)} against {number(known, digits)}"


def _p(value: float) -> str:
    text = p_value(value)
    return text if text.startswith("<") else f"= {text}"
