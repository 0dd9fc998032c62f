"""What the files of an estate say: every format, what cannot be read, and that the rest is read all the same."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import PROJECT
from watchfloor.detect.intel.feeds import Read, read
from watchfloor.detect.intel.intelligence import Answer
from watchfloor.detect.intel.stix import moment_of, observables
from watchfloor.errors import EstateError

KEY = np.uint64(11), np.uint64(13)
NOW = moment_of("2026-06-01")
MARKING = "marking-definition--"
KNOWLEDGE = PROJECT.parent / "shared" / "data" / "knowledge"

Estate = Callable[..., Read]


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Make an estate of files (name: content) and read its feeds."""

    def make(toml: str, **files: str | bytes) -> Read:
        (tmp_path / "intel").mkdir(exist_ok=True)
        (tmp_path / "intel" / "feeds.toml").write_text(toml, "utf-8")
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        found = read(tmp_path, ZoneInfo("UTC"), KEY)
        assert found is not None
        return found

    return make


def known(found: Read, value: str, at: int = NOW) -> list[Answer]:
    return found.intelligence.about(value, at)


def one(found: Read, value: str, at: int = NOW) -> Answer:
    (answer,) = known(found, value, at)
    return answer


FEED = '[[feed]]\nid = "f"\npath = "f.txt"\n'


def test_no_folder_no_indicators(tmp_path: Path) -> None:
    assert read(tmp_path, ZoneInfo("UTC"), KEY) is None


def test_a_list_of_anything(estate: Estate) -> None:
    text = (
        "# bad things\n198.51.100.7\n203.0.113.0/24  # a network\n;old\n\nhxxps://Evil[.]example/a\r\nevil.example\n"
        "44d88612fea8a8f36de82e1278abb02f\neve@example.org\nCVE-2025-48384\n192.0.2.4-192.0.2.9\n198.51.100[.]8\n"
        "what is this\n"
    )
    found = estate(FEED.replace("f.txt", "f.txt") + 'tlp = "green"\nconfidence = 70\n', f_DOT_txt=text)
    assert one(found, "198.51.100.7").claim[:4] == ("f", "green", "", 70)
    assert one(found, "203.0.113.99").value == "203.0.113.0/24"
    assert one(found, "https://evil.example/a").kind == "url"
    assert [answer.value for answer in known(found, "www.evil.example")] == ["evil.example"]
    assert known(found, "192.0.2.3") == [] and known(found, "192.0.2.9") and known(found, "198.51.100.8")
    assert one(found, "cve-2025-48384").value == "CVE-2025-48384"
    (problem,) = found.problems
    assert (problem.line, problem.what) == (13, "'what is this' looks like no indicator")
    assert {kind: tally.values for kind, tally in found.intelligence.tally(NOW).items()} == {
        "ip": 5, "domain": 1, "url": 1, "hash": 1, "email": 1, "cve": 1,
    }  # fmt: skip


def test_of_a_list_of_a_kind_every_other_line_is_a_problem(estate: Estate) -> None:
    found = estate(FEED + 'kind = "domain"\n', f_DOT_txt="a.example\n-\n" + "198.51.100.7\n" * 100)
    assert len(found.problems) == 20 and sum(found.unread.values()) == 101
    assert str(found.problems[0]).partition("f.txt:")[2].startswith("2: '-' is no domain\n  -> a domain is: host")
    assert known(found, "a.example")


def bundle(**of: Any) -> str:
    indicator = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": "indicator--1",
        "modified": "2026-05-01T00:00:00.000Z",
        "pattern": "[ipv4-addr:value = '198.51.100.7']",
        "pattern_type": "stix",
        "valid_from": "2026-05-01T00:00:00Z",
        **of,
    }
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": [{"type": "malware"}, indicator]}, indent=1)


STIX = '[[feed]]\nid = "sector"\npath = "b.json"\n'


