"""Whether a run's own files are those that it was made with: images, labels, groups, parts and settings."""

from __future__ import annotations

import json
from pathlib import Path

from aimic_tui.engine.data.listing.manifest_table import is_manifest
from aimic_tui.engine.data.splitting.split import inner_file
from aimic_tui.engine.experiment import Experiment, read_toml
from aimic_tui.engine.files import digest_of_bytes, digest_of_file
from aimic_tui.engine.run_events import FilesAccepted, RunCreated, run_events
from aimic_tui.engine.run_folder import RunFolder


def digests_of_own_files(folder: RunFolder) -> dict[str, str]:
    """Return name -> SHA-256 of the files that decide what a run computes.

    Of the settings only those count that decide; a resumed run may have other devices, networks and seeds.

    Raises:
        OSError: one is missing or can't be read.
        InputProblem: the settings make no sense.
    """
    files = [folder.manifest_file, folder.split_file]
    if (inner := inner_file(folder.split_file)).exists():
        files.append(inner)
    digests = {file.name: digest_of_file(file) for file in files}
    return {**digests, folder.experiment_file.name: digest_of_experiment(folder.experiment_file)}


def changed_own_files(folder: RunFolder) -> dict[str, str]:
    """Return name -> digest ("" where it is gone) of the files that are no longer as the run's story says.

    There are none in runs of before 0.2, whose story says nothing of them.

    Raises:
        OSError, InputProblem: as `digests_of_own_files`.
    """
    recorded: dict[str, object] = {}
    for event in run_events(folder).new():
        if isinstance(event, (RunCreated, FilesAccepted)):
            recorded.update(event.files or {})
    now = digests_of_own_files(folder) if recorded else {}
    return {name: now.get(name, "") for name in sorted({*recorded, *now}) if recorded.get(name) != now.get(name, "")}


def digest_of_table(data: Path) -> str:
    """Return the digest of a table of images with their labels; "" where `data` is no such file, or can't be read."""
    try:
        return digest_of_file(data) if data.is_file() and is_manifest(data) else ""
    except OSError:
        return ""


def table_changed(folder: RunFolder, data: Path) -> bool:
    """Tell whether the table that a run's labels were read from, now at `data`, is another one than it was then."""
    then = next((event.table for event in run_events(folder).new() if isinstance(event, RunCreated)), "")
    now = digest_of_table(data)
    return bool(then and now and then != now)


def digest_of_experiment(file: Path) -> str:
    """Return the digest of a run's settings; what was trained under another one is not resumed.

    Only the settings that the file names count: a run of an earlier version names none of those that came later, whose
    defaults are what that version did. Not counted: the name, the devices, what is evaluated, and which networks and
    seeds there are, which a resumed run may change.

    Args:
        file: the run's `experiment.toml`, in which every default of its time is written out.
    """
    written = read_toml(file)
    deciding = {
        section: {key: value for key, value in values.items() if key in written.get(section, {})}
        if isinstance(values, dict)
        else values
        for section, values in Experiment.of_run(file).to_mapping().items()
        if section in written and section not in ("name", "compute", "evaluation")
    }
    for section, key in (("model", "networks"), ("training", "seeds")):
        deciding.get(section, {}).pop(key, None)
    return digest_of_bytes(json.dumps(deciding, sort_keys=True).encode())
