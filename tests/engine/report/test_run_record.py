"""What a report is made from, read at one moment."""

from __future__ import annotations

from aimic_tui.engine.report.run_record import RunRecord


def test_the_network_shown_closely_is_chosen_without_the_test_images(record: RunRecord) -> None:
    best = {name: [trial.best_value for trial in record.trials_of(name)] for name in record.networks}
    assert record.chosen == max(best, key=lambda name: sum(best[name]))
    assert record.chosen_network.name == record.chosen


def test_settings_are_found_by_their_dotted_key(record: RunRecord) -> None:
    assert record.setting("split.folds") == 3
    assert record.setting("split.unheard_of", "none") == "none"
    assert record.setting("unheard.of", 7) == 7


def test_sizes_are_those_of_the_manifest(record: RunRecord) -> None:
    assert record.sizes == (24, 24, 24)
    assert record.grouped
