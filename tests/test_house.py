"""The house itself: who may import whom, what a folder may be called, what a commit may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import PROJECT

SOURCE = PROJECT / "src" / "watchfloor"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "samples" not in path.parts)
DRAWERS = {"utils", "helpers", "common", "core", "base", "misc", "managers", "services", "util", "helper"}
TAKEN_FOR_OUTPUT = {"target", "build", "dist", "generated", "vendor", "examples", "fixtures"}


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [PROJECT / line for line in listed.stdout.splitlines()]


def test_floors_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), f"{path} has no docstring"
    assert path.stem not in DRAWERS, f"{path.stem} says nothing about what is inside"


def test_no_drawers_and_no_output_folders() -> None:
    names = {part for path in _tracked() for part in path.relative_to(PROJECT).parts[:-1]}
    assert not names & (DRAWERS | TAKEN_FOR_OUTPUT)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_all_names_what_is_there(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    defined = {
        name
        for node in tree.body
        for name in (
            [node.name]
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
            else [alias.asname or alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom | ast.Import)
            else [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            if isinstance(node, ast.Assign)
            else [node.target.id]
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
            else []
        )
    }
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            missing = set(ast.literal_eval(node.value)) - defined
            assert not missing, f"{path}: __all__ promises {sorted(missing)}"


def test_only_the_command_line_prints() -> None:
    for path in MODULES:
        if path.is_relative_to(SOURCE / "cli") or path.is_relative_to(SOURCE / "testing"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", f"{path}:{node.lineno} prints"


def test_only_the_clock_knows_the_time() -> None:
    wall = re.compile(r"\btime\.time(_ns)?\(|datetime\.(now|utcnow|today)\(|\bdate\.today\(")
    for path in MODULES:
        if path.name == "clock.py":
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            assert not wall.search(line), f"{path}:{number} asks the wall clock; use watchfloor.clock"


def test_nothing_private_is_committed() -> None:
    """No path of a machine, no host of a registry, in anything we ship."""
    forbidden = re.compile(
        rb"/(?:root|home/[a-z]+)/|https?://[^\s\"']*(pypi|pythonhosted|jfrog|artifactory|nexus)[^\s]*", re.I
    )
    for path in _tracked():
        if path.is_file():
            found = forbidden.search(path.read_bytes())
            assert not found, f"{path} holds {found.group(0)!r}" if found else ""


def test_the_lock_pins_everything_by_hash() -> None:
    lock = (PROJECT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    entries = [entry for entry in re.split(r"\n(?=\S)", lock) if entry.strip()]
    assert len(entries) > 30
    for entry in entries:
        assert "==" in entry.splitlines()[0], entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    names = {_canonical(re.split(r"[<>=!~\[ ;]", line)[0]) for line in wanted["project"]["dependencies"]}
    locked = {_canonical(entry.split("==")[0]) for entry in entries}
    assert names <= locked


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def test_ci_calls_make_test_and_nothing_else() -> None:
    lines = [
        line.strip()
        for line in (PROJECT / ".ci" / "run").read_text("utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    assert lines == ["set -eu", 'cd "$(dirname "$0")/.."', "exec make test"]


INTEGRATIONS_MAY = (
    "watchfloor.collect.mapping",
    "watchfloor.collect.convert",
    "watchfloor.collect.records",
    "watchfloor.ocsf",
)


@pytest.mark.parametrize("path", sorted((SOURCE / "integrations").glob("*/*.py")), ids=lambda path: path.parent.name)
def test_an_integration_knows_only_the_language_and_its_contract(path: Path) -> None:
    """Never another integration, never a verb: one folder can be added or taken away without touching any other."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert not name.startswith("watchfloor") or name.startswith(INTEGRATIONS_MAY), f"{path} imports {name}"


@pytest.mark.parametrize("asked", ["--help", "--version"])
def test_help_is_quick_to_import(asked: str) -> None:
    """`watchfloor --help` must not load the engines, nor any verb."""
    code = (
        f"import sys; from watchfloor.cli import main; main([{asked!r}]);"
        "heavy = {'cyclopts', 'pyarrow', 'numba', 'duckdb', 'deltalake', 'sigma', 'evtx'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pandas_stays_out() -> None:
    """It is there for suggestions only; pyarrow would import it with the first array."""
    code = (
        "import sys; import watchfloor.run.local, watchfloor.run.oneshot, watchfloor.store.query;"
        "import pyarrow as pa; pa.array(['a', None]).dictionary_encode(); pa.table({'a': [1]}).to_pylist();"
        "sys.exit('loaded pandas' if 'pandas' in sys.modules else 0);"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
