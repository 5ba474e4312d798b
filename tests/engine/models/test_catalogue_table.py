"""The table in the package against the libraries that are installed."""

from __future__ import annotations

from importlib import resources
from importlib.metadata import version

import pytest

from aimic_tui.engine.models import catalogue_table
from aimic_tui.engine.models.catalogue import TABLE, all_networks, find_network


def same_versions() -> bool:
    text = resources.files("aimic_tui.engine.models").joinpath(TABLE).read_text(encoding="utf-8")
    return text.startswith(f"# torchvision {version('torchvision').partition('+')[0]}, timm {version('timm')}\n")


def test_the_table_is_of_a_size_to_ship() -> None:
    assert len(resources.files("aimic_tui.engine.models").joinpath(TABLE).read_bytes()) < 600_000


def test_every_classifier_of_the_libraries_is_in_it() -> None:
    if not same_versions():
        pytest.skip("the table was made from other versions; python -m aimic_tui.engine.models.catalogue_table")
    known = {info.name for info in all_networks()}
    installed = {name for name, _, _ in catalogue_table.names()}
    assert known <= installed
    assert len(installed - known) <= 10, f"left out: {sorted(installed - known)}"


@pytest.mark.parametrize(
    "name",
    ["resnet50", "googlenet", "inception_v3", "mobilenet_v2", "tf_efficientnet_lite0", "timm-resnet18", "test_vit"],
)
def test_a_row_is_what_the_library_says_today(name: str) -> None:
    info = find_network(name)
    row = dict(zip(catalogue_table.COLUMNS, catalogue_table.row(name, info.library, info.library_name), strict=True))
    assert row["parameters"] == info.parameters
    assert float(str(row["gmacs"])) == info.gmacs
    assert (row["input_size"], row["minimum_size"], row["size_step"]) == (
        info.input_size,
        info.minimum_size,
        info.size_step,
    )
    assert str(row["weights"]).split() == list(info.weights)
