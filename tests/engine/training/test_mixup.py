"""Images mixed with others, and what the loss makes of their labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from aimic_tui.engine.training.mixup import BatchMixer, Mix
from aimic_tui.engine.training.objective import Objective, class_weights

CPU = torch.device("cpu")
LABELS = torch.arange(8) % 3


def images(count: int = 8, side: int = 32) -> Tensor:
    """Images of one value each, so that what they were mixed of can be read off."""
    return torch.arange(count).float()[:, None, None, None].expand(-1, 3, side, side).clone()


def mixed(mixing: BatchMixer, epoch: int = 1, step: int = 1) -> tuple[Tensor, Mix]:
    result, mix = mixing(images(), LABELS, epoch, step)
    assert mix is not None
    return result, mix


def test_without_a_setting_or_a_partner_nothing_is_mixed() -> None:
    assert BatchMixer(0, 0, seed=0)(images(), LABELS, 1, 1)[1] is None
    assert BatchMixer(1, 1, seed=0)(images(1), LABELS[:1], 1, 1)[1] is None


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.3, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_a_batch_is_mixed_by_seed_epoch_and_step_alone(mixup: float, cutmix: float) -> None:
    mixing = BatchMixer(mixup, cutmix, seed=3)
    one, first = mixed(mixing, 2, 5)
    mixed(mixing, 2, 6)
    other, second = mixed(BatchMixer(mixup, cutmix, seed=3), 2, 5)
    assert torch.equal(one, other) and torch.equal(first.others, second.others) and first.share == second.share
    for different in (mixed(mixing, 2, 6), mixed(mixing, 3, 5), mixed(BatchMixer(mixup, cutmix, seed=4), 2, 5)):
        assert different[1].share != first.share


def test_mixup_blends_by_the_share_and_keeps_the_larger_part() -> None:
    shares = []
    for step in range(300):
        result, mix = mixed(BatchMixer(0.4, 0, seed=0), 1, step)
        shares.append(mix.share)
        values = result[:, 0, 0, 0]
        partners = ((values - mix.share * torch.arange(8)) / (1 - mix.share)).round().long()
        assert sorted(partners.tolist()) == list(range(8)) or mix.share > 0.9999
        if mix.share < 0.99:
            assert torch.equal(LABELS[partners], mix.others)
    assert 0.5 <= min(shares) < 0.55 and max(shares) > 0.99


def test_cutmix_pastes_a_box_and_the_share_is_its_true_area() -> None:
    areas = []
    for step in range(200):
        result, mix = mixed(BatchMixer(0, 1.0, seed=0), 1, step)
        own = (result == images()).all(dim=1).float().mean(dim=(1, 2))
        moved = own < 1  # an image may be its own partner
        if moved.any():
            torch.testing.assert_close(own[moved], torch.full_like(own[moved], mix.share))
        areas.append(1 - mix.share)
    assert max(areas) <= 0.52 and np.mean(areas) > 0.08


def test_where_both_are_set_each_batch_is_one_of_them() -> None:
    kinds = set()
    for step in range(40):
        result, mix = mixed(BatchMixer(1.0, 1.0, seed=0), 1, step)
        if mix.share < 0.95:
            kinds.add("cut" if (result == result.round()).all() else "blend")
    assert kinds == {"cut", "blend"}


def test_the_loss_of_a_mix_is_that_of_soft_labels() -> None:
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    mix = Mix(LABELS.flip(0), 0.7)
    soft = 0.7 * functional.one_hot(LABELS, 3).float() + 0.3 * functional.one_hot(LABELS.flip(0), 3).float()
    plain = Objective(np.ones(3), 0.1, CPU)
    expected = functional.cross_entropy(logits, soft, reduction="sum", label_smoothing=0.1)
    torch.testing.assert_close(plain.loss_sum(logits, LABELS, mix), expected)
    weights = class_weights(LABELS.numpy().astype(np.int32), 3, "weighted-loss")
    weighted = Objective(weights, 0.0, CPU)
    expected = functional.cross_entropy(logits, soft, reduction="sum", weight=torch.tensor(weights).float())
    torch.testing.assert_close(weighted.loss_sum(logits, LABELS, mix), expected)
    by_hand = sum(0.7 * weights[a] + 0.3 * weights[b] for a, b in zip(LABELS, LABELS.flip(0), strict=True))
    assert float(weighted.weights(LABELS, mix).sum()) == pytest.approx(by_hand)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_focal_loss_follows_its_formula(smoothing: float) -> None:
    logits = 3 * torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    weights = np.array([0.5, 1.0, 2.5])
    found = Objective(weights, smoothing, CPU, gamma=2.0).loss_sum(logits, LABELS)
    expected = 0.0
    for row, label in zip(logits.double().softmax(dim=1).tolist(), LABELS.tolist(), strict=True):
        targets = [smoothing / 3 + (1 - smoothing) * (code == label) for code in range(3)]
        loss = sum(-q * (1 - p) ** 2 * np.log(p) for q, p in zip(targets, row, strict=True))
        expected += weights[label] * loss
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_focal_loss_has_gradients_for_images_that_it_is_sure_of() -> None:
    for gamma in (0.5, 1.0, 5.0):
        logits = torch.tensor([[200.0, 0.0, -200.0], [0.0, 50.0, 0.0]], requires_grad=True)
        Objective(np.ones(3), 0.1, CPU, gamma=gamma).loss_sum(logits, torch.tensor([0, 0])).backward()
        assert logits.grad is not None and logits.grad.isfinite().all()


def test_focal_loss_without_gamma_is_cross_entropy() -> None:
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(2))
    plain, focal = (Objective(np.ones(3), 0.1, CPU, gamma=gamma).loss_sum(logits, LABELS) for gamma in (0.0, 1e-9))
    torch.testing.assert_close(plain, focal)
