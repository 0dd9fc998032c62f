"""Okta System Log (LogEvent object of the System Log API, event types catalogue).

`eventType` is the event code. Times, severities and results are read, not taken, as OCSF spells them differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from watchfloor.collect.convert import boolean, integer, ip, iso, json, number, real
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.collect.records import Records
from watchfloor.ocsf.column import Column

FIRST_LEVEL = (
    "eventType", "legacyEventType", "displayMessage", "authenticationContext", "debugContext", "securityContext",
)  # fmt: skip
"""Names of the first level that some lakes lower-case."""

SIGN_IN: Mapping[str, int] = {
    "user.session.start": 1,
    "user.session.end": 2,
    "user.session.expire": 2,
    "user.session.clear": 2,
    "user.session.impersonation.initiate": 7,
    "user.session.impersonation.end": 2,
    "user.session.access_admin_app": 4,
    "user.authentication.sso": 4,
    "user.authentication.slo": 2,
    "user.authentication.verify": 6,
    "user.authentication.universal_logout": 2,
    "policy.evaluate_sign_on": 6,
    "app.oauth2.as.authorize": 4,
    "app.oauth2.as.authorize.code": 4,
    "app.oauth2.authorize.code": 4,
    "app.oauth2.as.token.grant": 4,
    "app.oauth2.token.grant": 4,
    "app.generic.unauth_app_access_attempt": 4,
    "user.mfa.okta_verify": 6,
    "user.mfa.okta_verify.deny_push": 6,
    "system.push.send_factor_verify_push": 6,
}
"""Event types -> OCSF authentication activity; `user.authentication.auth*` is 1."""

ACCOUNT: Mapping[str, int] = {
    "user.lifecycle.create": 1,
    "user.lifecycle.activate": 2,
    "user.lifecycle.reactivate": 2,
    "user.lifecycle.unsuspend": 2,
    "user.lifecycle.deactivate": 5,
    "user.lifecycle.suspend": 5,
    "user.lifecycle.delete.initiated": 6,
    "user.lifecycle.delete.completed": 6,
    "user.account.update_password": 3,
    "user.account.expire_password": 4,
    "user.account.reset_password": 4,
    "user.credential.forgot_password": 4,
    "user.account.lock": 9,
    "user.account.lock.limit": 9,
    "user.account.unlock": 12,
    "user.account.unlock_by_admin": 12,
    "user.account.unlock_token": 12,
    "user.mfa.factor.activate": 10,
    "user.mfa.factor.unsuspend": 10,
    "user.mfa.factor.deactivate": 11,
    "user.mfa.factor.reset_all": 11,
    "user.mfa.factor.suspend": 11,
}
"""Event types -> OCSF account_change activity; other `user.account.*`, `user.lifecycle.*`, `user.mfa.factor.*` are
99."""

ACCOUNT_PREFIXES = ("user.account.", "user.lifecycle.", "user.mfa.factor.", "user.credential.")

ACCESS: Mapping[str, int] = {
    "user.account.privilege.grant": 1,
    "user.account.privilege.revoke": 2,
    "application.user_membership.add": 1,
    "application.user_membership.remove": 2,
    "user.session.impersonation.grant": 1,
    "user.session.impersonation.extend": 1,
    "user.session.impersonation.revoke": 2,
    "iam.resourceset.bindings.add": 1,
    "iam.resourceset.bindings.delete": 2,
}
"""Event types -> OCSF user_access activity."""

GROUP: Mapping[str, int] = {
    "group.privilege.grant": 1,
    "group.privilege.revoke": 2,
    "group.user_membership.add": 3,
    "group.user_membership.remove": 4,
    "group.lifecycle.delete": 5,
    "group.lifecycle.create": 6,
    "group.application_assignment.add": 1,
    "group.application_assignment.remove": 2,
}
"""Event types -> OCSF group_management activity."""

THREATS = (
    "security.threat.detected", "user.account.report_suspicious_activity_by_enduser", "security.attack.start",
    "security.attack.end", "user.risk.detect", "security.breached_credential.detected",
    "analytics.reports.threat.detected",
)  # fmt: skip

ENTITY_PREFIXES = (
    "application.lifecycle.", "application.policy.", "policy.", "zone.", "system.idp.", "system.api_token.", "device.",
    "system.agent.", "security.trusted_origin.", "security.authenticator.", "iam.role.", "iam.resourceset.",
    "app.oauth2.client.", "event_hook.", "inline_hook.", "system.log_stream.", "security.behavior.",
)  # fmt: skip
"""Event types of things an administrator manages; their last word says what was done."""

LAST_WORD: Mapping[str, int] = {
    "create": 1, "add": 1, "created": 1, "register": 1, "update": 3, "updated": 3, "rename": 3, "delete": 4,
    "remove": 4,
    "revoke": 4, "deleted": 4, "make_blacklist": 3, "remove_blacklist": 3, "enroll": 6, "unenroll": 7, "enable": 8,
    "disable": 9, "activate": 10, "deactivate": 11, "suspend": 12, "unsuspend": 13,
}  # fmt: skip
"""Last word of an event type -> OCSF entity_management activity."""

RESULT = {"SUCCESS": 1, "ALLOW": 1, "FAILURE": 2, "DENY": 2, "RATE_LIMIT": 2, "CHALLENGE": 99, "SKIPPED": 99,
          "DEFERRED": 99, "ABANDONED": 99, "UNANSWERED": 2, "UNKNOWN": 0}  # fmt: skip
"""outcome.result -> OCSF status."""

SEVERITY = {"DEBUG": 1, "INFO": 1, "WARN": 3, "ERROR": 4}
"""severity -> OCSF severity."""

OS_TYPE = {"OSX": 300, "MACOS": 300, "WINDOWS": 100, "ANDROID": 201, "IOS": 301, "LINUX": 200, "CHROMEOS": 99}
"""device.os_platform -> OCSF os type."""


def normalise(records: Records, settings: Mapping[str, Any]) -> Records:
    """EventBridge's envelope off; the first level of names as Okta spells it."""
    lowered = {name.lower(): name for name in FIRST_LEVEL}
    renamed: dict[str, str] = {}
    for name in records.names:
        bare = name.removeprefix("detail.")
        head, dot, rest = bare.partition(".")
        wanted = lowered.get(head.lower(), head) + dot + rest
        if wanted != name:
            renamed[name] = wanted
    return records.rename(renamed) if renamed else records


