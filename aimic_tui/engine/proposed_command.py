"""Commands that sentences propose, written so that they do what the sentence says when pasted into a shell.

Names of runs, folders and files come from people: they hold spaces, brackets, quotes, a leading dash, bytes that are
not UTF-8. This is the one place that puts such a name into a proposed command.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from aimic_tui.engine.run_folder import RESERVED_NAMES, RUNS, RunFolder
from aimic_tui.engine.text import printable
from aimic_tui.engine.user_folders import expanded, usual_workspace


def shell_word(text: str) -> str:
    r"""Return `text` as one word of a shell's command line, on one printable line.

    Text that a terminal can't show is written as `$'\x1b'`, which bash, zsh and ksh understand.
    """
    if printable(text) == text:
        return shlex.quote(text)
    return "$'" + "".join(map(_in_dollar_quotes, text)) + "'"


def _in_dollar_quotes(char: str) -> str:
    if char in "\\'":
        return "\\" + char
    if printable(char) == char:
        return char
    # Octal, always three digits: a hexadecimal escape would swallow a digit that follows it.
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))


def proposed_command(
    command: str, *names: str | Path, options: Sequence[str | Path] = (), workspace: Path | None = None
) -> str:
    """Return `aimic COMMAND NAMES...` between backticks, for a sentence.

    Args:
        command: one or more words, taken as they are: `weights fetch`.
        names: the arguments; one that begins with a dash is not taken for an option.
        options: each is one word (`--output`, and then its value).
        workspace: the folder it has to look in, named only where that is not the usual one.
    """
    switches = [shell_word(str(option)) for option in options]
    if workspace is not None and workspace != expanded(usual_workspace()).absolute():
        switches += ["--workspace", shell_word(str(workspace))]
    arguments = [shell_word(str(name)) for name in names]
    dashed = any(str(name).startswith("-") for name in names)
    words = [*switches, "--", *arguments] if dashed else [*arguments, *switches]
    return f"`{' '.join(['aimic', command, *words])}`"


def run_command(command: str, run: RunFolder, *names: str | Path, options: Sequence[str | Path] = ()) -> str:
    """Return `aimic COMMAND RUN NAMES...` between backticks: the run by its name where that finds it, else its path."""
    path = Path(os.path.abspath(run.path))  # noqa: PTH100 - links in the run's path are the user's own
    if path.parent.name != RUNS or path.name in RESERVED_NAMES or path.name.startswith("."):
        return proposed_command(command, path, *names, options=options)
    return proposed_command(command, path.name, *names, options=options, workspace=path.parent.parent)
