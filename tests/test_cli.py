"""The command line: exit codes, sentences, and commands that load only what they need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aimic_tui.cli import _COMMANDS, _common_options_first, aimic
from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.event_log import EventReader
from tests.commands.calling import call


def test_help_lists_every_command_without_loading_one() -> None:
    program = (
        "import sys\nfrom aimic_tui.cli import main\ntry: main(['--help'])\nexcept SystemExit as end: code = end.code\n"
        "print([m for m in sys.modules if m.startswith('aimic_tui.commands.') or m in ('torch', 'textual')], code)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert answer.rstrip().endswith("[] 0")
    assert all(f"  {name} " in answer for name in _COMMANDS)


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    context = aimic.make_context("aimic", [], resilient_parsing=True)
    command = aimic.get_command(context, name)  # type: ignore[attr-defined]
    assert command is not None
    assert command.help


def test_wrong_usage_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    for arguments in (["nonsense"], ["runs", "--nonsense"], ["results"], ["train", "--data", "x", "--set", "epochs"]):
        answer = call(tmp_path, *arguments)
        assert answer.returncode == 2, arguments
        assert answer.stderr.startswith("aimic: ")
        assert "Traceback" not in answer.stderr
        assert answer.stdout == ""


def test_a_run_that_is_not_there_is_a_sentence_and_exit_code_3(tmp_path: Path) -> None:
    for command in ("results", "stop", "resume", "watch"):
        answer = call(tmp_path, command, "latest")
        assert answer.returncode == 3, command
        assert len(answer.stderr.splitlines()) == 1


def test_a_hostile_name_cannot_reach_the_terminal(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "aimic_tui", "--workspace", str(tmp_path), "results", "\x1b[2Jrun"]
    answer = subprocess.run(program, capture_output=True, text=True, check=False)
    assert answer.returncode == 3
    assert "\x1b" not in answer.stderr
    assert "\\x1b[2Jrun" in answer.stderr


def test_common_options_may_stand_anywhere() -> None:
    moved = _common_options_first(["runs", "--json", "--workspace", "w", "--debug", "--", "--debug"])
    assert moved == ["--workspace", "w", "--debug", "runs", "--json", "--", "--debug"]


def test_a_reader_that_leaves_early_is_no_error() -> None:
    pipeline = f"{sys.executable} -m aimic_tui networks | head -1; exit ${{PIPESTATUS[0]}}"
    answer = subprocess.run(["bash", "-c", pipeline], capture_output=True, text=True, check=False)
    assert answer.returncode == 0
    assert answer.stderr == ""


def test_the_app_alone_waits_for_no_command_line(tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv = ['aimic']\nimport aimic_tui.commands.open_app as app\n"
        "app.open_app = lambda workspace: print(workspace, 'click' in sys.modules)\n"
        "from aimic_tui.start import main\nmain()"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert answer.stdout == "aimic-workspace False\n"


@pytest.mark.parametrize(
    ("raised", "code", "sentence"),
    [
        ("InputProblem('There is no such thing.')", 3, "aimic: There is no such thing.\n"),
        ("KeyboardInterrupt()", 130, "aimic: interrupted.\n"),
        ("OSError(28, 'No space left on device')", 1, "aimic: No space left on device. Make space on the disks of"),
    ],
)
def test_an_app_that_cannot_go_on_leaves_with_a_sentence(raised: str, code: int, sentence: str) -> None:
    program = (
        "import sys; sys.argv = ['aimic']\nimport aimic_tui.commands.open_app as app\n"
        "from aimic_tui.engine.errors import InputProblem\n"
        f"def fail(workspace): raise {raised}\n"
        "app.open_app = fail\nfrom aimic_tui.start import main\nmain()"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == code
    assert answer.stderr.startswith(sentence)


def failed(workspace: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    answer = call(workspace, *arguments)
    return answer, json.loads(answer.stdout)["error"]


def test_with_json_a_failure_is_one_object_on_stdout_and_still_a_sentence_on_stderr(tmp_path: Path) -> None:
    answer, error = failed(tmp_path, "train", "--data", str(tmp_path / "nowhere"), "--detach", "--json")
    assert answer.returncode == 3
    assert (error["key"], error["code"], error["retry"]) == ("data.path", "input", False)
    assert answer.stderr == f"aimic: {error['sentence']}\n"

    settings = ["--set", "training.epochs=-3", "--set", "training.rate=1"]
    answer, error = failed(tmp_path, "train", "--data", "x", *settings, "--json")
    assert answer.returncode == 2
    assert [problem["key"] for problem in error["problems"]] == ["training.epochs", "training.rate"]  # type: ignore[attr-defined]
    assert (error["key"], error["code"]) == ("training.epochs", "usage")

    answer, error = failed(tmp_path, "runs", "--json", "--nonsense")
    assert (answer.returncode, error["code"]) == (2, "usage")


def test_a_command_that_answers_and_fails_prints_one_object(tmp_path: Path) -> None:
    answer, error = failed(
        tmp_path, "plan", "--data", str(tmp_path / "nowhere"), "--set", "model.weights=none", "--json"
    )
    assert answer.returncode == 3
    assert json.loads(answer.stdout)["images"] == 0
    assert error["key"] == "data.path"
    assert "nowhere" in answer.stderr


@pytest.mark.parametrize("written", [["--events", "EVENTS"], ["--events=EVENTS"]])
def test_a_failure_is_an_event_for_who_follows_the_events(tmp_path: Path, written: list[str]) -> None:
    events = tmp_path / "events.jsonl"
    options = [option.replace("EVENTS", str(events)) for option in written]
    answer = call(tmp_path, "learning-rate", "--data", str(tmp_path / "nowhere"), *options)
    assert (answer.returncode, answer.stdout) == (3, "")
    last = EventReader(events).new()[-1]
    assert last["event"] == "error"
    assert ErrorRecord.read(last).code == "input"
    assert ErrorRecord.read(last).key == "data.path"


def test_a_fault_of_the_program_reaches_who_follows_it_too(tmp_path: Path) -> None:
    program = (
        "from aimic_tui.cli import leave_after\n"
        f"leave_after(lambda: 1 / 0, ['predict', '--json', '--events', {str(tmp_path / 'events')!r}])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr
    assert json.loads(answer.stdout)["error"]["code"] == "fault"
    assert EventReader(tmp_path / "events").new()[-1]["code"] == "fault"
