"""What figures are worth, in words: how intervals are made, why there is none, what choosing the best does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aimic_tui.engine.evaluation.dominant_group import dominant_group
from aimic_tui.engine.evaluation.interval import Interval, NoInterval
from aimic_tui.engine.evaluation.run_results import (
    ClassFigures,
    LargestGroup,
    NetworkResults,
    RunResults,
    SelectedNetwork,
)
from aimic_tui.wording.results import choice_lines, class_methods, classes_without_intervals, interval_note

SOME = Interval(0.9, 0.8, 0.95)
BARE = Interval(0.9)
CLASS_FIGURES = ("recall", "specificity", "precision", "negative_predictive_value", "f1", "auroc", "average_precision")


def a_class(figure: Interval, **facts: float) -> ClassFigures:
    groups = dict.fromkeys(("groups", "groups_outside", "effective_groups", "effective_groups_outside"), 10)
    given = {"support": 20, "predicted": 20, **groups, **facts}
    return ClassFigures(dict.fromkeys(CLASS_FIGURES, figure), **given)


def a_network(groups: int = 30, missing: NoInterval | None = None, **classes: ClassFigures) -> NetworkResults:
    return NetworkResults(
        trials_done=1,
        trials_total=1,
        seeds=(0,),
        repeats=(1,),
        images=60,
        groups=groups,
        effective_groups=float(groups),
        largest_group=None,
        unclassified=0,
        pooled={"auroc": replace(BARE, missing=missing), "accuracy": SOME, "macro_f1": SOME},
        recipe={},
        folds=(),
        spread={},
        by_seed={},
        seed_spread={},
        by_repeat={},
        repeat_spread={},
        classes=classes,
        confusion=(),
    )


def a_run(*networks: str, selected: tuple[SelectedNetwork, ...] = (), inner_folds: int = 0) -> RunResults:
    return RunResults(
        run="run",
        state="finished",
        protocol="honest",
        optimistic=False,
        note="",
        method="",
        confidence=0.95,
        resamples=1000,
        complete=True,
        methods={},
        class_methods={},
        images=60,
        groups=30,
        classes=("a", "b"),
        repeats=1,
        inner_folds=inner_folds,
        networks={name: a_network() for name in networks},
        selected=selected,
        calibration={},
        pairs=(),
    )


def test_every_figure_of_a_class_has_its_method_named() -> None:
    said = class_methods(0.9)
    assert said.startswith(
        "90 % intervals: Wilson, effective number of images (sensitivity, specificity, PPV, NPV, F1)"
    )
    assert "bootstrap over groups, logit (AUROC)" in said
    assert "bootstrap over groups, BCa (average precision)" in said


def _certain(area: float) -> ClassFigures:
    found = a_class(SOME)
    return replace(found, figures={**found.figures, "auroc": Interval(area)})


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"blast": a_class(BARE, groups=3)}, "No interval for blast (3): its images come from too few groups; 5"),
        ({"blast": a_class(BARE, groups_outside=2)}, "No interval for blast (2): too few groups have images of other"),
        ({"blast": a_class(BARE, effective_groups=2.1)}, "No interval for blast (2.1): one group holds so many of its"),
        ({"blast": a_class(BARE, support=0)}, "No image of blast was tested."),
        ({"blast": _certain(1.0)}, "No interval for blast (AUROC): these images contain no error"),
        ({"blast": _certain(0.5)}, "No interval for blast (AUROC): all images have the same score"),
    ],
)
def test_a_class_without_an_interval_is_told_why(rows: dict[str, ClassFigures], said: str) -> None:
    found = classes_without_intervals(a_network(normal=a_class(SOME), **rows))
    assert len(found) == 1
    assert found[0].startswith(said)


def test_classes_with_intervals_need_no_words_and_too_few_groups_need_one_sentence() -> None:
    assert classes_without_intervals(a_network(normal=a_class(SOME))) == []
    assert classes_without_intervals(a_network(groups=7, a=a_class(BARE), b=a_class(BARE))) == [
        "No intervals: the images come from 7 groups; 10 are needed."
    ]


def test_an_overall_figure_without_an_interval_is_told_why() -> None:
    assert interval_note("accuracy", a_network(normal=a_class(SOME))) == ""
    few = a_network(normal=a_class(SOME), blast=a_class(SOME, groups=4), missing="few groups of a class")
    assert interval_note("auroc", few) == "none: blast has too few groups"
    one = a_network(groups=1, normal=a_class(SOME), missing="few groups")
    assert interval_note("auroc", one) == "none: 1 group; 10 are needed"
    unequal = a_class(SOME, effective_groups=1.4)
    of_class = a_network(normal=a_class(SOME), blast=unequal, missing="unequal groups of a class")
    assert interval_note("auroc", of_class) == "none: one group holds too much of blast"
    of_all = replace(a_network(normal=a_class(SOME), missing="unequal groups"), effective_groups=2.04)
    assert interval_note("auroc", of_all) == "none: 30 groups, so unequal that they count as 2.0; 3 are needed"
    ranked = a_network(normal=a_class(SOME))
    for value, said in (
        (1.0, "none: these images contain no error to estimate it from"),
        (0.5, "none: all images have the same score, so it can't vary"),
        (0.0, "none: it is the same whichever groups are drawn"),
    ):
        certain = replace(ranked, pooled={**ranked.pooled, "auroc": Interval(value, missing="nothing varies")})
        assert interval_note("auroc", certain) == said


def test_a_group_with_a_quarter_of_the_images_is_named() -> None:
    network = replace(a_network(), effective_groups=3.94)
    assert dominant_group(replace(network, largest_group=LargestGroup("slide 3", 0.24))) == ""
    assert dominant_group(replace(network, largest_group=LargestGroup("slide 3", 0.5))) == (
        "50 % of the test images are from one group, slide 3. For the intervals, the 30 groups count as 3.9 of equal "
        "size."
    )


def test_names_of_classes_are_printable() -> None:
    (said,) = classes_without_intervals(a_network(**{"evil\x1b[31m": a_class(BARE, groups=1)}))
    assert "\x1b" not in said


def test_the_best_of_several_looks_too_good_and_nested_folds_are_offered_until_they_are_there() -> None:
    assert choice_lines(a_run("a"), "macro_f1") == []
    two = a_run("a", "b")
    (line,) = choice_lines(two, "macro_f1")
    assert line.startswith("The best of 2 networks owes part of its lead to chance, as these images picked it")
    assert "split.inner_folds = 3" in line
    assert "honest protocol" in choice_lines(replace(two, optimistic=True), "macro_f1")[0]
    selected = SelectedNetwork("inner folds", "macro_f1", (), {}, a_network())
    lines = choice_lines(a_run("a", "b", selected=(selected,), inner_folds=3), "macro_f1")
    assert "split.inner_folds" not in lines[0]
    assert lines[1] == "Selected in each fold by its inner folds: macro F1 0.900 [.800 .950], without that bias."