def classify(r: Record) -> Column:
    """By event type."""
    return r.read("eventType").map(_family).coalesce(r.constant("other"))


def _family(kind: str) -> str:
    if kind in THREATS:
        return "threat"
    if kind in SIGN_IN or kind.startswith("user.authentication."):
        return "sign_in"
    if kind in ACCESS:
        return "access"
    if kind in GROUP or kind.startswith("group.lifecycle."):
        return "group"
    if kind.startswith(ACCOUNT_PREFIXES):
        return "account"
    return "entity" if kind.startswith(ENTITY_PREFIXES) else "api"


def _logged(r: Record) -> dict[str, Any]:
    """What every record of the System Log says."""
    kind, result, reason = r.take("eventType"), r.read("outcome.result"), r.take("outcome.reason")
    published = r.take("published")
    who = r.take("actor.alternateId")
    latitude = r.read("client.geographicalContext.geolocation.lat", number)
    return {
        "time": iso(published.coalesce(r.read("p_event_time"))),
        "metadata.original_time": published,
        "metadata.original_event_uid": r.take("uuid"),
        "metadata.event_code": kind,
        "metadata.log_name": "System Log",
        "metadata.log_version": r.read("version"),
        "metadata.log_level": r.read("severity"),
        "metadata.correlation_uid": r.take("transaction.id"),
        "message": r.take("displayMessage"),
        "severity_id": r.read("severity").map(lambda level: SEVERITY.get(level, 0)),
        "status_id": result.map(lambda text: RESULT.get(text, 99)),
        "status_code": result,
        "status_detail": reason,
        "api.operation": kind,
        "actor.user.name": who,
        "actor.user.email_addr": who.keep(lambda text: "@" in text),
        "actor.user.full_name": r.take("actor.displayName"),
        "actor.user.uid": r.take("actor.id"),
        "actor.user.type": r.read("actor.type"),
        "actor.user.type_id": r.read("actor.type").map(_user_type),
        "actor.session.uid": r.take("authenticationContext.externalSessionId"),
        "actor.session.uid_alt": r.read("authenticationContext.rootSessionId"),
        "actor.idp.name": r.read("authenticationContext.issuer.id"),
        "src_endpoint.ip": r.read("client.ipAddress", ip),
        "src_endpoint.location.city": r.read("client.geographicalContext.city"),
        "src_endpoint.location.region": r.read("client.geographicalContext.state"),
        "src_endpoint.location.country": r.read("client.geographicalContext.country"),
        "src_endpoint.location.postal_code": r.read("client.geographicalContext.postalCode"),
        "src_endpoint.location.lat": latitude,
        "src_endpoint.location.long": r.read("client.geographicalContext.geolocation.lon", number),
        "src_endpoint.zone": r.read("client.zone", real),
        "src_endpoint.isp": r.read("securityContext.isp"),
        "src_endpoint.domain": r.read("securityContext.domain"),
        "src_endpoint.autonomous_system.number": r.read("securityContext.asNumber", integer),
        "src_endpoint.autonomous_system.name": r.read("securityContext.asOrg"),
        "http_request.user_agent": r.read("client.userAgent.rawUserAgent"),
        "http_request.uid": r.read("debugContext.debugData.requestId"),
        "http_request.url.path": r.read("debugContext.debugData.requestUri"),
        "device.uid": r.take("device.id"),
        "device.name": r.take("device.name"),
        "device.type_id": r.read("device.id").coalesce(r.read("device.name")).map(lambda _: 0),
        "device.os.name": r.read("device.os_platform"),
        "device.os.type_id": r.read("device.os_platform").map(lambda name: OS_TYPE.get(name.upper(), 99)),
        "device.os.version": r.read("device.os_version"),
        "device.is_managed": r.read("device.managed", boolean),
    }


