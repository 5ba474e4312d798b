"""`aimic weights`: the local folder of pre-trained weights, and the only commands that download."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import click

from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.errors import AimicError, InputProblem, StorageProblem, UsageProblem
from aimic_tui.engine.files import folder_problem
from aimic_tui.engine.models.catalogue import NetworkInfo, all_networks, find_network
from aimic_tui.engine.models.weights_folder import (
    WeightsEntry,
    check_entry,
    check_weights_file,
    find_entry,
    read_entries,
    weights_folder,
)
from aimic_tui.engine.text import bytes_text, plural, printable


@click.group()
def weights() -> None:
    """The local folder of pre-trained weights ($AIMIC_WEIGHTS sets another)."""


@weights.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the folder's content as one JSON object.")
def list_weights(as_json: bool) -> None:
    """What the folder holds."""
    folder = weights_folder()
    entries = read_entries(folder)
    if as_json:
        click.echo(_to_json(entries, folder))
        return
    if not entries:
        click.echo(
            f"There are no weights in {printable(str(folder))} yet. `aimic weights fetch NETWORK` gets published ones, "
            "`aimic weights import FILE --network NETWORK` takes a file.",
            err=True,
        )
        return
    for entry in entries:
        size = bytes_text(entry.bytes)
        line = f"{entry.network:28}  {entry.tag:24}  {size:>7}  {entry.licence or 'licence unknown'}"
        click.echo(printable(line))
    click.echo(f"in {printable(str(folder))}", err=True)


@weights.command("verify")
def verify_weights() -> None:
    """Compare every file of the folder with its digest."""
    folder = weights_folder()
    entries = read_entries(folder)
    faults = []
    for entry in entries:
        try:
            check_entry(entry, folder)
        except InputProblem as problem:
            faults.append(problem.sentence)
    if faults:
        raise InputProblem("\n".join(faults))
    click.echo(f"{plural(len(entries), 'file')} in {printable(str(folder))}: all unchanged.")


@weights.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--network", required=True, help="The network that the weights are for.")
@click.option("--tag", default="", help="What to call them (default: the published tag where it is certain).")
@click.option("--part", default="", help="Where the network lies in a file that holds several, as teacher/backbone.")
def import_file(*, file: Path, network: str, tag: str, part: str) -> None:
    """Check FILE (.safetensors, .pth, .pt, .ckpt) against its network and put it into the folder."""
    info = find_network(network)
    check_weights_file(file)
    from aimic_tui.engine.models.published import recognise
    from aimic_tui.engine.models.weights_import import import_weights

    folder = weights_folder()
    _require_place(folder)
    publication = recognise(file, info)
    known = publication.tag if publication else info.weights[0] if len(info.weights) == 1 else "local"
    entry, remarks = import_weights(file, info, tag or known, folder, publication, part=part)
    _say_where(entry, folder)
    for remark in remarks:
        click.echo(printable(remark[0].upper() + remark[1:] + "."))


@weights.command("fetch")
@click.argument("names", nargs=-1, metavar="[NETWORK]...")
@click.option("--tag", default="", help="Which of the published weights (default: what `imagenet` means).")
@click.option("--paper", is_flag=True, help="The ten networks of the published evaluation.")
@click.option("--again", is_flag=True, help="Also download what the folder already holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the folder and the networks' weights as one JSON object.")
@shows_progress
def fetch(*, names: tuple[str, ...], tag: str, paper: bool, again: bool, as_json: bool, meter: ProgressMeter) -> None:
    """Download published weights of networks into the folder; an interrupted download continues."""
    infos = [find_network(name) for name in names] + [info for info in all_networks() if paper and info.paper]
    if not infos:
        raise UsageProblem("Name the networks whose weights to fetch, or use --paper for the published ten.")
    folder = weights_folder()
    entries: list[WeightsEntry] = []
    stop = threading.Event()
    previous = signal.signal(signal.SIGINT, lambda *_: _stop_once(stop))
    try:
        for info in infos:
            entry = None if again else _entry_there(info, tag, folder)
            if entry is not None:
                meter.message(f"{info.name}: already in {folder}.")
            else:
                _require_place(folder)
                entry = _fetch_one(info, tag, folder, meter, stop.is_set)
                if not as_json:
                    _say_where(entry, folder)
            entries.append(entry)
    finally:
        signal.signal(signal.SIGINT, previous)
    if as_json:
        click.echo(_to_json(entries, folder))


def _require_place(folder: Path) -> None:
    """Do nothing if weights can be kept in the folder; asked before the download.

    Raises:
        StorageProblem: they can't; the sentence says why, and how to name another folder.
    """
    if problem := folder_problem(folder):
        raise StorageProblem(f"Weights can't be kept here: {problem} AIMIC_WEIGHTS sets another folder.", retry=False)


def _stop_once(stop: threading.Event) -> None:
    if stop.is_set():
        raise KeyboardInterrupt
    stop.set()


def _entry_there(info: NetworkInfo, tag: str, folder: Path) -> WeightsEntry | None:
    """Return the folder's unchanged weights of a network, None where they must be downloaded."""
    wanted = tag or next(iter(info.weights), "")
    try:
        entry = find_entry(f"imagenet:{wanted}", info, folder)
        check_entry(entry, folder)
    except InputProblem:
        return None
    return entry


def _fetch_one(
    info: NetworkInfo, tag: str, folder: Path, meter: ProgressMeter, should_stop: Callable[[], bool]
) -> WeightsEntry:
    from aimic_tui.engine.models.published import download, find_publication
    from aimic_tui.engine.models.weights_import import import_weights

    publication = find_publication(info, tag)
    folder.mkdir(parents=True, exist_ok=True)
    suffix = Path(publication.address).suffix
    part = folder / f".{info.name}.{publication.tag}.download{suffix}"
    meter.name(f"{info.name} {publication.tag}")
    meter.message(f"{info.name} {publication.tag}: connecting")
    download(publication, part, meter.report, should_stop)
    meter.clear()
    try:
        entry, _ = import_weights(part, info, publication.tag, folder, publication)
    except AimicError:
        part.unlink(missing_ok=True)
        raise
    part.unlink()
    return entry


def _to_json(entries: Iterable[WeightsEntry], folder: Path) -> str:
    return json.dumps({"folder": str(folder), "weights": [asdict(entry) for entry in entries]})


def _say_where(entry: WeightsEntry, folder: Path) -> None:
    click.echo(f"{entry.network} {entry.tag}: {bytes_text(entry.bytes)} in {printable(str(folder))}")
