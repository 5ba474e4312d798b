"""`aimic cache`: the decoded images that runs share, what audits measured, and how to clear both."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aimic_tui.engine.data.audit.measurement_store import measurements_files
from aimic_tui.engine.data.cache import cache_files, clear_cache
from aimic_tui.engine.formatting.times import ago
from aimic_tui.engine.text import bytes_text, plural, printable
from aimic_tui.engine.workspace_folder import Workspace


@click.command()
@click.option("--clear", is_flag=True, help="Remove them; the next run decodes its images again.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def cache(workspace: Path, clear: bool, as_json: bool) -> None:
    """Show how much disk space the cache of decoded images takes, or clear it.

    Running runs keep the files they have open, and a cache that is being built stays. The setting compute.cache_limit
    limits its total size.
    """
    folder = Workspace(workspace).cache_folder
    removed = clear_cache(folder) if clear else 0
    for measured in measurements_files(folder) if clear else ():
        removed += measured.stat().st_size
        measured.unlink()
    audits = sum(measured.stat().st_size for measured in measurements_files(folder))
    files = cache_files(folder)
    total = sum(file.bytes for file in files)
    if as_json:
        caches = [{"file": file.path.name, "bytes": file.bytes, "wanted": file.last_used} for file in files]
        answer = {"folder": str(folder), "bytes": total, "removed": removed, "audits": audits, "caches": caches}
        click.echo(json.dumps(answer))
        return
    if clear:
        click.echo(f"Removed {bytes_text(removed)} from {printable(str(folder))}.")
        return
    if audits:
        click.echo(f"Measurements of audits take {bytes_text(audits)}.")
    if not files:
        click.echo(f"{printable(str(folder))} holds no decoded images.")
        return
    click.echo(f"{printable(str(folder))} holds {plural(len(files), 'cache')} of decoded images, {bytes_text(total)}.")
    for file in reversed(files):
        click.echo(f"  {file.path.stem[:12]}  {bytes_text(file.bytes):>9}  last used {ago(file.last_used)}")
    click.echo("`aimic cache --clear` removes them.")
