"""Which TAXII collection a feed is fetched from, and as whom: the keys of `[[feed]]` that say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

__all__ = ["KEYS", "Collection", "NoCollection", "collection_of", "is_loopback"]

KEYS: Mapping[str, str] = {
    "taxii": "URL of a TAXII 2.1 collection; `watchfloor pull` fetches it into `path`, which is one file then",
    "user": "name to fetch it with (HTTP Basic); its password is in `password_env`",
    "password_env": "name of the environment variable that holds the password",
    "token_env": "name of the environment variable that holds a token (HTTP Bearer), instead of user and password",
    "max_mb": "it is larger: refuse it (default: 256)",
}
"""Keys of `[[feed]]`, and what they are for."""

MAX_MB = 256
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


class NoCollection(Exception):
    """Why it cannot be fetched so: which key, what is wrong, what to write instead."""

    def __init__(self, key: str, what: str, remedy: str) -> None:
        super().__init__(what)
        self.key, self.what, self.remedy = key, what, remedy


@dataclass(frozen=True, slots=True)
class Collection:
    """Where a feed is fetched from.

    Args:
        feed: its id.
        url: of the collection, with a slash behind it (TAXII 2.1, section 5.2).
        user, password_env, token_env: who we say we are; names of environment variables, never what they hold.
    """

    feed: str
    url: str
    user: str = ""
    password_env: str = ""
    token_env: str = ""
    max_mb: int = MAX_MB

    @property
    def host(self) -> str:
        """The machine it is on, with the port where it is named."""
        return urlsplit(self.url).netloc


def is_loopback(url: str) -> bool:
    """Whether what is sent there stays on this machine."""
    return LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None


def collection_of(feed: str, one: Mapping[str, Any]) -> Collection | None:
    """The collection that a `[[feed]]` names; None where it names none.

    Raises:
        NoCollection: it cannot be fetched so.
    """
    given = {key: one[key] for key in KEYS if key in one}
    if not given:
        return None
    for key, value in given.items():
        if key != "max_mb" and (not isinstance(value, str) or not value):
            raise NoCollection(key, f"{key} is no text", KEYS[key])
    if "taxii" not in given:
        raise NoCollection(next(iter(given)), "there is no collection to fetch", f"add taxii: {KEYS['taxii']}")
    url, size = given["taxii"], given.get("max_mb", MAX_MB)
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= 4096:
        raise NoCollection("max_mb", f"max_mb {size!r} is no number of megabytes", "like 256, at most 4096")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("https", "http") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise NoCollection("taxii", f"{url!r} is no URL", "like https://taxii.example.com/api1/collections/91a7b528/")
    if "@" in parts.netloc:
        raise NoCollection("taxii", "a URL is no place for a password", "use user and password_env")
    if parts.query or parts.fragment:
        raise NoCollection(
            "taxii", "the URL of a collection has nothing behind its path", "end it with the collection's id"
        )
    if parts.scheme == "http" and not is_loopback(url):
        raise NoCollection("taxii", "over http everybody on the way reads and writes along", "use https")
    for key in ("password_env", "token_env"):
        if key in given and not VARIABLE.fullmatch(given[key]):
            raise NoCollection(
                key, f"{key} is no name of an environment variable", "name it; what it holds stays outside"
            )
    if ("user" in given) != ("password_env" in given):
        raise NoCollection(
            "user" if "user" in given else "password_env", "user and password_env belong together", "give both or none"
        )
    if "user" in given and "token_env" in given:
        raise NoCollection("token_env", "two ways to say who we are", "give user and password_env, or token_env")
    return Collection(feed, url.removesuffix("/") + "/", **{k: v for k, v in given.items() if k != "taxii"})
