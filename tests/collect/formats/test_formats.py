"""What each format makes of records as its vendor writes them."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from typing import Any

import orjson
import pytest

from watchfloor.collect.formats import lines
from watchfloor.collect.formats.evtx import EVTX
from watchfloor.collect.formats.format import MAX_RECORD, Format
from watchfloor.collect.formats.json import Json
from watchfloor.collect.formats.recognise import by_name, not_a_log, recognise
from watchfloor.errors import SourceMalformed, SourceUnreachable, UsageError


def read(format: str | Format, raw: bytes) -> tuple[list[Any], list[str]]:
    """Objects and the reasons of what is none."""
    chosen = by_name(format) if isinstance(format, str) else format
    good: list[Any] = []
    reasons: list[str] = []
    for framed in chosen.frame(io.BytesIO(raw)):
        reasons += [bad.reason for bad in framed.bad]
        decoded = chosen.decode(framed.block)
        reasons += [bad.reason for bad in decoded.bad]
        ends = decoded.offsets.tolist()
        pieces = [decoded.ndjson[a:b] for a, b in itertools.pairwise(ends)]
        good += [orjson.loads(piece) for piece in pieces if piece.strip()]
    return good, reasons


def one(format: str, raw: bytes) -> Any:
    good, reasons = read(format, raw)
    assert reasons == []
    assert len(good) == 1
    return good[0]


# -- lines ------------------------------------------------------------------------------------------------------------


def test_blank_lines_marks_and_carriage_returns_are_no_records() -> None:
    assert read("ndjson", b'\xef\xbb\xbf\r\n\n{"a":1}\r\n  \n\n{"a":2}')[0] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_beyond_the_limit_is_one_bad_record_and_the_rest_goes_on(end: bytes) -> None:
    raw = b"before\n" + b"x" * (5 * MAX_RECORD) + b"\nafter" + end
    good, reasons = read("text", raw)
    assert [record["message"] for record in good] == ["before", "after"]
    assert reasons == ["longer than 16 MiB"]


def test_an_overlong_line_between_others_in_one_read_keeps_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_RECORD", 10)
    steps = list(lines.frame_lines(io.BytesIO(b"a\n" + b"b" * 11 + b"\n\nc\n"), "text"))
    assert [(step.block.records(), [bad.raw for bad in step.bad], step.after) for step in steps] == [
        ([b"a"], [], 2),
        ([], [b"b" * 11 + b"\n\nc\n"], 14),
        ([b"c"], [], 17),
    ]


def test_a_block_of_very_short_lines_is_bounded() -> None:
    """Memory follows the records of a block: four million of two bytes would fit into one read."""
    rows = lines.MOST_ROWS + 3
    raw = b"x\n" * (rows - 1) + b"\n\nx\n"
    steps = list(lines.frame_lines(io.BytesIO(raw), "text"))
    assert [len(step.block) for step in steps] == [lines.MOST_ROWS, 3]
    assert [step.after for step in steps] == [2 * lines.MOST_ROWS, len(raw)]
    assert b"".join(step.block.payload for step in steps) == raw


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak of its memory")
def test_many_small_records_take_little_memory() -> None:
    """In a process of its own: an encoder that took kilobytes for each would need a gigabyte here."""
    code = (
        "import io, re; from watchfloor.collect.formats.recognise import by_name\n"
        "for name in ('text', 'kv', 'csv', 'syslog'):\n"
        "    chosen = by_name(name)\n"
        "    for step in chosen.frame(io.BytesIO(b'a=1,b=2\\n' * 250_000)): chosen.decode(step.block)\n"
        "print(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])"  # ru_maxrss is inherited
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400_000, "kB"


def test_bytes_that_are_no_utf8_are_shown_and_marked() -> None:
    assert read("text", b"caf\xe9\nplain\n")[0] == [{"message": "café", "_encoding": "latin-1"}, {"message": "plain"}]


# -- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b'[{"a":1},{"a":2}]',
        b'{"Records":[{"a":1},{"a":2}]}',
        b'{ "@odata.context": "x", "value": [ {"a": 1},\n {"a": 2} ], "@odata.nextLink": "y" }',
        b'{"kind":"EventList","apiVersion":"v1","metadata":{"x":[1]},"items":[{"a":1},{"a":2}]}',
        b'{\n "a": 1\n}\n{\n "a": 2\n}\n',
        b'\xef\xbb\xbf{"a":\n1}{"a":2}',
        b'[{"a":1}]\n[{"a":2}]',
    ],
)
def test_arrays_envelopes_and_objects_in_a_row(raw: bytes) -> None:
    assert recognise(raw).name == "json"
    assert read("json", raw) == ([{"a": 1}, {"a": 2}], [])


@pytest.mark.parametrize(
    "raw",
    [
        b'{"events":[{"name":"login"}],"actor":{"email":"a@example.com"}}',
        b'{"kind":"admin#reports#activity","id":{"time":"x"},"events":[{"type":"t"}]}',
        b'{"value":[{"a":1}],"user":"u"}',
        b'{"items":["scalar"]}',
    ],
)
def test_an_array_inside_an_event_is_not_an_envelope(raw: bytes) -> None:
    assert read("json", raw) == ([orjson.loads(raw)], [])


def test_without_the_package_an_event_file_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.collect.formats.recognise.find_spec", lambda name: None)
    with pytest.raises(SourceUnreachable, match=r"watchfloor\[windows\]"):
        recognise(b"ElfFile\x00" + b"\x00" * 120, "Security.evtx")


def test_the_records_path() -> None:
    format = Json("result.hits")
    assert read(format, b'{"n":1,"result":{"q":[1],"hits":[{"a":1}]},"z":{}} {"none":1}') == (
        [{"a": 1}],
        ["nothing at the records path"],
    )


def test_what_is_no_object_in_an_array_is_told() -> None:
    assert read("json", b'[{"a":1},"x",{"a":2},3]') == ([{"a": 1}, {"a": 2}], ["not a JSON object"] * 2)


def test_brackets_and_quotes_in_strings_do_not_count() -> None:
    hard = {"a": '}]{["\\', "b\\": "\\\\"}
    assert read("json", orjson.dumps([hard, hard])) == ([hard, hard], [])


def test_an_object_longer_than_a_record_is_told_and_the_rest_goes_on() -> None:
    raw = b'[{"a":1},{"x":"' + b"y" * (2 * MAX_RECORD) + b'"},{"a":2}]'
    assert read("json", raw) == ([{"a": 1}, {"a": 2}], ["longer than 16 MiB"])


def test_an_envelope_longer_than_a_record_is_streamed() -> None:
    record = b'{"pad":"' + b"p" * 1_000_000 + b'"}'
    good, reasons = read("json", b'{"Records":[' + b",".join([record] * 40) + b"]}")
    assert (len(good), reasons) == (40, [])


# -- syslog -----------------------------------------------------------------------------------------------------------

SYSLOG = [
    (
        (b"<34>1 2026-03-11T22:14:15.003Z gate.example.com su 77 ID47 "
        b'[ex@32473 iut="3" src="A \\"B\\" \\]"][o@1] \xef\xbb\xbffailed for jdoe'),
        {
            "pri": 34, "facility": "auth", "severity": "crit", "timestamp": "2026-03-11T22:14:15.003Z",
            "hostname": "gate.example.com", "app_name": "su", "procid": "77", "msgid": "ID47",
            "structured_data": {"ex@32473": {"iut": "3", "src": 'A "B" ]'}, "o@1": {}}, "message": "failed for jdoe",
        },
    ),
    (b"<165>1 - - - - - -", {"pri": 165, "facility": "local4", "severity": "notice", "message": ""}),
    (
        b"<38>Mar  1 02:03:04 web1 sshd[411]: Failed password for root from 192.0.2.7 port 22 ssh2",
        {
            "pri": 38, "facility": "auth", "severity": "info", "timestamp": "Mar  1 02:03:04", "hostname": "web1",
            "app_name": "sshd", "procid": "411", "message": "Failed password for root from 192.0.2.7 port 22 ssh2",
        },
    ),
    (
        b"2026-03-01T02:03:04.5+01:00 web1 sudo: alice : TTY=pts/0",
        {"timestamp": "2026-03-01T02:03:04.5+01:00", "hostname": "web1", "app_name": "sudo",
         "message": "alice : TTY=pts/0"},
    ),
    (
        b"Mar 11 02:03:04 web1 kernel: [  1.5] eth0: up",
        {"timestamp": "Mar 11 02:03:04", "hostname": "web1", "app_name": "kernel", "message": "[  1.5] eth0: up"},
    ),
    (
        b"<189>57: *Mar  1 00:00:46.339: %SYS-5-CONFIG_I: Configured from console by vty0 (192.0.2.9)",
        {
            "pri": 189, "facility": "local7", "severity": "notice", "sequence": "57",
            "timestamp": "Mar  1 00:00:46.339", "app_name": "%SYS-5-CONFIG_I",
            "message": "Configured from console by vty0 (192.0.2.9)",
        },
    ),
    (b"# a comment", {"message": "# a comment"}),
    (
        b"Mar  1 02:03:04 web1 last message repeated 2 times",
        {"timestamp": "Mar  1 02:03:04", "hostname": "web1", "message": "last message repeated 2 times"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "want"), SYSLOG)
def test_syslog_lines(line: bytes, want: dict[str, Any]) -> None:
    assert one("syslog", line + b"\n") == want


def test_syslog_by_octet_count() -> None:
    messages = [b"<13>one\nline", b"<13>two", b"<13>" + b"x" * 300]
    raw = b"".join(b"%d %s" % (len(message), message) for message in messages)
    good, reasons = read("syslog", raw)
    assert reasons == []
    assert [record["message"] for record in good] == ["one\nline", "two", "x" * 300]


def test_a_wrong_octet_count_costs_its_line_only() -> None:
    good, reasons = read("syslog", b"7 <13>one99 <13>two\n<13>three\n")
    assert [record["message"] for record in good] == ["one", "three"]
    assert reasons == ["the stream ends inside this record"]


# -- CEF, LEEF, key=value ---------------------------------------------------------------------------------------------


def test_cef_with_escapes_labels_and_a_syslog_header() -> None:
    raw = (
        rb"<134>Feb 14 19:04:54 fw1 CEF:0|Ex\|ample|Wall|9.1|100|worm \\ stopped|10|src=192.0.2.1 "
        rb"msg=a \= b and\nc cs1Label=Rule Name cs1=Block all request=http://example.com/?a\=1 act="
        b"\n"
    )
    assert recognise(raw).name == "cef"
    assert one("cef", raw) == {
        "cef_version": "0", "device_vendor": "Ex|ample", "device_product": "Wall", "device_version": "9.1",
        "signature_id": "100", "name": "worm \\ stopped", "severity": "10",
        "extension": {
            "src": "192.0.2.1", "msg": "a = b and\nc", "cs1Label": "Rule Name", "cs1": "Block all",
            "request": "http://example.com/?a=1", "act": "",
        },
        "syslog": {
            "pri": 134, "facility": "local0", "severity": "info", "timestamp": "Feb 14 19:04:54", "hostname": "fw1",
        },
    }  # fmt: skip


def test_a_cef_header_that_is_cut_is_bad() -> None:
    assert read("cef", b"CEF:0|V|P|1\n") == ([], ["CEF header ends before device_version"])


@pytest.mark.parametrize(
    ("raw", "want"),
    [
        (b"LEEF:1.0|Ex|Box|1|E7|src=192.0.2.1\tusrName=a b", {"src": "192.0.2.1", "usrName": "a b"}),
        (b"LEEF:2.0|Ex|Box|1|E7|^|src=192.0.2.1^url=x?a=b", {"src": "192.0.2.1", "url": "x?a=b"}),
        (b"LEEF:2.0|Ex|Box|1|E7|x7c|src=192.0.2.1|dst=1", {"src": "192.0.2.1", "dst": "1"}),
        (b"LEEF:2.0|Ex|Box|1|E7||src=192.0.2.1\tdst=1", {"src": "192.0.2.1", "dst": "1"}),
        (b"LEEF:2.0|Ex|Box|1|E7|src=192.0.2.1\tdst=1", {"src": "192.0.2.1", "dst": "1"}),
    ],
)
def test_leef_delimiters(raw: bytes, want: dict[str, str]) -> None:
    assert recognise(raw).name == "leef"
    record = one("leef", raw)
    assert record["event_id"] == "E7"
    assert record["extension"] == want


def test_key_values_of_a_firewall_and_of_logfmt() -> None:
    raw = b'<189>date=2026-03-01 time=02:03:04 devname="FW 1" srcip=192.0.2.1 msg="say \\"hi\\"" user=""\n'
    assert recognise(raw).name == "kv"
    assert one("kv", raw) == {
        "date": "2026-03-01", "time": "02:03:04", "devname": "FW 1", "srcip": "192.0.2.1", "msg": 'say "hi"',
        "user": "", "syslog": {"pri": 189, "facility": "local7", "severity": "notice"},
    }  # fmt: skip
    assert one("kv", b"level=info msg=up a=1 a=2 loose\n") == {
        "level": "info", "msg": "up", "a": ["1", "2"], "_text": "loose",
    }  # fmt: skip


# -- CSV --------------------------------------------------------------------------------------------------------------


def test_csv_of_a_spreadsheet() -> None:
    raw = '\ufeffsep=;\r\nName;Door;Note;Note;\r\nÅsa;"7;b";"two\r\n\r\nlines";x;\r\n'.encode()
    assert one("csv", raw) == {"Name": "Åsa", "Door": "7;b", "Note": "two\r\n\r\nlines", "Note_2": "x", "column_5": ""}


def test_csv_rows_that_do_not_fit_are_bad_and_others_are_not() -> None:
    raw = b'a,b,c\n1,2,3\n1,2\n1,2,3,4\n1,2,3,,\n"open,1,2\n7,8,9\n'
    good, reasons = read("csv", raw)
    assert [record["a"] for record in good] == ["1", "1", "7"]
    assert sorted(reasons) == [
        "2 cells where the header names 3", "4 cells where the header names 3", "a quote that never closes",
    ]  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiters(delimiter: str) -> None:
    raw = "\n".join(delimiter.join(row) for row in [("when", "who", "door")] + [("1", "a b", "2")] * 3).encode()
    assert recognise(raw).name == "csv"
    assert read("csv", raw)[0] == [{"when": "1", "who": "a b", "door": "2"}] * 3


def test_prose_is_no_table() -> None:
    assert recognise(b"Hello, this, is prose\nwith commas, and, more of it\n").name == "text"


# -- Zeek -------------------------------------------------------------------------------------------------------------

ZEEK = (
    b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#open\t2026-01-02\n"
    b"#fields\tts\tid.orig_h\tid.orig_p\tAA\tquery\tanswers\tTTLs\ttags\n"
    b"#types\ttime\taddr\tport\tbool\tstring\tvector[string]\tvector[interval]\tset[enum]\n"
    b"1445422160.958470\t192.0.2.1\t53\tT\ta\\x09b\tx\\x2cy,z\t1.000000,-\t(empty)\n"
    b"1445422161.000000\t192.0.2.1\t-\tF\t(empty)\t-\t-\ta\n"
    b"#close\t2026-01-02\n"
)


def test_zeek_types() -> None:
    good, reasons = read("zeek_tsv", ZEEK)
    assert reasons == []
    assert good == [
        {
            "_path": "dns", "ts": 1445422160.958470, "id.orig_h": "192.0.2.1", "id.orig_p": 53, "AA": True,
            "query": "a\tb", "answers": ["x,y", "z"], "TTLs": [1.0, None], "tags": [],
        },
        {
            "_path": "dns", "ts": 1445422161.0, "id.orig_h": "192.0.2.1", "AA": False, "query": "", "tags": ["a"],
        },
    ]  # fmt: skip
    (framed,) = by_name("zeek_tsv").frame(io.BytesIO(ZEEK))
    assert b"1445422160.958470" in by_name("zeek_tsv").decode(framed.block).ndjson  # the digits as Zeek wrote them


def test_zeek_header_that_changes_in_mid_file() -> None:
    second = b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n#types\ttime\tstring\n2.5\tC1\n3.5\n"
    good, reasons = read("zeek_tsv", ZEEK + second)
    assert [record["_path"] for record in good] == ["dns", "dns", "conn"]
    assert reasons == ["1 columns where the header names 2"]


# -- auditd -----------------------------------------------------------------------------------------------------------


def test_audit_lines_of_one_event_are_one_record_also_when_events_interleave() -> None:
    raw = (
        b'node=h1 type=SYSCALL msg=audit(1700000000.123:42): arch=c000003e syscall=59 a0=55d1 exe="/usr/bin/cat"'
        b'\x1dARCH=x86_64 UID="root"\n'
        b"node=h1 type=SYSCALL msg=audit(1700000000.124:43): syscall=2\n"
        b'node=h1 type=EXECVE msg=audit(1700000000.123:42): argc=3 a0="cat" a1="2F" a2=2F746D702F61206200\n'
        b'node=h1 type=PATH msg=audit(1700000000.123:42): item=0 name="/usr/bin/cat"\n'
        b"node=h1 type=PATH msg=audit(1700000000.123:42): item=1 name=2F746D702F6120\n"
        b"node=h1 type=PROCTITLE msg=audit(1700000000.123:42): proctitle=636174002F746D70\n"
    )
    good, reasons = read("auditd", raw)
    assert reasons == []
    first, second = good
    assert (first["serial"], first["timestamp"], first["node"]) == ("42", "1700000000.123", "h1")
    assert first["types"] == ["SYSCALL", "EXECVE", "PATH", "PATH", "PROCTITLE"]
    assert first["syscall"] == {
        "arch": "c000003e", "syscall": "59", "a0": "55d1", "exe": "/usr/bin/cat", "ARCH": "x86_64", "UID": "root",
    }  # fmt: skip
    assert first["execve"]["a1"] == "2F"
    assert first["execve"]["a2_decoded"] == "/tmp/a b"
    assert first["execve"]["command"] == "cat 2F /tmp/a b"
    assert [path["item"] for path in first["path"]] == ["0", "1"]
    assert first["path"][1]["name_decoded"] == "/tmp/a "
    assert first["proctitle"]["proctitle_decoded"] == "cat /tmp"
    assert second["types"] == ["SYSCALL"]


def test_audit_messages_of_user_space_and_selinux() -> None:
    record = one(
        "auditd",
        b"type=USER_LOGIN msg=audit(1.0:1): pid=9 uid=0 msg='op=login acct=28756E6B6E6F776E207573657229 "
        b'exe="/usr/sbin/sshd" hostname=? addr=192.0.2.7 terminal=ssh res=failed\'\n',
    )["user_login"]
    assert record["acct_decoded"] == "(unknown user)"
    assert (record["pid"], record["addr"], record["res"]) == ("9", "192.0.2.7", "failed")
    record = one("auditd", b'type=AVC msg=audit(1.0:2): avc:  denied  { read open } for  pid=7 comm="x"\n')["avc"]
    assert record == {"avc": "denied", "permissions": ["read", "open"], "pid": "7", "comm": "x"}


# -- Windows events as XML --------------------------------------------------------------------------------------------

EVENT = (
    b"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P' Guid='{g}'/>"
    b"<EventID Qualifiers='5'>4688</EventID><Version>2</Version><EventRecordID>77</EventRecordID>"
    b"<TimeCreated SystemTime='2026-01-02T03:04:05Z'/><Correlation/><Channel>Security</Channel></System><EventData>"
    b"<Data Name='Image'>C:\\a&amp;b.exe</Data><Data Name='Empty'></Data></EventData></Event>"
)


def test_xml_events_have_the_shape_of_evtx_records() -> None:
    raw = b"<?xml version='1.0'?>\n<Events>\n" + EVENT + b"\n" + EVENT + b"</Events>"
    assert recognise(raw).name == "windows_xml"
    good, reasons = read("windows_xml", raw)
    assert reasons == []
    assert (
        good
        == [
            {
                "Event": {
                    "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
                    "System": {
                        "Provider": {"#attributes": {"Name": "P", "Guid": "{g}"}},
                        "EventID": {"#attributes": {"Qualifiers": "5"}, "#text": 4688},
                        "Version": 2,
                        "EventRecordID": 77,
                        "TimeCreated": {"#attributes": {"SystemTime": "2026-01-02T03:04:05Z"}},
                        "Correlation": None,
                        "Channel": "Security",
                    },
                    "EventData": {"Image": "C:\\a&b.exe", "Empty": ""},
                }
            }
        ]
        * 2
    )


def test_xml_nameless_data() -> None:
    event = one("windows_xml", b"<Event><EventData><Data>a</Data><Data>b</Data><Binary>00</Binary></EventData></Event>")
    assert event == {"Event": {"EventData": {"Binary": "00", "Data": {"#text": ["a", "b"]}}}}


def test_xml_bombs_and_broken_events_are_bad_and_the_rest_is_read() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    good, reasons = read("windows_xml", bomb + EVENT + b"<Event><System>" + EVENT + b"<Event>&b;</Event><Event><a>")
    assert len(good) == 2
    assert len(reasons) == 4
    nested = b"<Event>" + b"<a>" * 100 + b"</a>" * 100 + b"</Event>"
    (reason,) = read("windows_xml", nested)[1]
    assert "nested more than 64 deep" in reason


NOTIFIED = (
    b'<w:NotificationMessage><w:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
    b"tns1:Door/State/DoorAlarm</w:Topic><w:ProducerReference><a:Address>uri://d-1</a:Address></w:ProducerReference>"
    b'<w:Message><tt:Message UtcTime="2026-01-02T03:04:05Z" PropertyOperation="Changed"><tt:Source>'
    b'<tt:SimpleItem Name="DoorToken" Value="d&amp;1"/></tt:Source><tt:Data><tt:SimpleItem Name="State" '
    b'Value="DoorForcedOpen"/><tt:ElementItem Name="Box"><tt:X>1</tt:X><tt:X>2</tt:X></tt:ElementItem></tt:Data>'
    b"</tt:Message></w:Message></w:NotificationMessage>"
)
NOTIFICATION = {
    "topic": "tns1:Door/State/DoorAlarm",
    "dialect": "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet",
    "timestamp": "2026-01-02T03:04:05Z",
    "operation": "Changed",
    "producer": "uri://d-1",
    "source": {"DoorToken": "d&1"},
    "key": {},
    "data": {"State": "DoorForcedOpen", "Box": "1 2"},
}


@pytest.mark.parametrize(
    "raw",
    [
        b'<?xml version="1.0"?>\n<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:Event>'
        + NOTIFIED
        + b"</tt:Event></tt:MetadataStream>",
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header><a:Action>http://x</a:Action></s:Header>'
        b"<s:Body><tev:PullMessagesResponse><tev:CurrentTime>2026-01-02T03:04:06Z</tev:CurrentTime><tev:TerminationTime>"
        b"2026-01-02T04:04:06Z</tev:TerminationTime>" + NOTIFIED + b"</tev:PullMessagesResponse></s:Body></s:Envelope>",
        b"\xef\xbb\xbf<b:Notify xmlns:b='http://docs.oasis-open.org/wsn/b-2'>" + NOTIFIED + b"</b:Notify>\n",
        NOTIFIED.replace(b"w:", b""),
    ],
)
def test_onvif_notifications_in_whatever_they_come(raw: bytes) -> None:
    assert recognise(raw).name == "onvif_xml"
    assert read("onvif_xml", raw) == ([NOTIFICATION], [])


def test_onvif_of_no_events_is_nothing_and_other_soap_is_not_ours() -> None:
    empty = b'<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema">\n</tt:MetadataStream>\n'
    assert recognise(empty).name == "onvif_xml" and read("onvif_xml", empty) == ([], [])
    assert recognise(b"<s:Envelope><s:Body><x:Pay/></s:Body></s:Envelope>").name != "onvif_xml"


def test_onvif_bombs_and_broken_messages_are_bad_and_the_rest_is_read() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    asks = b"<w:NotificationMessage><w:Topic>&b;</w:Topic></w:NotificationMessage>"
    reaches = b'<w:NotificationMessage><!DOCTYPE x SYSTEM "file:///etc/passwd"></w:NotificationMessage>'
    raw = bomb + NOTIFIED + asks + reaches + b"<tt:VideoAnalytics/>" + NOTIFIED + b"<w:NotificationMessage><w:Topic>"
    good, reasons = read("onvif_xml", raw)
    assert good == [NOTIFICATION] * 2
    assert [reason.split(" (")[0] for reason in reasons] == [
        "not an ONVIF notification",
        "not an ONVIF notification",
        "not well-formed XML",
        "not well-formed XML",
        "the stream ends inside this record",
    ]


@pytest.mark.parametrize("name", ["onvif_xml", "windows_xml"])
def test_comments_are_no_records_and_one_without_an_end_is_bad(name: str) -> None:
    assert read(name, b"<!-- a --> <!---->\n") == ([], [])
    good, reasons = read(name, b"<!-- a -->" + b"<!--" * 300_000)
    assert good == [] and len(reasons) == 1


@pytest.mark.parametrize("tag", [b"<NotificationMessage ", b"<NotificationMessage>"])
def test_many_start_tags_are_looked_at_once(tag: bytes) -> None:
    """Each is a record that was cut off. Were the end looked for from each of them, this would take an hour."""
    assert read("onvif_xml", tag * 300_000) == ([], ["the stream ends inside this record"] * 300_000)


# -- EVTX -------------------------------------------------------------------------------------------------------------


def test_a_broken_chunk_costs_only_itself(shared_data: Any) -> None:
    import zipfile

    with zipfile.ZipFile(shared_data / "it/evtx_to_mitre/evtx.zip") as archive:
        large = [info for info in archive.infolist() if info.file_size > 4096 + 4 * 65536]
        name = min(large, key=lambda info: info.file_size)
        raw = bytearray(archive.read(name))
    whole, reasons = read(EVTX, bytes(raw))
    assert reasons == []
    assert len(raw) > 4096 + 2 * 65536
    raw[4096 + 65536 : 4096 + 65536 + 8] = b"XXXXXXXX"  # the magic of the second chunk
    less, reasons = read(EVTX, bytes(raw))
    assert 0 < len(less) < len(whole)
    (reason,) = reasons
    assert reason.startswith("chunk at byte 69632")
    raw[:4096] = bytes(4096)  # and the file header too
    assert read(EVTX, bytes(raw))[0] == less
    cut = bytes(raw[: 4096 + 65536 + 100])
    assert 0 < len(read(EVTX, cut)[0]) <= len(less)


# -- recognising ------------------------------------------------------------------------------------------------------


def test_names_are_no_proof() -> None:
    assert recognise(b'{"a":1}\n', "x.csv").name == "ndjson"
    assert recognise(b"", "x.json").name == "text"
    with pytest.raises(SourceMalformed, match="a program"):
        recognise(b"\x7fELF" + bytes(60), "x.log")


@pytest.mark.parametrize("head", [bytes(range(256)) * 8, b"\x00\x01\x02" * 99])
def test_binary_is_not_read_as_text(head: bytes) -> None:
    assert not_a_log(head) is not None


def test_a_log_with_a_run_of_nul_is_text() -> None:
    assert recognise(b"line one\n" + bytes(5000) + b"line two\n").name == "text"


def test_an_unknown_format_name_is_told() -> None:
    with pytest.raises(UsageError, match="no format 'nope'"):
        by_name("nope")


def test_a_records_path_may_lead_to_one_object() -> None:
    """Wrappers such as `{"rule": "x", "log": {...}}`, one a line."""
    text = (
        b'{"rule": "a", "log": {"eventName": "X", "n": [1, {"log": 2}]}, "z": 1}\n'
        b'{"rule": "b", "log": {"eventName": "Y"}}\n{"rule": "c"}\n'
    )
    framed = list(Json("log").frame(io.BytesIO(text)))
    assert [record for step in framed for record in step.block.records()] == [
        b'{"eventName": "X", "n": [1, {"log": 2}]}',
        b'{"eventName": "Y"}',
    ]
    assert [bad.reason for step in framed for bad in step.bad] == ["nothing at the records path"]
