"""The command line itself: exit codes, help, errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Verb
from tests.conftest import PROJECT
from watchfloor import cli, errors
from watchfloor.cli import EXIT_CODES, VERBS, main
from watchfloor.cli.screen import readable


def test_exit_codes_are_told_alike_everywhere() -> None:
    told = dict(re.findall(r"^    (\d+) +(.+)$", cli.__doc__ or "", re.M))
    assert {int(code): text for code, text in told.items()} == EXIT_CODES
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.WatchfloorError)
    }
    assert raised <= EXIT_CODES.keys()
    page = PROJECT / "docs" / "command-line.md"
    if page.is_file():
        for code, text in EXIT_CODES.items():
            assert re.search(rf"\b{code}\b.*{re.escape(text[:20])}", page.read_text("utf-8")), f"{page}: {code}"


@pytest.mark.parametrize(
    "verb", [[], *([verb] for verb in VERBS), ["rules"], ["rules", "list"], ["new", "integration"]]
)
def test_every_verb_has_help(watchfloor: Verb, verb: list[str]) -> None:
    said = watchfloor(*verb, "--help")
    assert said.code == 0 and "Usage" in said.out and not said.err


def test_version(watchfloor: Verb) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", watchfloor("--version").out)


NONSENSE = [
    ["dtect"],
    ["run"],
    ["schema", "a", "b", "c"],
    ["hunt", "--limit", "many", "."],
    ["hunt", ".", "select 1", "--limit", "-1"],
    ["detect", ".", "--rules", ".", "--limit", "0"],
]


@pytest.mark.parametrize("arguments", NONSENSE)
def test_nonsense_is_answered_with_help(watchfloor: Verb, arguments: list[str]) -> None:
    said = watchfloor(*arguments)
    assert said.code == 2 and "->" in said.err and "--help" in said.err


def test_doctor_says_what_is_not_there(watchfloor: Verb, tmp_path: Path) -> None:
    assert watchfloor("doctor", tmp_path).code == 0
    said = watchfloor("doctor", tmp_path / "nowhere")
    assert said.code == 1 and "nowhere" in said.out


def test_a_bug_of_ours_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from watchfloor.ocsf import describe

    monkeypatch.setattr(describe, "overview", lambda: 1 / 0)
    monkeypatch.delenv("WATCHFLOOR_DEBUG", raising=False)
    assert main(["schema"]) == 70
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said and "WATCHFLOOR_DEBUG=1" in said and "Traceback" not in said
    monkeypatch.setenv("WATCHFLOOR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["schema"])


def test_an_interruption_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from watchfloor.ocsf import describe

    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(describe, "overview", stop)
    assert main(["schema"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_terminal_is_ours_alone() -> None:
    assert readable("a\x1b[31m\r\x07\u202eb\tc\nd é 漢") == "a�[31m����b\tc\nd é 漢".replace("����", "���")


def test_what_a_user_names_cannot_drive_the_terminal(watchfloor: Verb, tmp_path: Path) -> None:
    said = watchfloor("run", tmp_path / "\x1b]0;x\x07")
    assert said.code == 3 and "\x1b" not in said.err
