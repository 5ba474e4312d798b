"""What can go wrong for a user, as types that carry a sentence and what programs act on.

A sentence says what is wrong, where, and what to do. `cli.py` prints it on stderr and leaves with the type's exit code;
a screen shows it. Whoever has to act on an error reads its attributes, never its sentence. Everything else that is
raised is a fault of the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, cast, get_args

from aimic_tui.engine.system_errors import (
    explain,
    is_disk_full,
    is_memory_short,
    is_process_limit,
    memory_sentence,
    process_limit_sentence,
)

ErrorCode = Literal["failed", "usage", "input", "storage", "disk-full", "memory", "worker-died", "interrupted", "fault"]
"""The kind of an error, for programs: `--json`, event files and a worker's reports have it.

`fault` is a fault of the program; the sentence explains all others. More may follow; these keep their meaning.
"""


@dataclass(frozen=True)
class SettingProblem:
    """One thing wrong with one setting; `sentence` names the key, the fault and what would be right."""

    key: str
    sentence: str


class AimicError(Exception):
    """The work failed (exit code 1): details are in the run's folder where there is one.

    Attributes:
        sentence: what is wrong, where, and what to do.
        key: the setting that would mend it (`training.batch_size`), empty where it is about none.
        retry: whether the same work may succeed when it is tried again.
        code: the kind of error.
        problems: where several settings are at fault, each of them; `key` is then the first one's.
        answered: whether the command's own answer on stdout (`--json`) tells of it already.
    """

    exit_code: ClassVar[int] = 1
    usual_code: ClassVar[ErrorCode] = "failed"
    usual_retry: ClassVar[bool] = False

    def __init__(
        self,
        sentence: str,
        *,
        key: str = "",
        retry: bool | None = None,
        code: ErrorCode | None = None,
        problems: Sequence[SettingProblem] = (),
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.problems = tuple(problems)
        self.answered = False
        self.key = key or next((problem.key for problem in self.problems), "")
        self.retry = self.usual_retry if retry is None else retry
        self.code: ErrorCode = code or self.usual_code


class StorageProblem(AimicError):
    """What was computed can't be written (exit code 1); trying again may help where a disk was gone for a while."""

    usual_code = "storage"
    usual_retry = True


class UsageProblem(AimicError):
    """A command, a setting or a name that makes no sense (exit code 2)."""

    exit_code = 2
    usual_code = "usage"


class InputProblem(AimicError):
    """Images, folders, weights or runs that can't be used (exit code 3)."""

    exit_code = 3
    usual_code = "input"


class Interrupted(AimicError):
    """The user stopped the work (exit code 130)."""

    exit_code = 130
    usual_code = "interrupted"


@contextmanager
def about(key: str) -> Iterator[None]:
    """Let an error that is raised inside say which setting it is about, where it does not already."""
    try:
        yield
    except AimicError as error:
        error.key = error.key or key
        raise


@dataclass(frozen=True)
class ErrorRecord:
    """An error as it travels between processes: in a worker's report, in event files, in `--json`.

    Attributes:
        sentence, key, retry, code, problems: as `AimicError` has them.
    """

    sentence: str
    key: str = ""
    retry: bool = False
    code: ErrorCode = "failed"
    problems: tuple[SettingProblem, ...] = ()

    @classmethod
    def of(cls, error: BaseException) -> ErrorRecord:
        """Describe an error; one that is not of ours by its type, and as one that may pass."""
        if isinstance(error, AimicError):
            return cls(error.sentence, error.key, error.retry, error.code, error.problems)
        if isinstance(error, OSError):
            if is_process_limit(error):
                return cls(explain(error), "", True, "failed")
            full = is_disk_full(error)
            return cls(explain(error), "", not full, "disk-full" if full else "storage")
        if is_process_limit(error):
            return cls(process_limit_sentence(), "", True, "failed")
        if is_memory_short(error):
            key = "" if isinstance(error, ImportError) else "training.batch_size"
            return cls(memory_sentence(error), key, True, "memory")
        return cls(f"{type(error).__name__}: {error}", "", True, "fault")

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> ErrorRecord:
        """Read what `to_json` wrote; what is missing has its default, a code of a later version is `failed`."""
        code, problems = record.get("code"), record.get("problems")
        return cls(
            str(record.get("sentence") or ""),
            str(record.get("key") or ""),
            record.get("retry") is True,
            cast("ErrorCode", code) if code in get_args(ErrorCode) else "failed",
            tuple(
                SettingProblem(str(problem.get("key") or ""), str(problem.get("sentence") or ""))
                for problem in (problems if isinstance(problems, list) else ())
                if isinstance(problem, Mapping)
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)
