"""A report holds all there is to say about a run, asks nothing of any network, and trusts no name."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.build_results import build_results
from aimic_tui.engine.evaluation.predictions import read_predictions, write_predictions
from aimic_tui.engine.inference.timings import NetworkTiming, write_timings
from aimic_tui.engine.report.checklists import claim, tripod
from aimic_tui.engine.report.run_record import read_record
from aimic_tui.engine.report.write_report import write_report
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.wording.printed import interval
from tests.engine.evaluation.some_run import make_run as predicted_run
from tests.screens.made_run import make_data, make_run

EVIL = ("<img src=x onerror=alert(1)>", "a$b_1$ & |pipe|", 'c\x1b[31m"quoted"')
_VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, text, and whether tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def drawings_of(page: Page) -> list[str]:
    return [attributes["aria-label"] or "" for tag, attributes in page.elements if tag == "svg"]


def report_of(folder: RunFolder) -> tuple[str, Page]:
    write_report(folder)
    text = folder.report_file.read_text("utf-8")
    return text, Page(text)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    place = tmp_path_factory.mktemp("place")
    return make_run(place / "ws", make_data(place / "data"), networks=("mobilenet_v2", "resnet18"))


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    place = tmp_path_factory.mktemp("evil")
    return make_run(place / "ws", make_data(place / "data", EVIL), settings={"name": "<b>bold</b>"})


def test_the_methods_paragraph_tells_what_a_plain_training_does_not_do(tmp_path: Path) -> None:
    settings = {
        "training.loss": "focal",
        "training.ema": 0.99,
        "augmentation.mixup": 0.2,
        "training.label_smoothing": 0.1,
    }
    _, page = report_of(make_run(tmp_path / "ws", make_data(tmp_path / "data"), settings=settings))
    assert (
        "The focal loss was minimised (Lin et al. 2017, gamma 2), labels were smoothed by 0.1, images were blended by "
        "mixup (Zhang et al. 2018, alpha 0.2) and an exponential moving average of the weights (decay 0.99) was used."
        in page.text
    )
    frozen = {"model.trainable": "head", "augmentation.mixup": 0.2}
    _, page = report_of(make_run(tmp_path / "frozen", tmp_path / "data", settings=frozen))
    assert "Training images were not augmented" in page.text and "mixup (" not in page.text


def test_the_page_refers_to_nothing_outside_itself(run: RunFolder, evil: RunFolder) -> None:
    for folder in (run, evil):
        text, page = report_of(folder)
        for tag, attributes in page.elements:
            assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form", "video", "audio"}, tag
            for name, value in attributes.items():
                assert not name.startswith("on"), name
                if name in {"src", "href", "xlink:href", "srcset", "action", "data", "poster"}:
                    assert value is not None
                    assert value.startswith(("#", "data:image/jpeg;base64,")), value
        assert all(target.startswith("#") for target in re.findall(r"url\(\s*['\"]?([^)'\"]+)", text))
        assert "@import" not in text
        without_names = re.sub(r'xmlns(:xlink)?="[^"]*"', "", text)
        assert "http:" not in without_names
        assert "https:" not in without_names
        assert "default-src 'none'" in text


def test_inside_the_page_every_reference_finds_its_one_target(run: RunFolder) -> None:
    text, page = report_of(run)
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    targets = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
    assert targets <= set(names)


def test_it_holds_what_a_reader_asks_for(run: RunFolder) -> None:
    _, page = report_of(run)
    for wanted in (
        "Honest protocol: validation images chose",
        "95 % intervals: cluster bootstrap",
        "Confusion matrix",
        "sensitivity (recall)",
        "Comparison of networks",
        "Typical and worst cases",
        "The split: images of each part, by fold.",
        "3-fold cross-validation, stratified by class, keeping all images of a group on one side",
        "training.learning_rate",
        "torch",
        "CLAIM 2024",
        "TRIPOD+AI",
    ):
        assert wanted in page.text, wanted
    pooled = build_results(run.path).networks["resnet18"].pooled
    assert interval(pooled["macro_f1"]) in page.text
    assert {name.partition(":")[0] for name in drawings_of(page)} >= {"mobilenet_v2", "resnet18"}
    of_one = [name for name in drawings_of(page) if name.startswith("resnet18: ")]
    assert [name.split()[1] for name in of_one] == ["confusion", "sensitivity", "ROC", "precision", "learning"]
    assert "Which network when resources are short" in page.text
    assert "By weights, MB" not in page.text, "no model was kept"
    assert "parameters, millions" in page.text
    assert "The best network" in page.text
    assert "bootstrap over groups, inverted test" in page.text, "the method stands beside the figure"
    pictures = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(pictures) > 3
    assert all(attributes["alt"] for attributes in pictures)


def test_where_the_images_lie_is_not_told(run: RunFolder) -> None:
    text, page = report_of(run)
    place = Path(str(read_record(run).setting("data.path")))
    assert place.is_dir()
    assert str(place.parent) not in text
    assert f"data.path {place.name}" in page.text


def test_drawings_are_described_and_take_the_pages_colours(run: RunFolder) -> None:
    _, page = report_of(run)
    drawings = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in drawings)
    styles = " ".join(attributes.get("style") or "" for _, attributes in page.elements)
    assert "currentColor" in styles
    assert "var(--series-0)" in styles
    assert "#222222" not in styles


def test_names_from_outside_are_text_and_nothing_else(evil: RunFolder) -> None:
    text, page = report_of(evil)
    assert "\x1b" not in text
    assert "<b>bold" not in text
    assert not any(tag == "img" and attributes.get("src") == "x" for tag, attributes in page.elements)
    for wanted in ("<img src=x onerror=alert(1)>", "a$b_1$ & |pipe|", 'c\\x1b[31m"quoted"', "Report: <b>bold</b>"):
        assert wanted in page.text


def test_calibration_is_reported_where_there_are_validation_predictions(tmp_path: Path) -> None:
    run = predicted_run(tmp_path / "run", groups=60, boast=3.0)
    _, page = report_of(RunFolder(run))
    for wanted in ("Temperature scaling: each fold's", "calibrated", "Leaving uncertain images to a person"):
        assert wanted in page.text
    assert "the image is no longer where it was" in page.text
    drawn = " ".join(drawings_of(page))
    assert "stated probability against the share that is correct" in drawn
    assert "errors among the most certain images" in drawn
    assert "calibration error, corrected for chance" in page.text


def test_the_published_protocol_is_called_optimistic(tmp_path: Path) -> None:
    run = RunFolder(predicted_run(tmp_path / "run", protocol="aimic-2022"))
    text, page = report_of(run)
    assert "Optimistic: as in the protocol published in 2022" in page.text
    assert "class=strong" in text
    assert "so the estimates are optimistic" in page.text
    assert "keeping all images of a group on one side" not in page.text


def test_a_run_that_is_going_on_says_so(tmp_path: Path) -> None:
    run = predicted_run(tmp_path / "run", folds=4, groups=48)
    shutil.rmtree(run / "trials/mobilenet_v2/fold-4")
    assert "Not every fold is tested yet" in report_of(RunFolder(run))[1].text
    shutil.rmtree(run / "trials")
    with pytest.raises(InputProblem, match="nothing to report"):
        write_report(RunFolder(run))


def test_a_network_that_always_says_the_same_is_called_out(tmp_path: Path) -> None:
    run = predicted_run(tmp_path / "run")
    for path in run.rglob("predictions.csv"):
        table = read_predictions(path)
        table.probabilities[:] = (0.2, 0.5, 0.3)
        write_predictions(path, table)
    text = report_of(RunFolder(run))[1].text
    assert "mobilenet_v2 predicts eosinophil for every image" in text
    assert (
        "for every image: it has learned nothing" not in report_of(RunFolder(predicted_run(tmp_path / "good")))[1].text
    )


def test_markdown_has_its_figures_beside_it(run: RunFolder, evil: RunFolder, tmp_path: Path) -> None:
    output = tmp_path / "my report.md"
    written = write_report(run, output)
    assert written[-1] == output
    text = output.read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        assert (tmp_path / link.replace("%20", " ")).is_file()
    assert "## CLAIM 2024" in text
    write_report(evil, output)
    text = output.read_text("utf-8")
    assert "\\<img src=x onerror=alert(1)\\>" in text
    assert "\\|pipe\\|" in text
    tables = [line for line in text.splitlines() if line.startswith("| a")]
    assert tables


def test_other_endings_and_missing_folders_are_a_sentence(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"must end in \.html or \.md"):
        write_report(run, tmp_path / "report.pdf")
    with pytest.raises(InputProblem, match="no folder"):
        write_report(run, tmp_path / "missing" / "report.html")


def test_the_same_record_gives_the_same_page(run: RunFolder) -> None:
    assert report_of(run)[0] == report_of(run)[0]


def test_checklists_answer_what_the_record_knows_and_leave_the_rest_open(run: RunFolder) -> None:
    record = read_record(run)
    items = claim(record)
    assert [item.number for item in items] == [str(number) for number in range(1, 45)]
    answered = {item.number for item in items if item.answer}
    assert {"9", "19", "20", "23", "28", "29", "37"} <= answered
    assert {"4", "13", "16", "40", "44"}.isdisjoint(answered)
    assert any(item.answer is None for item in tripod(record))


def test_the_network_shown_closely_is_chosen_without_the_test_images(run: RunFolder) -> None:
    record = read_record(run)
    best = {name: [trial.best_value for trial in record.trials_of(name)] for name in record.networks}
    assert record.chosen == max(best, key=lambda name: sum(best[name]))


def test_two_classes_get_a_decision_curve_and_more_do_not(tmp_path: Path, run: RunFolder) -> None:
    place = make_data(tmp_path / "data", ("healthy", "leukemic"))
    folder = make_run(tmp_path / "ws", place)
    _, page = report_of(folder)
    assert "Benefit of acting on predictions" in page.text
    assert "with leukemic as the positive class" in page.text
    assert any("net benefit by the probability of leukemic" in name for name in drawings_of(page))
    assert "Net benefit (decision curve)" in page.text
    assert "Benefit of acting on predictions" not in report_of(run)[1].text


def test_groups_that_fail_are_named(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "run", groups=30, images_a_group=8, skills={"net": 4.0})
    for table in path.rglob("predictions.csv"):
        read = read_predictions(table)
        failing = [place for place, name in enumerate(read.images) if name.startswith("smear007")]
        read.probabilities[failing] = np.roll(np.eye(3)[read.labels[failing]], 1, axis=1)
        write_predictions(table, read)
    text = report_of(RunFolder(path))[1].text
    assert "1 of 30 groups has significantly more errors than the others: smear007." in text
    assert "By group, with tests for groups that fail" in text


def test_measured_times_stand_beside_the_figures(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "runs" / "some", skills={"mobilenet_v2": 2.0, "resnet18": 2.5})
    text = report_of(RunFolder(path))[1].text
    assert "No times were measured in this workspace" in text
    timing = NetworkTiming("resnet18", 224, (0.2, 0.3), (5.0, 6.0), 100, 1.0, 50.0, "2026-11-22T12:00:00Z")
    write_timings(tmp_path, "a device", [timing, replace(timing, network="mobilenet_v2", one=(0.1, 0.1))])
    text = report_of(RunFolder(path))[1].text
    assert "By seconds for one image, a device: mobilenet_v2" in text
    assert "measured by `aimic benchmark` on a device, median of 2, from a file to its class" in text
    assert "No times were measured" not in text


def test_what_choosing_is_worth_stands_where_the_best_is_named(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "run", skills={"good": 2.5, "poor": 0.5}, groups=45)
    (chosen,) = build_results(path).selected
    text = report_of(RunFolder(path))[1].text
    assert "good is the best of 2 networks by these figures" in text
    assert "this figure is optimistic" in text
    assert "chosen in each fold by its validation part" in text
    assert interval(chosen.results.pooled["macro_f1"]) in text


def test_tables_of_many_columns_let_limits_stand_below(run: RunFolder) -> None:
    text, page = report_of(run)
    assert '<span class="limits">(' in text
    assert any(attributes.get("class") == "figures tight" for _, attributes in page.elements)
