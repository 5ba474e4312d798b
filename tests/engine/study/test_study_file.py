from __future__ import annotations

from pathlib import Path

import pytest
import tomli

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.models.catalogue import PAPER_NETWORKS
from aimic_tui.engine.study.published_paper import DATA_SETS
from aimic_tui.engine.study.study_file import paper_study, read_study, require_data

SMALL = """
name = "small"
protocols = ["honest", "aimic-2022"]

[model]
networks = ["test_efficientnet", "timm/test_resnet"]
weights = "none"

[training]
epochs = 2

[data]
balance = "undersample"

[data-sets.near]
path = "cells"
group = '^(slide\\d+)'

[data-sets.far]
path = "/images/far"
balance = "none"
published = "PBC"
classes = { eosi = "", neut = "neutrophil" }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text)
    return path


def test_a_cell_is_the_common_settings_with_its_data_sets_own_on_top(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, SMALL))
    assert [cell.title for cell in study.cells] == [
        *("near, honest", "near, aimic-2022", "far, honest", "far, aimic-2022"),
    ]
    assert study.networks == ("test_efficientnet", "test_resnet")
    near, far = study.cells[0].experiment, study.cells[3].experiment
    assert (near.data.path, near.data.balance, near.data.group) == (
        *(str(tmp_path / "cells"), "undersample", r"^(slide\d+)"),
    )
    assert (far.data.path, far.data.balance) == ("/images/far", "none")
    assert far.data.classes == {"eosi": "", "neut": "neutrophil"}
    assert (far.split.protocol, far.training.epochs, far.name) == ("aimic-2022", 2, "small far aimic-2022")
    assert (study.data_sets[0].published, study.data_sets[1].published) == ("", "PBC")


def test_a_study_trains_once_unless_it_asks_for_more_and_knows_its_older_runs(tmp_path: Path) -> None:
    plain = read_study(write(tmp_path, SMALL)).cells[0]
    named = read_study(write(tmp_path, SMALL.replace("epochs = 2", "epochs = 2\nseeds = 1"))).cells[0]
    auto = read_study(write(tmp_path, SMALL.replace("epochs = 2", 'epochs = 2\nseeds = "auto"'))).cells[0]
    assert [cell.experiment.training.seeds for cell in (plain, named, auto)] == [1, 1, 3]
    assert plain.digest == named.digest != auto.digest


def test_what_is_written_out_is_read_as_the_same_study(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, SMALL))
    (tmp_path / "elsewhere").mkdir()
    again = read_study(write(tmp_path / "elsewhere", study.to_toml()))
    assert again.cells == study.cells
    assert (again.name, again.protocols, again.data_sets) == (study.name, study.protocols, study.data_sets)


def test_a_cell_is_known_by_what_decides_about_its_figures(tmp_path: Path) -> None:
    before = read_study(write(tmp_path, SMALL)).cells[0].digest
    for text in ('["test_efficientnet"]', '["test_resnet"]'):
        assert read_study(write(tmp_path, SMALL.replace('["test_efficientnet", "timm/test_resnet"]', text))).cells[
            0
        ].digest == (before)
    assert read_study(write(tmp_path, SMALL.replace("epochs = 2", "epochs = 3"))).cells[0].digest != before
    assert read_study(write(tmp_path, SMALL + "\n[compute]\nworkers = 2\n")).cells[0].digest == before
    spelled = SMALL.replace("epochs = 2", "epochs = 2\nmomentum = 0.9")
    assert read_study(write(tmp_path, spelled)).cells[0].digest == before, "a default may be written out"


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = """
    name = "a/b"
    protocols = ["honest", "hopeful"]
    [model]
    networks = ["mobilnet_v2"]
    [split]
    protocol = "honest"
    folds = 1
    [data-sets.one]
    pth = "x"
    published = "MNIST"
    balance = "undersampled"
    [data-sets]
    two = 3
    """
    with pytest.raises(UsageProblem) as problem:
        read_study(write(tmp_path, text))
    said = problem.value.sentence
    for words in (
        "name must be text",
        "protocols must be a list of honest and aimic-2022",
        "split.protocol is no setting of a study",
        "split.folds = 1",
        "data-sets.one.pth is not a setting of a data set. Did you mean path?",
        "published = MNIST is not one of",
        "data-sets.one: data.balance = undersampled is not one of",
        "data-sets.two must be a table",
    ):
        assert words in said, words
    assert len(said.splitlines()) == len(set(said.splitlines())) == 8


def test_networks_are_known_and_data_sets_there_are_some(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="mobilenet_v2"):
        read_study(write(tmp_path, SMALL.replace("test_efficientnet", "mobilnet_v2")))
    with pytest.raises(UsageProblem, match="there is no data set"):
        read_study(write(tmp_path, 'name = "x"\n'))
    with pytest.raises(UsageProblem, match="can't be read"):
        read_study(tmp_path / "missing.toml")


def test_the_published_evaluation_is_ready_but_for_its_paths(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, paper_study()))
    assert study.networks == PAPER_NETWORKS
    assert [data.published for data in study.data_sets] == list(DATA_SETS)
    assert study.protocols == ("honest", "aimic-2022")
    for cell in study.cells:
        experiment = cell.experiment
        assert (experiment.training.optimizer, experiment.training.learning_rate) == ("adam", 1e-4)
        assert (experiment.training.epochs, experiment.training.patience, experiment.split.folds) == (500, 50, 5)
        assert (experiment.data.balance, experiment.augmentation.preset) == ("undersample", "none")
    lisc = study.cells[-1].experiment.data
    assert sorted(name for name, other in lisc.classes.items() if not other) == ["eosi", "mixt"]
    with pytest.raises(InputProblem) as problem:
        require_data(study)
    assert problem.value.sentence.count("\n") == 3
    assert all(f"data-sets.{name}.path is empty" in problem.value.sentence for name in DATA_SETS)


def test_the_published_data_sets_names_say_class_and_subject(tmp_path: Path) -> None:
    """As the four data sets are handed out: names in folders, classes in names, classes left out."""
    from PIL import Image

    from aimic_tui.engine.data.listing.find_data_set import find_data_set

    names = {
        "C-NMC": ["fold_0/all/UID_11_10_1_all.bmp", "fold_1/all/UID_11_2_1_all.bmp", "fold_0/hem/UID_H12_1_1_hem.bmp"],
        "ALL-IDB2": ["Im001_1.tif", "Im131_0.tif", "Im002_1.tif"],
        "PBC": ["ig/MY_1.jpg", "platelet/PLATELET_2.jpg"],
        "LISC": [
            f"{name}/{number}.bmp" for number, name in enumerate(["Baso", "eosi", "lymp", "mixt", "mono", "neut"])
        ],
    }
    text = paper_study()
    for title, files in names.items():
        for name in files:
            (tmp_path / title / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8)).save(tmp_path / title / name)
        text = text.replace(f'[data-sets.{title}]\npath = ""', f'[data-sets.{title}]\npath = "{title}"')
    assert tomli.loads(text)["data-sets"]["PBC"]["path"] == "PBC"
    study = read_study(write(tmp_path, text))
    require_data(study)
    found = {cell.data.name: find_data_set(cell.experiment.data) for cell in study.cells if cell.protocol == "honest"}
    assert found["C-NMC"].counts() == {"malignant": 2, "normal": 1}
    assert found["C-NMC"].group_names == ("UID_11", "UID_H12")
    assert found["ALL-IDB2"].counts() == {"blast": 2, "healthy": 1}
    assert found["PBC"].counts() == {"ig": 1, "platelet": 1}
    assert found["LISC"].classes == ("basophil", "lymphocyte", "monocyte", "neutrophil")
