"""estate.toml: every mistake is named with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchfloor.errors import EstateError, ManifestError
from watchfloor.estate import SETTINGS, find_integrations, load


def test_the_least_estate(tmp_path: Path) -> None:
    (tmp_path / "estate.toml").write_text("")
    estate = load(tmp_path)
    assert estate.name == tmp_path.name and estate.sources == () and estate.store == tmp_path / "var"
    assert estate.rules == (tmp_path / "rules",) and estate.batch_records > 1
    assert load(tmp_path / "estate.toml") == estate


def test_everything_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "estate.toml").write_text(
        '[estate]\nname = "n"\n[store]\nfolder = "s"\n[rules]\npaths = ["a", "b.zip"]\nmin_level = "low"\n'
        "[engine]\nbatch_records = 7\npoll_seconds = 0.5\ncompact_commits = 3\n"
        '[placeholders]\nadmins = ["a", "b"]\none = 1\n'
        '[[sources]]\nid = "x"\npath = "logs"\nintegration = "i"\nformat = "ndjson"\nrecords = "Records"\n'
        "[sources.settings]\nkey = 1\n"
    )
    estate = load(tmp_path)
    assert (estate.name, estate.store.name, estate.min_level, estate.batch_records) == ("n", "s", "low", 7)
    assert estate.placeholders == {"admins": ["a", "b"], "one": ["1"]} and estate.compact_commits == 3
    (source,) = estate.sources
    assert (source.integration, source.format, source.records, source.settings) == (
        "i",
        "ndjson",
        "Records",
        {"key": 1},
    )


WRONG = {
    "not toml": ("[estate\n", 1, "TOML"),
    "unknown table": ("\n[estat]\n", 2, "estat"),
    "unknown key": ('[estate]\n\nnmae = "x"\n', 3, "nmae"),
    "a table that is a value": ("estate = 1\n", 1, "not a table"),
    "sources that are one table": ('[sources]\nid = "x"\n', 1, "list of tables"),
    "a number for text": ("[estate]\nname = 1\n", 2, "not text"),
    "text for a number": ('[engine]\nbatch_records = "7"\n', 2, "number above 0"),
    "zero": ("[engine]\nbatch_records = 0\n", 2, "number above 0"),
    "true": ("[engine]\npoll_seconds = true\n", 2, "number above 0"),
    "less than one record": ("[engine]\nbatch_records = 0.5\n", 2, "whole number"),
    "a path that is no list": ('[rules]\npaths = "rules"\n', 2, "list"),
    "a level": ('[rules]\nmin_level = "severe"\n', 2, "severe"),
    "a source without id": ('[[sources]]\npath = "x"\n', 1, "no id"),
    "a source without path": ('[[sources]]\nid = "x"\n', 1, "no path"),
    "an id with a slash": ('[[sources]]\nid = "../x"\npath = "p"\n', 2, "not usable"),
    "two alike": ('[[sources]]\nid = "x"\npath = "p"\n[[sources]]\nid = "x"\npath = "q"\n', 5, "two sources"),
    "the second of two": ('[[sources]]\nid = "x"\npath = "p"\n[[sources]]\nid = "y/"\npath = "q"\n', 5, "not usable"),
    "a path with a NUL": ('[[sources]]\nid = "x"\npath = "p\\u0000"\n', 3, "NUL"),
    "no number": ("[engine]\npoll_seconds = nan\n", 2, "number above 0"),
    "for ever": ("[engine]\npoll_seconds = inf\n", 2, "number above 0"),
    "a placeholder that is a table": ("[placeholders]\nadmins = {a = 1}\n", 2, "list of values"),
    "a key of a source": ('[[sources]]\nid = "x"\npath = "p"\nfromat = "y"\n', 4, "fromat"),
    "settings that are no table": ('[[sources]]\nid = "x"\npath = "p"\nsettings = 1\n', 4, "settings"),
    "placeholders that are no table": ("placeholders = 1\n", 1, "placeholders"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_mistakes_are_named_with_file_and_line(tmp_path: Path, what: str) -> None:
    text, line, word = WRONG[what]
    (tmp_path / "estate.toml").write_text(text)
    with pytest.raises(EstateError) as raised:
        load(tmp_path)
    error = raised.value
    assert error.file == str(tmp_path / "estate.toml") and error.line == line, error
    assert word in error.what and error.remedy


def test_no_estate_and_one_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EstateError, match="no estate here"):
        load(tmp_path)
    (tmp_path / "estate.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EstateError, match="not UTF-8"):
        load(tmp_path)
    (tmp_path / "estate.toml").unlink()
    (tmp_path / "estate.toml").mkdir()
    with pytest.raises(EstateError, match="cannot be read"):
        load(tmp_path)


def test_the_settings_say_what_they_are_for() -> None:
    assert all(text for table in SETTINGS.values() for text in table.values())


def test_an_integration_of_the_estate_replaces_ours(tmp_path: Path) -> None:
    ours = {found.id: found for found in find_integrations()}
    assert "windows" in ours and "generic" in ours
    folder = tmp_path / "windows"
    folder.mkdir()
    (folder / "manifest.toml").write_text(
        'id = "windows"\nname = "Mine"\nvendor = "Example"\n[families.other]\nclass = "base_event"\n'
    )
    (tmp_path / "not-one").mkdir()
    found = {each.id: each for each in find_integrations(tmp_path, tmp_path / "nowhere")}
    assert found["windows"].name == "Mine" and found.keys() == ours.keys()
    (folder / "manifest.toml").write_text("wrong = 1\n")
    with pytest.raises(ManifestError):
        find_integrations(tmp_path)


def test_time_zone(tmp_path: Path) -> None:
    (tmp_path / "estate.toml").write_text('[estate]\ntimezone = "Europe/Amsterdam"\n')
    assert load(tmp_path).timezone == "Europe/Amsterdam" and not load(tmp_path).world()
    (tmp_path / "estate.toml").write_text('[estate]\nname = "x"\ntimezone = "Mars/Base"\n')
    with pytest.raises(EstateError, match="Mars/Base") as caught:
        load(tmp_path)
    assert caught.value.line == 3
