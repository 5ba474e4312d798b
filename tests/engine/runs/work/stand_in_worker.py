"""Speaks the worker's protocol without training; what a trial does is told by its network's name."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.run_folder import RunFolder, TrialKey


def main() -> None:
    run = RunFolder(Path(sys.argv[1]))
    sys.stdout.write("a library that greets on stdout\n")
    for line in sys.stdin:
        key = TrialKey(**json.loads(line))
        folder = run.trial(key)
        folder.path.mkdir(parents=True, exist_ok=True)
        tries = folder.path / "tries"
        attempt = len(tries.read_text().splitlines()) + 1 if tries.exists() else 1
        with tries.open("a") as file:
            file.write(f"{os.getpid()} {os.environ['OMP_NUM_THREADS']}\n")
        if key.network == "cannot-begin":
            sys.exit("No module named 'torch'")
        append_event(folder.events_file, "trial-started", device="cpu", epoch=1, resumed=attempt > 1)
        sys.stdout.write(json.dumps({"trial": key.name, **behave(run, key, attempt)}) + "\n")
        sys.stdout.flush()


def behave(run: RunFolder, key: TrialKey, attempt: int) -> dict[str, object]:
    folder = run.trial(key)
    kind = key.network
    if kind == "dies" or (kind == "dies-once" and attempt == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "plods":  # gets on by an epoch, then dies
        append_event(folder.events_file, "epoch", epoch=(attempt + 1) // 2)
        if attempt < 8:
            os.kill(os.getpid(), signal.SIGKILL)
    if kind == "writes":
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            append_event(folder.events_file, "epoch", epoch=1)
            time.sleep(0.01)
    if kind == "exits":
        sys.exit("Traceback: the graphics driver is gone")
    if kind == "fails" or (kind == "fails-once" and attempt == 1):
        return {"state": "failed", "error": {"sentence": "CUDA is out of memory.", "retry": True, "code": "memory"}}
    if kind == "bad-input":
        return {"state": "failed", "error": {"sentence": "a.png is empty.", "key": "data.path", "code": "input"}}
    if kind == "full-disk":
        return {"state": "failed", "error": {"sentence": "It can't be written.", "code": "disk-full"}}
    if kind == "slow":
        while not run.stop_file.exists():
            time.sleep(0.02)
        return {"state": "stopped"}
    if kind == "deaf":
        time.sleep(600)
    append_event(folder.events_file, "trial-finished", best_epoch=1, epochs=1, test={"accuracy": 0.75})
    return {"state": "finished"}


if __name__ == "__main__":
    main()
