"""The command line: which commands there are, where they live, and with which code the program leaves.

A command's module is imported only when that command is called, so `aimic --help` and the app start without
waiting for what they don't use. stdout belongs to results; progress and diagnostics go to stderr.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from aimic_tui import __version__
from aimic_tui.engine.errors import AimicError, ErrorRecord, Interrupted, UsageProblem
from aimic_tui.engine.system_errors import is_memory_short, is_process_limit
from aimic_tui.engine.text import printable

# command -> (module under aimic_tui.commands, attribute, one line for --help)
_COMMANDS = {
    "demo": ("demo", "demo", "Try it all: a synthetic smear, a small cross-validated run, predictions."),
    "inspect": ("inspect", "inspect", "Audit a data set: its contents and its problems."),
    "marks": ("marks", "marks", "List or edit marks on images: excluded, relabelled, grouped."),
    "networks": ("networks", "networks", "List the networks that can be trained."),
    "weights": ("weights", "weights", "Manage the local folder of pre-trained weights."),
    "plan": ("plan", "plan", "Preview a run: trials, time, disk space, suggestions."),
    "learning-rate": ("learning_rate", "learning_rate", "Suggest a learning rate from a range test."),
    "samples": ("samples", "samples", "Draw augmented training images on one sheet."),
    "train": ("train", "train", "Train networks, cross-validated, on a data set."),
    "runs": ("runs", "runs", "List all runs with their states."),
    "watch": ("runs", "watch", "Follow a run, in the app or as plain lines."),
    "stop": ("runs", "stop", "Stop a run; finished work is kept."),
    "resume": ("runs", "resume", "Continue a run that was stopped or interrupted."),
    "results": ("results", "results", "Show a run's metrics with their confidence intervals."),
    "compare": ("compare", "compare", "Test which networks differ, in one run or several on the same split."),
    "report": ("report", "report", "Write a run's report: one self-contained page, or Markdown."),
    "predict": ("predict", "predict", "Classify images with a trained model."),
    "evaluate": ("evaluate", "evaluate", "Evaluate a model on another labelled data set."),
    "jobs": ("jobs", "jobs", "List the app's predictions and evaluations with their states."),
    "robustness": ("evaluate", "robustness", "Measure how a run's metrics drop when its test images are disturbed."),
    "study": ("study", "study", "Run networks on several data sets, from one file."),
    "benchmark": ("benchmark", "benchmark", "Measure how long networks take here, from files to classes."),
    "cache": ("cache", "cache", "Show or clear the decoded images that runs share."),
    "doctor": ("doctor", "doctor", "Check this terminal, its devices and its folders."),
}


class _Commands(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"aimic_tui.commands.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])


@click.command(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aimic")
@click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where runs are stored (default: $AIMIC_WORKSPACE, else aimic-workspace in the current folder).",
)
@click.option("--debug", is_flag=True, help="Show where in the program an error came from.")
@click.option("--slow-link", is_flag=True, help="Draw less often, for slow connections.")
@click.option("--read-only", is_flag=True, help="Look at runs without being able to change anything.")
@click.pass_context
def aimic(context: click.Context, workspace: Path | None, debug: bool, slow_link: bool, read_only: bool) -> None:
    """Train, judge and use microscope-image classifiers. Without a command: the app."""
    from aimic_tui.engine.user_folders import usual_workspace

    context.obj = workspace or usual_workspace()
    if context.invoked_subcommand is None:
        from aimic_tui.commands.open_app import open_app

        open_app(context.obj, slow_link=slow_link, read_only=read_only)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code (0, 1, 2, 3 or 130)."""
    given = _common_options_first(sys.argv[1:] if arguments is None else arguments)

    def work() -> None:
        with aimic.make_context("aimic", given) as context:
            aimic.invoke(context)

    leave_after(work, given)


def leave_after(work: Callable[[], object], arguments: Sequence[str] = ()) -> NoReturn:
    """Do the work and leave the program with its exit code; what went wrong is said in sentences on stderr.

    Args:
        arguments: the command line. With `--debug` errors show where in the program they came from. Programs that
            called us read neither sentence nor exit code: with `--json` what went wrong is also one JSON object on
            stdout, `{"error": {"sentence", "key", "retry", "code", "problems"}}` (`errors.ErrorRecord`), unless the
            command's own answer holds it; with `--events FILE` the same is appended to that file as the event `error`.
    """
    try:
        work()
        code = 0
    except click.exceptions.Exit as end:
        code = end.exit_code
    except BrokenPipeError:  # `aimic runs | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (Exception, KeyboardInterrupt) as error:
        problem = _as_problem(error)
        _report_to_programs(problem or error, arguments)
        if problem is None or ("--debug" in arguments and isinstance(error, (AimicError, OSError))):
            raise
        code = _print_error(problem.sentence, problem.exit_code)
    sys.exit(code)


def _as_problem(error: BaseException) -> AimicError | None:
    """Return what is said of an error, None where it is a fault of the program."""
    if isinstance(error, AimicError):
        return error
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx is not None else "aimic"
        return UsageProblem(f"{error.format_message()} See `{command} --help`.")
    if isinstance(error, click.ClickException):
        return AimicError(error.format_message())
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Interrupted("interrupted.")
    if isinstance(error, OSError) or is_memory_short(error) or is_process_limit(error):
        record = ErrorRecord.of(error)
        sentence = f"{record.sentence} What was already written is kept."
        return AimicError(sentence, retry=record.retry, code=record.code)
    return None


def _report_to_programs(error: BaseException, arguments: Sequence[str]) -> None:
    """Write an error where the program that called us asked for it."""
    options = list(itertools.takewhile(lambda argument: argument != "--", arguments))
    record = ErrorRecord.of(error).to_json()
    if "--json" in options and not (isinstance(error, AimicError) and error.answered):
        print(json.dumps({"error": record}))  # noqa: T201
    events = _value_of("--events", options)
    if events:
        from aimic_tui.engine.event_log import append_event

        with suppress(OSError):  # a file that can't be written is what the error may be about
            append_event(Path(events), "error", follow_links=True, **record)


def _value_of(option: str, arguments: Sequence[str]) -> str:
    for argument, following in itertools.zip_longest(arguments, arguments[1:], fillvalue=""):
        if argument == option:
            return following
        if argument.startswith(f"{option}="):
            return argument.removeprefix(f"{option}=")
    return ""


def _common_options_first(arguments: list[str]) -> list[str]:
    """Let `--workspace` and `--debug` stand anywhere: `aimic runs --workspace w` is `aimic --workspace w runs`."""
    first: list[str] = []
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            rest += [argument, *remaining]
        elif argument == "--debug" or argument.startswith("--workspace="):
            first.append(argument)
        elif argument == "--workspace":
            first += [argument, *itertools.islice(remaining, 1)]
        else:
            rest.append(argument)
    return first + rest


def _print_error(sentences: str, code: int) -> int:
    for sentence in sentences.splitlines():
        print(f"aimic: {printable(sentence)}", file=sys.stderr)  # noqa: T201
    return code
