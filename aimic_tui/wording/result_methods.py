"""How everything that Results shows is computed, section by section: said once, and not under each figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aimic_tui.engine.evaluation.estimand import TRAINED_NETWORKS_ONLY
from aimic_tui.engine.evaluation.metric_titles import CLASS_TITLES, TITLES
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.evaluation.subgroups import FEWEST_IMAGES, FEWEST_OTHERS
from aimic_tui.engine.evaluation.verdicts import LITTLE_POWER
from aimic_tui.engine.formatting.numbers import percent


def method_sections(results: RunResults) -> Iterator[tuple[str, str]]:
    """Yield (title, sentences) for each thing that Results shows."""
    level = percent(results.confidence, None)
    several = any(network.recipe for network in results.networks.values())
    yield "Intervals", f"{results.method}." + ("" if several else f" {TRAINED_NETWORKS_ONLY}")
    yield "Overall figures", _by_method(results.methods, TITLES)
    yield "Figures of classes", f"One class against the rest. {_by_method(results.class_methods, CLASS_TITLES)}"
    yield (
        "Differences",
        "On the same test images, paired: bootstrap over groups, the wider of BCa and what the networks' own intervals "
        "allow (MOVER). p by a paired randomisation test over groups; "
        "McNemar's test (mid-p) compares the shares of correct images. Recipes are compared where both networks have "
        "several seeds or repeats, with the spread over these (Student's t). All are adjusted for all pairs (Holm). "
        f"Equivalent: the whole interval lies within the margin. {LITTLE_POWER}",
    )
    yield (
        "Curves",
        f"{level} bands: bootstrap over groups, point by point. All folds pooled: their scores are ranked together. "
        "Within folds: the mean of each fold's own area. Where the pooled area is clearly smaller, the folds aren't "
        "calibrated alike.",
    )
    yield (
        "Calibration",
        "A temperature for each fold, fitted on its validation images, shrunk towards 1 and accepted only where "
        "held-out validation images gain. Calibration error: 15 bins of equal width; as samples overestimate it on "
        "average, its interval inverts a bootstrap test; “without chance” is an estimate without that part. Log loss "
        "and Brier score: bootstrap over groups, BCa. Thresholds for a maximum error rate: binomial tests in a fixed "
        "sequence, from the surest images on (Learn then Test), with an effective number of images, on the test images "
        "of all folds. Shares of images answered, and of errors among these, by the thresholds of the other folds: "
        "Wilson.",
    )
    yield (
        "Calibration of a class",
        "One class against the rest: slope and intercept of logistic recalibration (Cox; Van Calster et al.), limits "
        "by Student's t and the jackknife over groups. Curves: restricted cubic spline of three knots; bands hold over "
        f"the whole range with {level} confidence.",
    )
    yield (
        "Net benefit",
        "Decision curves (Vickers and Elkin): true positives minus false positives times the odds of the threshold, "
        f"per 100 images. Bands hold over the whole range of thresholds with {level} confidence (sup-t, jackknife over "
        "groups; shares by Korn and Graubard). Elsewhere the share of positive images may differ, and with it the "
        "benefit.",
    )
    yield (
        "Groups",
        "Groups of one population differ, so each is tested against the spread of the others: the chance of as many "
        "errors, averaged over what the others say of mean and spread (cross-validatory, after Marshall and "
        "Spiegelhalter 2003; beta-binomial, or a random intercept where that gives the larger chance), one-sided, "
        "adjusted for the number of groups (Holm). Limit: the lowest accuracy that the spread explains (a funnel limit "
        "that allows for spread, after Spiegelhalter 2005); worse is "
        f"below it. Accuracy: Wilson. Tested: from {FEWEST_IMAGES} images, with {FEWEST_OTHERS} other groups of "
        "several images.",
    )
    yield (
        "Costs",
        "◆ marks networks that no other one equals or beats in both the figure and the cost. Multiply-adds are the "
        "catalogue's; times are those that `aimic benchmark` measured in this workspace.",
    )
    yield (
        "Robustness",
        "Every fold's model classifies its own test images, disturbed by known amounts. Changes are paired: bootstrap "
        "over groups, the wider of BCa and MOVER.",
    )
    yield (
        "Review",
        "Possible label errors: confident learning (Northcutt et al.) on the mean answers of networks that were not "
        "trained on the image. Disagreement: Jensen-Shannon divergence of the answers, from 0 to 1. Similar images: "
        "what an audit of the data set measured, or else the probabilities.",
    )


def _by_method(methods: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """Write each method with the figures it is for: `Wilson: accuracy, PPV. Bootstrap: kappa.`"""
    figures: dict[str, list[str]] = {}
    for metric, title in titles.items():
        if metric in methods:
            figures.setdefault(methods[metric], []).append(title)
    return " ".join(f"{method[:1].upper()}{method[1:]}: {', '.join(names)}." for method, names in figures.items())
