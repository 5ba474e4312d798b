from __future__ import annotations

import json
from pathlib import Path

import pytest

from aimic_tui.cli import main
from aimic_tui.engine.study.study_file import paper_study, read_study
from aimic_tui.engine.study.study_folder import StudyRun, study_folder
from aimic_tui.engine.workspace_folder import Workspace
from tests.engine.evaluation.stored_run import make_run
from tests.engine.study.test_scheduler import TEXT
from tests.engine.training.small import draw_images


def run(capsys: pytest.CaptureFixture[str], workspace: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["--workspace", str(workspace), "study", *arguments])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


@pytest.fixture
def study(tmp_path: Path) -> Path:
    draw_images(tmp_path / "discs")
    path = tmp_path / "study.toml"
    path.write_text(TEXT.replace("EPOCHS", "1"))
    return path


def test_the_published_study_is_printed_and_asks_for_its_paths(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = run(capsys, tmp_path / "ws", "--paper")
    assert (code, out) == (0, paper_study())
    (tmp_path / "paper.toml").write_text(out)
    code, out, err = run(capsys, tmp_path / "ws", str(tmp_path / "paper.toml"), "--dry-run")
    assert (code, out) == (3, "")
    assert err.count("path is empty") == 4
    assert not (tmp_path / "ws").exists()


def test_the_plan_shows_trials_and_starts_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, study: Path
) -> None:
    code, out, _ = run(capsys, tmp_path / "ws", str(study), "--dry-run")
    assert code == 0
    assert "0 of 4 trials done" in out
    code, out, _ = run(capsys, tmp_path / "ws", str(study), "--dry-run", "--json")
    cells = json.loads(out)["cells"]
    assert [(cell["data_set"], cell["protocol"], cell["trials"]) for cell in cells] == [
        *(("discs", "honest", 2), ("discs", "aimic-2022", 2)),
    ]
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "aimic study --paper"),
        (("missing.toml",), 2, "can't be read"),
        (("STUDY", "--tables"), 3, "no run yet"),
    ],
)
def test_what_cant_be_done_is_a_sentence(  # noqa: PLR0917 - a table of cases
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    study: Path,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    there = [str(study) if argument == "STUDY" else argument for argument in arguments]
    found, out, err = run(capsys, tmp_path / "ws", *there)
    assert (found, out) == (code, "")
    assert words in err


def test_tables_are_made_again_from_the_runs_without_starting_anything(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, study: Path
) -> None:
    study.write_text(TEXT.replace("EPOCHS", "1").replace('"test_efficientnet"', '"resnet50"').replace("= 32", "= 64"))
    workspace = Workspace(tmp_path / "ws")
    read = read_study(study)
    folder = study_folder(workspace, read.name)
    folder.path.mkdir(parents=True)
    for cell in read.cells:
        name = f"20261122-190512-{cell.protocol}"
        make_run(workspace.runs_folder / name, skills={"resnet50": 2.0}, protocol=cell.protocol)
        folder.add_run(StudyRun(cell.data.name, cell.protocol, cell.digest, ("resnet50",), name))
    code, out, err = run(capsys, tmp_path / "ws", str(study), "--tables")
    assert code == 0, err
    assert "gap, aimic-2022 - honest" in out
    assert out.splitlines()[-1] == str(folder.path / "study.html")
    code, out, _ = run(capsys, tmp_path / "ws", str(study), "--tables", "--json")
    answer = json.loads(out)
    assert (answer["study"], answer["state"], answer["complete"]) == ("tiny", "over", True)
    assert answer["page"] == str(folder.path / "study.html")
    folder.page.unlink()
    monkeypatch.setattr("aimic_tui.commands.study.folder_problem", lambda *_, **__: "The disk is full.")
    code, out, err = run(capsys, tmp_path / "ws", str(study), "--tables")
    assert (code, out.splitlines()[-1] == str(folder.page), folder.page.exists()) == (0, False, False)
    assert "gap, aimic-2022 - honest" in out
    assert "The disk is full. The figures are printed; no tables are written." in err
    code, out, _ = run(capsys, tmp_path / "ws", str(study), "--tables", "--json")
    assert json.loads(out)["page"] is None


@pytest.mark.slow
def test_a_study_is_followed_to_its_tables(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, study: Path, forked: None
) -> None:
    code, out, err = run(capsys, tmp_path / "ws", str(study), "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["complete"]
    assert len(answer["gaps"]) == 1
    assert "discs, aimic-2022: 20" in err
    assert (tmp_path / "ws" / "studies" / "tiny" / "study.html").is_file()
