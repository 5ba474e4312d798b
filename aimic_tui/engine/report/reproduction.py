"""The commands that make a report again from the images: a script, what it reads, and the section that shows it.

The script trains with the run's resolved experiment, on the run's own split (which refuses other images, by their
digests), with the batch size, number format and thread count that the run had come to; then it repeats what else is in
the report and compares the figures. On the same machine with the same versions they are the same to the last digit.

What comes from outside (names of networks, classes, data sets) is quoted for the shell (`shlex.quote`), and nothing in
the script or its files says where the images lay.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

import tomli_w

from aimic_tui.engine.bounded_files import TABLE_LIMIT, read_bounded
from aimic_tui.engine.data.manifest import COLUMNS
from aimic_tui.engine.experiment import DataSettings
from aimic_tui.engine.files import digest_of_bytes, read_table, table_bytes
from aimic_tui.engine.inference.evaluation_file import EvaluationResults
from aimic_tui.engine.report.document import Block, Code, Paragraph, Section
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import one_line, printable

TITLE = "Reproduction"
SCRIPT = "reproduce.sh"
FOLDER = "reproduce"
_FIGURES = "figures.csv"
_DECIMALS = 6
# Settings of the table `data` that an audit needs to find the images and their classes.
_FOR_THE_AUDIT = ("pattern", "layout", "image_column", "label_column", "part_column", "intensity", "channels", "plane")


def reproduction_section(record: RunRecord) -> Section:
    """Lay out how this report is made again."""
    blocks: list[Block] = [
        Paragraph(
            f"`aimic report --folder` writes {SCRIPT} with this report: `sh {SCRIPT} DATA` trains the run again from "
            "its images, makes the report and compares every figure. It reads the files in the folder "
            f"{FOLDER} beside it: the experiment with all settings, the split with the SHA-256 of each image, and the "
            "marks on images where there were any. On the same machine with the same versions the figures are the "
            "same; other versions, processors or numbers of threads change them slightly."
        ),
        Code("\n".join(_commands(record))),
    ]
    return Section(TITLE, blocks)


def reproduction_files(record: RunRecord) -> dict[str, bytes]:
    """Return the script and what it reads, by their paths in the report's folder.

    Raises:
        OSError: a file of the run can't be read.
    """
    files = {
        "experiment.toml": _experiment(record),
        "manifest.csv": _manifest(record),
        "split.csv": read_bounded(record.folder.split_file, TABLE_LIMIT),
        _FIGURES: _figures(record),
        "requirements.txt": _requirements(record),
    }
    inner = record.folder.split_file.with_name("inner_split.csv")
    for file, name in ((inner, inner.name), (record.folder.marks_file, "marks.csv")):
        if file.is_file():
            files[name] = read_bounded(file, TABLE_LIMIT)
    script = "\n".join(_script(record)) + "\n"
    return {
        SCRIPT: script.encode("utf-8", "surrogateescape"),
        **{f"{FOLDER}/{name}": content for name, content in files.items()},
    }


def _script(record: RunRecord) -> Iterator[str]:
    yield "#!/bin/sh"
    yield f"# Makes the report on the run {_comment(record.results.run)} again, from its images:"
    yield "#"
    yield f"#     sh {SCRIPT} DATA [WORKSPACE]"
    yield "#"
    yield f"# DATA is the data set, which was called {_comment(_name(record.setting('data.path')))}."
    yield "# WORKSPACE is a folder for the new run (default: reproduced). AIMIC, where set, is the command in place of"
    yield "# aimic."
    yield "#"
    yield from (f"# {line}" for line in _environment(record))
    yield f"# SHA-256 of {FOLDER}/experiment.toml: {digest_of_bytes(_experiment(record))}"
    yield "set -eu"
    yield "DATA=${1:?Name the data set: sh reproduce.sh DATA [WORKSPACE]}"
    yield "WORKSPACE=${2:-reproduced}"
    yield f'FILES=$(cd "$(dirname "$0")" && pwd)/{FOLDER}'
    yield 'mkdir -p "$WORKSPACE/evaluations"'
    yield 'aimic() { command ${AIMIC:-aimic} --workspace "$WORKSPACE" "$@"; }'
    yield ""
    yield from _commands(record)
    yield ""
    yield "# The figures of this report and of the new one."
    yield f'if diff "$FILES/{_FIGURES}" "$WORKSPACE/report/{FOLDER}/{_FIGURES}"; then'
    yield '    echo "Every figure is the same."'
    yield "else"
    yield '    echo "Figures differ: < is this report, > the new one." >&2'
    yield "    exit 1"
    yield "fi"


def _commands(record: RunRecord) -> Iterator[str]:
    """Yield the commands themselves; $DATA, $WORKSPACE and $FILES are set before."""
    if record.audit is not None:
        yield "# The audit, whose findings the run keeps."
        yield _line("aimic inspect", '"$DATA"', *_audit_options(record))
    yield "# The run."
    yield from _subgroup_table(record)
    start, weights = _weights(record)
    yield from start
    yield _line('RUN=$(aimic train "$FILES/experiment.toml"', '--data "$DATA"', *_train_options(record), *weights) + ")"
    made = any(baseline.name != "majority_class" for baseline in record.results.baselines)
    yield f'aimic results "$RUN"{" --baselines" if made else ""}'
    if record.robustness:
        yield "# Its test images, disturbed."
        for network in record.robustness:
            yield _line('aimic robustness "$RUN"', f"--network={shlex.quote(network)}")
    for number, found in enumerate(record.evaluations, start=1):
        yield from _evaluation(record, number, found)
    yield "# The report. Times and costs in it are measured anew."
    yield _line('aimic report "$RUN"', *_report_options(record), '--folder "$WORKSPACE/report"')


def _line(*parts: str) -> str:
    return " \\\n    ".join(parts)


def _comment(text: object) -> str:
    """Write what comes from outside so that it can't end a comment's line."""
    return one_line(printable(str(text)), 80)


def _name(path: object) -> str:
    return PurePath(str(path)).name


def _environment(record: RunRecord) -> Iterator[str]:
    known = record.environment
    commit = f", commit {_comment(known['git_commit'])}" if known.get("git_commit") else ""
    yield f"Made with aimic {_comment(known.get('aimic', ''))}{commit}; Python {_comment(known.get('python', ''))},"
    yield f"{_comment(known.get('system', ''))}. Versions of libraries: {FOLDER}/requirements.txt."


def _requirements(record: RunRecord) -> bytes:
    versions: Mapping[str, Any] = record.environment.get("versions", {})
    return "".join(f"{_comment(name)}=={_comment(version)}\n" for name, version in versions.items()).encode()


def _audit_options(record: RunRecord) -> Iterator[str]:
    data = record.setting("data", {})
    yield f"--group={shlex.quote(str(data.get('group', 'auto')))}"
    for key in _FOR_THE_AUDIT:
        if key in data and data[key] != DataSettings.model_fields[key].default:
            yield _set(f"data.{key}", data[key])
    yield from _marks(record)


def _train_options(record: RunRecord) -> Iterator[str]:
    yield '--set=split.from="$FILES/split.csv"'
    yield from _marks(record)
    # What was decided at the first start, by memory and timing, as settings: where it is one for all networks.
    starts = [trial.start for trial in record.snapshot.trials if trial.start]
    sizes = {start.batch_size for start in starts if start.batch_size}
    formats = {start.precision for start in starts if start.precision}
    if len(sizes) == 1 and record.setting("training.batch_size") == "auto":
        yield f"--set=training.batch_size={int(*sizes)}"
    if len(formats) == 1 and record.setting("training.precision") == "auto":
        yield f"--set=training.precision={shlex.quote(next(iter(formats)))}"
    if isinstance(threads := record.environment.get("threads"), int):
        yield f"--set=compute.threads={threads}"


def _marks(record: RunRecord) -> Iterator[str]:
    if record.folder.marks_file.is_file():
        yield '--set=data.marks="$FILES/marks.csv"'


def _weights(record: RunRecord) -> tuple[list[str], list[str]]:
    """Return lines to write before the training, and its options: an earlier model's weights lie somewhere else."""
    weights = str(record.setting("model.weights"))
    if weights == "none":
        return [], []
    if weights == "imagenet":
        names = " ".join(map(shlex.quote, record.networks))
        return [f"# It needs the networks' pre-trained weights: aimic weights fetch {names}"], []
    sentence = f"Name the weights that training started from, which were called {_comment(_name(weights))}"
    return [f": ${{WEIGHTS:?{_in_expansion(sentence)}}}"], ['--set=model.weights="$WEIGHTS"']


