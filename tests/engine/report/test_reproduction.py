"""A report is made again by its script: the same figures from the same images."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tomli

from aimic_tui.engine.files import digest_of_bytes, read_table
from aimic_tui.engine.report.reproduction import reproduction_files
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.screens.made_run import make_data


def script_of(record: RunRecord) -> str:
    return reproduction_files(record)["reproduce.sh"].decode()


def test_the_script_names_versions_digest_and_commands_but_no_place(record: RunRecord) -> None:
    files = reproduction_files(record)
    script = files["reproduce.sh"].decode()
    assert f"SHA-256 of reproduce/experiment.toml: {digest_of_bytes(files['reproduce/experiment.toml'])}" in script
    assert "--set=training.batch_size=8" in script, "the size that was chosen automatically"
    assert '--data "$DATA"' in script
    assert "aimic inspect" not in script, "the images were not audited"
    place = str(Path(str(record.setting("data.path"))).parent)
    assert not any(place.encode() in content for content in files.values())
    assert "torch==" in files["reproduce/requirements.txt"].decode()
    assert tomli.loads(files["reproduce/experiment.toml"].decode())["training"]["epochs"] == 20


def test_names_from_outside_are_quoted_for_the_shell(record: RunRecord, tmp_path: Path) -> None:
    evil = "$(touch hacked); '\"\n`touch hacked`"
    renamed = replace(record, environment={**record.environment, "system": evil, "git_commit": evil})
    settings = {**record.tested.experiment, "model": {**dict(record.tested.experiment["model"]), "weights": f"/{evil}"}}
    renamed = replace(renamed, tested=replace(record.tested, experiment=settings), robustness={evil: None})  # type: ignore[dict-item]
    (tmp_path / "reproduce.sh").write_text(script_of(renamed))
    (tmp_path / "reproduce").mkdir()
    run = subprocess.run(
        ["sh", "reproduce.sh", "DATA"],
        cwd=tmp_path,
        env={**os.environ, "AIMIC": "echo", "WEIGHTS": "w"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"--network={evil}" in run.stdout
    assert not (tmp_path / "hacked").exists()


def test_what_the_report_was_asked_for_is_asked_for_again(record: RunRecord) -> None:
    assert "--by" not in script_of(record)
    asked = replace(record, prevalences=(("a=b 'c", 0.02),), by=("age:40,60",), table=Path("/secret/$(id).csv"))
    lines = script_of(asked).splitlines()
    assert any("--prevalence='a=b '\"'\"'c=0.02'" in line for line in lines)
    assert any(line.strip().startswith("--by=age:40,60") for line in lines)
    assert any('--table="$SUBGROUPS"' in line for line in lines)
    wanted = next(place for place, line in enumerate(lines) if line.startswith(": ${SUBGROUPS:?"))
    trained = next(place for place, line in enumerate(lines) if "aimic train" in line)
    assert wanted < trained, "what is missing is said before hours of training"
    assert "secret" not in script_of(asked)
    assert "$(id)" not in script_of(asked)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_script_makes_the_same_figures_again(tmp_path: Path) -> None:
    """Trains twice, through the command: nothing less shows that the figures are the same to the last digit."""
    data, workspace = make_data(tmp_path / "the cells", each=12), tmp_path / "ws"
    aimic = [sys.executable, "-m", "aimic_tui"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*aimic, "--workspace", str(workspace), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    workspace.mkdir()
    run("inspect", str(data))
    run("marks", str(data), "platelet/smear000_0.jpg", "--exclude")
    settings = ("model.networks=test_resnet", "model.weights=none", "model.image_size=32", "split.folds=2")
    more = ("training.epochs=3", "training.learning_rate=0.003", "compute.devices=cpu", "evaluation.resamples=1000")
    made = run("train", "--data", str(data), *(f"--set={one}" for one in (*settings, *more)))
    assert read_record(RunFolder(Path(made))).audit is not None
    run("robustness", made)
    run("report", made, "--folder", str(tmp_path / "out"))
    assert "Marks exclude 1 image." in (tmp_path / "out" / "report.md").read_text()
    run("marks", str(data), "red_cell/smear006_0.jpg", "--exclude")  # decided later: the run keeps its own marks
    again = subprocess.run(
        ["sh", str(tmp_path / "out" / "reproduce.sh"), str(data), str(tmp_path / "again")],
        env={**environment, "AIMIC": " ".join(aimic)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr + again.stdout
    assert again.stdout.endswith("Every figure is the same.\n")
    figures = read_table(tmp_path / "again" / "report" / "reproduce" / "figures.csv")
    assert {row["metric"] for row in figures} >= {"macro_f1", "precision"}
    assert (tmp_path / "again" / "report" / "report.md").read_text().count("disturbed") > 0
