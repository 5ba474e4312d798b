"""Which columns a manifest's images and classes come from, and what of it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.decisions import FoundData
from aimic_tui.engine.data.listing.find_data_set import scan_data_set
from aimic_tui.engine.data.listing.manifest_table import read_columns
from aimic_tui.engine.errors import InputProblem

COUNT = 24
Row = Callable[[int, int], str]
"""A row of a table, of its number i and k = i % 3."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(COUNT):
        (tmp_path / f"i{index}.png").write_bytes(b"x")
    return tmp_path


def scan(folder: Path, header: str, row: Row, **settings: str) -> FoundData:
    rows = [row(index, index % 3) for index in range(COUNT)]
    (folder / "list.csv").write_text("\n".join([header, *rows]) + "\n")
    return scan_data_set(DataSource(str(folder / "list.csv"), **settings))


def notes(found: FoundData) -> str:
    return " ".join(note.sentence for note in found.notes)


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("path,label", lambda i, k: f"i{i}.png,{'abc'[k]}", ""),
        (
            "Image Name,Class",
            lambda i, k: f"i{i}.png,{'abc'[k]}",
            "Images are read from the column Image Name, classes from Class",
        ),
        ("id,label", lambda i, k: f"i{i},{'abc'[k]}", "Images are read from the column id."),
        (
            "lesion_id,image_id,dx,age",
            lambda i, k: f"L{i // 2},i{i},{'abc'[k]},45.0",
            "Images are read from the column image_id, classes from dx.",
        ),
        (
            ",image,target",
            lambda i, k: f"{i},i{i}.png,{'abc'[k]}",
            "Images are read from the column image, classes from target.",
        ),
        ("Bild,Label (expert 1)", lambda i, k: f"i{i}.png,{'abc'[k]}", "Images are read from the column Bild."),
        ("path,file,label", lambda i, k: f"/data,i{i}.png,{'abc'[k]}", "Images are read from the column file."),
        ("file,class,species", lambda i, k: f"i{i}.png,{'abc'[k]},x", "species may be meant, too"),
        ("PATH,LABEL", lambda i, k: f"i{i}.png,{'abc'[k]}", ""),
    ],
)
def test_usual_columns_are_found_and_said(folder: Path, header: str, row: Row, said: str) -> None:
    found = scan(folder, header, row)
    assert found.data_set.counts() == {"a": 8, "b": 8, "c": 8}
    assert said in notes(found)
    assert bool(said) == bool(found.notes) or "lesion" in header


def test_a_table_without_header_is_read_by_what_its_columns_hold(folder: Path) -> None:
    found = scan(folder, "i0.png,a", lambda i, k: f"i{i}.png,{'abc'[k]}")
    assert found.data_set.counts() == {"a": 8, "b": 8, "c": 8}
    assert "has no header" in notes(found)


def test_lesions_of_a_public_table_are_groups(folder: Path) -> None:
    assert (
        scan(folder, "lesion_id,image_id,dx", lambda i, k: f"L{i // 2},i{i},{'abc'[k]}").data_set.group_rule
        == "lesion_id"
    )


@pytest.mark.parametrize(
    ("header", "row", "settings", "words"),
    [
        (
            "where,what",
            lambda i, k: f"no{i},{k}",
            {},
            "no column path; its columns are where, what. .*image_column .*label_column",
        ),
        (
            "path,what",
            lambda i, k: f"i{i}.png,{'ab'[k % 2]}",
            {},
            "no column label; its columns are path, what. Set data.label_column",
        ),
        (
            "image_a,image_b,label",
            lambda i, k: f"i{i}.png,i{COUNT - 1 - i}.png,{k}",
            {},
            "2 columns of image files: image_a and image_b",
        ),
        ("path,label,label", lambda i, k: f"i{i}.png,{k},{i}", {}, "2 columns named label, and they differ"),
        ("path,label", lambda i, k: f"i{i}.png,0.{i}5", {}, "24 different numbers, which are no classes"),
        (
            "path,age",
            lambda i, k: f"i{i}.png,{i}",
            {"label_column": "age"},
            "24 different numbers, which are no classes",
        ),
        (
            "path,label",
            lambda i, k: f"i{i}.png,{'a|b' if k else 'a'}",
            {},
            "16 of 24 rows name several classes at once",
        ),
        (
            "path,A,B",
            lambda i, k: f"i{i}.png,{int(i > 0)},{k % 2}",
            {},
            "hold 0 and 1, but of 24 rows 8 have several ones and 1 none",
        ),
        (
            "Cells 2024,,",
            lambda i, k: f"path,label,part\ni{i}.png,a,train",
            {},
            "Line 1 is no header; line 2 seems to be",
        ),
        (
            "Export,,\nmade 2024,,\npath,label,part",
            lambda i, k: f"i{i}.png,{k},train",
            {},
            "Line 1 is no header; line 3 seems to be",
        ),
        ("Cells,of,2024", lambda i, k: f"path,label,x\ni{i}.png,a,1", {}, "Line 1 is no header; line 2 seems to be"),
        ("path,label", lambda i, k: f"https://x.org/{i}.png,a", {}, "an address on the web"),
    ],
)
def test_what_is_refused_names_the_way_out(
    folder: Path, header: str, row: Row, settings: dict[str, str], words: str
) -> None:
    with pytest.raises(InputProblem, match=words):
        scan(folder, header, row, **settings)


