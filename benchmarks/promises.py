"""How often what the program says turns out wrong: `python benchmarks/promises.py [--studies 200] [--only NAME]`.

Each row is a promise under one kind of simulated study: in how many studies it was made, in which share of those it was
broken, and which share is allowed. With S studies a share p has a standard error of sqrt(p (1 - p) / S), so a share is
called too large only where it exceeds the allowed one by two of these.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from concurrent.futures import ProcessPoolExecutor

import promise_bands
import promise_elsewhere
import promise_groups
import promise_rejection
import promise_shortcuts
from promise import Promise

PROMISES: tuple[Promise, ...] = (
    *promise_bands.PROMISES,
    *promise_elsewhere.PROMISES,
    *promise_groups.PROMISES,
    *promise_rejection.PROMISES,
    *promise_shortcuts.PROMISES,
)


def main() -> int:
    """Try the promises and return 1 where one is broken too often."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", default="", help="promises whose name contains this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for promise in PROMISES:
        if options.only not in promise.name:
            continue
        began = time.perf_counter()
        with ProcessPoolExecutor(options.processes) as pool:
            answers = list(pool.map(promise.study, range(options.studies), chunksize=5))
        made = [broken for broken in answers if broken is not None]
        share = sum(made) / len(made) if made else 0.0
        limit = promise.allowed + 2 * math.sqrt(promise.allowed * (1 - promise.allowed) / max(1, len(made)))
        rows.append(
            {
                "promise": promise.name,
                "says": promise.says,
                "made": len(made) / options.studies,
                "broken": share,
                "allowed": promise.allowed,
                "kept": share <= limit,
            }
        )
        if not options.json:
            verdict = "kept" if share <= limit else "BROKEN TOO OFTEN"
            print(
                f"{promise.name:<60} made in {100 * len(made) / options.studies:5.1f} %, broken in {100 * share:5.1f} %"
                f" (allowed {100 * promise.allowed:g} %): {verdict}  {time.perf_counter() - began:.0f} s",
                flush=True,
            )
    if options.json:
        print(json.dumps(rows))
    return 0 if all(row["kept"] for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
