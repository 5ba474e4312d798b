"""What the operating system refuses, in sentences: what, where, and what helps.

`explain` is the one place that knows what an errno means to whoever trains here: a full disk, another user's folder, a
disk that is mounted read-only, no locks, a limit on processes.
"""

from __future__ import annotations

import errno
import os
import resource
import shlex
import shutil
import signal
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

_LITTLE = 1 << 20  # bytes; with less, a disk counts as full
_NO_ANSWER = "the disk does not answer as it should. Check that it is mounted and its server is up."
_TOO_MANY_FILES = "a process may have only so many files open here. `ulimit -n` shows the limit and raises it."
_MEANINGS = {
    errno.EROFS: "that disk is mounted read-only. Choose another folder, or have it mounted for writing.",
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), _TOO_MANY_FILES),
    **dict.fromkeys(
        (errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENODEV, errno.ENXIO),
        _NO_ANSWER,
    ),
}
_TOO_MANY_THREADS = "can't start new thread"  # Python's words; its error has no number


class LocksUnavailable(OSError):
    """A file system without locks: some network mounts, FUSE, mounts of HPC systems.

    Args:
        error: what locking a file led to.
        path: the file.
    """

    def __init__(self, error: OSError, path: Path) -> None:
        super().__init__(error.errno, error.strerror or "no locks", str(path))


def is_disk_full(error: OSError) -> bool:
    """Tell whether an error says that a disk, or what one may take of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_process_limit(error: BaseException) -> bool:
    """Tell whether an error says that no further process or thread may be started."""
    if isinstance(error, RuntimeError):
        return str(error) == _TOO_MANY_THREADS
    # A pipe that is full has the same number, but other words.
    if not isinstance(error, OSError) or error.errno != errno.EAGAIN or error.filename:
        return False
    return error.strerror == os.strerror(errno.EAGAIN)


def is_memory_short(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, or the address space that a process may have."""
    if isinstance(error, ImportError):  # what the loader of libraries says, PyTorch's being the largest
        return any(words in str(error) for words in ("failed to map segment", "annot allocate memory"))
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"  # torch's, not imported here


def memory_sentence(error: BaseException) -> str:
    """Return what is said of an error that `is_memory_short` recognises."""
    if isinstance(error, ImportError):
        return "A library can't be loaded: memory, or the address space of a process (`ulimit -v`), is too small."
    return "Memory ran out."


def signal_words(number: int) -> str:
    """Return the name of the signal that ended a process, with what usually sends it: `SIGKILL, as the system ...`."""
    if number not in set(signal.Signals):
        return f"signal {number}"
    limit = "has used the processor for as long as it may (`ulimit -t`)"
    causes = {signal.SIGXCPU: f", as the system does when a process {limit}"}
    limited = resource.getrlimit(resource.RLIMIT_CPU)[1] != resource.RLIM_INFINITY
    causes[signal.SIGKILL] = f", as the system does when memory runs out{f' or a process {limit}' if limited else ''}"
    return signal.Signals(number).name + causes.get(signal.Signals(number), "")


def explain(error: OSError) -> str:
    """Return what an error means and what helps, in a sentence or two."""
    path = _path_of(error)
    said = f"{error.strerror or error}{f' ({path})' if path else ''}"
    if isinstance(error, LocksUnavailable) and path:
        return (
            f"The file system of {path.parent} has no locks ({error.strerror}), without which two processes could "
            "write to the same files. Use a folder on another file system, or have it mounted with locks."
        )
    if is_disk_full(error):
        return _about_a_full_disk(error, path)
    if is_process_limit(error):
        return process_limit_sentence()
    if error.errno == errno.ENOENT and not path and _current_folder_is_gone():
        return "The current folder no longer exists. Change to another one (`cd`), and try again."
    if error.errno == errno.ENOENT and not path and _no_temporary_folder():
        return f"{said}. Set TMPDIR to a folder that can be written and has room."
    meaning = _MEANINGS.get(error.errno or 0, "")
    if error.errno in (errno.EACCES, errno.EPERM) and path:
        meaning = why_not_writable(path) or why_not_readable(path)
    return f"{said}: {meaning}" if meaning else f"{said}."


