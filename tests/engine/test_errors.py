"""Errors as they travel between processes."""

from __future__ import annotations

import errno
import json

import pytest

from aimic_tui.engine.errors import AimicError, ErrorRecord, InputProblem, SettingProblem, UsageProblem, about


@pytest.mark.parametrize(
    "error",
    [
        AimicError("Failed.", retry=True),
        InputProblem("No images.", key="data.path"),
        UsageProblem("a\nb", problems=[SettingProblem("data.group", "a"), SettingProblem("split.folds", "b")]),
        OSError(errno.ENOSPC, "No space left on device", "/disk"),
        OSError(errno.EIO, "Input/output error"),
        MemoryError(),
        ZeroDivisionError("division by zero"),
    ],
)
def test_an_error_is_the_same_after_the_way_through_a_file(error: BaseException) -> None:
    record = ErrorRecord.of(error)
    assert ErrorRecord.read(json.loads(json.dumps(record.to_json()))) == record


def test_what_a_later_version_writes_is_read_as_far_as_it_is_known() -> None:
    record = ErrorRecord.read({"sentence": "New.", "code": "of-tomorrow", "retry": "yes", "problems": [3], "more": 1})
    assert record == ErrorRecord("New.", "", False, "failed")
    assert ErrorRecord.read({}) == ErrorRecord("")


def test_a_full_disk_is_not_tried_again_and_one_that_is_gone_is() -> None:
    full, gone = ErrorRecord.of(OSError(errno.EDQUOT, "quota")), ErrorRecord.of(OSError(errno.EIO, "gone"))
    assert (full.code, full.retry) == ("disk-full", False)
    assert (gone.code, gone.retry) == ("storage", True)


def test_the_nearest_setting_names_an_error() -> None:
    with pytest.raises(InputProblem) as found, about("model.weights"):
        raise InputProblem("There is none.")
    assert found.value.key == "model.weights"
    with pytest.raises(UsageProblem) as found_inside, about("data.path"):
        raise UsageProblem("No pattern.", key="data.group")
    assert found_inside.value.key == "data.group"
    first = UsageProblem("a\nb", problems=[SettingProblem("data.group", "a"), SettingProblem("split.folds", "b")])
    assert first.key == "data.group"
