"""Google Cloud audit logs (LogEntry with a protoPayload of google.cloud.audit.AuditLog).

`protoPayload.methodName` is the event code, `serviceName` the log provider, the last part of `logName` the log's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from watchfloor.collect.convert import boolean, ip, iso, json
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.collect.records import Records
from watchfloor.ocsf.column import Column

FIRST_LEVEL = ("protoPayload", "insertId", "logName", "receiveTimestamp")
"""Names of the first level that some lakes lower-case."""

ACCOUNT: Mapping[str, int] = {
    "CreateServiceAccount": 1, "EnableServiceAccount": 2, "UndeleteServiceAccount": 2, "DisableServiceAccount": 5,
    "DeleteServiceAccount": 6, "PatchServiceAccount": 99, "UpdateServiceAccount": 99, "CreateServiceAccountKey": 99,
    "UploadServiceAccountKey": 99, "DeleteServiceAccountKey": 99, "DisableServiceAccountKey": 99,
    "EnableServiceAccountKey": 99,
}  # fmt: skip
"""Last part of a method of iam.googleapis.com -> OCSF account_change activity."""

SIGN_IN: Mapping[str, int] = {
    "google.login.LoginService.loginSuccess": 1, "google.login.LoginService.loginFailure": 1,
    "google.login.LoginService.loginChallenge": 6, "google.login.LoginService.loginVerification": 6,
    "google.login.LoginService.logout": 2, "AuthorizeUser": 1,
}  # fmt: skip
"""Method of login.googleapis.com and iap.googleapis.com -> OCSF authentication activity."""

VERBS: tuple[tuple[str, int], ...] = (
    ("create", 1), ("insert", 1), ("import", 1), ("upload", 1), ("add", 1), ("generate", 1), ("run", 1),
    ("batchcreate", 1),
    ("get", 2), ("list", 2), ("search", 2), ("aggregatedlist", 2), ("query", 2), ("read", 2), ("watch", 2),
    ("access", 2),
    ("download", 2), ("decrypt", 2), ("check", 2), ("export", 2), ("lookup", 2),
    ("update", 3), ("patch", 3), ("set", 3), ("replace", 3), ("enable", 3), ("disable", 3), ("attach", 3),
    ("detach", 3),
    ("start", 3), ("stop", 3), ("reset", 3), ("move", 3), ("undelete", 3), ("resize", 3), ("rotate", 3),
    ("delete", 4), ("remove", 4), ("destroy", 4), ("deletecollection", 4), ("purge", 4),
)  # fmt: skip
"""How the last part of a method begins, lower case -> OCSF api_activity activity."""

SEVERITY = {"DEFAULT": 1, "DEBUG": 1, "INFO": 1, "NOTICE": 1, "WARNING": 3, "ERROR": 4, "CRITICAL": 5,
            "ALERT": 5, "EMERGENCY": 6}  # fmt: skip
"""LogEntry severity -> OCSF severity."""

CODES = {"1": "CANCELLED", "2": "UNKNOWN", "3": "INVALID_ARGUMENT", "5": "NOT_FOUND", "6": "ALREADY_EXISTS",
         "7": "PERMISSION_DENIED", "9": "FAILED_PRECONDITION", "13": "INTERNAL", "16": "UNAUTHENTICATED"}  # fmt: skip
"""google.rpc.Code -> name."""


def normalise(records: Records, settings: Mapping[str, Any]) -> Records:
    """Pub/Sub's envelope off; the first level of names as Google spells it."""
    lowered = {name.lower(): name for name in FIRST_LEVEL}
    names = records.names
    wrapped = any(name.startswith("data.protoPayload.") for name in names)
    renamed: dict[str, str] = {}
    for name in names:
        bare = name.removeprefix("data.") if wrapped else name
        head, dot, rest = bare.partition(".")
        wanted = lowered.get(head.lower(), head) + dot + rest
        if wanted != name:
            renamed[name] = wanted
    return records.rename(renamed) if renamed else records


