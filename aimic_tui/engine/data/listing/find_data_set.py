"""Find the images of a data set with their labels and groups, without opening one."""

from __future__ import annotations

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.data_source import DataSourceSettings
from aimic_tui.engine.data.listing.decisions import FoundData, apply_decisions, single_class
from aimic_tui.engine.data.listing.list_images import list_images
from aimic_tui.engine.data.listing.marks import Mark, marks_file, read_marks
from aimic_tui.engine.errors import InputProblem, about
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.text import one_line, plural, printable


def find_data_set(settings: DataSourceSettings, report: ReportProgress = no_report) -> DataSet:
    """Find the images of a data set, without decoding one, and apply marks and `data.classes`.

    `DataSet.decisions` describes what these changed.

    Raises:
        InputProblem: the folder is missing, empty or holds a single class; a manifest lacks a column, or gives one
            image two labels; marks can't be read.
        UsageProblem: there is no path, or a setting makes no sense for these images.
    """
    found = scan_data_set(settings, report)
    if found.conflicts:
        first = one_line(found.conflicts[0], 120)
        raise InputProblem(
            f"{printable(settings.path)} gives {plural(len(found.conflicts), 'image')} more than one label, the first "
            f"is {first}. Keep one row for each.",
            key="data.path",
        )
    if len(found.data_set.classes) < 2:
        raise InputProblem(single_class(settings.path, found.data_set), key="data.path")
    return found.data_set


def scan_data_set(settings: DataSourceSettings, report: ReportProgress = no_report) -> FoundData:
    """Find a data set and everything beside it; for an audit, so that a single class or a conflict is not an error.

    Raises:
        InputProblem, UsageProblem: as `find_data_set`, where there is no data set at all.
    """
    with about("data.path"):
        listed = list_images(settings, report)
    with about("data.marks"):
        marks = read_marks_of(settings)
    return apply_decisions(listed, marks, settings.classes)


def read_marks_of(settings: DataSourceSettings) -> tuple[Mark, ...]:
    """Return the marks that `data.marks` asks for.

    Raises:
        InputProblem: they can't be read, or a file that was named is not there.
    """
    file = marks_file(settings.path, settings.marks)
    if file is not None and settings.marks not in ("auto", "") and not file.exists():
        raise InputProblem(
            f"data.marks = {printable(str(file))} does not exist. Name a file of marks, or set it to auto or none.",
            key="data.marks",
        )
    return read_marks(file)
