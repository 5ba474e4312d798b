"""How fast images are found, audited and read, beside the obvious way of each: `python benchmarks/data.py [FOLDER]`.

FOLDER holds class folders; without one, JPEGs of noise are made. Each pair runs in turns, in one process, and the
medians and their ratio are printed; nothing here is asserted anywhere. `--million` also audits the records of a
million images that exist only as numbers, and prints time and peak memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIZE, BATCH = 224, 32
HALF = (0.5, 0.5, 0.5)


def in_turns(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the median seconds of both, run one after the other so that the machine's moods meet both."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for work, times in zip((ours, theirs), taken, strict=True):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    return statistics.median(taken[0]), statistics.median(taken[1])


def report(what: str, count: int, unit: str, ours: float, baseline: str, theirs: float) -> None:  # noqa: PLR0917
    print(
        f"{what:36} {count / ours:12,.0f} {unit}/s   {baseline:40} {count / theirs:12,.0f} {unit}/s   "
        f"ratio {theirs / ours:5.2f}"
    )


def draw_images(folder: Path, count: int) -> None:
    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"class{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        coarse.resize((240, 240)).save(place / f"slide{number // 5:05d}_{number:06d}.jpg", quality=90)


def finding(rounds: int) -> None:
    from aimic_tui.engine.data.listing.folder_scan import scan_folder

    with tempfile.TemporaryDirectory() as folder:
        root, count = Path(folder), 100_000
        for label in range(10):
            (root / f"class{label}").mkdir()
            for number in range(count // 10):
                os.close(os.open(root / f"class{label}/{number:06d}.png", os.O_CREAT))
        ours, theirs = in_turns(
            lambda: scan_folder(root), lambda: [path for path in root.rglob("*") if path.is_file()], rounds
        )
        report("finding files", count, "files", ours, "Path.rglob and is_file", theirs)


def auditing(root: Path, rounds: int) -> None:
    from aimic_tui.engine.data.audit.audit_data_set import audit_data_set
    from aimic_tui.engine.experiment import DataSettings

    settings = DataSettings(path=str(root))
    paths = audit_data_set(settings).data_set.paths()
    memory = root.parent / "audit.measures"

    def decode_only() -> None:
        for path in paths:
            with Image.open(path) as image:
                np.asarray(image.convert("RGB"))

    ours, theirs = in_turns(lambda: audit_data_set(settings), decode_only, rounds)
    report("the whole audit", len(paths), "images", ours, "decoding alone, one thread", theirs)
    audit_data_set(settings, store=memory)
    again, _ = in_turns(lambda: audit_data_set(settings, store=memory), lambda: None, rounds)
    report("the audit of known images", len(paths), "images", again, "decoding alone, one thread", theirs)


def reading(root: Path, rounds: int) -> None:
    from aimic_tui.engine.data.cache import cached_images
    from aimic_tui.engine.data.preprocessing import Preprocessing

    paths = sorted(path for path in root.glob("*/*") if path.is_file())
    preprocessing = Preprocessing(SIZE, "stretch", "auto", HALF, HALF)
    order = np.random.default_rng(0).permutation(len(paths))
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]

    def epoch(mode: str, folder: Path) -> Callable[[], None]:
        source = cached_images(paths, preprocessing, folder, mode)
        return lambda: [source.batch(batch) for batch in batches] and None

    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = in_turns(epoch("on", Path(folder)), epoch("off", Path(folder)), rounds)
        report("an epoch's images, cached", len(paths), "images", ours, "decoded on demand, in threads", theirs)


def a_million() -> None:
    from aimic_tui.engine.data.audit.measures import ROW, Measures
    from aimic_tui.engine.data.audit.near_duplicates import near_pairs
    from aimic_tui.engine.data.audit.outliers import find_outliers
    from aimic_tui.engine.data.audit.shortcuts import find_shortcuts
    from aimic_tui.engine.data.data_set import DataSet

    count, random = 1_000_000, np.random.default_rng(0)
    rows = np.zeros(count, ROW)
    grid = np.linspace(0, 5, rows["thumb"].shape[1]).round().astype(int)
    for start in range(0, count, 50_000):  # smooth blobs, as cells are
        block = random.normal(size=(50_000, 6, 6)).astype(np.float32)[:, grid][:, :, grid]
        rows["thumb"][start : start + 50_000] = (128 + 30 * block).clip(0, 255)
    rows["width"] = rows["height"] = 128
    rows["file_size"], rows["format"], rows["bits"] = random.integers(3000, 6000, count), b"JPEG", 8
    rows["inner"] = rows["border"] = random.normal(150, 10, (count, 3)).astype(np.float32)
    rows["sharpness"] = random.uniform(0.3, 0.5, count)
    measures = Measures(np.ones(count, bool), rows, {})
    names = tuple(f"class{number % 3}/slide{number // 5:06d}_{number:07d}.jpg" for number in range(count))
    slides = (np.arange(count) // 5).astype(np.int32)
    data_set = DataSet(
        root=Path("nowhere"),
        images=names,
        classes=("class0", "class1", "class2"),
        labels=(np.arange(count) % 3).astype(np.int32),
        groups=slides,
        group_names=tuple(f"slide{number:06d}" for number in range(count // 5)),
        group_rule="slide",
        parts=None,
    )
    steps: list[tuple[str, Callable[[], object]]] = [
        ("near duplicates", lambda: near_pairs(measures.thumbs, np.arange(count), lambda _: np.zeros((8, 8, 3), "u1"))),
        ("outliers", lambda: find_outliers(data_set, measures)),
        ("shortcuts", lambda: find_shortcuts(data_set, measures)),
    ]
    for name, work in steps:
        start = time.perf_counter()
        work()
        taken = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"a million images, {name:18} {taken:8.1f} s   peak memory so far {peak:8,.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--images", type=int, default=1500, help="made where no folder is given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    if options.million:
        a_million()
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = options.folder
        if root is None:
            root = Path(temporary) / "images"
            draw_images(root, options.images)
        finding(options.rounds)
        auditing(root, options.rounds)
        reading(root, options.rounds)


if __name__ == "__main__":
    main()
