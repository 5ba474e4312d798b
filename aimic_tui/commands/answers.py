"""What a command prints with `--json`: one object on stdout, which also tells of what went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from aimic_tui.engine.errors import AimicError, ErrorRecord


def print_answer(answer: Mapping[str, Any], problem: AimicError | None = None, *, indent: int | None = None) -> None:
    """Print a command's answer as JSON.

    Args:
        answer: plain values by name.
        problem: what is raised right after, where the work failed in spite of an answer; it stands in the object as
            `error`, and `cli.py` prints no second one.
        indent: spaces a level, for people; None for one line.
    """
    if problem is not None:
        answer = {**answer, "error": ErrorRecord.of(problem).to_json()}
        problem.answered = True
    click.echo(json.dumps(answer, indent=indent))
