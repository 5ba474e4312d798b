"""`aimic networks`: the networks that can be trained."""

from __future__ import annotations

import json
from typing import Any

import click

from aimic_tui.engine.models.catalogue import NetworkInfo, search_networks
from aimic_tui.engine.text import printable


@click.command()
@click.argument("text", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the networks as one JSON object.")
def networks(text: tuple[str, ...], as_json: bool) -> None:
    """List the networks that can be trained, or those whose name contains every word of TEXT.

    The ten of the published evaluation come first and are marked with *.
    """
    found = search_networks(" ".join(text))
    if as_json:
        click.echo(json.dumps({"networks": [_record(info) for info in found]}))
        return
    if not found:
        click.echo(f"No network's name contains {printable(' '.join(text))}. `aimic networks` lists all.", err=True)
        return
    width = max(len(info.name) for info in found)
    click.echo(f"  {'name':{width}}  {'library':11}  {'parameters':>10}  {'GMACs':>7}  {'pixels':>6}  weights")
    for info in found:
        tags = info.weights[0] if info.weights else "none published"
        more = f" and {len(info.weights) - 1} more" if len(info.weights) > 1 else ""
        click.echo(
            f"{'*' if info.paper else ' '} {info.name:{width}}  {info.library:11}  {info.parameters / 1e6:8.1f} M"
            f"  {info.gmacs:7.2f}  {info.input_size:6}  {tags}{more}"
        )


def _record(info: NetworkInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "library": info.library,
        "parameters": info.parameters,
        "gmacs": info.gmacs,
        "input_size": info.input_size,
        "minimum_size": info.minimum_size,
        "mean": info.mean,
        "std": info.std,
        "paper": info.paper,
        "weights": info.weights,
    }
