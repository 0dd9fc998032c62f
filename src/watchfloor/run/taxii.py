"""TAXII 2.1 collections, fetched when somebody asks for it, into the file of a feed (OASIS Standard, 10 June 2021).

    GET <collection>objects/?added_after=<last time>&limit=<page>      pages until `more` is false (sections 3.4, 5.4)
    feeds/sector.json    one STIX bundle: of each object the version that was fetched last; and how far we are

Nothing here runs by itself. What the server learns is our address, when we ask, as whom, and since when we want to
know; never an indicator that was looked up, nor what was found.
"""

from __future__ import annotations

import base64
import http.client
import os
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

import orjson

from watchfloor.detect.intel.collection import Collection, is_loopback
from watchfloor.errors import SourceError, SourceMalformed, SourceRefused, SourceUnreachable
from watchfloor.store.disk import make_folder, replace_durably

__all__ = ["MEDIA", "Pulled", "pull"]

MEDIA = "application/taxii+json;version=2.1"
PAGE = 1000
"""Objects asked for at a time; the server may give fewer."""

MOST_PAGES = 10_000
SECONDS = 30.0
"""How long a server may keep us waiting for the next bytes."""

OURS = "x_watchfloor_taxii"
"""Property of the bundle: from where, and how far we are. What we fetched and that we have it are one write."""

REMEDIES: Mapping[int, str] = {
    401: "check user and password_env, or token_env, of the feed, and what the variable holds",
    403: "ask whoever runs the server to let this account read the collection",
    404: "check the URL: it ends with the collection's id",
    406: "the server does not speak TAXII 2.1: ask for its 2.1 address",
    413: "ask whoever runs the server: no page is small enough for it",
    429: "ask less often; it says when: {after}",
    500: "it is their fault: try again later",
    502: "it is their fault: try again later",
    503: "try again later; it says when: {after}",
}
"""Status -> what to do."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of one feed.

    Args:
        fetched: objects that came.
        held: objects in the file now.
        pages: answers.
        since: what was asked for is newer than this, as the server writes times; "" asked for everything.
    """

    feed: str
    file: Path
    fetched: int
    held: int
    pages: int
    since: str


def pull(
    collection: Collection,
    file: Path,
    environment: Mapping[str, str],
    *,
    advance: Callable[[int], None] = lambda objects: None,
) -> Pulled:
    """Fetch what is new in a collection; the file is as it was until all of it is there.

    Args:
        environment: variables, of which those that the collection names are read.
        advance: told after each page how many objects it had.

    Raises:
        SourceRefused: no credentials, or not good enough.
        SourceUnreachable: nobody answers.
        SourceMalformed: what answers is no TAXII 2.1, or too large.
        StoreError: the file cannot be written.
    """
    headers = {"Accept": MEDIA, "User-Agent": "watchfloor", **_credentials(collection, environment)}
    held, since = _held(file, collection)
    asked: dict[str, str] = {"limit": str(PAGE), **({"added_after": since} if since else {})}
    fetched = pages = size = 0
    until = since
    while True:
        payload, told = _get(collection, f"objects/?{urlencode(asked)}", headers, collection.max_mb * 1_000_000 - size)
        size += len(payload)
        pages += 1
        envelope = _envelope(collection, payload)
        objects = envelope.get("objects", [])
        for one in objects:
            before = held.get(one["id"])
            if before is None or str(one.get("modified", "")) >= str(before.get("modified", "")):
                held[one["id"]] = one
        fetched += len(objects)
        advance(len(objects))
        until = told.get("X-TAXII-Date-Added-Last") or until
        if not envelope.get("more"):
            break
        if not envelope.get("next") or not objects or pages >= MOST_PAGES:
            raise _wrong(collection, "says there is more, and not how to get it")
        asked = {**asked, "next": str(envelope["next"])}
    bundle = {
        "type": "bundle",
        "id": f"bundle--{uuid.uuid5(uuid.NAMESPACE_URL, collection.url)}",
        OURS: {"url": collection.url, "added_after": until},
        "objects": list(held.values()),
    }
    make_folder(file.parent)
    replace_durably(file, orjson.dumps(bundle, option=orjson.OPT_INDENT_2))
    return Pulled(collection.feed, file, fetched, len(held), pages, since)