def process_limit_sentence() -> str:
    """Return what is said where no further process or thread may be started."""
    return (
        "No further process or thread can be started: this user or container may have only so many. `ulimit -u` shows "
        "the user's limit; end other programs, or have it raised."
    )


def why_not_writable(path: Path) -> str:
    """Return whose file or folder keeps this user from writing `path`, and what helps; "" where nothing does."""
    there = _nearest_existing(path)
    if there is None or os.access(there, os.W_OK | (os.X_OK if there.is_dir() else 0)):
        return ""
    facts = there.stat()
    owner, me = _user_name(facts.st_uid), _user_name(os.geteuid())
    if facts.st_uid == os.geteuid():
        return (
            f"{there} is yours, but not open for writing. `chmod u+rwX {shlex.quote(str(there))}` opens it; or "
            "use another folder."
        )
    if facts.st_mode & stat.S_IWGRP:
        group = _group_name(facts.st_gid)
        return (
            f"{there} belongs to {owner}, and you ({me}) are not in its group {group}, which may write there. Have "
            "yourself added to that group, or use a folder of your own."
        )
    return (
        f"{there} belongs to {owner}, and nobody else may write there; you are {me}. {owner} can open it to the group "
        f"by `chmod -R g+w {shlex.quote(str(there))}`, and for what comes by `umask 002`; or use a folder of your own."
    )


def why_not_readable(path: Path) -> str:
    """Return whose file or folder keeps this user from reading `path`, and what helps; "" where nothing does."""
    there = _nearest_existing(path)
    if there is None or os.access(there, os.R_OK | (os.X_OK if there.is_dir() else 0)):
        return ""
    owner = _user_name(there.stat().st_uid)
    return f"{there} belongs to {owner}, and you ({_user_name(os.geteuid())}) may not read it. Have it opened to you."


def _about_a_full_disk(error: OSError, path: Path | None) -> str:
    said = error.strerror or "No space left on device"
    remedy = "Make space there, or choose a folder on another disk."
    if error.errno == errno.EDQUOT:
        return (
            f"{said}: what you may store{f' in {path.parent}' if path else ''} is used up (`quota` shows it). {remedy}"
        )
    folders = [path] if path else [Path(tempfile.gettempdir()), Path(os.environ.get("AIMIC_WORKSPACE") or ".")]
    full = [there for folder in folders if (there := _nearest_existing(folder)) and (path or not has_room(there))]
    if not full:
        return f"{said}. Make space on the disks of the workspace, the output and the temporary folder."
    there = full[0] if full[0].is_dir() else full[0].parent
    with suppress(OSError):
        if (facts := os.statvfs(there)).f_files and not facts.f_favail:
            return f"{said}: the disk of {there} can't hold more files, however small. {remedy}"
    return f"{said}: the disk of {there} is full. {remedy}"


def has_room(folder: Path) -> bool:
    """Tell whether a disk has any room left to speak of; true where nobody can say."""
    try:
        return shutil.disk_usage(folder).free >= _LITTLE
    except OSError:
        return True


def _path_of(error: OSError) -> Path | None:
    name = error.filename2 or error.filename
    return Path(os.fsdecode(name)) if isinstance(name, (str, bytes)) and name else None


def _nearest_existing(path: Path) -> Path | None:
    for folder in (path, *path.parents):
        with suppress(OSError):
            folder.stat()
            return folder
    return None


def _current_folder_is_gone() -> bool:
    try:
        Path.cwd()
    except OSError:
        return True
    return False


def _no_temporary_folder() -> bool:
    try:
        tempfile.gettempdir()
    except OSError:
        return True
    return False


def _user_name(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _group_name(number: int) -> str:
    import grp

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