def classify(r: Record) -> Column:
    """By method and service."""
    service = r.read("protoPayload.serviceName")
    known = r.read("protoPayload.methodName").zip(service, _family)
    loose = service.coalesce(r.read("protoPayload.authorizationInfo[]")).map(lambda _: "call")
    return known.coalesce(loose, r.constant("other"))


def _family(method: str | None, service: str | None) -> str | None:
    if method is None:
        return None
    last = method.rpartition(".")[2]
    if method in SIGN_IN:
        return "sign_in"
    if last in ACCOUNT and (service in ("iam.googleapis.com", None) or "iam" in method):
        return "account"
    return "access" if last.lower() in ("setiampolicy", "setiampermissions") else "call"


def _common(r: Record) -> dict[str, Any]:
    """What every audited call says."""
    method, service = r.take("protoPayload.methodName"), r.take("protoPayload.serviceName")
    time = r.take("timestamp")
    code = r.read("protoPayload.status.code")
    who = r.read("protoPayload.authenticationInfo.principalEmail").coalesce(
        r.read("protoPayload.authenticationInfo.principalSubject")
    )
    granted = r.read("protoPayload.authorizationInfo[]", json(_granted), boolean)
    # An empty status means success; a refused permission without a status does not.
    refused = granted.map(lambda ok: None if ok else 2)
    name = r.take("logName")
    caller = r.read("protoPayload.requestMetadata.callerIp").coalesce(r.read("protoPayload.requestMetadata.callerIP"))
    return {
        "time": iso(time.coalesce(r.read("receiveTimestamp"), r.read("p_event_time"))),
        "metadata.original_time": time,
        "metadata.original_event_uid": r.take("insertId"),
        "metadata.event_code": method,
        "metadata.log_provider": service,
        "metadata.log_name": name.map(lambda text: unquote(text).rpartition("/")[2]),
        "metadata.source": name,
        "metadata.log_level": r.read("severity"),
        "severity_id": r.read("severity").map(lambda text: SEVERITY.get(text.upper(), 1)).coalesce(r.constant(1)),
        "status_id": code.map(lambda text: 1 if text == "0" else 2).coalesce(refused, r.constant(1)),
        "status_code": code.map(lambda text: CODES.get(text, text)),
        "status_detail": r.take("protoPayload.status.message"),
        "action_id": granted.map(lambda ok: 1 if ok else 2),
        "api.operation": method.coalesce(r.constant("unknown")),
        "api.service.name": service,
        "api.response.code": code.map(lambda text: int(text) if text.isdigit() else None),
        "actor.user.name": who.coalesce(r.constant("unknown")),
        "actor.user.email_addr": who.keep(lambda text: "@" in text and ":" not in text),
        "actor.user.type_id": who.map(lambda text: 4 if "gserviceaccount.com" in text else 1).coalesce(r.constant(0)),
        "actor.user.credential_uid": r.take("protoPayload.authenticationInfo.serviceAccountKeyName"),
        "cloud.provider": "GCP",
        "cloud.project_uid": r.take("resource.labels.project_id"),
        "cloud.region": r.read("resource.labels.location")
        .coalesce(r.read("resource.labels.region"), r.read("resource.labels.zone"))
        .keep(lambda text: text != ""),
        "src_endpoint.ip": ip(caller),
        "src_endpoint.svc_name": caller.map(lambda text: text if ip(Column.constant(text, 1)).all_missing else None),
        "http_request.user_agent": r.take("protoPayload.requestMetadata.callerSuppliedUserAgent"),
    }


def _granted(items: list[dict[str, Any]]) -> str | None:
    said = [item["granted"] for item in items if "granted" in item]
    return None if not said else "true" if all(said) else "false"


def _last(method: str) -> str:
    return method.rpartition(".")[2]


