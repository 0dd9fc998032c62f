"""Google Workspace activity reports (Admin SDK Reports API, resource Activity).

A report holds its events as a list, a lake one event a record with its parameters as a map. The event's name is the
event
code, the application the log's name. Of a list the first event decides; all of it stays under `unmapped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from watchfloor.collect.convert import ip, iso
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

SIGN_IN: Mapping[str, int] = {
    "login_success": 1, "login_failure": 1, "login_challenge": 6, "login_verification": 6, "logout": 2,
    "risky_sensitive_action_allowed": 99, "risky_sensitive_action_blocked": 99, "saml_login_success": 1,
}  # fmt: skip
"""Event of application login or saml -> OCSF authentication activity."""

ACCOUNT: Mapping[str, int] = {
    "create_user": 1, "undelete_user": 1, "unsuspend_user": 2, "password_edit": 3, "change_password": 4,
    "change_password_on_next_login": 4, "suspend_user": 5, "archive_user": 5, "delete_user": 6, "2sv_enroll": 10,
    "titanium_enroll": 10, "enforce_strong_authentication": 10, "2sv_disable": 11, "titanium_unenroll": 11,
    "turn_off_2_step_verification": 11, "unenroll_user_from_strong_auth": 11, "unenroll_user_from_titanium": 11,
    "recovery_email_edit": 99, "recovery_phone_edit": 99, "recovery_secret_qa_edit": 99, "rename_user": 99,
    "change_recovery_email": 99, "change_recovery_phone": 99, "revoke_asp": 99, "generate_2sv_scratch_codes": 99,
    "view_2sv_scratch_codes": 99, "unblock_user_session": 12, "reset_signin_cookies": 99,
    "change_user_organization": 99,
    "add_recovery_email": 99, "allow_strong_authentication": 99, "account_disabled_password_leak": 5,
    "email_forwarding_out_of_domain": 99,
}  # fmt: skip
"""Event of applications user_accounts, login and admin (user settings), lower case -> OCSF account_change activity."""

GROUP: Mapping[str, int] = {
    "add_group_member": 3, "remove_group_member": 4, "delete_group": 5, "create_group": 6, "add_user": 3,
    "remove_user": 4, "add_member": 3, "remove_member": 4, "update_group_member": 99, "change_group_setting": 99,
    "change_group_name": 99, "add_member_role": 1, "remove_member_role": 2, "update_group": 99, "group_creation": 6,
}  # fmt: skip
"""Event of applications groups, groups_enterprise and admin (group settings), lower case -> group_management
activity."""

ACCESS: Mapping[str, int] = {
    "grant_admin_privilege": 1, "grant_delegated_admin_privileges": 1, "assign_role": 1, "add_privilege": 1,
    "authorize_api_client_access": 1, "authorize": 1, "revoke_admin_privilege": 2, "unassign_role": 2,
    "remove_privilege": 2, "remove_api_client_access": 2, "revoke": 2,
}  # fmt: skip
"""Event of applications admin and token, lower case -> OCSF user_access activity."""

FILE: Mapping[str, int] = {
    "create": 1, "upload": 1, "download": 2, "edit": 3, "delete": 4, "trash": 4, "rename": 5, "copy": 6,
    "source_copy": 6,
    "move": 7, "untrash": 8, "preview": 9, "lock": 10, "unlock": 11, "change_user_access": 12,
    "change_document_visibility": 12, "change_document_access_scope": 12, "change_acl_editors": 12, "change_owner": 99,
    "add_to_folder": 7, "remove_from_folder": 7, "view": 14, "sync_item_content": 15, "print": 99,
    "email_as_attachment": 12,
    "shared_drive_membership_change": 12, "add_shared_drive_member": 12, "access_url": 14,
}  # fmt: skip
"""Event of application drive -> OCSF file_hosting activity."""

WARNINGS = (
    "suspicious_login", "suspicious_login_less_secure_app", "suspicious_programmatic_login", "gov_attack_warning",
    "account_disabled_hijacked", "account_disabled_spamming", "account_disabled_generic", "blocked_sender",
    "account_disabled_spamming_through_relay", "rule_match", "user_signed_out_due_to_suspicious_session_cookie",
)  # fmt: skip

VERBS: Mapping[str, int] = {"create": 1, "add": 1, "new": 1, "view": 2, "download": 2, "get": 2, "list": 2, "change": 3,
                            "update": 3, "toggle": 3, "edit": 3, "enforce": 3, "allow": 3, "assign": 3, "rename": 3,
                            "delete": 4, "remove": 4}  # fmt: skip
"""First word of an event -> OCSF api_activity activity."""

SETTINGS = ("SETTING_NAME", "OLD_VALUE", "NEW_VALUE")
"""Parameters that rules ask for by name."""


def classify(r: Record) -> Column:
    """By event, within its application."""
    known = _name(r).zip(r.read("id.applicationName"), _family)
    return known.coalesce(r.constant("other"))


def _family(name: str | None, application: str | None) -> str | None:
    if name is None:
        return None
    low = name.lower()
    if application == "drive":
        return "file"
    if low in WARNINGS:
        return "warning"
    if application in ("login", "saml", None) and low in SIGN_IN:
        return "sign_in"
    if application in ("groups", "groups_enterprise", "admin") and low in GROUP:
        return "group"
    if application in ("user_accounts", "login", "admin") and low in ACCOUNT:
        return "account"
    if application in ("admin", "token") and low in ACCESS:
        return "access"
    return "call"


def _event(text: str, field: str) -> str | None:
    """A field of the first event of a report."""
    try:
        value = orjson.loads(text)[0].get(field)
    except (ValueError, LookupError, AttributeError):
        return None
    return value if isinstance(value, str) else None


def _name(r: Record) -> Column:
    return r.read("name").coalesce(r.read("events[]").map(lambda text: _event(text, "name")))


def _parameter(r: Record, *names: str) -> Column:
    """A parameter of the event, from the lake's map or the report's list."""

    def one(text: str) -> str | None:
        try:
            given = orjson.loads(text)[0].get("parameters") or []
            for name in names:
                for item in given:
                    if item.get("name") == name:
                        value = next(
                            (item[k] for k in ("value", "boolValue", "intValue", "multiValue") if k in item), None
                        )
                        return value if isinstance(value, str) else orjson.dumps(value).decode()
        except (ValueError, LookupError, AttributeError, TypeError):
            return None
        return None

    found = r.missing()
    for name in names:
        found = found.coalesce(r.read(f"parameters.{name}"))
    return found.coalesce(r.read("events[]").map(one))


def _common(r: Record) -> dict[str, Any]:
    """Who did what in which application."""
    name, application, time = _name(r), r.take("id.applicationName"), r.take("id.time")
    actor = r.read("actor.email").coalesce(r.read("actor.key"), r.read("actor.applicationInfo.applicationName"))
    return {
        "time": iso(time.coalesce(r.read("p_event_time"))),
        "metadata.original_time": time,
        "metadata.original_event_uid": r.take("id.uniqueQualifier"),
        "metadata.event_code": name,
        "metadata.log_name": application,
        "metadata.log_provider": application.map(lambda text: f"{text}.googleapis.com"),
        "metadata.tenant_uid": r.take("id.customerId"),
        "severity_id": 1,
        "status_id": name.map(lambda text: 2 if text.lower().endswith(("_failure", "_blocked")) else 1),
        "status_detail": _parameter(r, "login_failure_type", "error_message"),
        "api.operation": name,
        "api.service.name": application,
        "actor.user.name": actor.coalesce(r.constant("unknown")),
        "actor.user.email_addr": actor.keep(lambda text: "@" in text),
        "actor.user.uid": r.take("actor.profileId"),
        "actor.user.type_id": r.read("actor.callerType").map(lambda text: 1 if text == "USER" else 4),
        "src_endpoint.ip": r.read("ipAddress", ip),
    }


def _settings(r: Record) -> dict[str, Column]:
    """Parameters that rules ask for, from a list, where a lake's map would have them."""
    r.ignore(*(f"parameters.{name}" for name in SETTINGS))
    return {f"unmapped.parameters.{name}": _parameter(r, name) for name in SETTINGS}