def _credentials(collection: Collection, environment: Mapping[str, str]) -> dict[str, str]:
    """The header that says who we are; none where the collection wants to know nothing.

    Raises:
        SourceRefused: the variable is not set, or holds what no header may hold.
    """
    variable = collection.password_env or collection.token_env
    if not variable:
        return {}
    secret = environment.get(variable, "")
    if not secret or not secret.isprintable():
        what = "is not set" if not secret else "holds line breaks or the like"
        raise SourceRefused(
            f"feed {collection.feed!r}: the environment variable {variable} {what}",
            remedy=f"set {variable} for whoever runs `watchfloor pull`; it stands in no file",
        )
    if collection.token_env:
        return {"Authorization": f"Bearer {secret}"}
    pair = base64.b64encode(f"{collection.user}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _held(file: Path, collection: Collection) -> tuple[dict[str, dict[str, Any]], str]:
    """What was fetched before, by id, and until when; nothing of another collection.

    Raises:
        SourceMalformed: the file is not ours: what somebody else wrote is not replaced.
    """
    try:
        bundle = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        return {}, ""
    except (OSError, orjson.JSONDecodeError) as error:
        raise _not_ours(file, str(error)) from None
    ours = bundle.get(OURS) if isinstance(bundle, dict) else None
    if not isinstance(ours, dict):
        raise _not_ours(file, "it was not fetched by watchfloor")
    if ours.get("url") != collection.url:
        return {}, ""
    return {one["id"]: one for one in bundle["objects"]}, str(ours.get("added_after") or "")


def _not_ours(file: Path, why: str) -> SourceMalformed:
    return SourceMalformed(
        f"what is fetched cannot go here: {why}",
        file=file,
        remedy="give the feed a path of its own, or move that file away: then all of it is fetched anew",
    )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Nobody is sent elsewhere with our password."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def _get(collection: Collection, path: str, headers: Mapping[str, str], room: int) -> tuple[bytes, Mapping[str, str]]:
    """One answer and its headers; at most `room` bytes.

    Raises:
        SourceRefused, SourceUnreachable, SourceMalformed: as the error says.
    """
    handlers: list[urllib.request.BaseHandler] = [
        _NoRedirect(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
    ]
    if is_loopback(collection.url):
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(collection.url + path, headers=dict(headers))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=SECONDS) as answer:
            payload: bytes = answer.read(room + 1)
            told: Mapping[str, str] = answer.headers
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(collection, error) from None
    except urllib.error.URLError as error:
        raise _unreachable(collection, error.reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(collection, error) from None
    kind = told.get("Content-Type", "").replace(" ", "").lower()
    if not kind.startswith("application/taxii+json"):
        raise _wrong(collection, f"answers with {kind or 'nothing that says what it is'}, not with {MEDIA}")
    if len(payload) > room:
        raise SourceMalformed(
            f"feed {collection.feed!r}: more than {collection.max_mb} MB came from {collection.host}",
            remedy="if it may be that large, raise max_mb of the feed; the file is as it was",
        )
    return payload, told


def _envelope(collection: Collection, payload: bytes) -> dict[str, Any]:
    """An envelope (section 3.7): objects, and whether there are more."""
    try:
        found = orjson.loads(payload) if payload.strip() else {}
    except orjson.JSONDecodeError as error:
        raise _wrong(collection, f"answers with what is no JSON: {error.msg}") from None
    objects = found.get("objects", []) if isinstance(found, dict) else None
    if not isinstance(objects, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in objects
    ):
        raise _wrong(collection, "answers with what is no envelope of objects")
    return dict(found)


def _refused(collection: Collection, error: urllib.error.HTTPError) -> SourceError:
    after = error.headers.get("Retry-After") or "it does not"
    if error.code in (301, 302, 303, 307, 308):
        where = error.headers.get("Location") or "nowhere"
        return SourceRefused(
            f"feed {collection.feed!r}: {collection.host} sends us to {where!r}",
            remedy="if that is right, write that URL into the feed: nobody is followed with a password",
        )
    kind = SourceRefused if error.code in (401, 403) else SourceMalformed if error.code < 500 else SourceUnreachable
    remedy = REMEDIES.get(error.code, "ask whoever runs the server")
    return kind(
        f"feed {collection.feed!r}: {collection.host} answers {error.code} {http.client.responses.get(error.code, '')}",
        remedy=remedy.format(after=after if after.isprintable() else "unreadably"),
    )


def _unreachable(collection: Collection, reason: object) -> SourceUnreachable:
    if isinstance(reason, ssl.SSLCertVerificationError):
        what, remedy = (
            f"its certificate is not to be trusted: {reason.verify_message}",
            "nothing was sent; ask its owner",
        )
    elif isinstance(reason, TimeoutError):
        what, remedy = f"no answer within {SECONDS:.0f} s", "try again later; or a firewall is in the way"
    else:
        number = reason.errno if isinstance(reason, OSError) else None
        told = os.strerror(number) if number and number > 0 else str(reason)
        what, remedy = told or type(reason).__name__, "check the URL, the network, and the proxy"
    return SourceUnreachable(f"feed {collection.feed!r}: {collection.host} cannot be reached: {what}", remedy=remedy)


def _wrong(collection: Collection, what: str) -> SourceMalformed:
    return SourceMalformed(
        f"feed {collection.feed!r}: {collection.host} {what}",
        remedy="check that the URL is that of a TAXII 2.1 collection; the file is as it was",
    )
