"""`aimic inspect`: what is in a data set and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.data.audit.finding import Finding
from aimic_tui.engine.data.audit.finding_titles import finding_title
from aimic_tui.engine.data.listing.class_names import classes_option
from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.formatting.numbers import count_text, percent
from aimic_tui.engine.outputs import check_output_file, kept
from aimic_tui.engine.text import bytes_text, one_line, plural, printable
from aimic_tui.engine.user_folders import expanded
from aimic_tui.wording.findings import NO_FINDINGS, shortcut_title
from aimic_tui.wording.signs import bar_text, sign

if TYPE_CHECKING:
    from aimic_tui.engine.data.audit.audit_data_set import Audit
    from aimic_tui.engine.data.audit.audit_report import AuditReport
    from aimic_tui.engine.evaluation.run_predictions import RunPredictions
    from aimic_tui.engine.experiment import DataSettings

_SIZES = 3  # of images that the table spells out
_SHOWN = 5  # findings of one kind, and files of one finding, that the table spells out


@click.command()
@click.argument("data", type=click.Path(path_type=str))
@click.option(
    "--group",
    default=None,
    metavar="PATTERN",
    help="How to recognise images of one patient or slide: a pattern on the name, a manifest column, auto or none.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any setting of the experiment's data table."
)
@click.option(
    "--run",
    "run",
    default=None,
    metavar="RUN",
    help="A run on these images: labels that its networks contradict are listed as likely label errors.",
)
@click.option(
    "--write-manifest",
    "manifest",
    default=None,
    metavar="FILE.csv",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write what is left after marks and data.classes as a manifest, which is a data set by itself.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.pass_obj
@shows_progress
def inspect(
    workspace: Path,
    *,
    meter: ProgressMeter,
    data: str,
    group: str | None,
    overrides: tuple[str, ...],
    run: str | None,
    manifest: Path | None,
    as_json: bool,
) -> None:
    """Audit DATA, a folder with one subfolder per class or a manifest (.csv): every image is read once.

    Measurements are saved in the workspace, if there is one: an audit that was stopped continues where it was, and the
    next one reads only what has changed. The exit code is 0 whatever is found, and 3 if there is no data set.
    """
    from aimic_tui.engine.data.manifest import check_manifest_path, write_cleaned_manifest
    from aimic_tui.engine.evaluation.label_errors import trials_without_say
    from aimic_tui.engine.evaluation.run_predictions import read_run_predictions
    from aimic_tui.engine.workspace_folder import Workspace

    settings = data_settings(data, group, overrides, "aimic inspect")
    if manifest is not None:
        check_manifest_path(manifest, settings.path)
        check_output_file(manifest, "cells.csv", option="--write-manifest")
    tested = read_run_predictions(Workspace(workspace).find_run(run).path) if run is not None else None
    found = audit(workspace, settings, meter)
    meter.clear()
    if tested is not None:
        found = _with_label_errors(found, tested)
        if silent := trials_without_say(tested):
            click.echo(silent, err=True)
    _remember(workspace, Path(data), found)
    problem: AimicError | None = None
    if manifest is not None:
        problem = kept(partial(write_cleaned_manifest, manifest, found.data_set))
        if problem is None:
            click.echo(_about_manifest(manifest, found), err=True)
    if not found.measures.readable.any():
        problem = InputProblem(f"{printable(data)} holds no image that can be read.", key="data.path")
    if as_json:
        print_answer(found.report().to_json(), problem, indent=1)
    else:
        _print(data, found)
    if problem is not None:
        raise problem


def _about_manifest(manifest: Path, found: Audit) -> str:
    unreadable = int((~found.measures.readable).sum())
    still = f"; {plural(unreadable, 'image')} of them can't be read" if unreadable else ""
    return f"{printable(str(manifest))} lists {plural(len(found.data_set), 'image')}{still}."


def data_settings(data: str, group: str | None, overrides: Sequence[str], source: str) -> DataSettings:
    """Return the table `data` that a command's arguments and `--set` flags make.

    Raises:
        UsageProblem: they make none.
    """
    from aimic_tui.engine.experiment import Experiment, with_overrides

    values = with_overrides({"data": {"path": data, **({} if group is None else {"group": group})}}, overrides)
    return Experiment.from_mapping(values, source=source).data


def audit(workspace: Path, settings: DataSettings, meter: ProgressMeter) -> Audit:
    """Audit a data set, keeping what is measured where there is a workspace.

    Raises:
        AimicError: as `audit_data_set`.
    """
    from aimic_tui.engine.data.audit.audit_data_set import audit_data_set
    from aimic_tui.engine.data.audit.measurement_store import measurements_file
    from aimic_tui.engine.workspace_folder import Workspace

    cache_folder = Workspace(workspace).cache_folder
    store = measurements_file(cache_folder, Path(settings.path)) if workspace.is_dir() else None
    return audit_data_set(settings, meter.report, store=store)


def _with_label_errors(found: Audit, tested: RunPredictions) -> Audit:
    from aimic_tui.engine.evaluation.label_errors import label_errors_of_run

    data_set = found.data_set
    labels = [data_set.classes[label] for label in data_set.labels]
    suspects = label_errors_of_run(tested, data_set.images, labels)
    return found.with_findings(Finding("label-error", (suspect.image,), suspect.sentence) for suspect in suspects)


def _remember(workspace: Path, data: Path, found: Audit) -> None:
    """Tell Home's list of data sets; looking at images is no reason to make a workspace."""
    if not workspace.is_dir():
        return
    from aimic_tui.engine.workspace_folder import Workspace

    data_set = found.data_set
    with suppress(OSError):
        Workspace(workspace).remember_data_set(
            expanded(data).absolute(),
            images=len(data_set),
            classes=len(data_set.classes),
            groups=len(data_set.group_names) if data_set.grouped else None,
            problems=found.report().count,
        )


