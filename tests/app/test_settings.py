"""The preferences file: read with understanding, written without loss."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.app.settings import RESERVED_KEYS, Settings, change_settings, load_settings, settings_file


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml") == (Settings(), ())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        'theme = "nord"\nslow_link = true\nsigns = "ascii"\n[keymap]\n"home.new-run" = "n, insert"\n', "utf-8"
    )
    settings, problems = load_settings(path)
    assert problems == ()
    assert settings == Settings("nord", True, "ascii", {"home.new-run": "n,insert"})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("theme = 3", "theme must be the name of a theme"),
        ('slow_link = "yes"', "slow_link must be true or false"),
        ('signs = "runes"', "auto or unicode or ascii"),
        ("colour = 1", "colour is not a preference"),
        ('keymap = "vim"', "keymap must be a table"),
        ('[keymap]\n"app.help" = "ctrl+b"', "ctrl+b never reaches a program"),
        ('[keymap]\n"app.help" = ""', "needs its keys as text"),
        ("theme = ", "can't be read"),
    ],
)
def test_what_makes_no_sense_is_said_and_passed_over(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(content, "utf-8")
    settings, problems = load_settings(path)
    assert settings == Settings()
    assert len(problems) == 1
    assert words in problems[0]
    assert str(path) in problems[0]


def test_one_mistake_does_not_cost_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('theme = "nord"\nslow_link = 7\n', "utf-8")
    settings, problems = load_settings(path)
    assert settings.theme == "nord"
    assert len(problems) == 1


def test_a_change_keeps_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.toml"
    change_settings(path, theme="nord")
    path.write_text(path.read_text("utf-8") + 'of_a_later_version = 1\n[keymap]\n"a.b" = "x"\n', "utf-8")
    settings = change_settings(path, slow_link=True)
    assert (settings.theme, settings.slow_link, dict(settings.keymap)) == ("nord", True, {"a.b": "x"})
    assert "of_a_later_version = 1" in path.read_text("utf-8")


def test_the_file_can_be_put_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "mine.toml"))
    assert settings_file() == tmp_path / "mine.toml"
    monkeypatch.delenv("AIMIC_SETTINGS")
    assert settings_file().name == "settings.toml"
    assert "ctrl+b" in RESERVED_KEYS


@pytest.mark.parametrize("base", ["", "/elsewhere/config"])
def test_preferences_are_where_this_system_keeps_them(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    from platformdirs import user_config_path

    monkeypatch.delenv("AIMIC_SETTINGS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", base)
    assert settings_file() == user_config_path("aimic", appauthor=False) / "settings.toml"
