"""What a run's networks cost: parameters, weights, multiply-adds, and times where they were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.evaluation.pareto import Cost, worth_noting
from aimic_tui.engine.inference.timings import NetworkTiming
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.model_folder import WEIGHTS_FILE
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.follow.snapshot import RunSnapshot


def network_costs(
    folder: RunFolder,
    snapshot: RunSnapshot,
    networks: Sequence[str],
    timings: Mapping[str, Mapping[str, NetworkTiming]],
) -> list[Cost]:
    """Return what a run's networks cost: each kind of cost that is known of at least two of them.

    Parameters and the size of the weights are of the trained models; multiply-adds are the catalogue's, at the size
    that a network was made for; times are what `aimic benchmark` measured in the same workspace.

    Args:
        folder: the run.
        snapshot: of it.
        networks: its tested networks.
        timings: device -> network -> what was measured.
    """
    parameters: dict[str, float] = {}
    weights: dict[str, float] = {}
    operations: dict[str, float] = {}
    for name in networks:
        started = next((trial.start for trial in snapshot.trials if trial.key.network == name and trial.start), None)
        if started is not None and started.parameters:
            parameters[name] = started.parameters / 1e6
        models = [trial.model_folder for trial in folder.trials() if trial.key.network == name]
        files = [model / WEIGHTS_FILE for model in models if (model / WEIGHTS_FILE).is_file()]
        if files:
            weights[name] = files[0].stat().st_size / 1e6
        try:
            info = find_network(name)
        except UsageProblem:
            continue
        operations[name] = info.gmacs
        parameters.setdefault(name, info.parameters / 1e6)
    costs = [
        Cost("parameters, millions", "of the trained networks", parameters),
        Cost("weights, MB", "the files of the trained models", weights),
        Cost(
            "multiply-adds, thousand millions", "the catalogue's, of one image at the size it was made for", operations
        ),
    ]
    for device, measurements in timings.items():
        known = [measurements[name] for name in networks if name in measurements]
        if not known:
            continue
        measured = f"measured by `aimic benchmark` on {device}, median of {min(len(one.one) for one in known)}"
        costs += [
            Cost(
                f"seconds for one image, {device}",
                f"{measured}, from a file to its class, the network loaded before",
                {one.network: one.seconds_1 for one in known},
                timed=True,
            ),
            Cost(
                f"seconds for 100 images, {device}",
                f"{measured}, from files to classes",
                {one.network: one.seconds_100 for one in known},
                timed=True,
            ),
        ]
    return worth_noting(dict.fromkeys(networks, 1.0), costs)
