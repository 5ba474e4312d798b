"""An experiment with its names resolved: what depends on where we are, and every check that opens no image."""

from __future__ import annotations

from aimic_tui.engine.data.reading.input_rule import rule_from_settings
from aimic_tui.engine.data.splitting.make_split import require_compatible
from aimic_tui.engine.errors import UsageProblem, about
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.machine.devices import find_slots
from aimic_tui.engine.machine.limits import require_limits
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.runs.prepare.pretraining import named_weights
from aimic_tui.engine.text import one_line
from aimic_tui.engine.user_folders import expanded
from aimic_tui.engine.workspace_folder import Workspace


def resolve_experiment(experiment: Experiment, workspace: Workspace) -> Experiment:
    """Return the experiment with absolute paths, the catalogue's names of its networks, and a name of its own.

    Args:
        experiment: a relative `data.path` is relative to the current folder.
        workspace: whose runs `model.weights` may name.

    Raises:
        UsageProblem: a setting makes no sense (an unknown network, a size that a network can't take, a device).
        InputProblem: there is no such GPU, no such run, or too little is allowed here for the workers.
    """
    if not experiment.data.path:
        raise UsageProblem(
            "data.path is empty. Name a folder with one subfolder per class, or a manifest (.csv).", key="data.path"
        )
    require_compatible(experiment.split)
    with about("model.networks"):
        infos = {info.name: info for info in map(find_network, experiment.model.networks)}
    if experiment.model.image_size != "auto":
        for info in infos.values():
            info.check_size(experiment.model.image_size)
    rule_from_settings(experiment.data)
    compute = experiment.compute
    require_limits(find_slots(compute.devices, compute.workers, compute.threads, compute.ranks))
    data = expanded(experiment.data.path).absolute()
    marks = experiment.data.marks
    if marks not in ("auto", "none", ""):
        marks = str(expanded(marks).absolute())
    return experiment.with_values(
        {
            "name": experiment.name or one_line(data.stem if data.is_file() else data.resolve().name, 80),
            "data.path": str(data),
            "data.marks": marks,
            "model.networks": list(infos),
            "training.seeds": experiment.with_values({"model.networks": list(infos)}).seeds,
            "model.weights": named_weights(experiment.model.weights, workspace),
        }
    )
