"""The audit that a run keeps: what was known of its images before it began.

`aimic inspect` and the Data place store what they measure of each image in the workspace. A run on a data set that was
audited there keeps the audit's findings as they stand when it is made, after marks and `data.classes`: in audit.json.
Images that have changed since are measured again. A data set that nobody audited stays so: its report says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.data.audit.audit_report import AuditReport
from aimic_tui.engine.data.audit.measurement_store import measurements_file
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import now
from aimic_tui.engine.experiment import DataSettings
from aimic_tui.engine.files import write_json
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.typed_values import MALFORMED
from aimic_tui.engine.workspace_folder import Workspace

VERSION = 1


@dataclass(frozen=True)
class RunAudit:
    """What an audit found in a run's images.

    Attributes:
        when: ISO time of the audit, with its zone.
        report: its findings.
    """

    when: str
    report: AuditReport

    def to_json(self) -> dict[str, Any]:
        """Return it as audit.json has it."""
        return {"version": VERSION, "when": self.when, "audit": self.report.to_json()}


def audit_again(settings: DataSettings, workspace: Workspace, report: ReportProgress = no_report) -> RunAudit | None:
    """Return the findings in a data set that was audited in this workspace; None where it was not.

    Raises:
        AimicError: as `audit_data_set`.
    """
    store = measurements_file(workspace.cache_folder, Path(settings.path))
    if not store.is_file():
        return None
    from aimic_tui.engine.data.audit.audit_data_set import audit_data_set  # scikit-learn, for an audit only

    found = audit_data_set(settings, report, store=store)
    return RunAudit(now().isoformat(timespec="seconds"), found.report())


def write_run_audit(folder: RunFolder, audit: RunAudit) -> None:
    """Keep an audit with a run, atomically.

    Raises:
        OSError: the run's folder can't be written.
    """
    write_json(folder.audit_file, audit.to_json())


def read_run_audit(folder: RunFolder) -> RunAudit | None:
    """Return the audit that a run keeps; None where there is none that can be read."""
    try:
        stored = read_json(folder.audit_file)
        if stored["version"] != VERSION:
            return None
        return RunAudit(str(stored["when"]), AuditReport.from_json(stored["audit"]))
    except (OSError, InputProblem, *MALFORMED):
        return None
