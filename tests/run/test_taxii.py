"""TAXII 2.1 against a server on this machine: pages, what is new, who we are, and everything that can go wrong."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from watchfloor.detect.intel.collection import Collection, NoCollection, collection_of
from watchfloor.detect.intel.feeds import read
from watchfloor.detect.values import random_key
from watchfloor.errors import SourceError, SourceMalformed, SourceRefused, SourceUnreachable
from watchfloor.run import taxii
from watchfloor.run.taxii import MEDIA, pull
from watchfloor.world.rows import zone_named

PATH = "/api1/collections/91a7b528/"


def indicator(number: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--00000000-0000-4000-8000-{number:012d}",
        "created": "2026-05-01T00:00:00Z",
        "modified": "2026-05-01T00:00:00Z",
        "valid_from": "2026-05-01T00:00:00Z",
        "pattern": f"[ipv4-addr:value = '198.51.100.{number}']",
        "pattern_type": "stix",
        **more,
    }


@dataclass
class Server:
    """A collection: what was added when, in order; and how the server misbehaves."""

    added: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    page: int = 2
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    authorisations: list[str | None] = field(default_factory=list)
    url: str = ""

    def answer(self, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        found = [(when, one) for when, one in self.added if when > query.get("added_after", "")]
        start = int(query.get("next", "0").lstrip("x") or 0)
        page = found[start : start + self.page]
        more = start + self.page < len(found)
        envelope: dict[str, Any] = {"more": more, "objects": [one for _, one in page]} if page else {}
        if more:
            envelope["next"] = str(start + self.page)
        return envelope, {"X-TAXII-Date-Added-Last": page[-1][0]} if page else {}


@pytest.fixture
def server() -> Iterator[Server]:
    behaves = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(asked.query).items()}
            behaves.asked.append(query)
            behaves.authorisations.append(self.headers.get("Authorization"))
            assert asked.path == PATH + "objects/" and self.headers["Accept"] == MEDIA
            envelope, told = behaves.answer(query)
            body = json.dumps(envelope).encode() if behaves.body is None else behaves.body
            self.send_response(behaves.status)
            for name, value in {"Content-Type": MEDIA, **told, **behaves.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    behaves.url = f"http://127.0.0.1:{listening.server_port}{PATH}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    yield behaves
    listening.shutdown()
    listening.server_close()
    thread.join()


def of(server: Server, **more: Any) -> Collection:
    return Collection("sector", server.url, **more)


def held(file: Path) -> list[str]:
    return [one["id"][-1] for one in json.loads(file.read_bytes())["objects"]]


def named(estate: Path, server: Server) -> None:
    (estate / "intel").mkdir()
    text = f'[[feed]]\nid = "sector"\npath = "sector.json"\ntaxii = "{server.url}"\n'
    (estate / "intel" / "feeds.toml").write_text(text)


def test_pages_and_then_only_what_is_new(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "feeds" / "sector.json"
    server.added = [(f"2026-05-0{day}T00:00:00.000001Z", indicator(day)) for day in range(1, 6)]
    done = pull(of(server), file, {})
    assert (done.fetched, done.held, done.pages, done.since) == (5, 5, 3, "")
    assert [one.get("next") for one in server.asked] == [None, "2", "4"] and held(file) == list("12345")
    server.asked.clear()
    server.added.append(("2026-05-06T00:00:00.000001Z", indicator(6)))
    counted: list[int] = []
    done = pull(of(server), file, {}, advance=counted.append)
    assert (done.fetched, done.held, done.pages, counted) == (1, 6, 1, [1])
    assert server.asked == [{"limit": "1000", "added_after": "2026-05-05T00:00:00.000001Z"}]
    before = file.read_bytes()
    assert pull(of(server), file, {}).fetched == 0 and file.read_bytes() == before, "nothing new changes nothing"


def test_the_newest_version_is_kept_and_what_is_revoked_holds_no_more(server: Server, tmp_path: Path) -> None:
    (tmp_path / "intel").mkdir()
    (tmp_path / "intel" / "feeds.toml").write_text(
        f'[[feed]]\nid = "sector"\npath = "sector.json"\ntaxii = "{server.url}"\n'
    )
    server.added = [("2026-05-01Z", indicator(1)), ("2026-05-01Z", indicator(2))]
    pull(of(server), tmp_path / "sector.json", {})

    def known() -> set[str]:
        found = read(tmp_path, zone_named("UTC"), random_key())
        assert found is not None and not found.broken
        every = [f"198.51.100.{number}" for number in (1, 2, 3)]
        return {value for value in every if found.intelligence.about(value, 1_790_000_000_000)}

    assert known() == {"198.51.100.1", "198.51.100.2"}
    server.added += [
        ("2026-05-02Z", indicator(1, revoked=True, modified="2026-05-02T00:00:00Z")),
        ("2026-05-03Z", indicator(2, modified="2026-04-01T00:00:00Z", pattern="[ipv4-addr:value = '198.51.100.3']")),
    ]
    assert pull(of(server), tmp_path / "sector.json", {}).held == 2
    assert known() == {"198.51.100.2"}, "an older version that came later is older all the same"


def test_a_feed_that_was_never_fetched_says_how(server: Server, tmp_path: Path) -> None:
    (tmp_path / "intel").mkdir()
    (tmp_path / "intel" / "feeds.toml").write_text(
        f'[[feed]]\nid = "sector"\npath = "sector.json"\ntaxii = "{server.url}"\n'
    )
    found = read(tmp_path, zone_named("UTC"), random_key())
    assert found is not None and "watchfloor pull" in str(found.broken[0])
    assert server.asked == [], "reading fetches nothing"


def test_who_we_are(server: Server, tmp_path: Path) -> None:
    server.added = [("2026-05-01Z", indicator(1))]
    secret = {"SECRET": "pa:ss wörd"}
    pull(of(server, user="ada", password_env="SECRET"), tmp_path / "a.json", secret)
    pull(of(server, token_env="SECRET"), tmp_path / "b.json", {"SECRET": "t0ken"})
    pull(of(server), tmp_path / "c.json", secret)
    pair = base64.b64encode("ada:pa:ss wörd".encode()).decode()
    assert server.authorisations == [f"Basic {pair}", "Bearer t0ken", None]
    for file in tmp_path.iterdir():
        assert b"t0ken" not in file.read_bytes() and pair.encode() not in file.read_bytes()
    for value in ("", "two\nlines"):
        with pytest.raises(SourceRefused, match="SECRET") as refused:
            pull(of(server, token_env="SECRET"), tmp_path / "d.json", {"SECRET": value})
        assert "lines" not in refused.value.what or not value
    assert len(server.asked) == 3, "without credentials nobody is asked"


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (401, SourceRefused, "401"),
        (403, SourceRefused, "let this account read"),
        (404, SourceMalformed, "collection's id"),
        (406, SourceMalformed, "2.1"),
        (418, SourceMalformed, "418"),
        (429, SourceMalformed, "in 90 s"),
        (500, SourceUnreachable, "their fault"),
        (503, SourceUnreachable, "in 90 s"),
        (301, SourceRefused, "https://elsewhere.example.com/"),
    ],
)
def test_what_a_server_refuses(status: int, kind: type[SourceError], says: str, server: Server, tmp_path: Path) -> None:
    server.added = [("2026-05-01Z", indicator(1))]
    pull(of(server), tmp_path / "a.json", {})
    before = (tmp_path / "a.json").read_bytes()
    server.status, server.headers = status, {"Retry-After": "in 90 s", "Location": "https://elsewhere.example.com/"}
    with pytest.raises(kind) as error:
        pull(of(server, token_env="T"), tmp_path / "a.json", {"T": "t0ken"})
    assert says in str(error.value) and "->" in str(error.value) and "sector" in str(error.value)
    assert "t0ken" not in str(error.value) and (tmp_path / "a.json").read_bytes() == before


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"<html>", {"Content-Type": "text/html"}, "text/html"),
        (b"{", {}, "no JSON"),
        (b"[]", {}, "no envelope"),
        (b'{"objects": [1]}', {}, "no envelope"),
        (b'{"objects": [{"type": "indicator"}]}', {}, "no envelope"),
        (b'{"more": true, "objects": []}', {}, "there is more"),
        (json.dumps({"more": True, "objects": [indicator(1)]}).encode(), {}, "there is more"),
        (b'{"objects": []}' + b" " * 2_000_000, {}, "1 MB"),
    ],
)
def test_what_is_no_taxii(body: bytes, headers: dict[str, str], says: str, server: Server, tmp_path: Path) -> None:
    server.body, server.headers = body, headers
    with pytest.raises(SourceMalformed, match=says):
        pull(of(server, max_mb=1), tmp_path / "a.json", {})
    assert not (tmp_path / "a.json").exists()


def test_a_server_that_pages_for_ever(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taxii, "MOST_PAGES", 5)
    server.body = json.dumps({"more": True, "next": "x", "objects": [indicator(1)]}).encode()
    with pytest.raises(SourceMalformed, match="there is more"):
        pull(of(server), tmp_path / "a.json", {})
    assert len(server.asked) == 5


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        closed = Collection("sector", f"http://127.0.0.1:{taken.getsockname()[1]}/api1/collections/x/")
        with pytest.raises(SourceUnreachable, match=r"127\.0\.0\.1:\d+ cannot be reached: Connection refused"):
            pull(closed, tmp_path / "a.json", {})


def test_what_others_wrote_is_not_replaced(server: Server, tmp_path: Path) -> None:
    server.added = [("2026-05-01Z", indicator(1))]
    for content in (b'{"type": "bundle", "objects": []}', b"no json", b"[]"):
        (tmp_path / "a.json").write_bytes(content)
        with pytest.raises(SourceMalformed, match="cannot go here"):
            pull(of(server), tmp_path / "a.json", {})
        assert (tmp_path / "a.json").read_bytes() == content
    assert server.asked == []


def test_another_collection_begins_anew(server: Server, tmp_path: Path) -> None:
    server.added = [("2026-05-01Z", indicator(1))]
    pull(of(server), tmp_path / "a.json", {})
    told = json.loads((tmp_path / "a.json").read_bytes())
    told[taxii.OURS]["url"] = "https://taxii.example.com/other/"
    told["objects"] = [indicator(9)]
    (tmp_path / "a.json").write_text(json.dumps(told))
    assert pull(of(server), tmp_path / "a.json", {}).since == "" and held(tmp_path / "a.json") == ["1"]


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"taxii": "http://taxii.example.com/c/1/"}, "taxii"),
        ({"taxii": "ftp://taxii.example.com/c/1/"}, "taxii"),
        ({"taxii": "https:///c/1/"}, "taxii"),
        ({"taxii": "https://ada:secret@taxii.example.com/c/1/"}, "taxii"),
        ({"taxii": "https://taxii.example.com/c/1/?x=1"}, "taxii"),
        ({"taxii": "https://taxii.example.com:99999/c/1/"}, "taxii"),
        ({"taxii": 5}, "taxii"),
        ({"user": "ada", "password_env": "P"}, "user"),
        ({"taxii": "https://taxii.example.com/c/1/", "user": "ada"}, "user"),
        ({"taxii": "https://taxii.example.com/c/1/", "password_env": "P"}, "password_env"),
        ({"taxii": "https://taxii.example.com/c/1/", "token_env": "my token"}, "token_env"),
        ({"taxii": "https://taxii.example.com/c/1/", "user": "a", "password_env": "P", "token_env": "T"}, "token_env"),
        ({"taxii": "https://taxii.example.com/c/1/", "max_mb": 0}, "max_mb"),
    ],
)
def test_what_cannot_be_fetched_so(given: dict[str, Any], key: str) -> None:
    with pytest.raises(NoCollection) as error:
        collection_of("sector", given)
    assert error.value.key == key and error.value.remedy and "secret" not in error.value.remedy


def test_what_can() -> None:
    assert collection_of("sector", {"path": "x"}) is None
    found = collection_of("sector", {"taxii": "https://taxii.example.com/c/1", "token_env": "T", "max_mb": 5})
    assert found == Collection("sector", "https://taxii.example.com/c/1/", token_env="T", max_mb=5)
