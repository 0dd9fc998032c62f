"""The documentation says what the code does: verbs, options, settings, errors, formats, contracts, links, examples."""

from __future__ import annotations

import html.parser
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT
from watchfloor import cli, errors, estate
from watchfloor.collect import integration as manifest
from watchfloor.collect.formats.recognise import FORMATS
from watchfloor.collect.mapping import Record
from watchfloor.detect.intel import feeds, indicator, lists, verdicts
from watchfloor.detect.modifiers import MODIFIERS
from watchfloor.detect.rule import LEVELS, ProblemKind
from watchfloor.detect.rulebook import load_rules
from watchfloor.estate import find_integrations
from watchfloor.world import assets, directory, floorplan, people, sources, zones

DOCS = PROJECT / "docs"
PAGES = (
    "index", "start", "command-line", "estate", "errors", "privacy-and-safety", "formats", "integrations", "events",
    "rules", "store", "world", "simulate", "layout", "measured",
)  # fmt: skip
"""Every contract has its page."""

OUTSIDE_THE_TABLES = ("samples", "golden", ".venv", "site", "node_modules")
SHELL = ("sh", "shell", "bash", "console")


def _page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


def _markdown() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [PROJECT / line for line in listed.stdout.splitlines()]
    else:
        found = list(PROJECT.rglob("*.md"))
    return sorted(
        path
        for path in found
        if path.is_file() and not set(OUTSIDE_THE_TABLES) & set(path.relative_to(PROJECT).parts[:-1])
    )


def _section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"there is no section '## {title}'"
    return found.group(1)


def _rows(text: str) -> list[list[str]]:
    """The cells of all table rows of a text, without heads and rulers."""
    lines = text.splitlines()
    rows: list[list[str]] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line.startswith("|") and not re.match(r"\|[\s:|-]+\|$", line) and not re.match(r"\|[\s:|-]+\|$", following):
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            rows.append([cell.strip().replace("\\|", "|") for cell in cells])
    return rows


