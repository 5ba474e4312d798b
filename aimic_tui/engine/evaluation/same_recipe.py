"""Networks of several runs that were trained by the same recipe: what differs between them is training variability."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aimic_tui.engine.evaluation.metrics import Floats

_NOT_OF_A_RECIPE = ("name", "seed", "compute", "evaluation")


@dataclass(frozen=True)
class SameRecipe:
    """Networks that differ in nothing but the random numbers of their training.

    Attributes:
        networks: their names in the comparison.
        trainings: sets of predictions, one a seed and repeat, of all of them.
        sd: of the figure over those (n - 1); None where it is not defined.
    """

    networks: tuple[str, ...]
    trainings: int
    sd: float | None


def recipe_of(experiment: Mapping[str, Any], network: str) -> str:
    """Return what decides how a network was trained, but for the seed: equal texts are the same recipe.

    Which other networks and how many seeds the run has is no part of it, nor where it was computed. Of the split only
    the protocol counts: that the folds are the same is for the caller to see to.

    Args:
        experiment: the tables of experiment.toml; settings that it doesn't name have their defaults.
        network: the network's name in the run.
    """
    from aimic_tui.engine.experiment import Experiment  # brings pydantic along

    settings = Experiment.from_mapping(experiment).to_mapping()
    for key in _NOT_OF_A_RECIPE:
        settings.pop(key)
    settings["training"].pop("seeds")
    settings["data"].pop("path")
    settings["data"].pop("marks")
    settings["split"] = settings["split"]["protocol"]
    settings["model"]["networks"] = network
    return json.dumps(settings, sort_keys=True)


def same_recipes(recipes: Mapping[str, str], by_set: Mapping[str, Floats]) -> list[SameRecipe]:
    """Return each recipe that several networks were trained by.

    Args:
        recipes: network -> what `recipe_of` returned for it.
        by_set: network -> float [sets], its figure by each seed and repeat.
    """
    found: dict[str, list[str]] = {}
    for network, recipe in recipes.items():
        found.setdefault(recipe, []).append(network)
    return [_same_recipe(networks, by_set) for networks in found.values() if len(networks) > 1]


def _same_recipe(networks: Sequence[str], by_set: Mapping[str, Floats]) -> SameRecipe:
    values = np.concatenate([by_set[network] for network in networks])
    known = not np.isnan(values).any()
    return SameRecipe(tuple(networks), len(values), float(values.std(ddof=1)) if known else None)