def _subgroup_table(record: RunRecord) -> Iterator[str]:
    """Ask for the table of `--by` before the training: it may hold what the report's folder must not, such as ages."""
    if record.by and record.table is not None:
        columns = ", ".join(map(_comment, record.by))
        sentence = f"Name the CSV file with {columns}, which was called {_comment(record.table.name)}"
        yield f": ${{SUBGROUPS:?{_in_expansion(sentence)}}}"


def _report_options(record: RunRecord) -> Iterator[str]:
    """What the report was asked for besides."""
    for name, share in record.prevalences:
        yield f"--prevalence={shlex.quote(f'{name}={share!r}')}"
    for column in record.by:
        yield f"--by={shlex.quote(column)}"
    if record.by and record.table is not None:
        yield '--table="$SUBGROUPS"'


def _in_expansion(text: str) -> str:
    """Return words that the shell takes as they are within ${NAME:?...}."""
    return "".join(char if char.isalnum() or char in " .,-_:" else "_" for char in text)


def _evaluation(record: RunRecord, number: int, found: EvaluationResults) -> Iterator[str]:
    data = _name(found.data)
    yield f"# An evaluation on another data set, {_comment(data)}: set EVALUATION_{number} to its path."
    model = '"$RUN"'
    if found.models == 1:
        with suppress(ValueError):
            inside = Path(found.model).resolve().relative_to(record.folder.path.resolve())
            model = f'"$RUN"/{shlex.quote(inside.as_posix())}'
    pairs = [f"{to}={name}" for name, to in found.mapping.items() if name != to]
    options = [
        f"--network={shlex.quote(found.network)}",
        *(f"--map={shlex.quote(pair)}" for pair in pairs),
        *(f"--leave-out={shlex.quote(name)}" for name in found.left_out),
        *(["--leave-out-trained"] if found.left_out_trained else []),
        *(["--robustness"] if found.robustness is not None else []),
        f'--output="$WORKSPACE/evaluations/{number:02d}"',
    ]
    yield f'if [ -n "${{EVALUATION_{number}:-}}" ]; then'
    yield "    " + _line(f'aimic evaluate {model} "$EVALUATION_{number}"', *options)
    yield "else"
    yield f'    echo "EVALUATION_{number} is not set: one evaluation is left out." >&2'
    yield "fi"


