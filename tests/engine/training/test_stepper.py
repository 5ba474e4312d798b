"""One optimisation step, whole or in parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.training.memory import RankOutOfMemory
from aimic_tui.engine.training.mixup import Mix
from aimic_tui.engine.training.objective import Objective, class_weights
from aimic_tui.engine.training.parallel import SINGLE_RANK, Ranks
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.stepper import Stepper

CPU = torch.device("cpu")
LABELS = torch.tensor([0, 0, 0, 0, 0, 1, 1, 2])


class LinearPipeline:
    """A network without batch norm, for a memory that holds only so many images."""

    def __init__(self, holds: int = 100) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(5, 3)
        self.holds = holds

    def statistics(self) -> list[Tensor]:
        return []

    def outputs(self, inputs: Tensor) -> list[tuple[float, Tensor]]:
        if len(inputs) > self.holds:
            raise torch.OutOfMemoryError("out of memory")
        logits = self.network(inputs)
        return [(1.0, logits), (0.4, logits * 0.5)]


def stepper_for(
    pipeline: LinearPipeline,
    warnings: list[str],
    micro_batch_size: int = 8,
    clip: float = 0.0,
    ranks: Ranks = SINGLE_RANK,
) -> Stepper:
    weights = class_weights(LABELS.numpy().astype(np.int32), 3, "weighted-loss")
    return Stepper(
        pipeline,  # type: ignore[arg-type]
        torch.optim.SGD(pipeline.network.parameters(), lr=0.1),
        Objective(weights, 0.1, CPU),
        Precision("fp32", CPU),
        gradient_clip=clip,
        micro_batch_size=micro_batch_size,
        warn=warnings.append,
        ranks=ranks,
    )


def inputs() -> Tensor:
    return torch.randn(8, 5, generator=torch.Generator().manual_seed(1))


def test_a_batch_in_parts_gives_the_same_step_as_a_whole_one() -> None:
    whole, parts = LinearPipeline(), LinearPipeline()
    one = stepper_for(whole, []).step(inputs(), LABELS, seed=1)
    other = stepper_for(parts, [], micro_batch_size=3).step(inputs(), LABELS, seed=1)
    torch.testing.assert_close(whole.network.weight, parts.network.weight)
    torch.testing.assert_close(one.loss_sum, other.loss_sum)
    assert int(one.correct) == int(other.correct)


def test_out_of_memory_halves_the_parts_says_so_and_goes_on_with_the_same_step() -> None:
    warnings: list[str] = []
    plenty, little = LinearPipeline(), LinearPipeline(holds=3)
    stepper_for(plenty, []).step(inputs(), LABELS, seed=1)
    stepper = stepper_for(little, warnings)
    stepper.step(inputs(), LABELS, seed=1)
    assert stepper.micro_batch_size == 2
    assert len(warnings) == 2 and "8 images at once" in warnings[0] and "batches of 8" in warnings[0]
    torch.testing.assert_close(plenty.network.weight, little.network.weight)
    stepper.step(inputs(), LABELS, seed=2)
    assert len(warnings) == 2


def test_memory_for_less_than_two_images_is_a_sentence() -> None:
    with pytest.raises(AimicError, match="doesn't hold 2 images"):
        stepper_for(LinearPipeline(holds=1), []).step(inputs(), LABELS, seed=1)


def test_a_device_that_trains_with_others_leaves_word_of_the_parts_that_it_can_go_on_with() -> None:
    with pytest.raises(
        RankOutOfMemory, match=r"ran out with 4 images at once.*2 at once on each device.*of 8 as"
    ) as short:
        stepper_for(LinearPipeline(holds=3), [], ranks=Ranks(0, 2)).step(inputs(), LABELS, seed=1)
    assert short.value.micro_batch_size == 2
    with pytest.raises(AimicError, match="doesn't hold 2 images") as nothing:
        stepper_for(LinearPipeline(holds=1), [], micro_batch_size=2, ranks=Ranks(0, 2)).step(inputs(), LABELS, seed=1)
    assert not isinstance(nothing.value, RankOutOfMemory)


def test_other_errors_are_not_mistaken_for_a_lack_of_memory() -> None:
    pipeline = LinearPipeline()
    pipeline.network = nn.Linear(4, 3)
    with pytest.raises(RuntimeError, match="shapes"):
        stepper_for(pipeline, []).step(inputs(), LABELS, seed=1)


def test_the_gradient_is_clipped() -> None:
    pipeline = LinearPipeline()
    before = pipeline.network.weight.detach().clone()
    stepper_for(pipeline, [], clip=1e-3).step(inputs() * 100, LABELS, seed=1)
    assert 0 < (pipeline.network.weight - before).norm() <= 1e-4 * 1.001


def test_class_weights_make_classes_count_alike() -> None:
    labels = np.array([0] * 6 + [1] * 2, dtype=np.int32)
    weights = class_weights(labels, 3, "weighted-loss")
    assert weights.tolist() == pytest.approx([8 / 12, 2.0, 0.0])
    assert weights[labels].mean() == pytest.approx(1.0)
    assert class_weights(labels, 3, "none").tolist() == [1, 1, 1]


def test_the_objective_is_torchs_cross_entropy() -> None:
    logits = inputs()[:, :3]
    objective = Objective(np.ones(3), 0.2, CPU)
    expected = nn.functional.cross_entropy(logits, LABELS, label_smoothing=0.2, reduction="sum")
    torch.testing.assert_close(objective.loss_sum(logits, LABELS), expected)


class NormedPipeline(LinearPipeline):
    """A network with a batch norm before the layer that the memory is too small for."""

    def __init__(self, holds: int = 100) -> None:
        super().__init__(holds)
        self.norm = nn.BatchNorm1d(5)

    def statistics(self) -> list[Tensor]:
        return [self.norm.running_mean, self.norm.running_var]  # type: ignore[list-item]

    def outputs(self, inputs: Tensor) -> list[tuple[float, Tensor]]:
        return super().outputs(self.norm(inputs))


def test_a_pass_that_ran_out_of_memory_leaves_nothing_in_the_norms() -> None:
    """The first layers had seen the batch when the memory ran out: done again it is the step of smaller parts."""
    failing, small = NormedPipeline(holds=4), NormedPipeline()
    warnings: list[str] = []
    stepper_for(failing, warnings).step(inputs(), LABELS, seed=1)
    stepper_for(small, [], micro_batch_size=4).step(inputs(), LABELS, seed=1)
    assert "batch norms see 4 at a time" in warnings[0]
    for one, other in zip(failing.statistics(), small.statistics(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(failing.network.weight, small.network.weight)


def test_no_part_is_a_single_image() -> None:
    class Counting(LinearPipeline):
        def outputs(self, inputs: Tensor) -> list[tuple[float, Tensor]]:
            sizes.append(len(inputs))
            return super().outputs(inputs)

    for count in range(2, 9):
        sizes: list[int] = []
        stepper_for(Counting(), [], micro_batch_size=2).step(inputs()[:count], LABELS[:count], seed=1)
        assert min(sizes) >= 2 and sum(sizes) == count and max(sizes) <= 3


def test_a_mixed_batch_in_parts_gives_the_same_step_as_a_whole_one() -> None:
    whole, parts = LinearPipeline(), LinearPipeline()
    mix = Mix(LABELS.flip(0), 0.8)
    one = stepper_for(whole, []).step(inputs(), LABELS, 1, mix)
    other = stepper_for(parts, [], micro_batch_size=3).step(inputs(), LABELS, 1, mix)
    torch.testing.assert_close(whole.network.weight, parts.network.weight)
    torch.testing.assert_close(one.loss_sum, other.loss_sum)
    torch.testing.assert_close(one.weight, other.weight)
