"""Training images, varied."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import Tensor

from aimic_tui.engine.experiment import AugmentationSettings
from aimic_tui.engine.training.augmentation import Augmentation, normalised
from aimic_tui.engine.training.augmentation_ranges import PRESETS, Ranges, ranges_of

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def make(ranges: Ranges | None, seed: int = 0) -> Augmentation:
    return Augmentation(ranges, seed=seed, mean=MEAN, std=STD)


def photographs(count: int, side: int = 24) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("preset", PRESETS)
def test_an_images_variation_is_the_same_bits_in_any_batch_and_with_any_number_of_threads(preset: str) -> None:
    augment = make(PRESETS[preset])
    images, samples = photographs(9, 33), np.array([5, 3, 8, 1, 0, 100, 77, 6, 2])
    together = augment(images, samples, epoch=4)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        for place in range(9):
            alone = augment(images[place : place + 1], samples[place : place + 1], epoch=4)
            assert torch.equal(alone[0], together[place])
        order = torch.arange(8, -1, -1)
        assert torch.equal(augment(images[order], samples[order.numpy()], 4)[order], together)
    finally:
        torch.set_num_threads(threads)


def test_without_augmentation_images_are_normalised_only() -> None:
    images = photographs(3)
    result = make(None)(images, np.arange(3), 1)
    by_hand = (images.float() / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(result, by_hand)
    assert result.is_contiguous(memory_format=torch.channels_last)


def test_flips_show_all_eight_symmetries_and_nothing_else() -> None:
    image = photographs(1, 8)
    results = make(PRESETS["flips"])(image.expand(64, -1, -1, -1), np.arange(64), 1)
    symmetries = [
        normalised(turned.rot90(quarter, (2, 3)), MEAN, STD)
        for turned in (image, image.flip(3))
        for quarter in range(4)
    ]
    found = [[torch.allclose(result, one[0], atol=1e-5) for one in symmetries].index(True) for result in results]
    assert set(found) == set(range(8))


def test_an_epoch_shows_another_variation_than_the_one_before() -> None:
    images, samples = photographs(4), np.arange(4)
    augment = make(PRESETS["cells"])
    first, second = augment(images, samples, 1), augment(images, samples, 2)
    assert all(not torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert torch.equal(first, make(PRESETS["cells"])(images, samples, 1))


def test_geometry_with_a_dihedral_draw_agrees_with_the_exact_one() -> None:
    """Both roads, grid sampling and exact turning, take the same draw to the same symmetry."""
    images, samples = photographs(32, 16), np.arange(32)
    exact = make(Ranges(dihedral=True))(images, samples, 1)
    sampled = make(Ranges(dihedral=True, shift=1e-9))(images, samples, 1)
    torch.testing.assert_close(sampled, exact, atol=1e-3, rtol=0)


def test_small_shifts_move_the_image_by_no_more_than_said() -> None:
    spot = torch.zeros(1, 3, 65, 65, dtype=torch.uint8)
    spot[:, :, 32, 32] = 255
    results = make(Ranges(dihedral=False, shift=0.1))(spot.expand(200, -1, -1, -1), np.arange(200), 1)
    brightness = results[:, 0] - results[:, 0].amin(dim=(1, 2), keepdim=True)
    weights = brightness / brightness.sum(dim=(1, 2), keepdim=True)
    rows = (weights.sum(dim=2) * torch.arange(65)).sum(dim=1) - 32
    assert rows.abs().max() <= 6.5 + 0.05
    assert rows.min() < -4 and rows.max() > 4


def test_light_and_colour_are_what_the_folded_map_says() -> None:
    grey = torch.full((50, 3, 4, 4), 100, dtype=torch.uint8)
    brightness_only = make(Ranges(dihedral=False, brightness=0.2))(grey, np.arange(50), 1)
    values = (brightness_only[:, 0, 0, 0] * STD[0] + MEAN[0]) * 255
    assert 80 - 0.1 <= values.min() < 90 and 110 < values.max() <= 120 + 0.1
    # A grey image has no contrast and no saturation to change.
    rest = make(Ranges(dihedral=False, contrast=0.5, saturation=0.5))(grey, np.arange(50), 1)
    torch.testing.assert_close(rest, normalised(grey, MEAN, STD), atol=1e-4, rtol=1e-4)


def test_stain_variation_leaves_white_background_nearly_white_and_changes_stained_tissue() -> None:
    white = torch.full((40, 3, 4, 4), 255, dtype=torch.uint8)
    purple = torch.tensor([110, 60, 150], dtype=torch.uint8)[None, :, None, None].expand(40, 3, 4, 4)
    augment = make(Ranges(dihedral=False, stain=0.2))

    def values(images: Tensor) -> Tensor:
        result = augment(images, np.arange(40), 1)
        return (result * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]) * 255

    assert (values(white) - 255).abs().max() < 12
    change = (values(purple) - purple).abs().amax(dim=(1, 2, 3))
    assert change.median() > 4


def test_no_stain_change_gives_the_image_back() -> None:
    images = photographs(2)
    result = make(Ranges(dihedral=False, stain=1e-12))(images, np.arange(2), 1)
    torch.testing.assert_close(result, normalised(images, MEAN, STD), atol=2e-3, rtol=0)


def test_blur_takes_detail_from_its_share_of_the_images_and_no_light() -> None:
    images = photographs(1, 225).expand(200, -1, -1, -1)[:, :, :96, :96]
    images = F.interpolate(images.float(), 225).to(torch.uint8)[:60]
    plain = make(Ranges(dihedral=False))(images, np.arange(60), 1)
    blurred = make(Ranges(dihedral=False, blur=0.5))(images, np.arange(60), 1)
    changed = np.array([not torch.equal(one, other) for one, other in zip(plain, blurred, strict=True)])
    assert 15 < changed.sum() < 45
    detail = [float(result[changed].diff(dim=3).abs().mean()) for result in (plain, blurred)]
    assert detail[1] < 0.8 * detail[0]
    inner = [result[changed][:, :, 20:-20, 20:-20].mean() for result in (plain, blurred)]
    assert float((inner[0] - inner[1]).abs()) < 0.01


def test_noise_of_its_strength_is_on_its_share_of_the_images() -> None:
    images = torch.full((80, 3, 64, 64), 128, dtype=torch.uint8)
    noisy = make(Ranges(dihedral=False, noise=0.5))
    result = noisy(images, np.arange(80), 1)
    grey = (result * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]) * 255
    deviations = grey.std(dim=(1, 2, 3))
    touched = deviations > 0.5
    assert 25 < int(touched.sum()) < 55
    assert float(deviations[touched].min()) > 1.4 and 6.5 < float(deviations.max()) < 8.3
    assert float(grey[touched].mean()) == pytest.approx(128, abs=0.2)
    patterns = (grey[touched] - grey[touched].mean(dim=(1, 2, 3), keepdim=True)) / deviations[touched, None, None, None]
    alike = torch.corrcoef(patterns.flatten(1)) - torch.eye(len(patterns))
    assert float(alike.abs().max()) < 0.2, "no two images share their noise"
    torch.testing.assert_close(noisy(images[7:9], np.arange(7, 9), 1), result[7:9], rtol=0, atol=0)


def test_stains_vary_by_the_law_of_beer_and_lambert() -> None:
    """An image of one stain alone, whatever its amount, stays on that stain's line in optical density."""
    haematoxylin = np.array([0.65, 0.70, 0.29])
    values = 256 * np.exp(-np.array([0.3, 0.8])[:, None] * haematoxylin) - 1
    images = torch.from_numpy(values.round().astype(np.uint8))[:, :, None, None].expand(2, 3, 4, 4)
    found = []
    for sample in range(40):
        result = make(Ranges(dihedral=False, stain=0.3))(images, np.array([sample, sample]), 1)[:, :, 0, 0]
        light = (result * torch.tensor(STD) + torch.tensor(MEAN)) * 255
        found.append(-np.log((light.numpy() + 1) / 256))
    # Both amounts are changed by the same draw: the difference of the two densities has no added density in it.
    steps = np.array([two - one for one, two in found])
    along = steps @ haematoxylin / np.linalg.norm(haematoxylin)
    assert np.abs(along[:, None] * haematoxylin / np.linalg.norm(haematoxylin) - steps).max() < 0.03
    amounts = along / (0.5 * np.linalg.norm(haematoxylin))
    assert 0.68 < amounts.min() < 0.85 and 1.15 < amounts.max() < 1.32


def test_blur_and_noise_are_the_presets_unless_a_share_is_set() -> None:
    assert ranges_of(AugmentationSettings(preset="strong")) == PRESETS["strong"]
    assert ranges_of(AugmentationSettings(preset="none")) is None
    assert ranges_of(AugmentationSettings(preset="none", blur=0.3)) == Ranges(dihedral=False, blur=0.3)
    assert ranges_of(AugmentationSettings(preset="none", noise=0.3)) == Ranges(dihedral=False, noise=0.3)
    assert ranges_of(AugmentationSettings(preset="none", blur=0, noise=0)) is None
    strong = ranges_of(AugmentationSettings(preset="strong", blur=0))
    assert strong is not None and strong.blur == 0 and strong.stain == 0.2