def one_hot(i: int, k: int) -> str:
    return f"i{i}.png,{float(k == 0)},{float(k == 1)},{float(k == 2)}"


def test_one_hot_truth_is_read_as_classes_and_said(folder: Path) -> None:
    found = scan(folder, "image,MEL,NV,BCC", one_hot)
    assert found.data_set.counts() == {"BCC": 8, "MEL": 8, "NV": 8}
    assert "The classes are the columns MEL, NV and BCC" in notes(found)
    assert read_columns(folder / "list.csv").one_hot == ("MEL", "NV", "BCC")
    with pytest.raises(InputProblem, match=r"line 2 has 0[.]5 where the columns MEL, NV and BCC"):
        scan(folder, "image,MEL,NV,BCC", lambda i, _: f"i{i}.png,0.5,0,1", label_column="MEL,NV,BCC")


def test_a_row_of_a_one_hot_table_with_several_ones_or_none_has_no_class(folder: Path) -> None:
    found = scan(
        folder,
        "image,MEL,NV,BCC",
        lambda i, k: f"i{i}.png,{int(k == 0 and i > 0)},{int(k == 1 or i == 3)},{int(k == 2)}",
    )
    assert found.data_set.counts() == {"BCC": 8, "MEL": 6, "NV": 8}
    assert found.unlabelled == ("i0.png", "i3.png")
    assert "1 row with several ones is left without a class. 1 row without a one is left without" in notes(found)


def test_one_column_of_a_one_hot_table_is_taken_on_request_and_warned_of(folder: Path) -> None:
    found = scan(folder, "image,MEL,NV,BCC", one_hot, label_column="MEL")
    assert found.data_set.counts() == {"0.0": 16, "1.0": 8}
    assert "only MEL is read: the classes are 0.0 and 1.0" in notes(found)
    chosen = scan(folder, "image,MEL,NV,BCC,male", lambda i, k: one_hot(i, k) + ",1", label_column="MEL,NV,BCC")
    assert chosen.data_set.classes == ("BCC", "MEL", "NV")


def test_parts_and_sexes_as_columns_are_no_classes(folder: Path) -> None:
    for header in ("path,is_train,is_test", "path,male,female"):
        with pytest.raises(InputProblem, match="has no column label"):
            scan(folder, header, lambda i, k: f"i{i}.png,{i % 2},{1 - i % 2}")


@pytest.mark.parametrize("settings", [{}, {"label_column": "MEL,NV"}])
@pytest.mark.parametrize("whole", [1, 100])
def test_soft_labels_are_called_so_and_refused(folder: Path, settings: dict[str, str], whole: int) -> None:
    with pytest.raises(InputProblem, match=r"columns MEL and NV hold shares of each row [(]soft labels"):
        scan(folder, "image,age,MEL,NV", lambda i, k: f"i{i}.png,{130 + i},{whole * 0.7},{whole * 0.3}", **settings)


def test_shares_that_do_not_add_up_are_no_soft_labels(folder: Path) -> None:
    with pytest.raises(InputProblem, match="has no column label"):
        scan(folder, "image,u,v", lambda i, k: f"i{i}.png,{i / 24},0.5")


@pytest.mark.parametrize("written", ["['{}']", '"[""{}""]"', "[ '{}' ]", "['{}',]"])
def test_a_list_of_one_label_is_its_element_and_said(folder: Path, written: str) -> None:
    found = scan(folder, "path,label", lambda i, k: f"i{i}.png," + _quoted(written.format("ab"[i % 2])))
    assert found.data_set.counts() == {"a": 12, "b": 12}
    assert "Classes are written as lists in the column label; a list of one is its element." in notes(found)


