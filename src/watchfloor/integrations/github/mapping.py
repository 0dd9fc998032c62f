"""GitHub audit log of organisations and enterprises (audit log events reference; git events included).

`action` is the event code: a category and what happened, `repo.destroy`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from watchfloor.collect.convert import ip, iso, real, unix_ms
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

SIGN_IN: Mapping[str, int] = {
    "user.login": 1, "user.failed_login": 1, "user.logout": 2, "org.sso_response": 1, "business.sso_response": 1,
    "user.two_factor_requested": 6, "user.two_factor_challenge_success": 6, "user.two_factor_challenge_failure": 6,
    "staff.fake_login": 7, "user.correct_password_from_unrecognized_device": 6,
    "user.correct_password_from_unrecognized_device_and_location": 6,
}  # fmt: skip
"""Action -> OCSF authentication activity."""

ACCOUNT: Mapping[str, int] = {
    "user.create": 1, "user.unsuspend": 2, "user.change_password": 3, "user.reset_password": 4,
    "user.forgot_password": 4,
    "user.suspend": 5, "user.destroy": 6, "user.delete": 6, "user.async_delete": 6,
    "two_factor_authentication.enabled": 10,
    "two_factor_authentication.disabled": 11, "two_factor_authentication.add_factor": 10,
    "two_factor_authentication.remove_factor": 11, "user.promote": 7, "user.demote": 8,
}  # fmt: skip
"""Action -> OCSF account_change activity; other actions of the categories below are 99."""

ACCOUNT_CATEGORIES = (
    "user", "two_factor_authentication", "personal_access_token", "public_key", "oauth_access", "oauth_authorization",
    "security_key", "passkey", "user_email", "user_session", "org_credential_authorization",
)  # fmt: skip

GROUP: Mapping[str, int] = {
    "team.add_repository": 1, "team.update_repository_permission": 1, "team.remove_repository": 2, "team.add_member": 3,
    "team.remove_member": 4, "team.destroy": 5, "team.create": 6, "team.promote_maintainer": 1,
    "team.demote_maintainer": 2,
}  # fmt: skip
"""Action -> OCSF group_management activity."""

GRANT = re.compile(
    r"^(?:org|business|repo|organization_moderators|enterprise_team|project|repository_invitation|integration_installation"
    r"|organization_role|repository_role)\.(add|invite|assign|accept|update|remove|cancel|revoke|unassign|block)"
    r"_?(member|admin|user|outside_collaborator|collaborator|billing_manager|organization|owner|invitation|user_permission"
    r"|support_entitlee|role|permission|access)?"
)
"""Actions that give a user something or take it away."""

TAKING = ("remove", "cancel", "revoke", "unassign", "block")

GIT: Mapping[str, int] = {
    "git.clone": 2, "git.fetch": 2, "git.push": 3, "repo.download_zip": 7, "repo.codespaces_trusted_repo_access": 2,
    "packages.package_version_published": 1, "packages.package_published": 1, "packages.package_version_deleted": 4,
    "packages.package_deleted": 4, "org.audit_log_export": 7, "business.audit_log_export": 7,
    "org.audit_log_git_event_export": 7,
}  # fmt: skip
"""Action -> OCSF web_resources_activity activity."""

LAST_WORD: tuple[tuple[str, int], ...] = (
    ("create", 1), ("add", 1), ("register", 6), ("remove", 4), ("destroy", 4), ("delete", 4), ("transfer", 5),
    ("clear", 4),
    ("update", 3), ("rename", 3), ("change", 3), ("set", 3), ("enable", 8), ("disable", 9), ("archived", 11),
    ("unarchived", 10), ("suspend", 12), ("unsuspend", 13), ("access", 3), ("publish", 1), ("restore", 13), ("get", 2),
)  # fmt: skip
"""How the part behind the dot begins -> OCSF entity_management activity."""

FAILURES = ("failed", "failure", "denied", "rejected", "blocked")


def classify(r: Record) -> Column:
    """By action; a record may give it no category."""
    return r.read("action").map(_family).coalesce(r.constant("other"))


def _family(action: str) -> str:
    category, _, what = action.partition(".")
    if action in SIGN_IN:
        return "sign_in"
    if action in GIT or category == "git":
        return "git"
    if action in ACCOUNT or category in ACCOUNT_CATEGORIES:
        return "account"
    if category == "team":
        return "group"
    match = GRANT.match(action)
    return "access" if match and match.group(2) and "runner" not in what else "entity"


def _common(r: Record) -> dict[str, Any]:
    """Who did what, when and from where."""
    action = r.take("action")
    actor = r.read("actor").coalesce(r.read("actor.login"), r.read("actor_login"))
    moment = r.read("@timestamp").coalesce(r.read("at_sign_timestamp"), r.read("created_at"), r.read("p_event_time"))
    name = actor.coalesce(r.read("external_identity_nameid"), r.read("user"), r.constant("unknown"))
    agent = r.read("user_agent")
    return {
        "time": _moment(moment),
        "metadata.original_time": moment,
        "metadata.original_event_uid": r.take("_document_id"),
        "metadata.event_code": action,
        "metadata.log_name": "audit",
        "metadata.correlation_uid": r.take("request_id"),
        "severity_id": 1,
        "status_id": action.map(lambda text: 2 if any(word in text for word in FAILURES) else 1),
        "api.operation": action,
        "actor.user.name": name.keep(lambda text: text != ""),
        "actor.user.uid": r.read("actor_id"),
        "actor.user.email_addr": r.read("external_identity_nameid").keep(lambda text: "@" in text),
        "actor.user.org.name": r.read("org"),
        "actor.user.type_id": r.read("actor_is_bot").map(lambda text: 4 if text.lower() == "true" else 1),
        "actor.session.uid": r.read("actor_session"),
        "actor.session.credential_uid": r.read("hashed_token").keep(lambda text: text != ""),
        "cloud.provider": "GitHub",
        "cloud.org.name": r.read("business").coalesce(r.read("org")),
        "cloud.org.uid": r.read("org_id"),
        "src_endpoint.ip": r.read("actor_ip", ip),
        "src_endpoint.location.country": r.read("actor_location.country_code", real),
        "http_request.user_agent": agent,
        "http_request.http_method": r.read("method"),
        "http_request.url.url_string": r.read("url"),
        "http_request.referrer": r.read("referrer"),
    }


def _moment(column: Column) -> Column:
    """Milliseconds since 1970 as GitHub writes them, or what a lake made of it."""
    number = unix_ms(column.keep(str.isdigit))
    return number.coalesce(iso(column.keep(lambda text: not text.isdigit()))) if len(number.values) else iso(column)


def _repository(r: Record) -> Column:
    return r.read("repo").coalesce(r.read("repository"), r.read("repository.full_name"))


@maps("sign_in")
def sign_in(r: Record) -> Mapped:
    """Logins and single sign-on."""
    common = _common(r)
    user = r.read("user").keep(lambda text: text != "").coalesce(common["actor.user.name"])
    return event(
        "authentication",
        common,
        activity_id=common["metadata.event_code"].map(lambda text: SIGN_IN[text]),
        is_remote=True,
        is_mfa=common["metadata.event_code"].map(lambda text: True if "two_factor" in text else None),
        user={"name": user, "uid": r.read("user_id")},
        service={"name": "GitHub"},
        session={"issuer": r.read("issuer")},
    )


@maps("account")
def account(r: Record) -> Mapped:
    """Users, keys, tokens, second factors."""
    common = _common(r)
    action = common["metadata.event_code"]
    activity = action.map(lambda text: ACCOUNT.get(text, 99))
    user = r.read("user").keep(lambda text: text != "").coalesce(common["actor.user.name"])
    return event(
        "account_change",
        common,
        activity_id=activity,
        activity_name=activity.zip(action, lambda code, text: text if code == 99 else None),
        user={"name": user, "uid": r.read("user_id")},
    )


@maps("group")
def group(r: Record) -> Mapped:
    """Teams."""
    common = _common(r)
    action = common["metadata.event_code"]
    activity = action.map(lambda text: GROUP.get(text, 99))
    return event(
        "group_management",
        common,
        activity_id=activity,
        activity_name=activity.zip(action, lambda code, text: text if code == 99 else None),
        group={"name": r.read("team").coalesce(r.read("data.team"), r.constant("unknown")), "uid": r.read("team_id")},
        user={"name": r.read("user").keep(lambda text: text != ""), "uid": r.read("user_id")},
        resource={"name": _repository(r)},
    )


@maps("access")
def access(r: Record) -> Mapped:
    """Members and collaborators."""
    common = _common(r)
    action = common["metadata.event_code"]
    user = r.read("user").keep(lambda text: text != "").coalesce(r.read("invitee"), r.read("email"))
    return event(
        "user_access",
        common,
        activity_id=action.map(lambda text: 2 if text.partition(".")[2].startswith(TAKING) else 1),
        user={"name": user.coalesce(common["actor.user.name"]), "uid": r.read("user_id")},
        privileges=r.read("permission").coalesce(r.read("role"), r.read("new_permission"), action).map(lambda t: [t]),
        resource={"name": _repository(r).coalesce(r.read("org"), r.read("business"))},
    )


@maps("git")
def git(r: Record) -> Mapped:
    """What happens to the content of repositories."""
    common = _common(r)
    action = common["metadata.event_code"]
    activity = action.map(lambda text: GIT.get(text, 99))
    name = _repository(r).coalesce(r.read("org"), r.read("business"), r.constant("unknown"))
    return event(
        "web_resources_activity",
        common,
        activity_id=activity,
        activity_name=activity.zip(action, lambda code, text: text if code == 99 else None),
        web_resources=name.map(lambda text: [{"name": text, "type": "repository"}]),
    )


@maps("entity")
def entity(r: Record) -> Mapped:
    """Repositories and everything an administrator sets."""
    common = _common(r)
    action = common["metadata.event_code"]
    activity = action.map(_entity_activity)
    thing = r.read("ruleset_name").coalesce(r.read("hook_id"), r.read("name"), _repository(r), r.read("org"),
                                            r.read("business"), r.constant("unknown"))  # fmt: skip
    return event(
        "entity_management",
        common,
        activity_id=activity,
        activity_name=activity.zip(action, lambda code, text: text if code == 99 else None),
        entity={
            "name": thing,
            "type": action.map(lambda text: text.partition(".")[0]),
            "uid": r.read("repo_id").coalesce(r.read("ruleset_id"), r.read("hook_id")),
        },
    )


def _entity_activity(action: str) -> int:
    what = action.partition(".")[2] or action
    words = what.split("_")
    for word in (words[0], words[-1]):
        found = next((code for start, code in LAST_WORD if word.startswith(start)), None)
        if found is not None:
            return found
    return 99


@maps("other")
def other(r: Record) -> Mapped:
    """A lake's envelope without an action."""
    return event("base_event", time=_moment(r.read("@timestamp").coalesce(r.read("p_event_time"))), severity_id=1)
