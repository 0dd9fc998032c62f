"""Kubernetes API server audit (audit.k8s.io/v1 Event), from the server, from EKS, or inside Azure's envelope (AKS).

`verb` is the event code. AKS puts the server's record as text into `properties.log`; it is decoded once per record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from watchfloor.collect.convert import integer, ip, iso, json
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

VERBS: Mapping[str, int] = {
    "create": 1, "get": 2, "list": 2, "watch": 2, "update": 3, "patch": 3, "replace": 3, "delete": 4,
    "deletecollection": 4, "post": 1, "put": 3, "head": 2, "options": 2, "connect": 99, "proxy": 99,
}  # fmt: skip
"""Request verb -> OCSF api_activity activity."""

ANONYMOUS = ("system:anonymous", "system:unauthenticated")
WRAPPED = "properties.log"
DECODED = ("objectRef.resource", "objectRef.subresource", "objectRef.namespace", "objectRef.name", "requestURI")
"""What rules ask of a record beyond what OCSF holds; of a wrapped one it is put where the record's own would be."""


def classify(r: Record) -> Column:
    """A request has a verb."""
    return _read(r, "verb").coalesce(_read(r, "requestURI")).map(lambda _: "request").coalesce(r.constant("other"))


def _read(r: Record, name: str) -> Column:
    """A field of the record, or of the record inside Azure's envelope."""
    own = r.read(name)
    if not r.has(WRAPPED):
        return own
    steps = name.removesuffix("[]").split(".")

    def dig(text: str) -> str | None:
        try:
            node: Any = orjson.loads(text)
            for step in steps:
                node = node[step]
        except (ValueError, KeyError, TypeError):
            return None
        return node if isinstance(node, str) else None if node is None else orjson.dumps(node).decode()

    return own.coalesce(r.read(WRAPPED).map(dig))


@maps("request")
def request(r: Record) -> Mapped:
    """One request at one stage."""
    verb, uri = _read(r, "verb"), _read(r, "requestURI")
    received = _read(r, "requestReceivedTimestamp")
    time = _read(r, "stageTimestamp").coalesce(received, r.read("time"), r.read("p_event_time"))
    user, code = _read(r, "user.username"), _read(r, "responseStatus.code")
    kind, name = _read(r, "objectRef.resource"), _read(r, "objectRef.name")
    part, space = _read(r, "objectRef.subresource"), _read(r, "objectRef.namespace")
    activity = verb.map(lambda text: VERBS.get(text.lower(), 99)).coalesce(r.constant(0))
    resource = kind.zip(part, lambda what, sub: f"{what}/{sub}" if what and sub else what)
    named = resource.zip(name, lambda what, which: (what, which) if what or which else None)
    wrapped = {}
    if r.has(WRAPPED):
        wrapped = {f"unmapped.{field}": _read(r, field) for field in DECODED}
        r.ignore(*DECODED)
    full = named.zip(space, _resource)
    decision = _read(r, "annotations.authorization.k8s.io/decision")
    return event(
        "api_activity",
        wrapped,
        time=iso(time),
        start_time=iso(received),
        metadata={
            "original_time": time,
            "original_event_uid": _read(r, "auditID"),
            "event_code": verb,
            "log_name": "audit",
            "log_level": _read(r, "level"),
            "log_version": _read(r, "apiVersion"),
        },
        activity_id=activity,
        activity_name=activity.zip(verb, lambda number, text: text if number == 99 else None),
        severity_id=1,
        message=_read(r, "stage"),
        status_id=code.map(_outcome),
        status_code=code,
        status_detail=_read(r, "responseStatus.reason").coalesce(_read(r, "responseStatus.message")),
        action_id=decision.map({"allow": 1, "forbid": 2}.get),
        api={
            "operation": verb.coalesce(r.constant("unknown")),
            "version": _read(r, "objectRef.apiVersion"),
            "group.name": _read(r, "objectRef.apiGroup"),
            "service.name": "kube-apiserver",
            "request.uid": _read(r, "auditID"),
            "response.code": integer(code),
            "response.message": _read(r, "responseStatus.message"),
        },
        actor={
            "user": {
                "name": user.coalesce(r.constant("unknown")),
                "uid": _read(r, "user.uid"),
                "account.uid": _extra(r, "arn").map(lambda arn: arn.split(":")[4] if arn.count(":") > 4 else None),
                "type_id": user.map(_user_type).coalesce(r.constant(0)),
                "groups": json(lambda names: [{"name": name} for name in names] or None)(_read(r, "user.groups[]")),
            },
            "invoked_by": _read(r, "impersonatedUser.username"),
            "session": {
                "uid": _extra(r, "sessionName"),
                "issuer": _extra(r, "canonicalArn"),
                "credential_uid": _extra(r, "accessKeyId"),
            },
        },
        src_endpoint={
            "ip": ip(json(lambda addresses: addresses[0])(_read(r, "sourceIPs[]"))),
            "name": user.coalesce(r.constant("unknown")),
        },
        http_request={
            "user_agent": _read(r, "userAgent"),
            "url.path": uri.map(lambda text: text.partition("?")[0]),
            "url.query_string": uri.map(lambda text: text.partition("?")[2] or None),
        },
        resources=full,
    )


def _extra(r: Record, name: str) -> Column:
    """What EKS' authenticator adds to a user: the first of each list."""
    return json(lambda found: found[0])(_read(r, f"user.extra.{name}[]"))


def _resource(found: Any, space: str | None) -> list[dict[str, str | None]] | None:
    if found is None:
        return None
    what, which = found
    return [{"name": which or what, "type": what, "namespace": space}]


def _outcome(code: str) -> int:
    return 1 if code[:1] in "123" else 2


def _user_type(name: str) -> int:
    if name in ANONYMOUS:
        return 0
    return 4 if name.startswith("system:serviceaccount:") else 3 if name.startswith("system:") else 1


@maps("other")
def other(r: Record) -> Mapped:
    """A lake's envelope without a request."""
    return event("base_event", time=iso(r.read("time").coalesce(r.read("p_event_time"))), severity_id=1)
