"""Bad input gets a clear answer, and the rest of the input is still processed: read = mapped + quarantined.

Everything is asked of `detect` (one pass, no store) and, where it has to survive the way into the lake, of `run`.
"""

from __future__ import annotations

import builtins
import gzip
import io
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.conftest import Verb
from tests.run import small

GOOD = small.lines(small.sysmon(i) for i in range(10))
"""Ten records, four findings."""


def _beside(tmp_path: Path, name: str, data: bytes) -> Path:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    (folder / "good.json").write_bytes(GOOD)
    (folder / name).write_bytes(data)
    return folder


# -- files that cannot be read


def test_a_file_that_may_not_be_read(
    watchfloor: Verb, rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _beside(tmp_path, "secret.json", GOOD)
    real = io.open

    def refuse(file: Any, *arguments: Any, **named: Any) -> Any:
        if str(file).endswith("secret.json"):
            raise PermissionError(13, "Permission denied", str(file))
        return real(file, *arguments, **named)

    monkeypatch.setattr(io, "open", refuse)  # root may read everything, so the refusal is played
    monkeypatch.setattr(builtins, "open", refuse)
    said = watchfloor("detect", folder, "--rules", rules, "--json")
    assert said.code == 4 and said.counts == (10, 10, 0) and len(said.objects) == 4
    assert "secret.json" in said.err and "->" in said.err


def test_links_to_nowhere_devices_pipes_and_circles(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    folder = _beside(tmp_path, "empty.json", b"")
    (folder / "dangling").symlink_to(folder / "gone")
    (folder / "circle").symlink_to(folder)
    (folder / "itself").symlink_to(folder / "itself")
    os.mkfifo(folder / "pipe")
    said = watchfloor("detect", folder, "/dev/null", "--rules", rules, "--json")
    assert said.counts == (10, 10, 0) and len(said.objects) == 4 and said.code == 4
    for name in ("dangling", "itself", "pipe", "/dev/null"):
        assert name in said.err


EMPTY = {"empty": b"", "blank": b"\n\n  \n\t\n", "nul": b"\x00" * 4096, "mark": b"\xef\xbb\xbf"}


@pytest.mark.parametrize("content", EMPTY.values(), ids=EMPTY.keys())
def test_files_without_a_record(watchfloor: Verb, rules: Path, tmp_path: Path, content: bytes) -> None:
    said = watchfloor("detect", _beside(tmp_path, "nothing.log", content), "--rules", rules, "--json")
    assert said.code == 0 and len(said.objects) == 4
    read, mapped, _ = said.counts
    assert read == mapped and read >= 10
    alone = tmp_path / "in" / "nothing.log"
    assert watchfloor("detect", alone, "--rules", rules).code == 0


def test_half_a_gzip(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    noise = [small.sysmon(i, Noise=os.urandom(30).hex()) for i in range(5000)]
    packed = gzip.compress(small.lines(noise))
    said = watchfloor("detect", _beside(tmp_path, "x.gz", packed[: len(packed) // 2]), "--rules", rules, "--json")
    assert said.code == 0 and "in/x: the gzip stream ends early" in said.err
    read, mapped, bad = said.counts
    assert 2000 < read < 4000 and bad <= 1
    assert len(said.objects) >= (mapped // 5) * 2


def test_evtx_with_a_broken_chunk(watchfloor: Verb, rules: Path, tmp_path: Path, shared_data: Path) -> None:
    import zipfile

    samples = sorted((shared_data / "it").rglob("*.evtx"), key=lambda path: path.stat().st_size)
    data = next((path.read_bytes() for path in samples if path.stat().st_size > 5 * 65536), b"")
    if not data:
        for archive in sorted((shared_data / "it" / "evtx_to_mitre").rglob("*.zip")):
            with zipfile.ZipFile(archive) as opened:
                for info in opened.infolist():
                    if info.filename.endswith(".evtx") and 5 * 65536 < info.file_size < 4_000_000:
                        data = opened.read(info)
                        break
            if data:
                break
    if not data:
        pytest.skip("no EVTX of several chunks in ../shared/data")
    whole = watchfloor("detect", _beside(tmp_path, "whole.evtx", data), "--rules", rules, "--json")
    (tmp_path / "in" / "whole.evtx").unlink()
    chunk = 4096 + 65536
    broken = data[:chunk] + b"\xff" * 512 + os.urandom(3000) + data[chunk + 3512 :]
    said = watchfloor("detect", _beside(tmp_path, "broken.evtx", broken), "--rules", rules, "--json")
    assert said.code == 0 and "broken.evtx" in said.err
    assert 10 < said.counts[1] < whole.counts[1], "the other chunks are read"
    cut = watchfloor("detect", _beside(tmp_path, "cut.evtx", data[: len(data) * 2 // 3 + 17]), "--rules", rules)
    assert cut.code == 0 and cut.counts[1] > 10


# -- records that cannot be read


NASTY = {
    "deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep list": b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "truncated": b'{"a": "b',
    "nul in text": b'{"a": "x\x00y"}',
    "nul behind": b'{"a": 1}\x00\x00',
    "not utf-8": b'{"a": "caf\xe9"}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "number": b"42",
    "huge number": b'{"a": ' + b"9" * 5000 + b"}",
    "nan": b'{"a": NaN}',
    "trailing comma": b'{"a": 1,}',
    "binary": bytes(range(1, 10)) + bytes(range(11, 256)),
    "empty key": b'{"": 1, "a": {"": 2}, "a.b": 3, ".": 4}',
    "many keys": b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(5000)) + b"}",
}  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_one_nasty_record_among_good_ones(watchfloor: Verb, tmp_path: Path, name: str) -> None:
    estate = small.estate(tmp_path)
    log = estate / "logs" / "ws" / "a.json"
    log.write_bytes(GOOD + NASTY[name] + b"\n" + GOOD)
    said = watchfloor("detect", log, "--rules", estate / "rules", "--json")
    assert said.code == 0 and len(said.objects) == 8
    assert said.counts[0] == 21 and said.counts[1] in (20, 21)
    ran = watchfloor("run", estate, "--once")
    assert ran.code == 0 and ran.counts == said.counts
    found = {table: len(rows) for table, rows in small.tables(estate).items()}
    assert found["detection_finding"] == 8 and found["process_activity"] == 20
    bad = small.rows(estate, "select reason, raw, sequence from quarantine")
    assert len(bad) == ran.counts[2]
    for each in bad:
        assert each["sequence"] == 11 and each["reason"]


@pytest.mark.parametrize(("first", "last", "findings"), [("whoami", "notepad", 4), ("notepad", "whoami", 5)])
def test_of_two_values_under_one_key_the_last_counts(
    watchfloor: Verb, rules: Path, tmp_path: Path, first: str, last: str, findings: int
) -> None:
    line = orjson.dumps(small.sysmon(2, Image="HERE"))
    both = f'"Image":"C:\\\\x\\\\{first}.exe","Image":"C:\\\\x\\\\{last}.exe"'.encode()
    log = tmp_path / "a.json"
    log.write_bytes(GOOD + line.replace(b'"Image":"HERE"', both) + b"\n")
    said = watchfloor("detect", log, "--rules", rules, "--json")
    assert said.code == 0 and said.counts == (11, 11, 0)
    assert len(said.objects) == findings


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1"])
def test_other_encodings(watchfloor: Verb, rules: Path, tmp_path: Path, codec: str) -> None:
    text = small.lines(small.sysmon(i, Note="é") for i in range(10)).decode()
    if codec in ("utf-16-le", "utf-16-be"):
        text = "\ufeff" + text
    log = tmp_path / "a.json"
    log.write_bytes(text.encode(codec))
    said = watchfloor("detect", log, "--rules", rules, "--json")
    assert said.code == 0
    if codec == "latin-1":
        assert said.counts == (10, 0, 10) and "UTF-8" in said.err
    else:
        assert said.counts == (10, 10, 0) and len(said.objects) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak of its memory")
def test_a_line_of_100_mb(tmp_path: Path) -> None:
    """In a process of its own, whose memory is measured."""
    rules = small.write_rules(tmp_path / "rules")
    log = tmp_path / "a.json"
    with log.open("wb") as out:
        out.write(GOOD + b'{"a": "')
        for _ in range(100):
            out.write(b"x" * (1 << 20))
        out.write(b'"}\n' + GOOD)
    code = (
        "import re, sys; from watchfloor.cli import main; c = main(sys.argv[1:]);"
        "peak = re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1];"  # ru_maxrss is inherited
        "print(peak, file=sys.stderr); sys.exit(c)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "detect", str(log), "--rules", str(rules), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *_, counts, memory = done.stderr.strip().splitlines()
    assert counts.startswith("read 21 = mapped 20 + quarantined 1 "), done.stderr
    assert len(done.stdout.splitlines()) == 8
    assert int(memory) < 1_000_000, "kB"


# -- values that are odd, all the way into the lake


def test_clocks_in_1601_and_9999(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    times = ["1601-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
             "not a time", "", "2026-02-30T00:00:00Z", "99999-01-01T00:00:00Z"]  # fmt: skip
    records = []
    for i, text in enumerate(times):
        record = small.sysmon(i * 5)
        record["Event"]["System"]["TimeCreated"]["#attributes"]["SystemTime"] = text
        records.append(record)
    (estate / "logs" / "ws" / "a.json").write_bytes(small.lines(records))
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and said.counts == (8, 8, 0)
    found = small.rows(estate, "select process.pid as pid, time, day from process_activity order by pid")
    days = [row["day"] for row in found]
    assert days[:4] == ["1601-01-01", "9999-12-31", "0001-01-01", "1969-12-31"]
    assert found[0]["time"] == -11_644_473_600_000 and found[1]["time"] == 253_402_300_799_999
    assert len(small.rows(estate, "select 1 from detection_finding")) == 8
    shown = watchfloor("detect", estate / "logs", "--rules", estate / "rules")
    assert shown.code == 0 and "0001-01-01 .. 9999-12-31" in shown.out, shown.out
    assert watchfloor("hunt", estate, "select min(time), max(time) from process_activity").code == 0


def test_a_field_that_changes_its_type(watchfloor: Verb, tmp_path: Path) -> None:
    """Within a file, and from one batch to the next."""
    estate = small.estate(tmp_path, batch=3)
    values: list[Any] = [1, "one", 1.5, True, None, {"deeper": 1}, [1, 2], [{"a": 1}], {}, [], "again", -(2**70)]
    records = [small.sysmon(5 * i, Odd=value, ProcessId=value) for i, value in enumerate(values)]
    (estate / "logs" / "ws" / "a.json").write_bytes(small.lines(records[:-1]) + b"".join(
        (b'{"Event":{"System":{"Provider":{"#attributes":{"Name":"P"}},"EventID":"%d","TimeCreated":1},"EventData":7}}\n'
         % i) for i in range(3)))  # fmt: skip
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and said.counts == (14, 14, 0), said.err
    back = [small.sysmon(5 * i, Odd=value) for i, value in enumerate(reversed(values[:-1]))]
    (estate / "logs" / "ws" / "b.json").write_bytes(small.lines(back))
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and said.counts == (11, 11, 0), said.err
    assert len(small.rows(estate, "select 1 from detection_finding")) == 22
    kept = small.rows(estate, "select unmapped['Odd'] as odd from process_activity where unmapped['Odd'] is not null")
    assert {"1", "one", "1.5", "true"} <= {row["odd"] for row in kept}


def test_a_value_of_a_megabyte(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    long = "x" * (1 << 20)
    records = [small.sysmon(i, CommandLine=f"{long} -enc {i}", Blob=long) for i in range(3)]
    (estate / "logs" / "ws" / "a.json").write_bytes(small.lines(records) + GOOD)
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and said.counts == (13, 13, 0)
    sql = "select length(process.cmd_line) as n, length(unmapped['Blob']) as b from process_activity"
    answer = watchfloor("hunt", estate, f"{sql} order by n desc limit 3", "--json")
    assert [row["b"] for row in answer.objects] == [1 << 20] * 3
    whole = watchfloor(
        "hunt", estate, "select * from process_activity order by length(process.cmd_line) desc", "--json"
    )
    assert whole.code == 0 and len(whole.objects) == 13


def test_records_that_no_integration_recognises(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    log = tmp_path / "a.json"
    log.write_bytes(small.lines({"strange": i, "ts": "2026-01-31T10:00:00Z"} for i in range(5)) + GOOD)
    said = watchfloor("detect", log, "--rules", rules, "--json")
    assert said.code == 0 and said.counts == (15, 15, 0) and "generic 5" in said.err


# -- mappings


MAPPING = """
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

def refuse(value):
    if value == "bad":
        raise RuntimeError("cannot map this")
    return value

def classify(r: Record) -> Column:
    return r.read("{name}.kind").map(refuse)

@maps("other")
def other(r: Record) -> Mapped:
    return event("base_event", message=r.take("{name}.text").map(refuse))
"""
MANIFEST = """
id = "{name}"
name = "Odd"
vendor = "Example"
formats = ["ndjson"]
[[recognise]]
fields = ["{name}.text"]
[families.other]
class = "base_event"
"""


@pytest.mark.parametrize("where", ["text", "kind"])
def test_a_mapping_that_raises_costs_only_the_guilty_rows(watchfloor: Verb, tmp_path: Path, where: str) -> None:
    name = f"odd_{where}"
    estate = small.estate(tmp_path)
    folder = estate / "integrations" / name
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_text(MANIFEST.format(name=name))
    (folder / "mapping.py").write_text(MAPPING.format(name=name))
    records = [{name: {"text": f"t{i}", "kind": "other"}} for i in range(40)]
    for guilty in (3, 17, 39):
        records[guilty][name][where] = "bad"
    (estate / "logs" / "ws" / "a.json").write_bytes(small.lines(records) + GOOD)
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and said.counts == (50, 47, 3), said.err
    bad = small.rows(estate, "select sequence, reason from quarantine order by sequence")
    assert [row["sequence"] for row in bad] == [4, 18, 40]
    assert all("RuntimeError" in row["reason"] and name in row["reason"] for row in bad)


# -- rules


def _rule(selection: str, condition: str = "s") -> str:
    return (
        "title: x\nid: 99999999-9999-4999-8999-999999999999\nlogsource: {product: windows}\n"
        f"detection:\n  s: {selection}\n  condition: {condition}\n"
    )


def _bomb() -> str:
    """Ten anchors, each nine times the one before: 3 billion values in 400 bytes."""
    lines = ["a: &a [" + ",".join("x" * 9) + "]"]
    lines += [f"{y}: &{y} [" + ",".join([f"*{x}"] * 9) + "]" for x, y in itertools.pairwise("abcdefghij")]
    return "\n".join(lines) + "\ntitle: x\ndetection: {s: {f: *j}, condition: s}\n"


BROKEN_RULES = {
    "yaml": "title: x\nid: [\n",
    "tabs": "title: x\n\tdetection: 1\n",
    "cycle": "title: &a\n  - *a\ndetection: *a\n",
    "bomb": _bomb(),
    "modifier": _rule("{Image|sounds_like: who}"),
    "condition": _rule("{Image: who}", "s and ("),
    "name": _rule("{Image: who}", "s and t"),
    "regex": _rule("{Image|re: '(unclosed'}"),
    "placeholder": _rule("{Image|expand: '%nobody%'}"),
    "binary": "\x00\x01\x02",
    "list": "- a\n- b\n",
}


@pytest.mark.parametrize("kind", BROKEN_RULES)
def test_a_broken_rule_is_named_and_the_others_work(watchfloor: Verb, rules: Path, tmp_path: Path, kind: str) -> None:
    (rules / "broken.yml").write_text(BROKEN_RULES[kind])
    log = tmp_path / "a.json"
    log.write_bytes(GOOD)
    began = time.monotonic()
    said = watchfloor("detect", log, "--rules", rules, "--json", "--problems")
    assert time.monotonic() - began < 120
    assert said.code == 0 and len(said.objects) == 4
    assert "broken.yml" in said.err and "->" in said.err, said.err


def test_a_regex_that_explodes_does_not(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    (rules / "redos.yml").write_text(
        "title: redos\nid: 44444444-4444-4444-8444-444444444444\nlevel: low\n"
        "logsource: {product: windows, category: process_creation}\n"
        "detection:\n  s: {CommandLine|re: '^(a+)+$'}\n  condition: s\n"
    )
    log = tmp_path / "a.json"
    log.write_bytes(small.lines([small.sysmon(2, CommandLine="a" * 5000 + "!"), small.sysmon(2, CommandLine="aaa")]))
    began = time.monotonic()
    said = watchfloor("detect", log, "--rules", rules, "--json")
    assert time.monotonic() - began < 60
    assert said.counts == (2, 2, 0) and len(said.objects) == 1


# -- the store


def test_a_lake_of_a_newer_version(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    (estate / "logs" / "ws" / "a.json").write_bytes(GOOD)
    assert watchfloor("run", estate, "--once").code == 0
    facts = estate / "var" / "lake" / "lake.json"
    facts.write_text(facts.read_text().replace("1", "99"))
    for arguments in (("run", estate, "--once"), ("hunt", estate, "select 1")):
        said = watchfloor(*arguments)
        assert said.code == 6 and "99" in said.err and "->" in said.err and "lake.json" in said.err


def test_a_damaged_landing_is_told(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    log = estate / "logs" / "ws" / "a.json"
    log.write_bytes(GOOD)
    assert watchfloor("run", estate, "--once").code == 0
    with log.open("ab") as more:
        more.write(GOOD)
    for segment in (estate / "var" / "landing").rglob("*.wfl"):
        data = bytearray(segment.read_bytes())
        data[len(data) // 2] ^= 0xFF
        segment.write_bytes(bytes(data))
    said = watchfloor("run", estate, "--once")
    assert said.code == 6 and ".wfl" in said.err and "->" in said.err, said.err


def test_a_folder_that_cannot_be_written(watchfloor: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = small.estate(tmp_path)
    (estate / "logs" / "ws" / "a.json").write_bytes(GOOD)
    real = os.open

    def read_only(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(str(estate / "var")):
            raise OSError(30, os.strerror(30), str(path))
        return real(path, flags, *arguments, **named)

    monkeypatch.setattr(os, "open", read_only)  # root writes everywhere, so the refusal is played
    said = watchfloor("run", estate, "--once")
    assert said.code == 6 and "may not write" in said.err and "->" in said.err
    monkeypatch.undo()
    assert watchfloor("run", estate, "--once").counts == (10, 10, 0)


def test_the_store_is_a_file(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    (estate / "var").write_text("not a folder")
    said = watchfloor("run", estate, "--once")
    assert said.code == 6 and "var" in said.err and "->" in said.err


# -- the reader of our output


@pytest.mark.parametrize("more", [["--json"], []], ids=["json", "table"])
def test_the_reader_goes_away(tmp_path: Path, more: list[str]) -> None:
    """`watchfloor detect ... | head -1` is no error."""
    rules = small.write_rules(tmp_path / "rules")
    log = tmp_path / "a.json"
    log.write_bytes(small.lines(small.sysmon(i) for i in range(3000)))
    reader, writer = os.pipe()
    os.close(reader)
    running = subprocess.run(
        [sys.executable, "-c", "from watchfloor.cli import _entry; _entry()", "detect", str(log), "--rules", str(rules),
         *more], stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writer)
    assert running.returncode == 0, running.stderr
    assert "Traceback" not in running.stderr and "BrokenPipe" not in running.stderr, running.stderr
