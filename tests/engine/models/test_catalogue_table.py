"""The table in the package against the libraries that are installed."""

from __future__ import annotations

from importlib import resources

import pytest
from torchvision import models

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.models import catalogue, catalogue_table
from aimic_tui.engine.models.catalogue import TABLE, all_networks, find_network, installed_versions


def test_the_table_is_of_a_size_to_ship() -> None:
    assert len(resources.files("aimic_tui.engine.models").joinpath(TABLE).read_bytes()) < 600_000


def test_every_classifier_of_the_libraries_is_in_it() -> None:
    if catalogue._table_text().partition("\n")[0] != installed_versions():
        pytest.skip("the table was made from other versions; python -m aimic_tui.engine.models.catalogue_table")
    known = {info.name for info in all_networks()}
    installed = {name for name, _, _ in catalogue_table.names()}
    assert known <= installed
    # Encoders without a classifier, and networks for images that are not square.
    assert [name for name in sorted(installed - known) if not name.endswith(("_enc", "_sapiens2"))] == []


@pytest.mark.parametrize(
    "name",
    [
        "resnet50",
        "googlenet",
        "inception_v3",
        "mobilenet_v2",
        "tf_efficientnet_lite0",
        "timm-resnet18",
        "test_vit",
        "convformer_s18",
    ],
)
def test_a_row_is_what_the_library_says_today(name: str) -> None:
    info = find_network(name)
    row = dict(zip(catalogue_table.COLUMNS, catalogue_table.row(name, info.library, info.library_name), strict=True))
    assert row["parameters"] == info.parameters
    assert row["per_class"] == info.per_class
    assert float(str(row["gmacs"])) == info.gmacs
    assert (row["input_size"], row["minimum_size"], row["size_step"]) == (
        info.input_size,
        info.minimum_size,
        info.size_step,
    )
    assert str(row["weights"]).split() == list(info.weights)


def test_multiply_adds_are_those_that_torchvision_publishes() -> None:
    for info in all_networks():
        if info.library == "torchvision":
            facts = models.get_model_weights(info.name)[info.weights[0]].meta
            assert info.gmacs == pytest.approx(facts["_ops"], rel=0.05), info.name


def test_other_versions_of_the_libraries_are_asked_for_names_that_the_table_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = catalogue._table_text().splitlines()
    older = "\n".join(
        ["# torchvision 0.1, timm 0.1", *(line for line in table[1:] if not line.startswith("test_resnet,"))]
    )
    expected = find_network("test_resnet")
    monkeypatch.setattr(catalogue, "_table_text", lambda: older)
    for cached in (all_networks, catalogue._by_name, catalogue._from_libraries):
        monkeypatch.setattr(catalogue, cached.__name__, cached.__wrapped__)
    assert "test_resnet" not in {info.name for info in catalogue.all_networks()}
    assert find_network("test_resnet") == expected
    with pytest.raises(UsageProblem):
        find_network("no_such_network")
