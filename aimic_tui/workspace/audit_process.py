"""The audit of a data set as a process of its own: `aimic inspect --json --events`, followed by the app."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from aimic_tui.engine.bounded_files import read_toml
from aimic_tui.engine.data.audit.audit_report import AuditReport
from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.pairs import pairs_text
from aimic_tui.engine.progress import ReportProgress
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.typed_values import MALFORMED
from aimic_tui.engine.user_folders import expanded
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.audit_findings import AuditFindings
from aimic_tui.workspace.followed_command import follow_command


def finished_run_on(workspace: Path, data: str) -> Path | None:
    """Return the newest finished run on the data set at `data`: its networks may contradict labels."""
    path = expanded(data).absolute()
    for folder in Workspace(workspace).runs():
        with suppress(AimicError, OSError, *MALFORMED):
            table = read_toml(folder.experiment_file)["data"]
            same = expanded(table["path"]).absolute() == path
            if same and read_status(folder).state == "finished":
                return folder.path
    return None


async def run_audit(
    workspace: Path, data: str, settings: Mapping[str, Any], report: ReportProgress, *, keep: bool = True
) -> AuditFindings:
    """Have a data set audited, and its labels judged by the newest finished run on it; cancelled, the process is ended.

    Args:
        workspace: where the result is stored for Home, and what was measured for the next audit.
        data: the data set's path.
        settings: of the experiment's table `data`, beside the path.
        report: takes progress, in the event loop.
        keep: make the workspace where there is none; in one that is not there nothing is stored.

    Raises:
        InputProblem: the command could not audit it; with its sentence.
        OSError: the process could not be started.
    """
    overrides = data_overrides(settings)
    if keep:
        with suppress(OSError):  # nothing is stored then
            await asyncio.to_thread(workspace.mkdir, parents=True, exist_ok=True)
    run = await asyncio.to_thread(finished_run_on, workspace, data)
    if run is not None:
        with suppress(InputProblem):  # one that can't be read has no say; what else is wrong comes up again without it
            return await _audit(workspace, data, [*overrides, f"--run={run}"], report)
    return await _audit(workspace, data, overrides, report)


async def _audit(workspace: Path, data: str, options: Sequence[str], report: ReportProgress) -> AuditFindings:
    answer = await follow_command(workspace, "inspect", "--json", *options, "--", data, report=report)
    with suppress(ValueError, InputProblem):  # an audit of images none of which can be read is an error and an answer
        return AuditFindings.from_report(AuditReport.from_json(json.loads(answer.text)))
    raise InputProblem(answer.error.sentence if answer.error is not None else "The audit gave no answer.")


def data_overrides(settings: Mapping[str, Any]) -> list[str]:
    """Write settings of the table `data` as options of a command."""
    return [f"--set=data.{key}={_toml(value)}" for key, value in settings.items()]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return pairs_text(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (str, bool, int, float)) else str(value)
