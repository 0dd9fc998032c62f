"""Laws of every format: nothing raises, nothing vanishes, framing can be resumed anywhere."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchfloor.collect.formats import lines
from watchfloor.collect.formats.evtx import CHUNK, FILE_MAGIC, HEADER
from watchfloor.collect.formats.format import BAD_HEAD, Format, Framed
from watchfloor.collect.formats.recognise import FORMATS, by_name, recognise
from watchfloor.errors import SourceMalformed

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

EVTX_SHELL = struct.pack("<8sQQQIHHHH", FILE_MAGIC, 0, 0, 1, 128, 1, 3, HEADER, 1).ljust(HEADER, b"\0") + (
    b"ElfChnk\0" + struct.pack("<QQQQ", 1, 3, 1, 3)
).ljust(CHUNK, b"\x2a")

SEEDS: dict[str, tuple[bytes, ...]] = {
    "ndjson": (b'{"a":1}\n{"b":"x"}\n\n{"c":[1,{"d":null}]}\n',),
    "json": (
        b'[{"a":1},\n {"b":"]\\"}"}, 3]',
        b'{"Records":[{"a":1},{"b":2}],"nextToken":"t"}\n{"Records":[{"z":1}]}',
        b'{\n  "a": 1,\n  "items": [ {"x":1} ]\n}\n{"b":2}',
    ),
    "evtx": (EVTX_SHELL,),
    "windows_xml": (
        (
            b"<?xml version='1.0'?><Events><Event xmlns='x'><System><EventID>1</EventID></System><EventData>"
            b"<Data Name='A'>b</Data></EventData></Event>\n<Event><System/></Event></Events>"
        ),
    ),
    "onvif_xml": (
        (
            b'<?xml version="1.0"?><tt:MetadataStream xmlns:tt="x"><tt:Event><wsnt:NotificationMessage><wsnt:Topic '
            b'Dialect="d">a:B/C</wsnt:Topic><wsnt:Message><tt:Message UtcTime="2026-01-02T03:04:05Z"><tt:Source/>'
            b'<tt:Data><tt:SimpleItem Name="State" Value="1"/></tt:Data></tt:Message></wsnt:Message>'
            b"</wsnt:NotificationMessage></tt:Event></tt:MetadataStream>\n<NotificationMessage></NotificationMessage>"
        ),
    ),
    "zeek_tsv": (
        (
            b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n"
            b"#fields\tts\tid.orig_h\tok\ttags\n#types\ttime\taddr\tbool\tset[string]\n"
            b"1.5\t192.0.2.1\tT\ta,b\n2.5\t-\tF\t(empty)\n#close\t2026\n"
            b"#separator \\x09\n#path\tx\n#fields\tts\n#types\ttime\n3.0\n"
        ),
    ),
    "auditd": (
        (
            b'type=SYSCALL msg=audit(1.1:7): arch=c000003e exe="/bin/ls"\ntype=CWD msg=audit(1.1:7): cwd="/"\n'
            b'type=SYSCALL msg=audit(1.2:8): a0=1\ntype=PATH msg=audit(1.1:7): name=2F746D70\x1dOUID="root"\n'
            b"type=USER_LOGIN msg=audit(2.0:9): pid=1 msg='op=login acct=\"root\" res=failed'\n"
        ),
    ),
    "cef": (b"<13>Jan  2 03:04:05 host CEF:0|V|P\\|x|1|id|name|5|src=192.0.2.1 msg=a b\\=c cs1Label=L cs1=v\n",),
    "dc09": (b'97F90078"SIA-DCS"6002L0#AAA[|Nri2/JC12]_12:58:23,09-15-2021\n',),
    "leef": (b"LEEF:2.0|V|P|1|id|^|src=192.0.2.1^msg=a b\nLEEF:1.0|V|P|1|id|src=192.0.2.1\tusr=u\n",),
    "syslog": (
        b'<34>1 2026-01-02T03:04:05Z host app 1 ID [x@1 k="v\\"w"][y] hello\nJan  2 03:04:05 host sshd[1]: hi\n',
        b"11 <34>1 - - -13 <34>hello yo\n<13>plain\n5 <1>ab",
    ),
    "kv": (b'<189>date=2026-01-02 time=03:04:05 devname="FW 1" msg="a \\"b\\"" x=\n a=1 b=2 loose c=3\n',),
    "csv": (b'a;b;c\r\n1;"x\r\ny";3\r\n4;5;6\r\n7;8\r\n"open;1;2\r\n9;9;9\r\n', b"a,b,a\n1,2,3\n"),
    "text": (b"one\ntwo\r\n\n three\xff\n\x00\x00\n",),
}


class _Trickle(io.RawIOBase):
    """A stream that cannot seek and gives a few bytes at a time where asked for more."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__()
        self.data = data
        self.step = step
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        size = self.step if size < 0 else min(size, self.step)
        out = self.data[self.at : self.at + size]
        self.at += len(out)
        return out


def trickle(data: bytes, step: int) -> BinaryIO:
    return cast(BinaryIO, _Trickle(data, step))


def framing(format: Format, file: BinaryIO, after: int = 0, context: bytes = b"") -> list[Framed]:
    return list(format.frame(file, context, after=after))


def flat(steps: list[Framed]) -> list[tuple[str, bytes, str]]:
    """Everything that was read, in order: good records and bad ones."""
    out: list[tuple[str, bytes, str]] = []
    for step in steps:
        records = step.block.records()
        bads = sorted(step.bad, key=lambda bad: bad.record)
        for i, record in enumerate(records):
            while bads and bads[0].record <= i:
                bad = bads.pop(0)
                out.append(("bad", bad.raw, bad.reason))
            out.append(("good", record, ""))
        out += [("bad", bad.raw, bad.reason) for bad in bads]
    return out