def _print(data: str, found: Audit) -> None:
    data_set, report = found.data_set, found.report()
    groups = (
        f"{plural(len(data_set.group_names), 'group')} by {printable(data_set.group_rule)}"
        if data_set.grouped
        else "no groups"
    )
    parts = (plural(len(data_set), "image"), plural(len(data_set.classes), "class", "classes"), groups)
    click.echo(f"{printable(data)}    {'  '.join(parts)}")
    if not data_set.grouped and found.suggested_group:
        click.echo(f"The names suggest --group '{printable(found.suggested_group)}'.")
    for sentence in filter(None, (data_set.layout, *data_set.decisions)):
        click.echo(printable(sentence))
    click.echo()
    _print_classes(found)
    click.echo()
    formats = ", ".join(f"{name} {count_text(count)}" for name, count in report.formats.items())
    sizes = [f"{size.width} x {size.height}" for size in report.sizes[:_SIZES]]
    more = ", ..." if len(report.sizes) > _SIZES else ""
    click.echo(f"Files    {formats or 'none readable'}; {bytes_text(report.bytes)}; {', '.join(sizes)}{more} pixels")
    click.echo()
    _print_findings(found, report)


def _print_classes(found: Audit) -> None:
    counts, groups = found.data_set.counts(), found.data_set.group_counts()
    grouped = found.data_set.grouped
    names = {name: one_line(name, 40) for name in counts}
    width = max(5, *(len(name) for name in names.values()))
    click.echo(f"{'Class':<{width}}  {'images':>9}  {'share':>5}" + (f"  {'groups':>9}" if grouped else ""))
    most, total = max(counts.values()), sum(counts.values())
    for name, count in counts.items():
        line = f"{names[name]:<{width}}  {count_text(count):>9}  {percent(count / total):>5}"
        if grouped:
            line += f"  {count_text(groups[name]):>9}"
        click.echo(f"{line}  {bar_text(count / most, 24)}".rstrip())


def _print_findings(audit: Audit, report: AuditReport) -> None:
    kinds = Counter(finding.kind for finding in audit.findings)
    for kind, count in kinds.items():
        click.echo(f"{sign('attention')} {finding_title(kind, count)}")
        of_kind = [finding for finding in audit.findings if finding.kind == kind]
        for finding in of_kind[:_SHOWN]:
            click.echo(f"    {_in_words(finding)}")
        if count > _SHOWN:
            click.echo(f"    and {count_text(count - _SHOWN)} more; --json lists all")
        if kind == "look-alike-classes" and report.merged_classes is not None:
            click.echo(f"    If they are one class, merge them: {classes_option(report.merged_classes)}")
        if kind == "look-alike-groups":
            click.echo(
                "    If they are one group, join them: aimic marks DATA IMAGE IMAGE --group, with an image of each"
            )
    for shortcut in report.shortcuts:
        click.echo(f"{sign('attention')} {shortcut_title(shortcut)}")
        click.echo(f"    {shortcut.sentence}")
        for name, images in shortcut.examples.items():
            click.echo(f"    {one_line(name, 40)}: {', '.join(one_line(image, 60) for image in images)}")
    notes = [note for note in report.notes if note != audit.data_set.layout]  # which stands at the top
    for note in notes:
        click.echo(f"{sign('attention')} {printable(note)}")
    if not kinds and not notes and not report.shortcuts:
        click.echo(f"{sign('finished')} {NO_FINDINGS}")


def _in_words(finding: Finding) -> str:
    names = ", ".join(one_line(path, 80) for path in finding.paths[:_SHOWN])
    more = f" and {len(finding.paths) - _SHOWN} more" if len(finding.paths) > _SHOWN else ""
    detail = printable(finding.detail)
    return f"{names} {detail}" if len(finding.paths) == 1 else f"{detail}: {names}{more}"
