"""`aimic marks`: decisions about single images of a data set."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aimic_tui.commands.inspect import audit, data_settings
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.errors import UsageProblem, about
from aimic_tui.engine.names import nfc
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.engine.user_folders import expanded
from aimic_tui.wording.text_tables import left_aligned

if TYPE_CHECKING:
    from aimic_tui.engine.data.audit.resolution import DuplicatePolicy
    from aimic_tui.engine.data.listing.list_images import ListedImages
    from aimic_tui.engine.data.listing.marks import Mark, MarkKind
    from aimic_tui.engine.experiment import DataSettings

_FLAGS: tuple[MarkKind, ...] = ("exclude", "label-error", "reviewed")
_SHOWN = 3  # images that a sentence names


@click.command()
@click.argument("data", type=click.Path(path_type=str))
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@click.option("--exclude", "kinds", flag_value="exclude", multiple=True, help="Leave these images out.")
@click.option("--label", metavar="CLASS", help="The right class of these images is CLASS.")
@click.option("--new", "new_class", is_flag=True, help="With --label: CLASS may be a new one.")
@click.option(
    "--label-error",
    "kinds",
    flag_value="label-error",
    multiple=True,
    help="Possible label errors; still trained on.",
)
@click.option("--reviewed", "kinds", flag_value="reviewed", multiple=True, help="Reviewed, and their class is right.")
@click.option("--group", "together", is_flag=True, help="They belong together: every split keeps them on one side.")
@click.option("--note", metavar="TEXT", help="A note on these images, or why they are marked.")
@click.option("--remove", is_flag=True, help="Remove all marks from these images.")
@click.option(
    "--duplicates",
    type=click.Choice(["keep-one", "one-group"]),
    help="Audit the images and resolve all duplicates: keep-one leaves out all but one of identical images and puts "
    "near duplicates into one group; one-group leaves nothing out.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any setting of the experiment's data table."
)
@click.option("--json", "as_json", is_flag=True, help="Print all marks as one JSON object.")
@click.pass_obj
@shows_progress
def marks(
    workspace: Path,
    *,
    meter: ProgressMeter,
    data: str,
    images: tuple[str, ...],
    kinds: tuple[str, ...],
    label: str | None,
    new_class: bool,
    together: bool,
    note: str | None,
    remove: bool,
    duplicates: DuplicatePolicy | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show or change the marks on DATA: images excluded, with another class, in one group; no image is touched.

    An IMAGE is its name as `aimic inspect --json` gives it, or the path of its file. Marks are kept in aimic-marks.csv
    in the data set's folder (beside a manifest: NAME.aimic-marks.csv), where training finds them; where that folder
    can't be written they go into the workspace, and --set data.marks=FILE names them.
    """
    from aimic_tui.engine.data.listing.folder_scan import check_exists
    from aimic_tui.engine.data.listing.marks import marks_file, writable_marks_file
    from aimic_tui.engine.workspace_folder import Workspace

    changes = _Changes(
        images=images, kinds=kinds, label=label, new_class=new_class, together=together, note=note, remove=remove
    )
    settings = data_settings(data, None, overrides, "aimic marks")
    with about("data.path"):
        check_exists(expanded(settings.path).absolute())  # a mistyped path must not look like one without marks
    file = writable_marks_file(settings.path, settings.marks, Workspace(workspace).marks_folder)
    kept_apart = file != marks_file(settings.path, settings.marks)
    if kept_apart and file.exists():
        settings = settings.model_copy(update={"marks": str(file)})
    if duplicates is not None:
        if changes.wanted:
            raise UsageProblem("--duplicates marks what the audit finds: name no images beside it.")
        _resolve_duplicates(workspace, settings, file, duplicates, meter)
    elif changes.wanted:
        _change(settings, file, changes)
    _show(file, as_json, listed=not (changes.wanted or duplicates))
    if kept_apart and file.exists():
        shown = printable(str(file))
        click.echo(f"The data set's folder can't be written: train with --set data.marks={shown}.", err=True)


class _Changes:
    """What the flags ask for, refused where they contradict each other."""

    def __init__(
        self,
        *,
        images: Sequence[str],
        kinds: Sequence[str],
        label: str | None,
        new_class: bool,
        together: bool,
        note: str | None,
        remove: bool,
    ) -> None:
        self.images, self.label, self.new_class = images, label, new_class
        self.together, self.note, self.remove = together, note, remove
        self.kinds: list[MarkKind] = [kind for kind in _FLAGS if kind in kinds]
        self.wanted = bool(images or kinds or label is not None or together or note is not None or remove)
        on_label = [kind for kind in self.kinds if kind != "exclude"] + ["label"] * (label is not None)
        what = bool(self.kinds) or label is not None or together or note is not None
        if self.wanted and not images:
            raise UsageProblem("Name the images to mark, by their names in the data set or the paths of their files.")
        if images and not (what or remove):
            raise UsageProblem("Choose what to do with them: --exclude, --label CLASS, --group, --note TEXT ...")
        if remove and what:
            raise UsageProblem("--remove removes all marks and can't be combined with other options.")
        if len(on_label) > 1:
            raise UsageProblem(f"--{on_label[0]} and --{on_label[1]} contradict each other. Choose one.")
        if together and len(set(images)) < 2:
            raise UsageProblem("--group needs two images or more.")