def _set(key: str, value: Any) -> str:
    """Write a setting as an option; text is a TOML string, which keeps its spaces and quotes."""
    return f"--set={shlex.quote(f'{key}={json.dumps(value, ensure_ascii=False)}')}"


def _experiment(record: RunRecord) -> bytes:
    """Return the resolved experiment without where the images lie here, which `--data` names."""
    tables = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in record.tested.experiment.items()
    }
    data = {**tables.get("data", {}), "path": _name(record.setting("data.path"))}
    if str(data.get("marks", "auto")) not in ("auto", "none", ""):
        data["marks"] = "marks.csv"
    tables["data"] = data
    model = dict(tables.get("model", {}))
    if str(model.get("weights", "imagenet")) not in ("imagenet", "none"):
        model["weights"] = _name(model["weights"])
    tables["model"] = model
    split = dict(tables.get("split", {}))
    if split.get("from"):
        split["from"] = "split.csv"
    tables["split"] = split
    return tomli_w.dumps(tables).encode()


def _manifest(record: RunRecord) -> bytes:
    """Return the run's manifest with the images' names in place of their paths."""
    rows = read_table(record.folder.manifest_file)
    return table_bytes(COLUMNS, ([{**row, "path": row["image"]}[name] for name in COLUMNS] for row in rows))


def _figures(record: RunRecord) -> bytes:
    """Return every figure of every network and baseline, a row each, rounded to what two machines may agree in."""

    def rows() -> Iterator[tuple[object, ...]]:
        for name, network in record.results.networks.items():
            for metric, figure in network.pooled.items():
                yield name, "", metric, *map(_rounded, (figure.value, figure.low, figure.high))
            for one, found in network.classes.items():
                for metric, figure in found.figures.items():
                    yield name, one, metric, *map(_rounded, (figure.value, figure.low, figure.high))

        for baseline in record.results.baselines:
            for metric, figure in baseline.pooled.items():
                yield f"baseline: {baseline.name}", "", metric, *map(_rounded, (figure.value, figure.low, figure.high))

    return table_bytes(("network", "class", "metric", "value", "low", "high"), rows())


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.{_DECIMALS}f}"