def _user_type(kind: str) -> int:
    return {"User": 1, "SystemPrincipal": 3, "PublicClientApp": 4, "ServicePrincipal": 4}.get(kind, 99)


def _target(r: Record, *kinds: str) -> Callable[[str], Column]:
    """A field of the first target of one of these types."""

    def read(name: str) -> Column:
        def one(items: list[dict[str, Any]]) -> str | None:
            return next((str(i[name]) for i in items if i.get("type") in kinds and i.get(name) is not None), None)

        return r.read("target[]", json(one))

    return read


def _user(r: Record, otherwise_actor: bool) -> dict[str, Any]:
    """The user an event is about: the first target that is one."""
    user = _target(r, "User", "AppUser")
    name, uid = user("alternateId"), user("id")
    if otherwise_actor:
        name, uid = name.coalesce(r.read("actor.alternateId")), uid.coalesce(r.read("actor.id"))
    return {
        "name": name,
        "uid": uid,
        "full_name": user("displayName"),
        "email_addr": name.keep(lambda text: "@" in text),
    }


def _named(code: Column, kind: Column) -> Column:
    return code.zip(kind, lambda number_, name: name if number_ == 99 else None)


@maps("sign_in")
def sign_in(r: Record) -> Mapped:
    """Sessions and the steps to them."""
    app = _target(r, "AppInstance")("displayName").coalesce(r.constant("Okta"))
    logged = _logged(r)
    kind = logged["api.operation"]
    activity = kind.map(lambda text: SIGN_IN.get(text, 1 if text.startswith("user.authentication.auth") else 99))
    mfa = kind.map(lambda text: True if "mfa" in text else None)
    return event(
        "authentication",
        logged,
        activity_id=activity,
        activity_name=_named(activity, kind),
        is_remote=True,
        is_mfa=mfa,
        user=_user(r, otherwise_actor=True),
        service={"name": app},
        auth_protocol=r.read("authenticationContext.credentialType"),
        session={"uid": logged["actor.session.uid"]},
    )


