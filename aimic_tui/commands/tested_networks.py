"""The networks of a run that have figures, for the options that print something of each or of one (`--network`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.names import find_name
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable

if TYPE_CHECKING:
    from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions


def tested_networks(folder: RunFolder, name: str | None) -> tuple[RunPredictions, list[NetworkPredictions]]:
    """Return a run's predictions and its networks, all or the one of that name.

    Raises:
        InputProblem: no such network is tested, or its predictions can't be read.
    """
    from aimic_tui.engine.evaluation.run_predictions import read_run_predictions

    run = read_run_predictions(folder.path)
    wanted = None if name is None else find_name(name, [network.name for network in run.networks])
    networks = [network for network in run.networks if name is None or network.name == wanted]
    if not networks:
        named = printable(", ".join(network.name for network in run.networks))
        which = "No network" if name is None else f"No network {printable(name)}"
        raise InputProblem(f"{which} of {printable(folder.name)} is tested yet. Tested: {named or 'none'}.")
    return run, networks
