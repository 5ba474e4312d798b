"""Further columns of tables find their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.image_columns import read_image_columns
from aimic_tui.engine.errors import InputProblem


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    return DataSet(
        root=tmp_path,
        images=("a/s1_1.png", "a/s1_2.png", "b/s2_1.png", "b/s3_1.png"),
        classes=("a", "b"),
        labels=np.array([0, 0, 1, 1], np.int32),
        groups=np.array([0, 0, 1, 2], np.int32),
        group_names=("s1", "s2", "s3"),
        group_rule=r"(s\d)_",
    )


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_by_the_path_of_the_manifest(tmp_path: Path, data: DataSet) -> None:
    found = read_image_columns(table(tmp_path, "path;sex\na/s1_2.png;f\nb/s2_1.png;m\n"), data)
    assert found.matched_by == "path"
    assert list(found.column("sex")) == ["", "f", "m", ""]


def test_by_file_names_from_another_folder(tmp_path: Path, data: DataSet) -> None:
    found = read_image_columns(table(tmp_path, "file,site\n/elsewhere/s1_1.png,Ulm\n/elsewhere/s3_1.png,Bonn\n"), data)
    assert list(found.column("site")) == ["Ulm", "", "", "Bonn"]


def test_by_group_whatever_its_column_is_called(tmp_path: Path, data: DataSet) -> None:
    found = read_image_columns(table(tmp_path, "age,Smear\n40,s1\n50,s2\n"), data)
    assert found.matched_by == "Smear"
    assert list(found.column("age")) == ["40", "40", "50", ""]


def test_rows_that_contradict_each_other_are_unknown(tmp_path: Path, data: DataSet) -> None:
    found = read_image_columns(table(tmp_path, "patient,sex\ns1,f\ns1,m\ns2,f\ns2,\n"), data)
    assert list(found.column("sex")) == ["", "", "f", ""]


def test_a_table_of_other_images_and_a_missing_column_are_refused(tmp_path: Path, data: DataSet) -> None:
    with pytest.raises(InputProblem, match="No row of"):
        read_image_columns(table(tmp_path, "path,sex\nx.png,f\n"), data)
    with pytest.raises(InputProblem, match="has no column site; its columns are path, sex"):
        read_image_columns(table(tmp_path, "path,sex\na/s1_1.png,f\n"), data).column("site")
