"""Whether an answer can be written where it is to go: tried before the work that makes it, by writing.

Permissions say too little: a disk can be full or over quota, a file system mounted read-only, a folder one of the
kernel's. And an answer never takes the place of what it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from aimic_tui.engine.errors import StorageProblem, UsageProblem
from aimic_tui.engine.files import folder_problem
from aimic_tui.engine.system_errors import explain
from aimic_tui.engine.text import printable


def check_output_file(output: Path, example: str, *, option: str = "--output", inputs: Iterable[Path] = ()) -> None:
    """Do nothing where a file can be written at `output`.

    Args:
        output: the file that is to be written.
        example: what such a file may be called, for the sentence.
        option: that named it.
        inputs: files and folders that the answer is made from: none of the files may be replaced.

    Raises:
        UsageProblem: it is a folder, lies in a folder that does not exist, or is one of the inputs.
        StorageProblem: its folder can't be written.
    """
    shown = f"{option} {printable(str(output))}"
    if output.is_dir():
        raise UsageProblem(f"{shown} is a folder. Name a file, such as {example}.")
    folder = output.absolute().parent
    if not folder.is_dir():
        raise UsageProblem(f"{shown} is in a folder that does not exist. Name a file, such as {example}.")
    if output.exists() and not output.is_file():
        raise UsageProblem(f"{shown} is not a plain file. Name another one, such as {example}.")
    _refuse_inputs(output, shown, inputs)
    _require_writable(folder, shown, option)


def check_output_folder(output: Path, *, option: str = "--output", inputs: Iterable[Path] = ()) -> None:
    """Do nothing where files can be written into the folder `output`, which is made later where it is missing.

    Args:
        output: the folder.
        option: that named it.
        inputs: files and folders that the answer is made from: it is put into none of the folders.

    Raises:
        UsageProblem: it is a file, lies in a folder that does not exist, or is one of the inputs.
        StorageProblem: it can't be made or written.
    """
    shown = f"{option} {printable(str(output))}"
    if output.exists() and not output.is_dir():
        raise UsageProblem(f"{shown} is a file. Name a folder.")
    if not output.absolute().parent.is_dir():
        raise UsageProblem(f"{shown} is in a folder that does not exist. Make it first, or name another one.")
    _refuse_inputs(output, shown, inputs)
    if output.is_dir():
        _require_writable(output, shown, option)
        return
    try:
        output.mkdir()
        output.rmdir()
    except OSError as error:
        raise _not_writable(explain(error), shown, option) from None
    _require_writable(output.absolute().parent, shown, option)


def _refuse_inputs(output: Path, shown: str, inputs: Iterable[Path]) -> None:
    if not output.exists():
        return
    for given in inputs:
        with suppress(OSError):
            if output.samefile(given):
                raise UsageProblem(f"{shown} is one of the inputs and would be replaced. Give the answer another name.")


def _require_writable(folder: Path, shown: str, option: str) -> None:
    if problem := folder_problem(folder, locks=False):
        raise _not_writable(problem, shown, option)


def _not_writable(problem: str, shown: str, option: str) -> StorageProblem:
    return StorageProblem(f"{shown} can't be written: {problem} Name another place with {option}.", retry=False)


def kept(write: Callable[[], object]) -> StorageProblem | None:
    """Write an answer that is shown as well; return what is said after it where it could not be written."""
    try:
        write()
    except OSError as error:
        return StorageProblem(f"The answer is shown, but it could not be written: {explain(error)}")
    return None