@maps("sign_in")
def sign_in(r: Record) -> Mapped:
    """Events of applications login and saml."""
    common = _common(r)
    name = common["metadata.event_code"]
    activity = name.map(lambda text: SIGN_IN.get(text.lower(), 99))
    return event(
        "authentication",
        common,
        activity_id=activity,
        activity_name=activity.zip(name, lambda code, text: text if code == 99 else None),
        is_remote=True,
        is_mfa=_parameter(r, "is_second_factor").map(lambda text: text == "true"),
        user={
            "name": common["actor.user.name"],
            "email_addr": common["actor.user.email_addr"],
            "uid": common["actor.user.uid"],
        },
        auth_protocol=_parameter(r, "login_type"),
        service={"name": _parameter(r, "application_name").coalesce(r.constant("Google Workspace"))},
    )


@maps("account")
def account(r: Record) -> Mapped:
    """Changes of a user by themselves or by an administrator."""
    common = _common(r)
    name = common["metadata.event_code"]
    activity = name.map(lambda text: ACCOUNT.get(text.lower(), 99))
    user = _parameter(r, "USER_EMAIL", "affected_email_address").coalesce(common["actor.user.name"])
    return event(
        "account_change",
        {**common, **_settings(r)},
        activity_id=activity,
        activity_name=activity.zip(name, lambda code, text: text if code == 99 else None),
        user={"name": user, "email_addr": user.keep(lambda text: "@" in text)},
    )