def test_an_indicator_of_stix(estate: Estate) -> None:
    said = bundle(
        valid_until="2026-07-01T00:00:00Z",
        confidence=85,
        indicator_types=["malicious-activity"],
        object_marking_refs=[
            f"{MARKING}f88d31f6-486f-44da-b317-01333bde0b82",
            f"{MARKING}bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        ],
    )
    answer = one(estate(STIX, b_DOT_json=said), "198.51.100.7")
    assert answer.claim.tlp == "amber" and answer.claim.labels == ("malicious-activity",)
    assert (answer.claim.reference, answer.score, answer.standing) == ("indicator--1", 85, "holds")
    assert one(estate(STIX, b_DOT_json=said), "198.51.100.7", moment_of("2026-07-01")).standing == "expired"
    assert one(estate(STIX, b_DOT_json=said), "198.51.100.7", moment_of("2026-04-30")).standing == "not yet"


def test_a_collection_of_taxii_is_read_as_its_envelope(estate: Estate) -> None:
    objects = json.loads(bundle())["objects"]
    seen = {"type": "sighting", "sighting_of_ref": "indicator--1", "last_seen": "2026-05-31T00:00:00Z"}
    envelope = json.dumps({"more": False, "objects": [*objects, seen]})
    found = estate(STIX + 'decay = "phishing"\nconfidence = 100\n', b_DOT_json=gzip.compress(envelope.encode()))
    assert one(found, "198.51.100.7").claim.seen == moment_of("2026-05-31")
    assert one(found, "198.51.100.7").standing == "holds"
    assert one(found, "198.51.100.7", NOW + 2 * 86_400_000).standing == "faded"


def test_objects_without_a_bundle_around_them(estate: Estate) -> None:
    objects = json.loads(bundle())["objects"]
    for bare in (objects, objects[1]):
        assert one(estate(STIX, b_DOT_json=json.dumps(bare)), "198.51.100.7").claim.source == "sector"


def test_what_stix_says_beyond_us_is_counted(estate: Estate) -> None:
    for pattern, reason in (
        ("[file:name = 'x.exe']", "a pattern over file:name"),
        ("[url:value = 'http://a.example/' AND ipv4-addr:value = '198.51.100.7']", "a pattern with AND"),
        (
            "[ipv4-addr:value = '198.51.100.7'] FOLLOWEDBY [url:value = 'http://a.example/']",
            "a pattern with FOLLOWEDBY",
        ),
        (
            "[email-message:body_multipart[*].body_raw_ref.name = 'x']",
            "a pattern over email-message:body_multipart[*].body_raw_ref.name",
        ),
        ("[domain-name:value LIKE '%.example']", "a pattern with LIKE"),
        ("[domain-name:value != 'a.example']", "a pattern that compares otherwise than for equality"),
    ):
        found = estate(STIX, b_DOT_json=bundle(pattern=pattern))
        assert dict(found.passed) == {reason: 1} and not found.problems and not known(found, "198.51.100.7")
    assert estate(STIX, b_DOT_json=bundle(revoked=True)).passed == {"revoked by its source": 1}
    assert list(estate(STIX, b_DOT_json=bundle(pattern_type="yara")).passed) == ["a pattern of type yara, not of STIX"]


def test_broken_indicators_are_named_with_their_line(estate: Estate) -> None:
    for changed in (
        {"valid_from": "soon"},
        {"pattern": "[ipv4-addr:value = ]"},
        {"pattern": "[x"},
        {"confidence": 300},
    ):
        found = estate(STIX, b_DOT_json=bundle(**changed))
        (problem,) = found.problems
        assert problem.line == 11 and problem.remedy and "indicator--1" in problem.what
    found = estate(STIX, b_DOT_json=bundle(valid_until="2026-04-01T00:00:00Z"))
    assert found.problems[0].what == "ends before it begins"
    assert estate(STIX, b_DOT_json="{").problems[0].line == 1


texts = st.text(alphabet="ab'\\é (", max_size=6)


@given(st.lists(texts, min_size=1, max_size=4), st.booleans())
def test_patterns_are_read_as_they_are_written(values: list[str], listed: bool) -> None:
    quoted = ["'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" for value in values]
    if listed:
        pattern = f"[domain-name:value IN ({', '.join(quoted)})]"
    else:
        pattern = " OR ".join(f"[(domain-name:value = {one} OR file:hashes.'SHA-256' = {one})]" for one in quoted)
    found = list(observables(pattern))
    assert [value for kind, value in found if kind == "domain"] == values
    assert len(found) == len(values) * (1 if listed else 2)


@given(st.text(alphabet="[]()':=aANDOR \\.-", max_size=40))
def test_no_pattern_breaks_the_reader(pattern: str) -> None:
    try:
        assert list(observables(pattern))
    except Exception as error:
        assert type(error).__name__ in ("_NotRead", "ValueError")


def test_misp(estate: Estate) -> None:
    event = {
        "Event": {
            "uuid": "e-1",
            "Tag": [{"name": "tlp:amber"}],
            "Attribute": [
                {
                    "uuid": "a-1",
                    "type": "ip-dst|port",
                    "value": "198.51.100.7|443",
                    "to_ids": True,
                    "timestamp": "1777593600",
                },
                {"uuid": "a-2", "type": "domain|ip", "value": "bad.example|203.0.113.5", "Tag": [{"name": "tlp:red"}]},
                {"uuid": "a-3", "type": "comment", "value": "hello"},
                {"uuid": "a-4", "type": "url", "value": "http://a.example/", "to_ids": False},
                {"uuid": "a-5", "type": "domain", "value": "b.example", "timestamp": "never"},
            ],
            "Object": [{"Attribute": [{"uuid": "o-1", "type": "filename|sha1", "value": "x.exe|" + "b" * 40}]}],
        }
    }
    toml = '[[feed]]\nid = "misp"\npath = "feed"\nexpires_days = 30\n'
    found = estate(toml, feed__e_DOT_json=json.dumps(event, indent=1), feed__manifest_DOT_json="{}")
    address = one(found, "198.51.100.7", moment_of("2026-05-15"))
    assert (address.claim.tlp, address.claim.reference) == ("amber", "a-1")
    assert one(found, "198.51.100.7", moment_of("2026-06-15")).standing == "expired"
    assert one(found, "203.0.113.5").claim.tlp == one(found, "x.bad.example").claim.tlp == "red"
    assert one(found, "b" * 40).kind == "hash"
    assert set(found.passed) == {"an attribute of type comment", "an attribute that is not to be detected (to_ids)"}
    (problem,) = found.problems
    assert "a-5" in problem.what and problem.line


def test_tables_with_their_own_names(estate: Estate) -> None:
    text = (
        '# "dateadded","ioc_value","kind","tags","confidence"\n'
        '"2026-05-01","bad.example","domain","botnet;x","90"\n'
        '"2026-05-01","198.51.100.7","ip-dst","","bad"\n"2026-05-01","k","registry-key","",""\n'
        '"2026-05-01","2.example","domain","","101"\n'
    )
    toml = (
        '[[feed]]\nid = "t"\npath = "t.csv"\ncolumns = { value = "ioc_value", seen = "dateadded" }\nlabels = ["own"]\n'
    )
    found = estate(toml, t_DOT_csv=text)
    assert one(found, "bad.example").claim.labels == ("botnet", "own", "x")
    assert one(found, "bad.example").claim.seen == moment_of("2026-05-01")
    assert found.passed == {"a row of type registry-key": 1}
    assert [problem.line for problem in found.problems] == [3, 5]


def test_who_is_about_somebody_needs_a_basis_and_an_end(estate: Estate) -> None:
    toml = FEED + 'kind = "plate"\n'
    assert "lawful basis" in estate(toml, f_DOT_txt="AB-12 CDE\n").problems[0].what
    assert "until when" in estate(toml + 'basis = "legitimate_interest"\n', f_DOT_txt="AB-12 CDE\n").problems[0].what
    whole = 'basis = "legitimate_interest"\nexpires_days = 60\nwritten = "2026-05-20"\n'
    found = estate(toml + whole, f_DOT_txt="AB-12 CDE\n")
    assert not found.problems and one(found, "ab 12 cde").claim.basis == "legitimate_interest"


def test_verdicts(estate: Estate) -> None:
    rows = (
        "kind,value,verdict,who,reason,since,until\n"
        "domain,cdn.example,benign,ada,our own,,\nip,198.51.100.9,malicious,ada,seen in case 7,2026-05-01,\n"
        "domain,x.example,perhaps,ada,?,,\ndomain,y.example,benign,,,,\n"
    )
    found = estate(FEED, f_DOT_txt="cdn.example\n198.51.100.10\n", intel__verdicts_DOT_csv=rows)
    assert [answer.standing for answer in known(found, "cdn.example")] == ["benign", "overruled"]
    assert one(found, "198.51.100.9").standing == "holds"
    assert one(found, "198.51.100.9", moment_of("2026-04-01")).standing == "not yet"
    assert [problem.line for problem in found.problems] == [4, 5]
    assert found.intelligence.tally(NOW)["domain"].verdicts == 1


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("[feeds]\n", 1),
        (FEED + "tpl = 'green'\n", 4),
        (FEED + "tlp = 'blue'\n", 4),
        (FEED + "confidence = 101\n", 4),
        (FEED + "expires_days = 0\n", 4),
        (FEED + "columns = { price = 'x' }\n", 4),
        (FEED + "written = 'soon'\n", 4),
        (FEED + FEED, 5),
        ('[[feed]]\nid = "f"\n', 1),
        ("[join]\nalways = ['moon']\n", 2),
        ("[[warninglist]]\n", 1),
        ("feed = 3\n", 1),
    ],
)
def test_settings_that_are_wrong(estate: Estate, toml: str, line: int) -> None:
    with pytest.raises(EstateError) as raised:
        estate(toml)
    assert raised.value.line == line and raised.value.remedy


