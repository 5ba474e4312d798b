"""What the figures of two networks show, and how it is said.

With a single training of either network, a difference is one between these trained networks: training anew may turn it
round, so none of them is called better. With several trainings of both, the recipes are compared, and one is better
where their difference is shown. What is not shown to differ is not thereby equal: that takes the whole interval within
the margin.
"""

from __future__ import annotations

from dataclasses import dataclass

from aimic_tui.engine.evaluation.estimand import Estimand

ANOTHER_TRAINING = (
    "With one training of a network, a difference is one between these trained networks: another training may turn it "
    "round. Train each with three seeds (training.seeds = 3) to compare recipes."
)
LITTLE_POWER = (
    "The corrected resampled t-test (Nadeau and Bengio 2003) asks from the folds alone whether newly trained networks "
    "would differ. It has little power (in a simulation it found 9 % of differences where the randomisation test found "
    "47 %): a large p of it says nothing, and no verdict rests on it."
)


@dataclass(frozen=True)
class Shown:
    """What the tests of a pair show, each adjusted for all pairs.

    Attributes:
        estimand: what the strongest statement that the predictions allow is about.
        same_recipe: both were trained by the same recipe, with other seeds.
        ahead: which one does better on these images, where these trained networks are shown to differ.
        better: which recipe is shown to be better, by both tests; always None with a single training of either.
        equivalent: whether the whole interval of the estimand lies within the margin; None without an interval.
        defined: whether both have the figure.
    """

    estimand: Estimand
    same_recipe: bool
    ahead: str | None
    better: str | None
    equivalent: bool | None
    defined: bool = True


def verdict(shown: Shown) -> str:
    """Say what the tests of a pair show, in a few words."""
    if not shown.defined:
        return "not defined"
    differ = f"these trained networks differ, {shown.ahead} is ahead" if shown.ahead is not None else ""
    if shown.same_recipe:
        return f"{differ or 'not shown to differ'}; the same recipe with different seeds"
    if shown.better is not None:
        return f"{shown.better} is better (recipe)" + (", by less than the margin" if shown.equivalent else "")
    about = "recipes" if shown.estimand == "recipe" else "these trained networks"
    if shown.equivalent:
        within = f"equivalent within the margin ({about})"
        return f"{differ}; {within}" if differ else within
    if shown.estimand == "recipe":
        return "not shown to differ as recipes" + (f"; {differ}" if differ else _or_equivalent(shown))
    return differ or f"not shown to differ{_or_equivalent(shown)}"


def _or_equivalent(shown: Shown) -> str:
    return "" if shown.equivalent is None else ", nor to be equivalent"
