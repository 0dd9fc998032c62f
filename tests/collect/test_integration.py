"""Manifests: what is wrong is named with its file and line; code is loaded when it is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchfloor.collect.integration import load_manifest
from watchfloor.errors import ManifestError

HEAD = 'id = "x"\nname = "X"\nvendor = "Example"\n'
FAMILY = '[families.other]\nclass = "base_event"\n'
MAPPING = """
from watchfloor.collect.mapping import Mapped, Record, event, maps

@maps("other")
def other(r: Record) -> Mapped:
    return event("base_event")
"""


def _folder(tmp_path: Path, manifest: str, mapping: str | None = None) -> Path:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "manifest.toml").write_text(manifest)
    if mapping is not None:
        (folder / "mapping.py").write_text(mapping)
    return folder


WRONG = {
    "not toml": ("id = \n", "TOML"),
    "unknown key": (HEAD + "colour = 1\n" + FAMILY, "colour"),
    "no vendor": ('id = "x"\nname = "X"\n' + FAMILY, "vendor"),
    "no families": (HEAD, "families"),
    "another id": (HEAD.replace('"x"', '"y"') + FAMILY, "folder's name"),
    "a family without class": (HEAD + "[families.other]\n", "no class"),
    "a claim": (HEAD + FAMILY + '[quality]\ngolden = "mostly"\n', "mostly"),
    "exempt without reason": (HEAD + FAMILY + '[quality]\ngolden = "exempt:"\n', "exempt"),
    "a family that is text": (HEAD + '[families]\nother = "base_event"\n', "families"),
    "a signature that is no table": (HEAD.replace("vendor", 'recognise = ["a"]\nvendor') + FAMILY, "recognise"),
    "a pattern": (HEAD + FAMILY + '[[recognise]]\npatterns = {a = "("}\n', "pattern"),
    "a priority": (HEAD.replace("vendor", 'priority = "high"\nvendor') + FAMILY, "priority"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_manifest(tmp_path: Path, what: str) -> None:
    text, word = WRONG[what]
    folder = _folder(tmp_path, text)
    with pytest.raises(ManifestError) as raised:
        load_manifest(folder)
    assert raised.value.file == str(folder / "manifest.toml")
    assert word in str(raised.value)


def test_a_folder_without_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        load_manifest(tmp_path)


def test_code_is_loaded_on_first_use(tmp_path: Path) -> None:
    found = load_manifest(_folder(tmp_path, HEAD + FAMILY, "raise RuntimeError('early')\n"))
    assert found.id == "x" and found.product == "X" and found.priority == 0
    with pytest.raises(ManifestError, match="RuntimeError: early"):
        found.mappings
    (found.folder / "mapping.py").write_text(MAPPING)
    assert list(found.mappings.functions) == ["other"] and found.mappings is found.mappings
    assert found.mappings.classify is None and found.mappings.normalise is None


@pytest.mark.parametrize(
    ("mapping", "word"),
    [
        (None, "no mapping.py"),
        ("x = (\n", "SyntaxError"),
        ("", "has no mapping function"),
        (MAPPING + MAPPING.replace("def other", "def again"), "mapped twice"),
        (MAPPING.replace('@maps("other")', '@maps("other", "more")'), "not declared"),
    ],
)
def test_wrong_code(tmp_path: Path, mapping: str | None, word: str) -> None:
    with pytest.raises(ManifestError, match=word):
        load_manifest(_folder(tmp_path, HEAD + FAMILY, mapping)).mappings


def test_settings(tmp_path: Path) -> None:
    text = (
        HEAD + FAMILY + '[settings.zone]\nhelp = "z"\ndefault = "UTC"\n[settings.site]\nhelp = "s"\nrequired = true\n'
    )
    found = load_manifest(_folder(tmp_path, text, MAPPING))
    assert found.setting_values == {"zone": "UTC", "site": None}
    given = found.with_settings({"site": "A"})
    assert given.setting_values == {"zone": "UTC", "site": "A"} and found.setting_values["site"] is None
    with pytest.raises(ManifestError, match="zoen"):
        found.with_settings({"zoen": "UTC", "site": "A"})
    with pytest.raises(ManifestError, match="site"):
        found.with_settings({"zone": "UTC"})
