"""What depends on the device, decided once for all folds of a run: batch size, number format, compiled or not.

The choices depend on the moment (free memory, a timing), so the first ones are stored: folds stay comparable, and a
trial that is killed before its first checkpoint starts again with the same ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

import torch
from torch import nn

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.files import write_json
from aimic_tui.engine.run_folder import TrialFolder
from aimic_tui.engine.training.compilation import TrainingPass, compiling_pays_off
from aimic_tui.engine.training.memory import automatic_batch_size
from aimic_tui.engine.training.precision import Format, Precision, choose_format
from aimic_tui.engine.training.task import TrialTask
from aimic_tui.engine.typed_values import MALFORMED, flag, one_of, whole

_LARGEST_BATCH = 1 << 16


@dataclass(frozen=True)
class DevicePlan:
    """How a network is trained on a kind of device.

    Attributes:
        batch_size: images a step.
        format: of the arithmetic.
        compiled: whether training passes are compiled.
    """

    batch_size: int
    format: Format
    compiled: bool = False

    @classmethod
    def from_dict(cls, value: Any) -> DevicePlan:
        """Read what `asdict` returned.

        Raises:
            ValueError: it is not a plan.
        """
        try:
            return cls(
                whole(value["batch_size"], 1, _LARGEST_BATCH),
                one_of(value["format"], get_args(Format)),
                flag(value.get("compiled", False)),
            )
        except MALFORMED as error:
            raise ValueError("not a plan") from error


def load_or_make_plan(file: Path, make: Callable[[], DevicePlan]) -> DevicePlan:
    """Return the plan in `file`; where there is none, make and store it. Of several made at once the first counts."""
    with suppress(OSError, ValueError):
        return DevicePlan.from_dict(read_json(file))
    plan = make()
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    write_json(draft, asdict(plan))
    try:
        os.link(draft, file)
    except FileExistsError:
        try:
            plan = DevicePlan.from_dict(read_json(file))
        except (OSError, ValueError):  # damaged, or a link that leads nowhere
            draft.replace(file)
    except OSError:  # a file system without links
        write_json(file, asdict(plan))
    finally:
        draft.unlink(missing_ok=True)
    return plan


def resolve_plan(task: TrialTask, network: nn.Module, image_size: int, device: torch.device) -> DevicePlan:
    """Decide what the settings leave open, once for all folds of the run.

    A trial with a checkpoint uses the plan in there.

    Args:
        network: on `device`; left as it was, in training mode.

    Raises:
        UsageProblem: the settings don't go together.
    """
    settings = task.experiment.training
    size, number_format = settings.batch_size, settings.precision
    compiling = task.experiment.compute.compile if task.experiment.model.trainable != "head" else "off"
    if size == 1 and any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
        raise UsageProblem(
            f"training.batch_size = 1 can't train {task.network}: its batch norms need at least 2 images a step.",
            key="training.batch_size",
        )
    if number_format == "fp16" and settings.optimizer == "lbfgs":
        raise UsageProblem(
            "training.precision = fp16 does not go with training.optimizer = lbfgs. Use bf16 or fp32.",
            key="training.precision",
        )

    def decide() -> DevicePlan:
        network.train()
        images = int((task.split.parts == Part.TRAIN).sum(axis=1).min())
        batch = automatic_batch_size(network, image_size, device, images) if size == "auto" else size
        steps = 0 if task.experiment.model.trainable == "head" else settings.epochs * images // batch
        fastest: Format = (
            choose_format(network, image_size, device, batch_size=batch, steps=steps)
            if number_format == "auto"
            else number_format
        )
        one_step = TrainingPass(network, batch, image_size, Precision(fastest, device), device)
        compiled = compiling == "auto" and compiling_pays_off(one_step, steps=steps)
        return DevicePlan(batch, fastest, compiled)

    open_to_compile = compiling == "auto" and device.type == "cuda"
    if size != "auto" and number_format != "auto" and not open_to_compile:
        plan = DevicePlan(size, number_format)
    else:
        plan = load_or_make_plan(TrialFolder(task.folder).plan_file(device.type), decide)
    return plan if compiling == "auto" else replace(plan, compiled=compiling == "on")