def test_files_that_are_not_there_or_no_feed(estate: Estate) -> None:
    assert "has no file" in estate(FEED).problems[0].what
    assert "is no feed that is known" in estate(FEED, f_DOT_txt='{"a": 1}').problems[0].what
    assert "cannot be read" in estate(FEED, f_DOT_txt=b"\x1f\x8b12").problems[0].what
    assert "UTF-8" in estate(FEED + 'format = "csv"\n', f_DOT_txt=b"value\n\xff\n").problems[0].what
    toml = '[[warninglist]]\npath = "w.json"\n'
    assert "no such warninglist" in estate(toml).problems[0].what
    assert "no warninglist of MISP" in estate(toml, w_DOT_json="{}").problems[0].what


def test_cisa_kev(estate: Estate) -> None:
    entry = {"cveID": "CVE-2025-1", "dateAdded": "2026-05-01", "knownRansomwareCampaignUse": "Known"}
    catalogue = {
        "catalogVersion": "1",
        "vulnerabilities": [{**entry, "cveID": "CVE-2025-48384"}, {"cveID": "CVE-2025-2"}],
    }
    found = estate(FEED, f_DOT_txt=json.dumps(catalogue))
    assert one(found, "CVE-2025-48384").claim.labels == ("ransomware",)
    assert one(found, "CVE-2025-48384", moment_of("2026-04-01")).standing == "not yet"
    assert "CVE-2025-2 has no dateAdded" in found.problems[0].what