@maps("sign_in")
def sign_in(r: Record) -> Mapped:
    """Google's login audit as Cloud Logging holds it."""
    common = _common(r)
    method = common["metadata.event_code"]
    failed = method.map(lambda text: 2 if text.endswith("loginFailure") else None)
    common["status_id"] = failed.coalesce(common["status_id"])
    return event(
        "authentication",
        common,
        activity_id=method.map(lambda text: SIGN_IN.get(text, 1)),
        is_remote=True,
        user={"name": common["actor.user.name"], "email_addr": common["actor.user.email_addr"]},
        service={"name": common["api.service.name"].coalesce(r.constant("google"))},
    )


@maps("account")
def account(r: Record) -> Mapped:
    """Service accounts and their keys."""
    common = _common(r)
    activity = common["metadata.event_code"].map(lambda text: ACCOUNT.get(_last(text), 99))
    name = r.read("protoPayload.response.email").coalesce(
        r.read("resource.labels.email_id"),
        r.read("protoPayload.request.account_id"),
        r.read("protoPayload.resourceName"),
    )
    return event(
        "account_change",
        common,
        activity_id=activity,
        activity_name=activity.zip(
            common["metadata.event_code"], lambda code, text: _last(text) if code == 99 else None
        ),
        user={
            "name": name.coalesce(common["actor.user.name"]),
            "uid": r.read("protoPayload.response.unique_id"),
            "type_id": 4,
        },
    )


@maps("access")
def access(r: Record) -> Mapped:
    """IAM policies; the user is the first member of the first binding that was added or removed."""
    common = _common(r)
    delta = r.read("protoPayload.serviceData.policyDelta.bindingDeltas[]").coalesce(
        r.read("protoPayload.metadata.policyDelta.bindingDeltas[]")
    )
    bound = r.read("protoPayload.request.policy.bindings[]")
    member = delta.map(lambda text: _binding(text, "member")).coalesce(
        bound.map(lambda text: _binding(text, "members"))
    )
    role = delta.map(lambda text: _binding(text, "role")).coalesce(bound.map(lambda text: _binding(text, "role")))
    removed = delta.map(lambda text: 2 if _binding(text, "action") == "REMOVE" else 1)
    return event(
        "user_access",
        common,
        activity_id=removed.coalesce(r.constant(1)),
        user={"name": member.map(lambda text: text.partition(":")[2] or text).coalesce(common["actor.user.name"])},
        privileges=role.coalesce(common["api.operation"]).map(lambda text: [text]),
        resource={
            "name": r.read("protoPayload.resourceName"),
            "type": r.read("resource.type"),
        },
    )


def _binding(text: str, field: str) -> str | None:
    try:
        value = orjson.loads(text)[0].get(field)
    except (ValueError, LookupError, AttributeError):
        return None
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) else None


@maps("call")
def call(r: Record) -> Mapped:
    """Any other call."""
    common = _common(r)
    method = common["metadata.event_code"]
    activity = method.map(_activity).coalesce(r.constant(0))
    kind = r.read("resource.type")
    name = r.read("protoPayload.resourceName")
    return event(
        "api_activity",
        common,
        activity_id=activity,
        activity_name=activity.zip(method, lambda code, text: _last(text) if code == 99 and text else None),
        resources=name.zip(kind, lambda found, type_: [{"name": found, "type": type_}] if found else None),
    )


def _activity(method: str) -> int:
    last = _last(method).lower()
    return next((code for verb, code in VERBS if last.startswith(verb)), 99)


@maps("other")
def other(r: Record) -> Mapped:
    """A log entry without an audited call, or a lake's envelope."""
    time = r.read("timestamp").coalesce(r.read("receiveTimestamp"), r.read("p_event_time"))
    level = r.read("severity").map(lambda text: SEVERITY.get(text.upper(), 1)).coalesce(r.constant(1))
    return event("base_event", time=iso(time), severity_id=level, message=r.read("textPayload"))
