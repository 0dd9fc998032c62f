"""Microsoft Entra ID (sign-in, audit, risk) and the Azure activity log, in every shape Microsoft ships them.

The same fact is `properties.userPrincipalName` in an Event Hub, `userPrincipalName` in Graph and `UserPrincipalName`
in Log
Analytics; rules use all three. So a field is looked up in any of these spellings, and all of them stay under
`unmapped`.
Sources: Microsoft Graph v1.0 resources signIn, directoryAudit, riskDetection; Azure Monitor activity log schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from watchfloor.collect.convert import boolean, integer, ip, iso, number
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

SIGN_IN_LOGS = (
    "SignInLogs", "NonInteractiveUserSignInLogs", "ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs",
    "ADFSSignInLogs", "MicrosoftServicePrincipalSignInLogs",
)  # fmt: skip
AUDIT_CATEGORIES = (
    "AuditLogs", "UserManagement", "GroupManagement", "RoleManagement", "ApplicationManagement", "Policy", "Device",
    "DirectoryManagement", "KeyManagement", "AuthorizationPolicy", "AdministrativeUnit", "Authentication",
    "DeviceConfiguration", "DeviceManagement", "EntitlementManagement", "IdentityProtection", "ResourceManagement",
    "TermsOfUse", "Label", "Contact", "AttributeManagement", "ProvisioningManagement",
)  # fmt: skip
RISK_LOGS = ("UserRiskEvents", "ServicePrincipalRiskEvents")

ACCOUNT: Mapping[str, int] = {
    "add user": 1,
    "invite external user": 1,
    "bulk create users - finished (bulk)": 1,
    "enable account": 2,
    "restore user": 2,
    "change user password": 3,
    "change password (self-service)": 3,
    "reset user password": 4,
    "reset password (by admin)": 4,
    "reset password (self-service)": 4,
    "disable account": 5,
    "delete user": 6,
    "hard delete user": 6,
    "user registered security info": 10,
    "user registered all required security info": 10,
    "admin registered security info": 10,
    "enable strong authentication": 10,
    "user deleted security info": 11,
    "admin deleted security info": 11,
    "disable strong authentication": 11,
    "unlock user account (self-service)": 12,
    "update user": 99,
    "redeem external user invite": 99,
    "update stsrefreshtokenvalidfrom timestamp": 99,
    "viral user creation": 1,
    "update user's license": 99,
    "change user license": 99,
    "user started security info registration": 99,
    "user changed default security info": 99,
    "admin updated security info": 99,
}
"""Audit activity, lower case -> OCSF account_change activity (Entra audit activity reference, UserManagement)."""

GROUP: Mapping[str, int] = {
    "add group": 6,
    "delete group": 5,
    "hard delete group": 5,
    "restore group": 6,
    "update group": 99,
    "add member to group": 3,
    "add member from group": 3,
    "remove member from group": 4,
    "add owner to group": 3,
    "remove owner from group": 4,
    "add app role assignment to group": 1,
}
"""Audit activity, lower case -> OCSF group_management activity."""

GRANTS: tuple[tuple[str, int], ...] = (
    ("add member to role", 1),
    ("add eligible member to role", 1),
    ("add scoped member to role", 1),
    ("add member to restricted", 1),
    ("add app role assignment", 1),
    ("add delegated permission grant", 1),
    ("add oauth2permissiongrant", 1),
    ("consent to application", 1),
    ("user has elevated their access", 1),
    ("assigns the caller to user access admin", 1),
    ("add role assignment", 1),
    ("remove member from role", 2),
    ("remove eligible member from role", 2),
    ("remove scoped member from role", 2),
    ("remove app role assignment", 2),
    ("remove delegated permission grant", 2),
    ("remove oauth2permissiongrant", 2),
    ("delete role assignment", 2),
    ("remove role assignment", 2),
    ("revoke consent", 2),
)
"""How an audit activity begins, lower case -> OCSF user_access activity."""

ENTITY: tuple[tuple[str, int], ...] = (
    ("add", 1), ("create", 1), ("register", 6), ("unregister", 7), ("update", 3), ("set", 3), ("change", 3),
    ("read", 2),
    ("get", 2), ("recover", 2), ("delete", 4), ("remove", 4), ("hard delete", 4), ("disable", 9), ("enable", 8),
    ("restore", 13),
)  # fmt: skip
"""First word of an audit activity -> OCSF entity_management activity."""

ARM: Mapping[str, int] = {"write": 3, "read": 2, "delete": 4, "action": 99, "list": 2, "create": 1}
"""Last part of an Azure operation -> OCSF api_activity activity."""

GOOD = ("0", "success", "succeeded", "accepted", "ok")
BAD = ("failure", "failed", "timeout", "clienterror", "servererror", "unauthorized")
INTERRUPTED = (
    "50055", "50058", "50072", "50074", "50076", "50079", "50097", "50125", "50127", "50129", "50140", "50203", "65001",
    "16000", "81010", "50144",
)  # fmt: skip
"""Sign-in error codes of a sign-in that has only been interrupted: neither success nor failure yet."""

RISK_LEVEL = {"low": 1, "medium": 2, "high": 3, "none": 0, "hidden": 99}
RISK_SEVERITY = {"low": 2, "medium": 3, "high": 4, "none": 1, "hidden": 3}
LEVEL = {"critical": 5, "error": 4, "warning": 3, "informational": 1, "information": 1, "verbose": 1,
         "1": 5, "2": 4, "3": 3, "4": 1, "5": 1}  # fmt: skip


class Reader(Protocol):
    """Looks fields up."""

    def __call__(self, *names: str) -> Column:
        """Per row the first of these fields that has a value."""
        ...


class Field(Protocol):
    """Looks fields of a target up."""

    def __call__(self, *names: str) -> Column:
        """Per row the first of these fields that has a value."""
        ...


def _reader(r: Record) -> Reader:
    """`read("status.errorCode")`: the first of these fields, inside `properties` or not, in any case of letters."""
    spelled: dict[str, list[str]] = {}
    for name in r.names:
        spelled.setdefault(name.lower(), []).append(name)

    def read(*names: str) -> Column:
        found = r.missing()
        for name in names:
            for candidate in (f"properties.{name}".lower(), name.lower()):
                for spelling in spelled.get(candidate, ()):
                    found = found.coalesce(r.read(spelling).keep(lambda text: text != ""))
        return found

    return read


def classify(r: Record) -> Column:
    """By category where the envelope has one, else by the fields only one of the logs has."""
    read = _reader(r)
    category = read("category", "categoryValue", "type").map(_of_category)
    operation = _operation(read).map(lambda text: _of_operation(text.lower()))
    risk = read("riskEventType").map(lambda _: "risk")
    sign_in = read("conditionalAccessStatus", "userPrincipalName", "servicePrincipalName").map(lambda _: "sign_in")
    audit = read("initiatedBy.user.userPrincipalName", "initiatedBy.user.id", "initiatedBy.app.displayName",
                 "activityDisplayName", "targetResources[]")  # fmt: skip
    audit = audit.map(lambda _: "audit")
    shape = category.zip(audit, lambda named, audited: audited if named in (None, "arm") and audited else named)
    kind = shape.zip(risk, lambda named, risky: risky if risky and named != "sign_in" else named)
    kind = kind.coalesce(sign_in, read("operationName", "operationNameValue").map(lambda _: "arm"))
    return kind.zip(operation, lambda named, what: what or "entity" if named == "audit" else named).replace(
        {"sign_in": "sign_in", "risk": "risk", "arm": "activity", "account": "account", "group": "group",
         "access": "access", "entity": "entity"}
    ).coalesce(r.constant("other"))  # fmt: skip


def _of_category(text: str) -> str | None:
    if text in SIGN_IN_LOGS or text in ("SigninLogs", "AADNonInteractiveUserSignInLogs"):
        return "sign_in"
    if text in RISK_LOGS or text == "AADUserRiskEvents":
        return "risk"
    if text in (
        "Administrative",
        "Security",
        "ServiceHealth",
        "Alert",
        "Recommendation",
        "Autoscale",
        "ResourceHealth",
    ):
        return "arm"
    return "audit" if text in AUDIT_CATEGORIES and text != "Policy" else None


def _of_operation(text: str) -> str | None:
    if text in ACCOUNT:
        return "account"
    if text in GROUP:
        return "group"
    return "access" if text.startswith(tuple(start for start, _ in GRANTS)) else None


def _operation(read: Reader) -> Column:
    return read("operationName", "operationNameValue", "activityDisplayName", "activity")


def _common(r: Record, read: Reader, log_name: Column | str) -> dict[str, Any]:
    """What every shape says: when, which operation, from where, in which tenant."""
    time = read("createdDateTime", "activityDateTime", "detectedDateTime", "time", "timeGenerated", "eventTimestamp",
                "p_event_time")  # fmt: skip
    operation = _operation(read)
    address = read("ipAddress", "callerIpAddress", "initiatedBy.user.ipAddress")
    return {
        "time": iso(time),
        "metadata.original_time": time,
        "metadata.event_code": operation,
        "metadata.log_name": log_name,
        "metadata.log_provider": read("loggedByService", "resourceProviderValue", "resourceProvider"),
        "metadata.original_event_uid": read("id", "eventDataId"),
        "metadata.correlation_uid": read("correlationId"),
        "metadata.tenant_uid": read("tenantId"),
        "api.operation": operation,
        "cloud.provider": "Azure",
        "src_endpoint.ip": address.map(_address),
        "http_request.user_agent": read("userAgent"),
    }


def _address(text: str) -> str | None:
    """`192.0.2.1`, `192.0.2.1:443`, `[2001:db8::1]:443`."""
    bare = text.rpartition(":")[0] if text.count(":") == 1 or (text.startswith("[") and "]:" in text) else text
    address: str | None = ip(Column.constant(bare, 1)).to_pylist()[0]
    return address


def _outcome(text: str) -> int:
    lowered = text.lower()
    return 1 if lowered in GOOD else 2 if lowered in BAD else 99


def _person(read: Reader) -> dict[str, Any]:
    """Who did it: a user or an application."""
    name = read("initiatedBy.user.userPrincipalName", "caller", "userPrincipalName", "identity",
                "initiatedBy.app.displayName", "servicePrincipalName", "identity.type")  # fmt: skip
    claims = "identity.claims.http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
    name = read(f"{claims}upn", f"{claims}name", "identity.authorization.evidence.principalId").coalesce(name)
    uid = read("initiatedBy.user.id", "initiatedBy.app.servicePrincipalId", "userId",
               "identity.claims.http://schemas.microsoft.com/identity/claims/objectidentifier")  # fmt: skip
    return {
        "actor.user.name": name,
        "actor.user.email_addr": name.keep(lambda text: "@" in text),
        "actor.user.full_name": read("initiatedBy.user.displayName", "userDisplayName"),
        "actor.user.uid": uid,
        "actor.app_name": read("initiatedBy.app.displayName", "appDisplayName"),
        "actor.app_uid": read("initiatedBy.app.appId", "appId"),
    }


@maps("sign_in")
def sign_in(r: Record) -> Mapped:
    """A sign-in, interactive or not, of a user, a service principal or a managed identity."""
    read = _reader(r)
    common = _common(r, read, read("category", "type").coalesce(r.constant("SignInLogs")))
    common["metadata.event_code"] = common["metadata.event_code"].coalesce(r.constant("Sign-in activity"))
    code = read("status.errorCode", "resultType")
    name = read("userPrincipalName", "servicePrincipalName", "identity")
    factor = read("authenticationRequirement")
    device, system = read("deviceDetail.deviceId", "deviceDetail.displayName"), read("deviceDetail.operatingSystem")
    risk = read("riskLevelDuringSignIn", "riskLevelAggregated")
    return event(
        "authentication",
        {**common, **_person(read)},
        activity_id=1,
        severity_id=risk.map(lambda level: RISK_SEVERITY.get(level.lower(), 1)).coalesce(r.constant(1)),
        status_id=code.map(lambda text: 99 if text in INTERRUPTED else 1 if _outcome(text) == 1 else 2),
        status_code=code,
        status_detail=read("status.failureReason", "resultDescription", "status.additionalDetails"),
        is_remote=True,
        is_mfa=factor.map(lambda text: text == "multiFactorAuthentication"),
        logon_type_id=read("isInteractive").map(lambda text: 2 if text.lower() == "true" else 3),
        auth_protocol=read("authenticationProtocol"),
        risk_level_id=risk.map(lambda level: RISK_LEVEL.get(level.lower(), 99)),
        user={
            "name": name,
            "email_addr": name.keep(lambda text: "@" in text),
            "full_name": read("userDisplayName"),
            "uid": read("userId", "servicePrincipalId"),
            "type_id": read("userType").map(lambda kind: 1),
            "type": read("userType"),
        },
        service={
            "name": read("resourceDisplayName", "appDisplayName").coalesce(r.constant("Microsoft Entra ID")),
            "uid": read("resourceId"),
        },
        device={
            "uid": read("deviceDetail.deviceId"),
            "name": read("deviceDetail.displayName"),
            "type_id": device.map(lambda _: 0),
            "os.name": system.where(device.present),  # a browser's guess is not a device
            "os.type_id": system.map(_os).where(device.present),
            "is_compliant": read("deviceDetail.isCompliant").map(_truth).where(device.present),
            "is_managed": read("deviceDetail.isManaged").map(_truth).where(device.present),
        },
        src_endpoint={
            "location.city": read("location.city", "locationDetails.city"),
            "location.region": read("location.state", "locationDetails.state"),
            "location.country": read("location.countryOrRegion", "locationDetails.countryOrRegion"),
            "location.lat": number(read("location.geoCoordinates.latitude")),
            "location.long": number(read("location.geoCoordinates.longitude")),
            "autonomous_system.number": integer(read("autonomousSystemNumber")),
        },
    )


def _truth(text: str) -> bool | None:
    value: bool | None = boolean(Column.constant(text, 1)).to_pylist()[0]
    return value


def _os(text: str) -> int:
    lowered = text.lower()
    return next((n for start, n in (("windows", 100), ("linux", 200), ("android", 201), ("mac", 300), ("ios", 301))
                 if lowered.startswith(start)), 99)  # fmt: skip


def _audit(r: Record, read: Reader) -> dict[str, Any]:
    """What every directory audit record says besides."""
    result = read("result", "resultType")
    return {
        **_common(r, read, "AuditLogs"),
        **_person(read),
        "severity_id": 1,
        "status_id": result.map(_outcome),
        "status_code": result,
        "status_detail": read("resultReason", "resultDescription"),
    }


def _target(r: Record, *kinds: str | None) -> Field:
    """A field of the first target of one of these types; without types, of the first target."""
    read = _reader(r)
    targets = read("targetResources[]", "targetResources")

    def field(*names: str) -> Column:
        def one(text: str) -> str | None:
            try:
                items = orjson.loads(text)
            except ValueError:
                return None
            for item in items if isinstance(items, list) else [items]:
                if isinstance(item, dict) and (not kinds or item.get("type") in kinds):
                    found = next((item[name] for name in names if item.get(name)), None)
                    if found:
                        return str(found)
            return None

        return targets.map(one)

    return field


def _changed(r: Record, *properties: str) -> Column:
    """The new value of a modified property of any target, without the quotes Microsoft leaves around it."""
    read = _reader(r)

    def one(text: str) -> str | None:
        try:
            items = orjson.loads(text)
        except ValueError:
            return None
        for item in items if isinstance(items, list) else [items]:
            changes = item.get("modifiedProperties") if isinstance(item, dict) else None
            for change in changes if isinstance(changes, list) else []:
                if isinstance(change, dict) and change.get("displayName") in properties:
                    value = change.get("newValue") or change.get("oldValue")
                    if isinstance(value, str) and value.strip('"'):
                        return value.strip('"')
        return None

    return read("targetResources[]", "targetResources").map(one)


@maps("account")
def account(r: Record) -> Mapped:
    """Audit activities of category UserManagement."""
    audit = _audit(r, _reader(r))
    user = _target(r, "User", None)
    name = user("userPrincipalName", "displayName")
    return event(
        "account_change",
        audit,
        activity_id=audit["api.operation"].map(lambda text: ACCOUNT.get(text.lower(), 99)),
        activity_name=audit["api.operation"].map(lambda text: text if ACCOUNT.get(text.lower(), 99) == 99 else None),
        user={
            "name": name.coalesce(audit["actor.user.name"]),
            "uid": user("id"),
            "full_name": user("displayName"),
            "email_addr": name.keep(lambda text: "@" in text),
        },
    )


@maps("group")
def group(r: Record) -> Mapped:
    """Audit activities of category GroupManagement."""
    audit = _audit(r, _reader(r))
    found, user = _target(r, "Group"), _target(r, "User")
    return event(
        "group_management",
        audit,
        activity_id=audit["api.operation"].map(lambda text: GROUP.get(text.lower(), 99)),
        activity_name=audit["api.operation"].map(lambda text: text if GROUP.get(text.lower(), 99) == 99 else None),
        group={
            "name": found("displayName").coalesce(_changed(r, "Group.DisplayName")),
            "uid": found("id").coalesce(_changed(r, "Group.ObjectID")),
        },
        user={"name": user("userPrincipalName", "displayName"), "uid": user("id")},
    )


@maps("access")
def access(r: Record) -> Mapped:
    """Roles, permissions and consent."""
    audit = _audit(r, _reader(r))
    user, anything = _target(r, "User", "ServicePrincipal", "Group"), _target(r)
    role = _changed(
        r, "Role.DisplayName", "AppRole.Value", "DelegatedPermissionGrant.Scope", "ConsentAction.Permissions"
    )
    # Rules ask for this one property by its name.
    audit["unmapped.ConsentContext.IsAdminConsent"] = _changed(r, "ConsentContext.IsAdminConsent")
    return event(
        "user_access",
        audit,
        activity_id=audit["api.operation"].map(
            lambda text: next((code for start, code in GRANTS if text.lower().startswith(start)), 99)
        ),
        user={
            "name": user("userPrincipalName", "displayName").coalesce(audit["actor.user.name"]),
            "uid": user("id"),
        },
        privileges=role.coalesce(_target(r, "Role")("displayName"), audit["api.operation"]).map(lambda text: [text]),
        resource={"name": anything("displayName"), "uid": anything("id"), "type": anything("type")},
    )


@maps("entity")
def entity(r: Record) -> Mapped:
    """Every other audit activity."""
    audit = _audit(r, _reader(r))
    thing = _target(r)
    activity = audit["api.operation"].map(_entity_activity)
    return event(
        "entity_management",
        audit,
        activity_id=activity.coalesce(r.constant(0)),
        activity_name=activity.zip(audit["api.operation"], lambda code, name: name if code == 99 else None),
        entity={
            "name": thing("displayName", "userPrincipalName"),
            "uid": thing("id"),
            "type": thing("type").coalesce(r.constant("Directory")),
        },
    )


def _entity_activity(text: str) -> int:
    lowered = text.lower()
    return next((code for start, code in ENTITY if lowered.startswith(start + " ")), 99)


@maps("risk")
def risk(r: Record) -> Mapped:
    """Identity Protection detections and PIM alerts."""
    read = _reader(r)
    common = _common(r, read, "UserRiskEvents")
    address = common.pop("src_endpoint.ip")
    common.pop("http_request.user_agent")
    kind = read("riskEventType")
    common["metadata.event_code"] = kind
    level, state = read("riskLevel"), read("riskState")
    name = read("userPrincipalName", "servicePrincipalDisplayName")
    return event(
        "detection_finding",
        common,
        activity_id=1,
        is_alert=True,
        message=kind,
        severity_id=level.map(lambda text: RISK_SEVERITY.get(text.lower(), 0)).coalesce(r.constant(3)),
        risk_level_id=level.map(lambda text: RISK_LEVEL.get(text.lower(), 99)),
        status_id=state.map(lambda text: 4 if text in ("remediated", "dismissed", "confirmedSafe") else 1),
        finding_info={
            "uid": read("id").coalesce(kind),
            "title": kind,
            "types": kind.map(lambda text: [text]),
            "desc": read("riskDetail"),
            "created_time": iso(read("detectedDateTime")),
            "first_seen_time": iso(read("activityDateTime")),
        },
        actor={"user": {"name": name, "uid": read("userId"), "full_name": read("userDisplayName")}},
        evidences=address.map(lambda text: [{"src_endpoint": {"ip": text}}]),
    )


@maps("activity")
def activity(r: Record) -> Mapped:
    """Azure Resource Manager calls and what resources log themselves."""
    read = _reader(r)
    log = read("category", "categoryValue")
    common = _common(r, read, log)
    common["metadata.product.name"] = "Azure Activity Log"
    resource = read("resourceId", "_resourceId", "resource")
    result = read("resultType", "activityStatusValue", "activityStatus", "status", "statusText")
    operation = common["api.operation"]
    code = operation.map(lambda text: ARM.get(text.rpartition("/")[2].lower(), 99))
    return event(
        "api_activity",
        {**common, **_person(read)},
        activity_id=code.coalesce(r.constant(0)),
        activity_name=code.zip(operation, lambda number_, name: name if number_ == 99 else None),
        api={"service": {"name": operation.map(lambda text: text.partition("/")[0] if "/" in text else None)}},
        cloud={
            "region": r.read("location"),
            "account.uid": resource.map(_subscription),
        },
        status_id=result.map(_outcome),
        status_code=read("resultSignature", "activitySubstatusValue", "statusCode"),
        status_detail=read("resultDescription", "statusMessage"),
        severity_id=read("level").map(lambda text: LEVEL.get(text.lower(), 0)).coalesce(r.constant(1)),
        resources=resource.map(_arm),
    )


def _subscription(text: str) -> str | None:
    parts = text.split("/")
    return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else None


def _arm(text: str) -> list[dict[str, str | None]]:
    _, _, tail = text.lower().rpartition("/providers/")
    start = len(text) - len(tail)
    parts = text[start:].split("/")
    return [{"uid": text, "name": parts[-1], "type": "/".join(parts[:2]) if len(parts) > 2 else None}]


@maps("other")
def other(r: Record) -> Mapped:
    """Azure's envelope around something else."""
    read = _reader(r)
    time = read("time", "timeGenerated", "createdDateTime", "p_event_time")
    return event("base_event", time=iso(time), severity_id=1, message=_operation(read))
