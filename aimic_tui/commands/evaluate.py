"""`aimic evaluate`: a model on another, labelled data set; `aimic robustness`: a run's test images, disturbed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.finite_range import FiniteRange
from aimic_tui.commands.predict import model_path
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.commands.stopping import StopRequest
from aimic_tui.engine.errors import AimicError, InputProblem, UsageProblem
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.files import folder_problem, write_json
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.inference.evaluation_file import MARGIN
from aimic_tui.engine.inference.label_shift_result import METHOD as LABEL_SHIFT_METHOD
from aimic_tui.engine.inference.robustness_file import FILE as ROBUSTNESS_FILE
from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.models.model_folder import find_models, read_model_card
from aimic_tui.engine.outputs import check_output_file, check_output_folder, kept
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording import signs
from aimic_tui.wording.class_shares import CORRECTED_TITLE, corrected_figure_lines, evaluated_share_lines
from aimic_tui.wording.evaluation import about_classes, cautions, intervals_text, is_shown_loss
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from aimic_tui.engine.data.data_set import DataSet
    from aimic_tui.engine.evaluation.interval import Interval
    from aimic_tui.engine.inference.evaluation_file import EvaluationResults, RemarkKind
    from aimic_tui.engine.inference.robustness_file import NetworkRobustness

_MARKS: dict[RemarkKind, str] = {"fine": signs.SIGNS["finished"], "attention": signs.SIGNS["attention"], "open": "·"}
_LOSSES = ("macro_f1", "accuracy", "auroc", "ece")


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--network", help="Network of the run to use (default: the best by validation).")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="MODEL_CLASS=DATA_CLASS",
    help="Match classes whose names differ; repeat as needed.",
)
@click.option("--leave-out", multiple=True, metavar="DATA_CLASS", help="Leave out images of this class.")
@click.option("--group", metavar="PATTERN", help="How to recognise images of one patient or slide, as in data.group.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any setting of the experiment's data table."
)
@click.option("--leave-out-trained", is_flag=True, help="Leave out images that the model was trained on.")
@click.option(
    "--margin",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    default=MARGIN,
    show_default=True,
    help="The largest loss in macro F1 that is of no importance: only a smaller one is called fine.",
)
@click.option(
    "--robustness", is_flag=True, help="Also measure how much the figures drop when the images are disturbed."
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to save evaluation.json and predictions.csv in. The run's report finds it in the workspace's folder "
    "evaluations.",
)
@click.option("--batch-size", type=click.IntRange(1, 65_536), help="Images at a time (default: what suits the device).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@click.pass_context
@shows_progress
def evaluate(
    context: click.Context,
    *,
    model: str,
    data: str,
    network: str | None,
    mapping: tuple[str, ...],
    leave_out: tuple[str, ...],
    group: str | None,
    overrides: tuple[str, ...],
    leave_out_trained: bool,
    margin: float,
    robustness: bool,
    output: Path | None,
    batch_size: int | None,
    device: str,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Evaluate MODEL (a run, a trial's folder or a model's folder) on DATA, another labelled data set.

    Classes are matched by name. The answer says in plain words how the images differ from the model's own, and how
    much worse the model does on them: ✓ is shown to be fine, ! needs attention, and the rest is open, for which more
    images are needed.
    """
    from aimic_tui.engine.evaluation.predictions import write_predictions
    from aimic_tui.engine.inference.class_map import match_classes
    from aimic_tui.engine.inference.evaluation_file import evaluation_to_json, write_evaluation

    models = find_models(model_path(model, Path(context.obj)), network)
    card = read_model_card(models[0])
    data_set = _data_set(data, group, overrides)
    class_map = match_classes(card.classes, data_set.counts(), mapping, leave_out)
    if output is not None:
        check_output_folder(output, inputs=[Path(data), *models])
    for sentence in about_classes(class_map.left_out, class_map.absent):
        click.echo(f"! {sentence}", err=True)
    stop = StopRequest()
    meter.report(Progress("load", 0, len(data_set)))
    settle_processor()  # before torch
    from aimic_tui.engine.inference.evaluate import evaluate as judge
    from aimic_tui.engine.inference.robustness import robustness_on_data

    options: dict[str, Any] = {
        "device": device,
        "batch_size": batch_size,
        "report": meter.report,
        "should_stop": stop.asked,
    }
    found = judge(models, data_set, class_map, leave_out_trained=leave_out_trained, margin=margin, **options)
    disturbed = None
    if robustness:
        meter.name("disturbed")
        disturbed = robustness_on_data(models, data_set, class_map, **options)
    meter.clear()
    results = found.results(
        model=models[0], data=data, root=data_set.root, left_out_trained=leave_out_trained, robustness=disturbed
    )

    def write(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        write_predictions(folder / "predictions.csv", found.predictions)
        write_evaluation(folder, results)

    problem = kept(partial(write, output)) if output is not None else None
    if problem is None:
        meter.finish_with(images=results.images)
    if as_json:
        print_answer(evaluation_to_json(results), problem)
    else:
        _print(results, card.network, disturbed)
    if problem is not None:
        raise problem
    if output is not None and not as_json:
        click.echo(printable(str(output)))


def _print(results: EvaluationResults, network: str, disturbed: NetworkRobustness | None) -> None:
    for line in _lines(results):
        click.echo(signs.as_shown(line))
    if disturbed is not None:
        click.echo("")
        for line in robustness_lines(network, disturbed):
            click.echo(signs.as_shown(line))


@click.command()
@click.argument("run")
@click.option("--network", "wanted", multiple=True, help="Only this network; repeat as needed (default: all).")
@click.option("--batch-size", type=click.IntRange(1, 65_536), help="Images at a time (default: what suits the device).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Also write the figures to this file, as JSON: for a run whose folder can't be written.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@click.pass_context
@shows_progress
def robustness(
    context: click.Context,
    *,
    run: str,
    wanted: tuple[str, ...],
    output: Path | None,
    batch_size: int | None,
    device: str,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Disturb the test images of RUN by blur, noise, light, stain and JPEG, and measure how much the metrics drop.

    Each fold's model classifies its own test images. The answer is saved in the run's folder; where that can't be
    written, it is printed only, unless --output says where else it goes.
    """
    from aimic_tui.engine.evaluation.run_predictions import read_run_predictions

    folder = Workspace(context.obj).find_run(run)
    names = [network.name for network in read_run_predictions(folder.path).networks]
    _check_networks(folder, names, wanted)
    if output is not None:
        check_output_file(output, "robustness.json", inputs=[folder.path / ROBUSTNESS_FILE])
    unwritable = folder_problem(folder.path, locks=False)
    if unwritable:
        fate = "go to --output" if output is not None else "are printed, not kept; --output FILE keeps them"
        click.echo(f"! {printable(unwritable)} The figures {fate}.", err=True)
    stop = StopRequest()
    settle_processor()  # before torch
    from aimic_tui.engine.inference.robustness import robustness_of_run
    from aimic_tui.engine.inference.robustness_file import METHOD, robustness_to_json, write_network_robustness

    answers: dict[str, Any] = {}
    problem: AimicError | None = None
    for name in wanted or names:
        meter.name(name)
        found = robustness_of_run(
            folder.path, name, device=device, batch_size=batch_size, report=meter.report, should_stop=stop.asked
        )
        meter.clear()
        when = datetime.now(timezone.utc).isoformat(timespec="seconds")
        if not unwritable:
            problem = kept(partial(write_network_robustness, folder.path, name, found, when)) or problem
        answers[name] = robustness_to_json(found)
        if not as_json:
            for line in robustness_lines(name, found):
                click.echo(signs.as_shown(line))
            click.echo("")
    answer = {"run": folder.name, "method": METHOD, "networks": answers}
    if output is not None:
        problem = kept(partial(write_json, output, answer)) or problem
    if as_json:
        print_answer(answer, problem)
    else:
        click.echo(METHOD)
    if problem is not None:
        raise problem


def _check_networks(folder: RunFolder, names: Sequence[str], wanted: Sequence[str]) -> None:
    if not names:
        raise InputProblem(f"No fold of {printable(folder.name)} is tested yet.")
    for name in wanted:
        if name not in names:
            raise UsageProblem(
                f"{printable(folder.name)} has no network {printable(name)}; it has {printable(', '.join(names))}."
            )


def _data_set(data: str, group: str | None, overrides: Sequence[str]) -> DataSet:
    """Find a labelled data set; a single class is enough here, since it is the model that has to know several."""
    from aimic_tui.engine.data.listing.find_data_set import find_data_set, scan_data_set
    from aimic_tui.engine.experiment import Experiment, with_overrides

    values = with_overrides({"data": {"path": data, **({} if group is None else {"group": group})}}, overrides)
    settings = Experiment.from_mapping(values, source="aimic evaluate").data
    found = scan_data_set(settings)
    for sentence in found.before_evaluation():
        click.echo(f"! {sentence}", err=True)
    return find_data_set(settings) if found.conflicts else found.data_set


def _lines(found: EvaluationResults) -> Iterator[str]:
    models = f", {found.models} models together" if found.models > 1 else ""
    images = plural(found.images, "image")
    yield f"{printable(found.network)}{models}: {images} of {plural(found.groups, 'group')}"
    yield ""
    for remark in found.verdict:
        yield f"{_MARKS[remark.kind]} {printable(remark.sentence)}"
    for sentence in cautions(found):
        yield f"! {sentence}"
    yield ""
    percent = numbers.percent(found.confidence, None)
    rows = [["", f"here, {percent} interval", *(["at home", "difference"] if found.home else [])]]
    for metric, title in TITLES.items():
        if metric not in found.pooled:
            continue
        cells = [_figure(found.pooled[metric])]
        if found.home:
            mark = f"{signs.SIGNS['attention']} " if is_shown_loss(found, metric) else ""
            cells += [_figure(found.home[metric]), mark + _figure(found.differences[metric])]
        rows.append([title, *cells])
    yield from aligned(rows)
    yield intervals_text(found)
    yield ""
    names = [one_line(name, 40) for name in found.class_names]
    matrix = [[name, *(f"{count:,}" for count in row)] for name, row in zip(names, found.confusion, strict=True)]
    yield from aligned([["true \\ predicted", *names], *matrix])
    if found.label_shift is not None:
        yield ""
        yield CORRECTED_TITLE
        yield from corrected_figure_lines(found.pooled, found.label_shift)
        yield ""
        yield from evaluated_share_lines(found.label_shift)
        if found.label_shift.caution:
            yield f"{signs.SIGNS['attention']} {found.label_shift.caution}"
        yield LABEL_SHIFT_METHOD


def robustness_lines(network: str, found: NetworkRobustness) -> Iterator[str]:
    """Write what a network's figures lose, as plain text."""
    yield (
        f"{printable(network)}, {plural(found.images, 'image')} of {plural(found.groups, 'group')}, disturbed; "
        "differences to the undisturbed images"
    )
    rows = [["", "", *(TITLES[metric] for metric in _LOSSES)]]
    rows.append(["undisturbed", "", *(_figure(found.clean[metric]) for metric in _LOSSES)])
    for row in found.rows:
        rows.append([row.kind, row.amount, *(_figure(row.differences[metric]) for metric in _LOSSES)])
    yield from _with_two_names(rows)
    if found.unreadable:
        yield f"! {plural(found.unreadable, 'image')} could not be read and are left out."


def _figure(figure: Interval) -> str:
    return numbers.interval_text(figure.value, figure.low, figure.high)


def _with_two_names(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay a table out whose first two columns are words."""
    width = max(len(row[0]) for row in rows)
    yield from aligned([[f"{row[0]:<{width}}  {row[1]}", *row[2:]] for row in rows])