def check_decoding(format: Format, steps: list[Framed]) -> None:
    for step in steps:
        block = step.block
        assert block.offsets[0] == 0
        assert block.offsets[-1] == len(block.payload)
        assert (block.offsets[1:] > block.offsets[:-1]).all()
        decoded = format.decode(block)
        assert len(decoded.offsets) == len(block.offsets)
        assert decoded.offsets[-1] == len(decoded.ndjson)
        bad = {item.record for item in decoded.bad}
        assert len(bad) == len(decoded.bad)
        for item in (*decoded.bad, *step.bad):
            assert item.reason
            assert len(item.raw) <= BAD_HEAD
        for i in range(len(block)):
            piece = decoded.ndjson[decoded.offsets[i] : decoded.offsets[i + 1]].strip()
            assert (piece == b"") == (i in bad)
            if i not in bad and format.name not in ("ndjson", "json", "evtx"):
                assert isinstance(orjson.loads(piece), dict)


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS[name])) * draw(st.integers(1, 3)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        act = draw(st.sampled_from(["set", "cut", "insert", "drop", "quote", "newline"]))
        if act == "set" and data:
            data[at] = draw(st.integers(0, 255))
        elif act == "cut":
            del data[at:]
        elif act == "drop":
            del data[at : at + draw(st.integers(1, 9))]
        elif act == "quote":
            data[at:at] = b'"'
        elif act == "newline":
            data[at:at] = b"\n"
        else:
            data[at:at] = draw(st.binary(max_size=12))
    return bytes(data)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_seeds(name: str) -> None:
    assert name in SEEDS


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
@QUICK
def test_nothing_raises_and_nothing_vanishes(name: str, data: st.DataObject) -> None:
    format = by_name(name)
    raw = data.draw(st.one_of(st.binary(max_size=400), mutated(name)))
    assert 0 <= format.sniff(raw, "x") <= 1
    steps = framing(format, io.BytesIO(raw))
    check_decoding(format, steps)
    positions = [step.after for step in steps]
    assert positions == sorted(positions)


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
@QUICK
def test_resuming_anywhere_neither_repeats_nor_skips(name: str, data: st.DataObject) -> None:
    format = by_name(name)
    raw = data.draw(mutated(name))
    whole = framing(format, io.BytesIO(raw))
    for k in range(len(whole)):
        for context in (b"", whole[k].block.context):
            rest = framing(format, io.BytesIO(raw), whole[k].after, context)
            assert flat(whole[: k + 1]) + flat(rest) == flat(whole)


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data(), step=st.integers(1, 40))
@QUICK
def test_the_size_of_reads_does_not_matter(name: str, data: st.DataObject, step: int) -> None:
    format = by_name(name)
    raw = data.draw(mutated(name))
    if len(raw) > 4000:
        step *= 997
    whole = framing(format, io.BytesIO(raw))
    small = framing(format, trickle(raw, step))
    assert flat(small) == flat(whole)
    for framed in small:
        rest = framing(format, trickle(raw, step), framed.after)
        assert flat(rest) == flat(whole)[len(flat([s for s in small if s.after <= framed.after])) :]


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("evtx", "json")])
@given(data=st.data())
@QUICK
def test_a_growing_file_gives_the_same_records(name: str, data: st.DataObject) -> None:
    format = by_name(name)
    raw = data.draw(mutated(name))
    cut = data.draw(st.integers(0, len(raw)))
    whole = flat(framing(format, io.BytesIO(raw)))
    first = list(format.frame(io.BytesIO(raw[:cut]), final=False))
    after = first[-1].after if first else 0
    second = framing(format, io.BytesIO(raw), after)
    assert flat(first) + flat(second) == whole


def test_a_blank_line_behind_what_was_read_brings_nothing_twice() -> None:
    raw = b"#separator \\x09\n#path\tx\n#fields\tts\n#types\ttime\n1.5\n\n2.5\n"
    cut = raw.index(b"\n\n") + 1
    first = list(by_name("zeek_tsv").frame(io.BytesIO(raw[:cut]), final=False))
    second = framing(by_name("zeek_tsv"), io.BytesIO(raw), first[-1].after)
    assert [entry[1] for entry in flat(first) + flat(second)] == [b"1.5", b"2.5"]


@given(raw=st.one_of(st.binary(max_size=300), *(mutated(name) for name in SEEDS)), name=st.sampled_from(["", "a.csv"]))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_recognising_never_fails_in_another_way(raw: bytes, name: str) -> None:
    try:
        assert recognise(raw, name).name in FORMATS
    except SourceMalformed as error:
        assert "not a log we read" in str(error)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "evtx"])
def test_seeds_are_recognised(name: str) -> None:
    for seed in SEEDS[name]:
        assert recognise(seed, "").name == name, seed


def test_text_lines_always_show() -> None:
    assert lines.text(bytes(range(256)))[0] == bytes(range(256)).decode("latin-1")


def test_blank_lines_inside_an_event_of_audit_are_no_part_of_it() -> None:
    format = by_name("auditd")
    lines = [b"type=SYSCALL msg=audit(1.2:8): a0=1\n", b"\n", b" \n", b"type=CWD msg=audit(1.2:8): cwd=x"]
    for step in (1, 7, 4000):
        assert flat(framing(format, trickle(b"".join(lines), step))) == [("good", lines[0] + lines[3], "")]