def _change(settings: DataSettings, file: Path, changes: _Changes) -> None:
    from aimic_tui.engine.data.listing.list_images import list_images
    from aimic_tui.engine.data.listing.marks import Mark, add_marks, read_marks, remove_marks

    listed = list_images(settings)
    before = read_marks(file)
    images = _names(listed, changes.images, {mark.image for mark in before} if changes.remove else ())
    if changes.remove:
        remove_marks(file, images)
        return
    note = changes.note or ""
    new = [Mark(image, kind, note=note) for image in images for kind in changes.kinds]
    if changes.label is not None:
        known = {*listed.labels, *(nfc(mark.label) for mark in before)} - {""}
        label = nfc(changes.label)
        label = label if changes.new_class else _known_class(label, known)
        new += [Mark(image, "label", label=label, note=note) for image in images]
    if changes.note is not None and not new and not changes.together:
        new = [Mark(image, "note", note=note) for image in images]
    add_marks(file, new, [images] if changes.together else (), note)


def _known_class(label: str, known: Collection[str]) -> str:
    from aimic_tui.engine.names import nearest_name

    if label in known:
        return label
    near = nearest_name(label, known)
    hint = f" Did you mean {one_line(near, 60)}?" if near else ""
    there = ", ".join(one_line(name, 40) for name in sorted(known)[:12])
    raise UsageProblem(f"There is no class {one_line(label, 60)} here.{hint} The classes are {there}; --new adds it.")


def _names(listed: ListedImages, given: Sequence[str], marked: Collection[str]) -> list[str]:
    """Return the names in the data set of what was given as names or paths."""
    known = {*listed.images, *marked}
    root = os.path.join(os.path.abspath(listed.root), "")  # noqa: PTH100, PTH118
    names: dict[str, None] = {}
    unknown: list[str] = []
    for text in given:
        by_path = os.path.abspath(expanded(text)).removeprefix(root)  # noqa: PTH100
        name = text if text in known else by_path
        if name in known:
            names[name] = None
        else:
            unknown.append(text)
    if unknown:
        shown = ", ".join(one_line(text, 80) for text in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        example = one_line(listed.images[0], 80)
        raise UsageProblem(f"{shown}{more}: no such image in the data set. Names are such as {example}.")
    return list(names)


def _resolve_duplicates(
    workspace: Path, settings: DataSettings, file: Path, how: DuplicatePolicy, meter: ProgressMeter
) -> None:
    from aimic_tui.engine.data.audit.resolution import resolve_duplicates
    from aimic_tui.engine.data.listing.marks import add_marks

    found = audit(workspace, settings, meter)
    meter.clear()
    done = resolve_duplicates(found.findings, found.data_set, how)
    if done.marks or done.together:
        add_marks(file, done.marks, done.together, note="found by the audit")
    sets = plural(len(done.together), "set")
    click.echo(f"{plural(len(done.marks), 'image')} excluded, {sets} of images put into a group each.", err=True)
    if done.undecided:
        pictures = plural(done.undecided, "picture")
        click.echo(f"{pictures} with several labels left as they are: give the right one with --label.", err=True)


def _show(file: Path, as_json: bool, listed: bool) -> None:
    from aimic_tui.engine.data.listing.marks import read_marks

    found = read_marks(file)
    counts = Counter(mark.kind for mark in found)
    if as_json:
        marked = [{"image": mark.image, "mark": mark.kind, **_rest(mark)} for mark in found]
        click.echo(json.dumps({"path": str(file), "counts": counts, "marks": marked}, indent=1))
        return
    if not found:
        click.echo("No image is marked.")
        return
    rows = [(one_line(mark.image, 60), mark.kind, one_line(_words(mark), 60), mark.when[:10]) for mark in found]
    for line in left_aligned(rows) if listed else ():
        click.echo(line)
    words = ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items()))
    click.echo(f"{printable(str(file))}    {words}")


def _rest(mark: Mark) -> dict[str, str]:
    return {name: text for name, text in asdict(mark).items() if name not in ("image", "kind")}


def _words(mark: Mark) -> str:
    said = mark.label or (f"with {mark.group}" if mark.group else "")
    return ": ".join(part for part in (said, mark.note) if part)