@maps("account")
def account(r: Record) -> Mapped:
    """Changes of a user."""
    logged = _logged(r)
    kind = logged["api.operation"]
    activity = kind.map(lambda text: ACCOUNT.get(text, 99))
    return event(
        "account_change",
        logged,
        activity_id=activity,
        activity_name=_named(activity, kind),
        user=_user(r, otherwise_actor=True),
    )


@maps("access")
def access(r: Record) -> Mapped:
    """Roles and applications given to a user or taken away."""
    logged = _logged(r)
    privilege = r.read("debugContext.debugData.privilegeGranted").coalesce(
        r.read("debugContext.debugData.privilegeRevoked"),
        _target(r, "ROLE", "AppInstance", "Role")("displayName"),
        logged["api.operation"],
    )
    return event(
        "user_access",
        logged,
        activity_id=logged["api.operation"].map(lambda text: ACCESS.get(text, 99)),
        user=_user(r, otherwise_actor=True),
        privileges=privilege.map(lambda text: [part.strip() for part in text.split(",")]),
        resources=r.read("target[]", json(_resources)),
    )


@maps("group")
def group(r: Record) -> Mapped:
    """Groups and who is in them."""
    logged = _logged(r)
    kind = logged["api.operation"]
    activity = kind.map(lambda text: GROUP.get(text, 99))
    found = _target(r, "UserGroup", "Group")
    return event(
        "group_management",
        logged,
        activity_id=activity,
        activity_name=_named(activity, kind),
        group={"name": found("displayName"), "uid": found("id")},
        user=_user(r, otherwise_actor=False),
        privileges=r.read("debugContext.debugData.privilegeGranted").map(lambda text: [text]),
    )


@maps("entity")
def entity(r: Record) -> Mapped:
    """Things an administrator manages."""
    logged = _logged(r)
    kind = logged["api.operation"]
    activity = kind.map(lambda text: LAST_WORD.get(text.rpartition(".")[2], 99))
    return event(
        "entity_management",
        logged,
        activity_id=activity,
        activity_name=_named(activity, kind),
        entity={
            "name": r.read("target[]", json(lambda items: items[0]["displayName"])),
            "uid": r.read("target[]", json(lambda items: items[0]["id"])),
            "type": r.read("target[]", json(lambda items: items[0]["type"])),
        },
    )


@maps("threat")
def threat(r: Record) -> Mapped:
    """What Okta found suspicious."""
    logged = _logged(r)
    address = logged.pop("src_endpoint.ip")
    logged["status_id"] = 1  # of a finding: new
    for name in [name for name in logged if name.startswith(("src_endpoint.", "http_request."))]:
        del logged[name]  # a finding has neither
    return event(
        "detection_finding",
        logged,
        activity_id=1,
        is_alert=True,
        finding_info={
            "uid": logged["metadata.original_event_uid"],
            "title": logged["message"],
            "types": logged["api.operation"].map(lambda text: [text]),
            "desc": r.read("debugContext.debugData.threatDetections").coalesce(r.read("outcome.reason")),
        },
        evidences=address.map(lambda text: [{"src_endpoint": {"ip": text}}]),
    )


@maps("api")
def api(r: Record) -> Mapped:
    """Everything else."""
    logged = _logged(r)
    kind = logged["api.operation"]
    activity = kind.map(lambda text: {1: 1, 3: 3, 4: 4}.get(LAST_WORD.get(text.rpartition(".")[2], 99), 99))
    return event(
        "api_activity",
        logged,
        activity_id=activity,
        activity_name=_named(activity, kind),
        resources=r.read("target[]", json(_resources)),
    )


def _resources(items: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    return [{"uid": i.get("id"), "name": i.get("displayName"), "type": i.get("type")} for i in items] or None


@maps("other")
def other(r: Record) -> Mapped:
    """A lake's envelope without Okta's fields."""
    return event("base_event", time=iso(r.read("published").coalesce(r.read("p_event_time"))), severity_id=1)
