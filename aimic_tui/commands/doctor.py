"""`aimic doctor`: checks the terminal, the devices and the folders, and gives advice."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import click

from aimic_tui import __version__
from aimic_tui.app.settings import load_settings, settings_file
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import folder_problem
from aimic_tui.engine.machine.devices import find_slots
from aimic_tui.engine.machine.limits import read_limits, shortages
from aimic_tui.engine.python_process import python_command, python_environment
from aimic_tui.engine.system_errors import explain, has_room
from aimic_tui.engine.text import bytes_text, one_line, plural, printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording.signs import ASCII_SIGNS, SIGNS, ascii_only
from aimic_tui.workspace.machine import MachineReader, disk_free

_LITTLE_DISK = 2_000_000_000  # bytes; a run of a large network writes about as much
_LITTLE_MEMORY = 4_000_000_000
_TORCH_TIMEOUT = 120  # seconds; a cold import from a network disk takes long


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: what was checked, in a word or two.
        ok: False where something is broken, so that part of the program can't work.
        detail: what was found.
        advice: how to improve it, "" where there is no need.
    """

    name: str
    ok: bool
    detail: str
    advice: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the checks as one JSON object.")
@click.option("--quick", is_flag=True, help="Don't start PyTorch to find out which devices it sees.")
@click.pass_context
def doctor(context: click.Context, as_json: bool, quick: bool) -> None:
    """Check the terminal, the devices and the folders."""
    checks = list(run_checks(Path(context.obj), quick=quick))
    if as_json:
        click.echo(json.dumps({"checks": [asdict(check) for check in checks]}))
    else:
        _print(checks)
    context.exit(0 if all(check.ok for check in checks) else 1)


def _print(checks: list[Check]) -> None:
    signs = ASCII_SIGNS if ascii_only() else SIGNS
    width = max(len(check.name) for check in checks)
    for check in checks:
        sign = signs["failed"] if not check.ok else signs["attention"] if check.advice else signs["finished"]
        click.echo(f"{sign} {check.name.ljust(width)}  {printable(check.detail)}")
        if check.advice:
            click.echo(f"  {' ' * width}  {printable(check.advice)}")
    broken = sum(not check.ok for check in checks)
    advised = sum(check.ok and bool(check.advice) for check in checks)
    if broken:
        click.echo(f"{plural(broken, 'thing')} broken.", err=True)
    elif advised:
        click.echo(f"Everything works; {plural(advised, 'thing')} could be better.", err=True)


def run_checks(workspace: Path, *, quick: bool = False) -> Iterator[Check]:
    """Run all checks, the quick ones first.

    Args:
        workspace: the folder of runs; it need not exist, and is not created.
        quick: leave out the checks that take seconds.
    """
    yield from _check_terminal()
    yield from _check_packages()
    yield from _check_devices()
    yield _check_limits()
    if not quick:
        yield _check_torch()
    yield from _check_folders(workspace)


def _check_terminal() -> Iterator[Check]:
    terminal = os.environ.get("TERM", "")
    if not sys.stderr.isatty():
        yield Check("terminal", True, "none (stderr goes to a file or a pipe)")
        return
    if terminal in ("", "dumb"):
        yield Check(
            "terminal", True, f"TERM is {terminal or 'not set'}", "The app needs a terminal that can move its cursor."
        )
    else:
        size = shutil.get_terminal_size()
        advice = "" if size.columns >= 80 and size.lines >= 24 else "The app needs 80 columns and 24 lines."
        yield Check("terminal", True, f"{terminal}, {size.columns} columns, {size.lines} lines", advice)
    yield _check_colours(terminal)
    if os.environ.get("TMUX"):
        yield _check_tmux()
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "not set"
    if ascii_only():
        advice = 'Signs and charts are drawn in ASCII. Set LANG=C.UTF-8, or signs = "unicode" in the settings file.'
        yield Check("signs", True, f"ASCII (locale {locale})", advice)
    else:
        yield Check("signs", True, f"Unicode (locale {locale})")


