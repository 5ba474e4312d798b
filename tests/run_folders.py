"""Run folders for the tests of screens and commands, written with the engine's own writers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.files import FileLock, write_json
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, State, TrialStatus, write_status

NOW = datetime.now(timezone.utc)


def make_run(
    workspace: Path,
    name: str,
    state: State,
    *,
    networks: Sequence[str] = ("mobilenet_v2",),
    folds: int = 5,
    done: int = 0,
    reason: str = "",
    trial_reason: str = "",
    f1: float | None = None,
    protocol: str = "honest",
    ended: datetime | None = NOW - timedelta(hours=3),
    epochs: int = 10,
) -> RunFolder:
    """Write a run with `done` finished trials; a run that is `running` has a first trial under way as well."""
    folder = RunFolder(workspace / "runs" / name)
    folder.path.mkdir(parents=True)
    trials = []
    for index, (network, fold) in enumerate((network, fold) for network in networks for fold in range(1, folds + 1)):
        trial = TrialStatus(network, fold, 0, "finished" if index < done else "queued")
        if index == done and state == "running":
            trial = TrialStatus(network, fold, 0, "running", 1, "cpu")
        if index == done and trial_reason:
            trial = TrialStatus(network, fold, 0, "failed", 3, "cpu", trial_reason)
        trials.append(trial)
        if trial.state in ("finished", "running"):
            _write_trial(folder, trial, epochs)
    started = NOW - timedelta(hours=5)
    write_status(
        folder,
        RunStatus(
            run=name,
            state=state,
            created=started,
            started=started,
            ended=None if state in ("running", "interrupted") else ended,
            trials=tuple(trials),
            reason=reason,
            protocol=protocol,
            networks=tuple(networks),
            folds=folds,
            epochs=epochs,
            data="/images/cells",
        ),
    )
    if f1 is not None:
        write_json(folder.results_file, _results(name, state, protocol, networks, f1))
    return folder


def _write_trial(folder: RunFolder, trial: TrialStatus, epochs: int) -> None:
    files = folder.trial(trial.key)
    files.path.mkdir(parents=True)
    append_event(files.events_file, "trial-started", device="cpu", epoch=1, resumed=False, train=800, steps=25)
    for epoch in range(1, (epochs if trial.state == "finished" else epochs // 2) + 1):
        append_event(
            files.events_file,
            "epoch",
            epoch=epoch,
            epochs=epochs,
            seconds=30.0,
            monitor=0.8,
            best=True,
            best_epoch=epoch,
        )
    if trial.state == "finished":
        test = {"macro_f1": 0.85 + trial.fold / 100}
        append_event(files.events_file, "trial-finished", best_epoch=epochs, epochs=epochs, seconds=300, test=test)


def _results(name: str, state: str, protocol: str, networks: Sequence[str], f1: float) -> dict[str, Any]:
    figures = {
        network: {"pooled": {"macro_f1": {"value": f1 - at / 50, "low": f1 - at / 50 - 0.013, "high": f1 + 0.012}}}
        for at, network in enumerate(networks)
    }
    return {"run": name, "state": state, "protocol": protocol, "networks": figures}


def hold(folder: RunFolder) -> FileLock:
    """Hold a run's lock, as its scheduler does while it lives; release it to let the run look dead."""
    lock = FileLock(folder.lock_file)
    assert lock.acquire()
    return lock
