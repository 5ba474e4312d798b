"""What can go wrong for a user, as types that carry a sentence.

A sentence says what is wrong, where, and what to do. `cli.py` prints it on stderr and leaves with the
type's exit code; a screen shows it. Everything else that is raised is a fault of the program.
"""


class AimicError(Exception):
    """The work failed (exit code 1): details are in the run's folder where there is one."""

    exit_code = 1

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class StorageProblem(AimicError):
    """What was computed can't be written (exit code 1); trying again may help where a disk was gone for a while."""


class UsageProblem(AimicError):
    """A command, a setting or a name that makes no sense (exit code 2)."""

    exit_code = 2


class InputProblem(AimicError):
    """Images, folders, weights or runs that can't be used (exit code 3)."""

    exit_code = 3


class Interrupted(AimicError):
    """The user stopped the work (exit code 130)."""

    exit_code = 130