@maps("group")
def group(r: Record) -> Mapped:
    """Groups."""
    common = _common(r)
    name = common["metadata.event_code"]
    activity = name.map(lambda text: GROUP.get(text.lower(), 99))
    found = _parameter(r, "GROUP_EMAIL", "group_email", "group_id").coalesce(r.constant("unknown"))
    return event(
        "group_management",
        common,
        activity_id=activity,
        activity_name=activity.zip(name, lambda code, text: text if code == 99 else None),
        group={"name": found},
        user={"name": _parameter(r, "USER_EMAIL", "user_email", "member_id", "status_email")},
    )


@maps("access")
def access(r: Record) -> Mapped:
    """Roles, privileges, API clients."""
    common = _common(r)
    name = common["metadata.event_code"]
    privilege = _parameter(r, "ROLE_NAME", "PRIVILEGE_NAME", "API_SCOPES", "scope").coalesce(name)
    user = _parameter(r, "USER_EMAIL", "API_CLIENT_NAME", "app_name").coalesce(common["actor.user.name"])
    return event(
        "user_access",
        common,
        activity_id=name.map(lambda text: ACCESS.get(text.lower(), 99)),
        user={"name": user, "email_addr": user.keep(lambda text: "@" in text)},
        privileges=privilege.map(lambda text: [text]),
    )


@maps("file")
def file(r: Record) -> Mapped:
    """Events of application drive."""
    common = _common(r)
    name = common["metadata.event_code"]
    activity = name.map(lambda text: FILE.get(text.lower(), 99))
    visibility = _parameter(r, "visibility")
    return event(
        "file_hosting",
        common,
        activity_id=activity,
        activity_name=activity.zip(name, lambda code, text: text if code == 99 else None),
        file={
            "name": _parameter(r, "doc_title").coalesce(r.constant("unknown")),
            "uid": _parameter(r, "doc_id"),
            "type": _parameter(r, "doc_type"),
            "type_id": _parameter(r, "doc_type").map(lambda text: 2 if text == "folder" else 1).coalesce(r.constant(0)),
            "is_public": visibility.map(lambda text: text in ("public_on_the_web", "people_with_link")),
            "owner.name": _parameter(r, "owner"),
        },
        share=_parameter(r, "target_user", "target_domain"),
        share_type=visibility,
    )


@maps("warning")
def warning(r: Record) -> Mapped:
    """Google's own warnings."""
    common = _common(r)
    address = common.pop("src_endpoint.ip")
    name = common["metadata.event_code"]
    common["status_id"] = 1
    common["severity_id"] = name.map(lambda text: 4 if "gov" in text or "hijacked" in text else 3)
    uid = common["metadata.original_event_uid"]
    return event(
        "detection_finding",
        common,
        activity_id=1,
        is_alert=True,
        message=name,
        finding_info={"uid": uid.coalesce(name), "title": name, "types": name.map(lambda text: [text])},
        resources=_parameter(r, "affected_email_address").map(lambda text: [{"name": text, "type": "user"}]),
        evidences=address.map(lambda text: [{"src_endpoint": {"ip": text}}]),
    )


@maps("call")
def call(r: Record) -> Mapped:
    """Everything else: settings, devices, mail, calendars, tokens."""
    common = _common(r)
    name = common["metadata.event_code"]
    activity = name.map(lambda text: VERBS.get(text.lower().partition("_")[0], 99))
    what = _parameter(r, "SETTING_NAME", "APPLICATION_NAME", "calendar_id", "DEVICE_ID", "app_name", "ORG_UNIT_NAME")
    return event(
        "api_activity",
        {**common, **_settings(r)},
        activity_id=activity,
        activity_name=activity.zip(name, lambda code, text: text if code == 99 else None),
        resources=what.map(lambda text: [{"name": text}]),
    )


@maps("other")
def other(r: Record) -> Mapped:
    """A lake's envelope, or a report without events."""
    time = r.read("id.time").coalesce(r.read("p_event_time"))
    return event("base_event", time=iso(time), severity_id=1, message=r.read("id.applicationName"))
