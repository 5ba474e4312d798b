"""A prediction on its way or done: its process, its files, and what is known of it after the app was closed.

Each is a job with a folder in the workspace's `predictions`; its table lies there unless another place was named.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from aimic_tui.engine.data.listing.image_files import find_image_files
from aimic_tui.engine.data.listing.manifest_table import is_manifest
from aimic_tui.engine.data.reading.medmnist import is_npz
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import now
from aimic_tui.engine.files import Stamp, refuse_outward_links, stamp_of
from aimic_tui.engine.run_folder import slug
from aimic_tui.engine.text import printable
from aimic_tui.engine.typed_values import MALFORMED, file_path, optional_number, reason_in_words
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.command_events import Ending
from aimic_tui.workspace.model_choices import ModelChoice
from aimic_tui.workspace.model_job import ModelJob, identity_of, read_request, unreadable_requests
from aimic_tui.workspace.processes import command_line, start_command


@dataclass(frozen=True, kw_only=True)
class PredictionJob(ModelJob):
    """One prediction.

    Attributes:
        images: the folder, the image, or the file that lists images.
        output: the table.
        max_error: the accepted error rate among the images that are not left for review; None leaves none.
    """

    images: Path
    output: Path
    max_error: float | None = None

    @property
    def table(self) -> Path:
        """The table as far as it is written."""
        partial = self.output.with_name(self.output.name + ".partial")
        return self.output if self.output.exists() and not partial.exists() else partial

    def image_path(self, name: str) -> Path:
        """Return the file of an image of the table; where a list of images was given and is gone, beside that list."""
        if self.images.is_dir():
            return self.images / name
        if not (is_manifest(self.images) or is_npz(self.images)):
            return self.images
        beside = self.images.parent / name
        return beside if beside.exists() else _listed_in(self.images, stamp_of(self.images)).get(name, beside)

    @property
    def state_by_files(self) -> Ending:
        """Finished with its table, stopped with the beginning of one: the rows that are there can be gone on from."""
        if self.table == self.output:
            return "finished"
        return "stopped" if self.table.exists() else "failed"


@lru_cache(maxsize=2)
def _listed_in(table: Path, _stamp: Stamp) -> dict[str, Path]:
    try:
        return dict(find_image_files([table]).files)
    except InputProblem:
        return {}


def new_prediction(
    choice: ModelChoice, images: Path, folder: Path, output: Path, max_error: float | None = None
) -> PredictionJob:
    """Describe a prediction of which nothing was written yet."""
    return PredictionJob(
        folder=folder,
        label=choice.label,
        model=choice.target,
        network=choice.network_option,
        images=images,
        output=output,
        created=now().isoformat(timespec="seconds"),
        max_error=max_error,
    )


def prediction_folder(workspace: Workspace, images: Path) -> Path:
    """Return a folder for a prediction: sortable by its time, and human."""
    return workspace.root / "predictions" / stamped(images)


def stamped(images: Path) -> str:
    """Return a name for a job on images: sortable by its time, and human."""
    return f"{datetime.now():%Y%m%d-%H%M%S}-{slug(images.stem, 'images')}"


def start_prediction(workspace: Workspace, job: PredictionJob) -> tuple[PredictionJob, subprocess.Popen[bytes]]:
    """Start a prediction, or go on with an interrupted one, in a process that outlives the app.

    Raises:
        InputProblem: a link in its folder leads elsewhere.
        OSError: its folder can't be written or the process can't be started.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    arguments = ["predict", "--output", str(job.output), "--events", str(job.events_file)]
    if job.network:
        arguments += ["--network", job.network]
    if job.max_error is not None:
        arguments += ["--max-error", f"{job.max_error:g}"]
    arguments += ["--", str(job.model), str(job.images)]
    refuse_outward_links(job.folder)
    process = start_command(command_line(workspace.root, *arguments), job.log_file, job.log_file)
    started = replace(job, process=identity_of(process))
    started.write_request()
    return started, process


def list_predictions(workspace: Workspace) -> tuple[PredictionJob, ...]:
    """Return the predictions of a workspace, newest first."""
    try:
        folders = list((workspace.root / "predictions").iterdir())
    except OSError:
        return ()
    jobs = []
    for folder in folders:
        with suppress(InputProblem):
            jobs.append(read_prediction_job(folder))
    return tuple(sorted(jobs, key=lambda job: job.age, reverse=True))


def unreadable_predictions(workspace: Workspace) -> tuple[str, ...]:
    """Return a sentence on each prediction whose request can't be read."""
    return unreadable_requests(workspace.root / "predictions", read_prediction_job)


def read_prediction_job(folder: Path) -> PredictionJob:
    """Read a prediction's request back.

    Raises:
        InputProblem: there is none, or it can't be read.
    """
    try:
        record, common = read_request(folder)
        max_error = record.get("max_error")
        return PredictionJob(
            **common,
            images=file_path(record["images"]),
            output=file_path(record["output"]),
            max_error=optional_number(max_error),
        )
    except (OSError, *MALFORMED) as error:
        why = reason_in_words(error)
        raise InputProblem(f"{printable(str(folder))} holds no prediction that can be read: {why}.") from None


def inputs_of(jobs: Sequence[PredictionJob]) -> list[str]:
    """Return the folders of images that were predicted before, latest first, each once."""
    return list(dict.fromkeys(str(job.images) for job in jobs))