def test_lists_of_several_labels_and_empty_ones_leave_a_row_without_a_class(folder: Path) -> None:
    lists = ["['a']", "['b']", "['b', 'a']", "['a' 'b']", "[]"]
    found = scan(folder, "path,label", lambda i, k: f"i{i}.png," + _quoted(lists[i] if i < 5 else f"['{'ab'[i % 2]}']"))
    assert found.unlabelled == ("i2.png", "i3.png", "i4.png")
    assert "2 rows name several classes at once" in notes(found)
    with pytest.raises(InputProblem, match="name several classes at once"):
        scan(folder, "path,label", lambda i, k: f"i{i}.png," + _quoted("['a', 'b']"))


def test_names_with_brackets_of_their_own_are_kept(folder: Path) -> None:
    found = scan(folder, "path,label", lambda i, k: f"i{i}.png,{('[a]', '[b] c', 'd')[k]}")
    assert found.data_set.classes == ("[a]", "[b] c", "d")


def _quoted(text: str) -> str:
    return text if text.startswith('"') else f'"{text}"'


def test_a_few_rows_of_several_classes_get_none(folder: Path) -> None:
    found = scan(folder, "path,label", lambda i, k: f"i{i}.png,{'a|b' if i == 5 else 'ab'[i % 2]}")
    assert found.unlabelled == ("i5.png",)
    assert "names several classes at once, such as a|b" in notes(found)
    assert scan(folder, "path,label", lambda i, k: f"i{i}.png,{'CD4;CD8' if k else 'CD4'}").data_set.classes == (
        "CD4",
        "CD4;CD8",
    )


def test_names_beside_numbers_are_pointed_out(folder: Path) -> None:
    found = scan(folder, "path,label,name", lambda i, k: f"i{i}.png,{k},{'abc'[k]}")
    assert "the column name has a name for each" in notes(found)


def test_missing_images_are_counted_and_stop_nothing(folder: Path) -> None:
    (folder / "i7.png").unlink()
    found = scan(folder, "path,label", lambda i, k: f"i{i}.png,{'abc'[k]}")
    assert len(found.data_set) == COUNT
    assert "1 of 24 listed images does not exist; the first is i7.png" in notes(found)


@pytest.mark.parametrize("column", ["id", "image", "image_id"])
def test_numbers_of_rows_are_not_taken_for_other_rows_images(folder: Path, column: str) -> None:
    for index in range(COUNT):
        (folder / f"{index}.png").write_bytes(b"x")
    found = scan(folder, f"{column},scan,label", lambda i, k: f"{i},{i * 5 % COUNT}.png,{'abc'[k]}")
    labels = dict(zip(found.data_set.images, found.data_set.labels, strict=True))
    assert [labels[f"{i * 5 % COUNT}.png"] for i in range(COUNT)] == [i % 3 for i in range(COUNT)]
    assert "read from the column scan" in notes(found)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_header_of_a_table_put_behind_another_is_no_row(folder: Path, mark: str) -> None:
    found = scan(folder, "path,label", lambda i, k: (f"{mark}path,label\n" if i == 9 else "") + f"i{i}.png,{'abc'[k]}")
    assert found.data_set.classes == ("a", "b", "c")
    assert len(found.data_set) == COUNT
    assert not found.notes


def test_y_beside_x_is_a_place_and_no_class(folder: Path) -> None:
    with pytest.raises(InputProblem, match="has no column label"):
        scan(folder, "path,x,y,cell", lambda i, k: f"i{i}.png,{i},{k},{'abc'[k]}")
    assert scan(folder, "path,y", lambda i, k: f"i{i}.png,{'abc'[k]}").data_set.classes == ("a", "b", "c")


@pytest.mark.parametrize("column", ["set", "Dataset", "phase"])
def test_columns_whose_cells_are_parts_give_them(folder: Path, column: str) -> None:
    def row(first: str, second: str) -> Row:
        return lambda i, k: f"i{i}.png,{'abc'[k]},{first if i < 15 else second}"

    parts = scan(folder, f"path,label,{column}", row("Train", "Test")).data_set.parts
    assert parts is not None
    assert int((parts == Part.TEST).sum()) == COUNT - 15
    assert read_columns(folder / "list.csv").part == column
    assert scan(folder, f"path,label,{column}", row("HAM10000", "BCN20000")).data_set.parts is None
    assert scan(folder, f"path,label,{column}", row("test", "val")).data_set.parts is None


def test_folds_in_a_column_of_parts_are_refused_with_the_way_out(folder: Path) -> None:
    with pytest.raises(InputProblem, match=r"set data\.part_column=none"):
        scan(folder, "path,label,split", lambda i, k: f"i{i}.png,{'abc'[k]},{i % 5}")