def _check_colours(terminal: str) -> Check:
    if os.environ.get("NO_COLOR") is not None:
        return Check("colours", True, "none (NO_COLOR is set)")
    if os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return Check("colours", True, "16 million")
    advice = "If the terminal shows a smooth gradient elsewhere, set COLORTERM=truecolor."
    if "256color" in terminal or os.environ.get("TMUX"):
        return Check("colours", True, "256", advice)
    return Check("colours", True, "16", "Set TERM to one with 256 colours (xterm-256color, tmux-256color).")


def _check_tmux() -> Check:
    try:
        command = ["tmux", "display-message", "-p", "#{version} #{client_termfeatures}"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.split(maxsplit=1)
    except (OSError, subprocess.SubprocessError):
        return Check("tmux", True, "running, but not responding")
    version, features = answer[0], answer[1] if len(answer) > 1 else ""
    rgb = "RGB" in features
    advice = "" if rgb else 'In ~/.tmux.conf: set -as terminal-features ",*:RGB" turns on all colours.'
    return Check("tmux", True, f"{version}, {'all colours' if rgb else 'at most 256 colours'} to the outside", advice)


def _check_packages() -> Iterator[Check]:
    yield Check("aimic", True, f"{__version__}, Python {sys.version.split()[0]}")
    try:
        requirements = metadata.requires("aimic") or []
    except metadata.PackageNotFoundError:
        yield Check("packages", True, "unknown: the program runs from its source, not installed")
        return
    found, missing = _installed(requirement for requirement in requirements if "extra ==" not in requirement)
    if missing:
        detail = f"not installed: {', '.join(missing)}"
        yield Check("packages", False, detail, "Reinstall the program, in an environment of its own.")
    else:
        yield Check("packages", True, ", ".join(found))
    readers, missing_readers = _installed(requirement for requirement in requirements if "extra == " in requirement)
    if missing_readers:
        detail = f"{', '.join(missing_readers)} not installed: CZI, ND2 or LIF files can't be read"
        yield Check("formats", True, detail, "If you have such files: pip install 'aimic[formats]'.")
    else:
        yield Check("formats", True, f"CZI, ND2 and LIF can be read, too ({', '.join(readers)})")


def _installed(requirements: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what is installed, with versions, and what is not."""
    found, missing = [], []
    for requirement in requirements:
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    return found, missing


def _check_devices() -> Iterator[Check]:
    machine = MachineReader().read()
    for gpu, use in machine.gpus:
        free = use.memory - use.memory_used
        advice = "" if free > use.memory / 4 else "Another program holds most of its memory."
        yield Check(
            f"gpu{gpu.number}", True, f"{gpu.name}, {bytes_text(free)} of {bytes_text(use.memory)} free", advice
        )
    if not machine.gpus:
        yield Check("gpu", True, f"none ({one_line(machine.gpu_problem) or 'no NVIDIA device'})")
    yield Check("processors", True, plural(machine.cores, "core"))
    free = machine.memory - machine.memory_used
    advice = (
        "" if free >= _LITTLE_MEMORY else "Training needs about 4 GB; close something, or use a smaller batch size."
    )
    yield Check("memory", True, f"{bytes_text(free)} of {bytes_text(machine.memory)} free", advice)


def _check_limits() -> Check:
    limits = read_limits()
    found = [
        f"{'any number of' if count is None else f'{count:,}'} {what}"
        for count, what in ((limits.open_files, "open files"), (limits.processes, "more processes"))
    ]
    if limits.addresses is not None:
        found.append(f"{bytes_text(limits.addresses)} of address space")
    if limits.shared_memory is not None:
        found.append(f"{bytes_text(limits.shared_memory)} of shared memory")
    advice = " ".join(shortages(limits, find_slots("auto", 1, 0)))
    return Check("limits", not advice, ", ".join(found), advice)


def _check_torch() -> Check:
    if sys.stderr.isatty():
        click.echo("Starting PyTorch to see which devices it finds ...", err=True)
    try:
        answer = subprocess.run(
            python_command("aimic_tui.engine.models.torch_devices"),
            env=python_environment(os.environ),
            capture_output=True,
            encoding="utf-8",
            timeout=_TORCH_TIMEOUT,
            check=True,
        )
        version, cuda, names, threads = json.loads(answer.stdout.splitlines()[-1])
    except subprocess.CalledProcessError as error:
        reason = one_line((error.stderr.strip().splitlines() or ["no output"])[-1])
        return Check("PyTorch", False, f"can't be imported: {reason}", "Reinstall the program.")
    except subprocess.TimeoutExpired:
        advice = "Training will start slowly, too. Is the environment on a slow network disk?"
        return Check("PyTorch", True, f"did not start within {_TORCH_TIMEOUT} s", advice)
    except (OSError, ValueError, IndexError) as error:
        return Check("PyTorch", False, f"can't be started: {one_line(str(error))}", "Reinstall the program.")
    built = f"for CUDA {cuda}" if cuda else "for the CPU only"
    sees = ", ".join(names) if names else f"no GPU, {plural(threads, 'thread')}"
    advice = ""
    if not names and MachineReader().read().gpus:
        advice = "There is a GPU that PyTorch can't use: its build and the driver don't match."
    return Check("PyTorch", True, f"{version} {built}; sees {sees}", advice)


def _check_folders(workspace: Path) -> Iterator[Check]:
    yield _check_workspace(workspace)
    free = disk_free(workspace)
    if free is not None:
        advice = (
            ""
            if free >= _LITTLE_DISK
            else "A run can fill this. Free some space, or choose another folder with --workspace."
        )
        yield Check("disk", True, f"{bytes_text(free)} free for the workspace", advice)
    cache = workspace / "cache"
    if cache.is_dir():
        yield Check(
            "cache", True, f"{bytes_text(_size_of(cache))} of decoded images; can be deleted while no run is active"
        )
    yield _check_temporary()
    yield _check_weights()
    yield _check_settings()


def _check_workspace(workspace: Path) -> Check:
    where = Workspace(workspace)
    if problem := where.problem():
        return Check("workspace", False, f"{where.root}: runs can't be kept there", problem)
    advice = folder_problem(where.cache_folder) if where.cache_folder.exists() else ""
    if advice:
        advice = f"Runs can't share decoded images: {advice}"
    return Check("workspace", True, f"{where.root}{'' if where.root.exists() else ' (does not exist yet)'}", advice)


def _check_temporary() -> Check:
    try:
        folder = Path(tempfile.gettempdir())
    except OSError as error:
        return Check("temporary", False, "no folder for temporary files", explain(error))
    advice = "" if has_room(folder) else f"The disk of {folder} is full. Make space, or set TMPDIR to another folder."
    return Check("temporary", True, f"{folder}, {bytes_text(disk_free(folder))} free", advice)


def _check_settings() -> Check:
    try:
        path = settings_file()
    except InputProblem as problem:
        return Check("settings", True, "no place for them; defaults", problem.sentence)
    _, problems = load_settings(path)
    where = printable(str(path))
    return Check(
        "settings", True, where if path.exists() else f"{where} (does not exist; defaults)", " ".join(problems)
    )


def _check_weights() -> Check:
    from aimic_tui.engine.errors import AimicError
    from aimic_tui.engine.models.weights_folder import read_entries, weights_folder

    try:
        folder = weights_folder()
        entries = read_entries(folder)
    except AimicError as error:
        return Check("weights", False, error.sentence)
    if not entries:
        advice = (
            "`aimic weights fetch` downloads pre-trained weights; without them, plan and train need model.weights=none."
        )
        return Check("weights", True, f"none in {folder}", advice)
    networks = len({entry.network for entry in entries})
    size = bytes_text(sum(entry.bytes for entry in entries))
    return Check("weights", True, f"of {plural(networks, 'network')}, {size}, in {folder}")


def _size_of(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except OSError:
                continue  # it has been deleted in the meantime
    return total
