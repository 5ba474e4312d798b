"""What a device decides for a network, once for all of a run's folds: batch size and number format.

Both depend on the moment (free memory, a timing), so what was decided first is written down: folds stay
comparable, and a trial that is killed before its first checkpoint begins again the same way.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from aimic_tui.engine.files import read_json, write_json
from aimic_tui.engine.training.precision import Format


@dataclass(frozen=True)
class Plan:
    """How a network is trained on a kind of device.

    Attributes:
        batch_size: images a step.
        format: of the arithmetic.
    """

    batch_size: int
    format: Format

    @classmethod
    def from_dict(cls, value: Any) -> Plan:
        """Read what `asdict` gave.

        Raises:
            ValueError: it is none.
        """
        try:
            plan = cls(int(value["batch_size"]), value["format"])
        except (KeyError, TypeError) as error:
            raise ValueError("not a plan") from error
        if plan.batch_size < 1 or plan.format not in get_args(Format):
            raise ValueError("not a plan")
        return plan


def agreed_plan(file: Path, make: Callable[[], Plan]) -> Plan:
    """Return the plan in `file`; where there is none, make it, and keep the first of several made at once."""
    with suppress(OSError, ValueError):
        return Plan.from_dict(read_json(file))
    plan = make()
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    write_json(draft, asdict(plan))
    try:
        os.link(draft, file)
    except FileExistsError:
        with suppress(OSError, ValueError):
            plan = Plan.from_dict(read_json(file))
    except OSError:  # a file system without links
        write_json(file, asdict(plan))
    finally:
        draft.unlink(missing_ok=True)
    return plan