def _coded(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def _blocks(text: str, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [body for language, body in found if language in languages]


# -- the command line --------------------------------------------------------------------------------------------------


@cache
def _verbs() -> Mapping[str, Any]:
    """Every verb that does something, by its words."""

    def walk(app: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name in app:
            if not name.startswith("-"):
                below = app[name]
                if below.default_command is not None:
                    yield " ".join((*words, name)), below
                yield from walk(below, (*words, name))

    return dict(walk(cli.application(), ()))


def test_every_verb_has_a_section_and_a_line() -> None:
    text = _page("command-line")
    named = {_coded(row[0])[0] for row in _rows(text.partition("## ")[0])}
    sections = set(re.findall(r"^## (.+)$", text, re.MULTILINE)) - {"Exit codes", "Environment"}
    assert named == set(_verbs())
    assert sections == set(_verbs())


@pytest.mark.parametrize("verb", sorted(_verbs()))
def test_every_option_is_documented_and_no_other(verb: str) -> None:
    arguments = _verbs()[verb].assemble_argument_collection(default_parameter=cli.application().default_parameter)
    expected = {name for argument in arguments for name in argument.names}
    documented = set()
    for row in _rows(_section(_page("command-line"), verb)):
        codes = _coded(row[0])
        if codes:
            documented.add(codes[-1].split()[0])
    assert documented == expected


def test_no_option_has_a_hidden_opposite() -> None:
    """`--no-json` would be an option that no page names."""
    for verb, app in _verbs().items():
        for argument in app.assemble_argument_collection(default_parameter=cli.application().default_parameter):
            assert not [name for name in argument.names if name.startswith("--no-")], verb


def test_exit_codes() -> None:
    rows = _rows(_section(_page("command-line"), "Exit codes"))
    assert {int(code): meaning for code, meaning in rows} == cli.EXIT_CODES
    drawn = dict(re.findall(r"^    (\d+)\s+(\S.*)$", cli.__doc__ or "", re.MULTILINE))
    assert {int(code): meaning for code, meaning in drawn.items()} == cli.EXIT_CODES


def _commands() -> list[tuple[str, str]]:
    found = []
    for path in _markdown():
        for block in _blocks(path.read_text("utf-8"), *SHELL):
            for line in block.splitlines():
                command = line.removeprefix("$ ").partition("  #")[0].strip().removeprefix(".venv/bin/")
                if command.startswith(("watchfloor ", "make ")):
                    found.append((str(path.relative_to(PROJECT)), command))
    return sorted(set(found))


@pytest.mark.parametrize(("page", "command"), _commands(), ids=lambda value: value)
def test_commands_in_the_pages_parse(page: str, command: str) -> None:
    words = [word for word in shlex.split(command) if not re.fullmatch(r"[A-Z]+=\S*", word)]
    for mark in ("|", ">", "2>", "&&"):
        words = words[: words.index(mark)] if mark in words else words
    if words[0] == "make":
        targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE))
        assert set(words[1:]) <= targets
    elif "VERB" not in words:
        cli.application().parse_args(words[1:], exit_on_error=False, print_error=False)
        for word in words[1:]:
            if word.startswith(("estates/", "src/")):
                assert (PROJECT / word).exists(), f"{page}: {word} is not there"


def test_a_wrong_command_would_be_noticed() -> None:
    import cyclopts

    with pytest.raises(cyclopts.CycloptsError):
        cli.application().parse_args(["detect", "x", "--ruls", "y"], exit_on_error=False, print_error=False)


# -- tables that must equal the code -----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", sorted(estate.SETTINGS))
def test_every_setting_of_the_estate(table: str) -> None:
    title = "[[sources]]" if table == "sources" else f"[{table}]"
    rows = _rows(_section(_page("estate"), title))
    assert {_coded(row[0])[0] for row in rows} == set(estate.SETTINGS[table])


@pytest.mark.parametrize(
    ("title", "known"),
    [
        ("people/people.csv", people.PEOPLE),
        ("people/credentials.csv", people.CREDENTIALS),
        ("assets/assets.csv", assets.ASSETS),
        ("places/*.geojson", floorplan.PROPERTIES),
        ("[[zone]]", zones.ZONE),
        ("[[conduit]]", zones.CONDUIT),
        ("aliases.csv", directory.ALIASES),
        ("coverage.toml", sources.SOURCE),
    ],
)
def test_every_column_of_the_world(title: str, known: Mapping[str, object]) -> None:
    rows = _rows(_section(_page("world"), title))
    assert [_coded(row[0])[0] for row in rows] == list(known)


@pytest.mark.parametrize(
    ("title", "known"),
    [
        ("[[feed]]", feeds.FEED),
        ("[[warninglist]]", feeds.WARNINGLIST),
        ("[join]", feeds.JOIN),
        ("Columns of a CSV feed", lists.COLUMNS),
        ("intel/verdicts.csv", verdicts.VERDICTS),
    ],
)
def test_every_setting_of_the_feeds(title: str, known: Mapping[str, object]) -> None:
    assert [_coded(row[0])[0] for row in _rows(_section(_page("estate"), title))] == list(known)


def test_every_kind_of_indicator() -> None:
    rows = _rows(_section(_page("estate"), "Indicators"))
    assert [kind for row in rows for kind in _coded(row[0])] == list(indicator.KINDS)


def test_placeholders_have_a_section() -> None:
    assert _section(_page("estate"), f"[{estate.PLACEHOLDERS}]")


def test_every_error_and_its_exit_code() -> None:
    rows = {_coded(row[0])[0]: int(row[1]) for row in _rows(_page("errors"))}
    assert rows == {name: getattr(errors, name).exit_code for name in errors.__all__}


def test_the_drawing_of_the_errors() -> None:
    drawn = set(re.findall(r"\b([A-Z]\w+)\s{2,}", errors.__doc__ or ""))
    assert drawn >= set(errors.__all__)


def test_every_format() -> None:
    first = _page("formats").partition("\n## ")[0]
    assert [_coded(row[0])[0] for row in _rows(first)] == list(FORMATS)
    named = {name for row in _rows(_section(_page("formats"), "How a record becomes names")) for name in _coded(row[0])}
    assert named >= set(FORMATS)


def test_tables_of_integrations_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "scripts" / "tables.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("found", find_integrations(), ids=lambda found: found.id)
def test_every_integration_is_documented(found: manifest.Integration) -> None:
    for page in (PROJECT / "README.md", DOCS / "integrations.md"):
        assert f"| `{found.id}` |" in page.read_text("utf-8"), f"{page.name} lacks {found.id}"
    readme = (found.folder / "README.md").read_text("utf-8")
    for family in found.families.values():
        if family.name != manifest.OTHER:
            assert family.class_name in readme, f"README of {found.id} does not name {family.class_name}"
    for setting in found.settings.values():
        assert setting.help, f"{found.id}: setting {setting.name} has no help"


def test_the_contract_of_an_integration() -> None:
    text = _page("integrations")
    named = {
        name.strip("[]").partition(".")[0] for row in _rows(_section(text, "manifest.toml")) for name in _coded(row[0])
    }
    assert named >= manifest.KEYS
    claims = {_coded(row[0])[0] for row in _rows(_section(text, "Claims"))}
    claimed = {claim for found in find_integrations() for claim in found.claims}
    assert claimed <= claims
    for state in manifest.CLAIM_STATES:
        assert state in _section(text, "Claims")


def test_what_a_mapping_may_use() -> None:
    from watchfloor.collect import convert

    text = _page("integrations")
    offered = {name for name in convert.__all__ if name.islower()}
    documented = {name.partition("(")[0] for row in _rows(_section(text, "Converters")) for name in _coded(row[0])}
    assert documented == offered
    methods = {name for name in vars(Record) if not name.startswith("_")} - {"records", "taken", "left"}
    named = {name.partition("(")[0] for row in _rows(_section(text, "mapping.py")) for name in _coded(row[0])}
    assert named >= methods


def test_what_sigma_supports() -> None:
    text = _page("rules")
    supported = set(_coded(_section(text, "What is supported")))
    assert supported >= set(MODIFIERS)
    kinds = [_coded(row[0])[0] for row in _rows(_section(text, "What is not loaded, and why"))]
    assert kinds == list(typing.get_args(ProblemKind))
    for level in LEVELS:
        assert level in _section(_page("command-line"), "detect")


def test_every_class_of_the_extension() -> None:
    folder = PROJECT / "src" / "watchfloor" / "ocsf" / "extension" / "events"
    assert {path.stem for path in folder.glob("*.json")} <= set(_coded(_section(_page("events"), "Our extension")))


def test_every_folder_has_its_place() -> None:
    text = _page("layout")
    source = PROJECT / "src" / "watchfloor"
    for path in source.iterdir():
        if path.is_dir() and not path.name.startswith("_"):
            assert f"{path.name}/" in text, f"docs/layout.md does not say what {path.name}/ is"
        elif path.suffix == ".py" and path.stem != "__init__":
            assert path.name in text, f"docs/layout.md does not say what {path.name} is"
    for name in _coded(_section(text, "Folders")):
        if re.fullmatch(r"\w+\.py", name):
            assert list(source.rglob(name)) or (PROJECT / "tests" / name).exists(), f"docs/layout.md: no {name}"


# -- examples that must work -------------------------------------------------------------------------------------------


def test_the_estate_of_the_page_loads(tmp_path: Path) -> None:
    (example,) = _blocks(_page("estate"), "toml")
    (tmp_path / "estate.toml").write_text(example, "utf-8")
    loaded = estate.load(tmp_path)
    assert [source.id for source in loaded.sources] == ["dc-security", "trail", "doors"]
    assert set(tomllib.loads(example)) <= {*estate.SETTINGS, estate.PLACEHOLDERS}
    known = {found.id: found for found in find_integrations()}
    for source in loaded.sources:
        if source.integration is not None:
            known[source.integration].with_settings(source.settings)


def test_the_rules_of_the_pages_load(tmp_path: Path) -> None:
    examples = [block for name in PAGES for block in _blocks(_page(name), "yaml")]
    for number, example in enumerate(examples):
        (tmp_path / f"{number}.yml").write_text(example, "utf-8")
    book = load_rules([tmp_path])
    assert examples
    assert [str(problem) for problem in book.problems] == []
    assert len(book.rules) == len(examples)


def test_the_taxonomy_of_the_page_loads(tmp_path: Path) -> None:
    from watchfloor.detect.taxonomy import Taxonomy

    (example,) = _blocks(_page("rules"), "toml")
    (tmp_path / "example.toml").write_text(example + '[fields.windows]\nComputer = "device.hostname"\n', "utf-8")
    assert Taxonomy.load([tmp_path])


def test_the_mapping_of_the_page_works(tmp_path: Path) -> None:
    from watchfloor.testing import integration as contract

    (example,) = _blocks(_page("integrations"), "python")
    folder = tmp_path / "page"
    (folder / "samples").mkdir(parents=True)
    (folder / "mapping.py").write_text(example, "utf-8")
    (folder / "README.md").write_text("# page\n", "utf-8")
    (folder / "manifest.toml").write_text(
        'id = "page"\nname = "Page"\nvendor = "Example"\n[[recognise]]\nfields = ["badge"]\n'
        '[families.access]\nclass = "physical_access_activity"\n[families.other]\nclass = "base_event"\n',
        "utf-8",
    )
    (folder / "samples" / "doors.ndjson").write_text(
        '{"time":"2026-01-31T10:00:00Z","event":"granted","door":"Gate 1","badge":"7",'
        '"panel":{"address":"192.0.2.7"}}\n'
        '{"time":"2026-01-31T10:00:09Z","event":"humming","door":"Gate 1","badge":"7"}\n',
        "utf-8",
    )
    contract.accept(folder)
    assert contract.problems(folder) == []
    golden = (folder / "golden" / "doors.ndjson").read_text("utf-8")
    assert "physical_access" in golden.lower().replace(" ", "_")
    assert "humming" in golden


def test_the_tutorial_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Every command of docs/start.md about the sample estate, in order, from a fresh copy of it."""
    skipped = shutil.ignore_patterns("var", "__pycache__")
    shutil.copytree(PROJECT / "estates" / "firstlight", tmp_path / "estates" / "firstlight", ignore=skipped)
    monkeypatch.chdir(tmp_path)
    commands = [line for block in _blocks(_page("start"), "sh") for line in block.splitlines()]
    ran, shown = 0, ""
    for command in commands:
        words = shlex.split(command)
        if "estates/firstlight" not in command:
            continue
        words = words[: words.index(">")] if ">" in words else words
        assert cli.main(words[1:]) == 0, f"{command}\n{capfd.readouterr().err}"
        shown += capfd.readouterr().out
        ran += 1
    assert ran >= 8
    for line in (line for block in _blocks(_page("start"), "text") for line in block.splitlines()):
        if "..." not in line and "received" not in line:
            assert line.rstrip() in shown, f"docs/start.md shows what nobody says: {line}"


# -- pages, links, decisions, changes ----------------------------------------------------------------------------------


def test_every_contract_has_its_page_and_every_page_its_place() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} == set(PAGES)
    listed = re.findall(r'"([a-z-]+)\.md"', (PROJECT / "zensical.toml").read_text("utf-8"))
    assert sorted(listed) == sorted(PAGES)


def _slugs(text: str) -> set[str]:
    without = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#{1,6} (.+)$", without, re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in titles}


@pytest.mark.parametrize("path", _markdown(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = path if not file else (path.parent / file)
        assert there.exists(), f"{target} leads nowhere"
        if path.parent == DOCS and file:
            assert there.resolve().is_relative_to(DOCS), f"{target} leaves the site"
        if anchor and there.suffix == ".md":
            assert anchor in _slugs(there.read_text("utf-8")), f"{target}: no such heading"


def test_every_decision_is_in_the_index_with_a_status() -> None:
    folder = PROJECT / "decisions"
    rows = {
        re.findall(r"\]\(([^)]+)\)", row[0])[0]: row[-1] for row in _rows((folder / "README.md").read_text("utf-8"))
    }
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert set(rows) == pages
    for name, status in rows.items():
        assert status == "holds" or status.startswith("replaced by "), f"{name}: {status!r} is no status"
        text = (folder / name).read_text("utf-8")
        assert text.startswith("# "), name
        assert re.search(r"decision|decided", text, re.IGNORECASE), f"{name} decides nothing"


def test_every_dependency_says_why() -> None:
    page = (PROJECT / "decisions" / "dependencies.md").read_text("utf-8").lower()
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    lists = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    lists += project["project"].get("optional-dependencies", {}).values()
    for line in (line for entries in lists for line in entries):
        name = re.split(r"[<>=!~\[ ;]", line)[0].lower()
        assert re.search(rf"\| [^|]*\b{re.escape(name)}\b", page), f"decisions/dependencies.md does not name {name}"


def test_changes_are_fragments() -> None:
    folder = PROJECT / "changes"
    assert "(changes/README.md)" in (PROJECT / "CHANGELOG.md").read_text("utf-8")
    kinds = {_coded(row[0])[0] for row in _rows((folder / "README.md").read_text("utf-8"))}
    for path in folder.iterdir():
        if path.name != "README.md":
            assert re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(kinds)})\.md", path.name), f"{path.name} is no fragment"
            assert path.read_text("utf-8").strip(), f"{path.name} says nothing"


def test_the_readme_has_what_a_newcomer_needs() -> None:
    text = (PROJECT / "README.md").read_text("utf-8")
    for title in (
        "Two commands",
        "A first finding",
        "What it reads",
        "Measured",
        "How it grows",
        "Where things are",
        "Licence",
    ):
        assert _section(text, title).strip()
    for wanted in (
        "make run",
        "make test",
        "<!-- measured -->",
        "docs/index.md",
        "CONTRIBUTING.md",
        "decisions/README.md",
    ):
        assert wanted in text


def test_plain_words() -> None:
    emoji = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
    for path in _markdown():
        found = emoji.search(path.read_text("utf-8"))
        assert found is None, f"{path}: {found.group(0) if found else ''}"


# -- the site ----------------------------------------------------------------------------------------------------------


class _Loads(html.parser.HTMLParser):
    """What a page makes a browser fetch, and what it forbids it to."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and given.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = given.get("content", "")
        if tag == "link" and given.get("rel") != "canonical":
            self.fetched.append(given.get("href", ""))
        for name in ("src", "srcset", "data", "poster"):
            if name in given and tag != "a":
                self.fetched.append(given[name])
        self.fetched += re.findall(r"url\(\s*['\"]?([^'\")]+)", given.get("style", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation, built somewhere else."""
    program = Path(sys.executable).parent / "zensical"
    if not program.exists():
        pytest.skip("zensical is not installed: the site is not built")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")
    shutil.copy(PROJECT / "zensical.toml", folder)
    done = subprocess.run(
        [str(program), "build", "--clean"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr, done.stdout + done.stderr
    return folder / "site"


def test_the_site_has_every_page(site: Path) -> None:
    for page in PAGES:
        assert (site / f"{page}.html").is_file(), page


def test_the_site_loads_nothing_from_outside(site: Path) -> None:
    for path in site.rglob("*.html"):
        loads = _Loads()
        loads.feed(path.read_text("utf-8"))
        outside = [target for target in loads.fetched if re.match(r"(?i)\s*(https?:)?//", target)]
        assert not outside, f"{path.name} loads {outside}"
        assert loads.policy.startswith("default-src 'self'"), f"{path.name} has no policy"
        assert "http" not in loads.policy
    for path in site.rglob("*.css"):
        text = path.read_text("utf-8")
        assert not re.search(r"(url\(\s*['\"]?|@import\s+['\"])(https?:)?//", text), f"{path.name} loads from outside"


def test_the_site_can_be_searched_offline(site: Path) -> None:
    assert "quarantine" in (site / "search.json").read_text("utf-8")