@pytest.mark.skipif(not KNOWLEDGE.is_dir(), reason="wants ../shared/data/knowledge")
def test_what_is_really_published(tmp_path: Path) -> None:
    import zipfile

    for name, archive in (("stix", "stix21_examples/examples.zip"), ("lists", "misp_warninglists/lists.zip")):
        with zipfile.ZipFile(KNOWLEDGE / archive) as opened:
            opened.extractall(tmp_path / name)
    (tmp_path / "intel").mkdir()
    kev = KNOWLEDGE / "cisa_kev" / "known_exploited_vulnerabilities.json.gz"
    (tmp_path / "intel" / "feeds.toml").write_text(
        f'[[feed]]\nid = "oasis"\npath = "stix/**/*.json"\n[[feed]]\nid = "kev"\npath = "{kev}"\n'
        '[[warninglist]]\npath = "lists"\n'
    )
    found = read(tmp_path, ZoneInfo("UTC"), KEY)
    assert found is not None
    tally = found.intelligence.tally(NOW)
    assert tally["cve"].values == 1404
    assert known(found, "hugesoft.org")[0].standing == "holds"
    assert known(found, "219.76.208.163")[0].claim.source == "oasis"
    assert len(known(found, "112.65.1.1")) == 1, "a network of APT 1"
    assert known(found, "10.0.0.0")[0].claim.held, "an example's address is a private one"
    # one pattern of APT 1 names 'domain autuo.xicp.net'
    assert [str(problem.what) for problem in found.problems if "xicp" in problem.what]
    assert {"a pattern with MATCHES", "a pattern with AND", "a pattern over file:name"} <= set(found.passed)
