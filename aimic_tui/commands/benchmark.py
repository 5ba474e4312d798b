"""`aimic benchmark`: how long networks take here, from image files to classes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.files import folder_problem
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.models.catalogue import PAPER_NETWORKS, NetworkInfo, find_network
from aimic_tui.engine.progress import Progress, ReportProgress
from aimic_tui.engine.study.published_paper import LATENCY, LATENCY_DEVICE
from aimic_tui.engine.text import NOTHING, plural, printable
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from aimic_tui.engine.inference.timings import NetworkTiming


@click.command()
@click.argument("networks", nargs=-1)
@click.option("--images", type=click.Path(path_type=Path), help="A folder of images, or one (default: drawn cells).")
@click.option(
    "--repetitions",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Repetitions of each measurement.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as one JSON object.")
@click.pass_context
@shows_progress
def benchmark(
    context: click.Context,
    *,
    networks: tuple[str, ...],
    images: Path | None,
    repetitions: int,
    device: str,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Measure seconds from files to classes, for one image and for a hundred, beside published times.

    Without NETWORKS, the published ten are measured. Measurements are saved in the workspace.
    """
    from aimic_tui.engine.data.listing.image_files import find_image_files

    infos = list(dict.fromkeys(find_network(name) for name in networks or PAPER_NETWORKS))
    files = None if images is None else find_image_files([images]).files
    settle_processor()  # before torch
    from aimic_tui.engine.inference.latency import describe_device, drawn_files, measure_network
    from aimic_tui.engine.inference.timings import FILE as TIMINGS_FILE
    from aimic_tui.engine.inference.timings import write_timings

    device_name = describe_device(device)
    meter.message(f"{plural(len(infos), 'network')} on {device_name}")
    unwritable = folder_problem(Path(context.obj).absolute(), locks=False)
    if unwritable:
        click.echo(f"! {printable(unwritable)} The times are printed, not kept.", err=True)
    timings: list[NetworkTiming] = []
    with drawn_files(meter.report) if files is None else nullcontext(files) as measured:
        for info in infos:
            report = _report_of(info, infos, meter)
            timing = measure_network(info, measured, device, repetitions=repetitions, report=report)
            timings.append(timing)
            if not unwritable:
                write_timings(Path(context.obj), device_name, [timing])
    meter.clear()
    found = Benchmark(device_name, tuple(timings))
    if as_json:
        click.echo(json.dumps(found.to_json()))
        return
    for line in _lines(found):
        click.echo(signs.as_shown(line))
    if not unwritable:
        click.echo(f"saved in {printable(str(Path(context.obj) / TIMINGS_FILE))}", err=True)


@dataclass(frozen=True)
class Benchmark:
    """Measurements on one device, beside the published ones."""

    device: str
    timings: tuple[NetworkTiming, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values as docs/design.md lays them out, with further keys."""
        networks = {}
        for timing in self.timings:
            published = LATENCY.get(timing.network)
            networks[timing.network] = {**timing.to_json(), "published": asdict(published) if published else None}
        return {"device": self.device, "published_device": LATENCY_DEVICE, "networks": networks}


def _lines(found: Benchmark) -> Iterator[str]:
    rows = [["network", "1 image", "100 images", "ratio", "images/s", "limit", "published 1", "100", "ratio"]]
    for timing in found.timings:
        published = LATENCY.get(timing.network)
        theirs = [NOTHING] * 3
        if published is not None:
            theirs = [
                numbers.number(published.seconds_1),
                numbers.number(published.seconds_100),
                numbers.number(published.ratio, 2),
            ]
        rows.append(
            [
                printable(timing.network),
                _with_spread(timing.seconds_1, timing.one),
                _with_spread(timing.seconds_100, timing.hundred),
                numbers.number(timing.ratio, 2),
                numbers.number(timing.images_per_second, 1),
                numbers.number(timing.limit_images_per_second, 1),
                *theirs,
            ]
        )
    yield from aligned(rows)
    yield ""
    yield (
        f"Seconds from files to classes: median of {len(found.timings[0].one)} [fastest, slowest], the network "
        f"already loaded, on {printable(found.device)}. Limit: the network alone, images already on the device."
    )
    yield f"Published: Liu et al. 2022, Table 3, on a {LATENCY_DEVICE}, means of ten."


def _with_spread(value: float, values: Sequence[float]) -> str:
    return f"{numbers.number(value)} [{numbers.number(min(values))} {numbers.number(max(values))}]"


def _report_of(info: NetworkInfo, infos: Sequence[NetworkInfo], meter: ProgressMeter) -> ReportProgress:
    """Return a reporter for one network that reports progress through all of them, weighted by their work."""
    # Decoding an image takes about as long as 0.3 GMACs.
    work = [each.gmacs + 0.3 for each in infos]
    before, own = sum(work[: infos.index(info)]), work[infos.index(info)]

    def report(progress: Progress) -> None:
        share = progress.done / (progress.total or 1)
        meter.report(replace(progress, done=before + share * own, total=sum(work), detail=info.name))

    return report
