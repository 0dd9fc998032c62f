"""Microsoft 365 unified audit log (Office 365 Management Activity API schema: Common, SharePoint, Exchange, Entra ID,
alerts).

`Operation` is the event code, `Workload` the log's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from watchfloor.collect.convert import ip, iso, json
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

SIGN_IN: Mapping[str, int] = {
    "UserLoggedIn": 1, "UserLoginFailed": 1, "MailboxLogin": 1, "TeamsSessionStarted": 1, "SignInEvent": 1,
    "UserLoggedOff": 2, "ForeignRealmIndexLogonInitialAuthUsingADFSFederatedToken": 1,
}  # fmt: skip
"""Operation -> OCSF authentication activity."""

ACCOUNT: Mapping[str, int] = {
    "add user": 1, "invite external user": 1, "enable account": 2, "restore user": 2, "change user password": 3,
    "reset user password": 4, "set force change user password": 4, "disable account": 5, "delete user": 6,
    "hard delete user": 6, "enable strong authentication": 10, "user registered security info": 10,
    "disable strong authentication": 11, "user deleted security info": 11, "update user": 99, "change user license": 99,
    "update stsrefreshtokenvalidfrom timestamp": 99, "set user manager": 99, "set-user": 99, "new-mailbox": 1,
    "remove-mailbox": 6,
}  # fmt: skip
"""Operation, lower case, without its full stop -> OCSF account_change activity."""

GROUP: Mapping[str, int] = {
    "add group": 6, "delete group": 5, "update group": 99, "add member to group": 3, "remove member from group": 4,
    "add owner to group": 3, "remove owner from group": 4, "teamcreated": 6, "teamdeleted": 5, "memberadded": 3,
    "memberremoved": 4, "memberrolechanged": 1, "add-distributiongroupmember": 3, "remove-distributiongroupmember": 4,
    "addedtogroup": 3, "removedfromgroup": 4, "groupadded": 6, "groupremoved": 5,
}  # fmt: skip
"""Operation, lower case, without its full stop -> OCSF group_management activity."""

ACCESS: tuple[tuple[str, int], ...] = (
    ("add member to role", 1), ("add eligible member to role", 1), ("consent to application", 1),
    ("add app role assignment", 1), ("add delegated permission grant", 1), ("add oauth2permissiongrant", 1),
    ("add-mailboxpermission", 1), ("add-recipientpermission", 1), ("add-mailboxfolderpermission", 1),
    ("add-rolegroupmember", 1), ("new-managementroleassignment", 1), ("sitecollectionadminadded", 1),
    ("remove member from role", 2), ("remove app role assignment", 2), ("remove delegated permission grant", 2),
    ("remove-mailboxpermission", 2), ("remove-recipientpermission", 2), ("remove-rolegroupmember", 2),
    ("remove-managementroleassignment", 2), ("sitecollectionadminremoved", 2),
)  # fmt: skip
"""How an operation begins, lower case -> OCSF user_access activity."""

FILE: Mapping[str, int] = {
    "FileUploaded": 1, "FileDownloaded": 2, "FileModified": 3, "FileModifiedExtended": 3, "FileDeleted": 4,
    "FileRecycled": 4, "FileDeletedFirstStageRecycleBin": 4, "FileDeletedSecondStageRecycleBin": 4, "FolderDeleted": 4,
    "FolderRecycled": 4, "FileRenamed": 5, "FolderRenamed": 5, "FileCopied": 6, "FolderCopied": 6, "FileMoved": 7,
    "FolderMoved": 7, "FileRestored": 8, "FolderRestored": 8, "FilePreviewed": 9, "FileCheckedOut": 10,
    "FileCheckedIn": 11, "SharingSet": 12, "SharingInvitationCreated": 12, "AnonymousLinkCreated": 12,
    "SecureLinkCreated": 12, "AddedToSecureLink": 12, "CompanyLinkCreated": 12, "SharingLinkCreated": 12,
    "AnonymousLinkUpdated": 12, "SecureLinkUpdated": 12, "SharingRevoked": 13, "AnonymousLinkRemoved": 13,
    "SecureLinkDeleted": 13, "RemovedFromSecureLink": 13, "SharingInvitationRevoked": 13, "FileAccessed": 14,
    "FileAccessedExtended": 14, "AnonymousLinkUsed": 14, "SecureLinkUsed": 14, "FileSyncDownloadedFull": 15,
    "FileSyncDownloadedPartial": 15, "FileSyncUploadedFull": 15, "FileSyncUploadedPartial": 15, "FolderCreated": 99,
    "FolderModified": 3, "FileMalwareDetected": 99, "FileVersionsAllDeleted": 4,
}  # fmt: skip
"""SharePoint and OneDrive operation -> OCSF file_hosting activity."""

ALERTS = (
    "AlertTriggered", "AlertEntityGenerated", "AlertUpdated", "TIMailData", "TIUrlClickData", "AirInvestigationData",
    "DlpRuleMatch", "InsiderRiskAlert", "Activity from infrequent country",
)  # fmt: skip

VERBS: Mapping[str, int] = {"New": 1, "Add": 1, "Create": 1, "Install": 1, "Get": 2, "Search": 2, "Set": 3, "Update": 3,
                            "Enable": 3, "Disable": 3, "Remove": 4, "Delete": 4, "Uninstall": 4}  # fmt: skip
"""Verb of an Exchange cmdlet -> OCSF api_activity activity."""

OPERATIONS: Mapping[str, int] = {
    "MailItemsAccessed": 2, "MessageBind": 2, "Create": 1, "Update": 3, "UpdateInboxRules": 3, "SoftDelete": 4,
    "HardDelete": 4, "MoveToDeletedItems": 4, "Move": 3, "Send": 99, "SendAs": 99, "SendOnBehalf": 99,
    "SearchQueryPerformed": 2, "PageViewed": 2, "FolderBind": 2,
}  # fmt: skip
"""Other operations -> OCSF api_activity activity."""

GOOD = ("success", "succeeded", "true", "partiallysucceeded", "pass", "passed")
BAD = ("failed", "failure", "false", "fail")
SEVERITY = {"Low": 2, "Medium": 3, "High": 4, "Informational": 1}
USER_TYPE = {"0": 1, "1": 3, "2": 2, "3": 2, "4": 3, "5": 4, "6": 4, "7": 3, "8": 3, "9": 3, "10": 3}
"""UserType of the common schema -> OCSF user type."""


def classify(r: Record) -> Column:
    """By operation; SharePoint's own by the item they are about."""
    kind = r.read("Operation").map(_family)
    item = r.read("SourceFileName").coalesce(r.read("ItemType").keep(lambda text: text in ("File", "Folder")))
    known = kind.zip(item, lambda family, name: "file" if family == "api" and name else family)
    return known.coalesce(r.constant("other"))


def _family(operation: str) -> str:
    bare = operation.rstrip(".").lower()
    if operation in SIGN_IN:
        return "sign_in"
    if bare in ACCOUNT:
        return "account"
    if bare in GROUP:
        return "group"
    if bare.startswith(tuple(start for start, _ in ACCESS)):
        return "access"
    if operation in ALERTS:
        return "alert"
    return "file" if operation in FILE else "api"


def _common(r: Record) -> dict[str, Any]:
    """What the common schema holds, and who says so."""
    operation, created, user = r.take("Operation"), r.take("CreationTime"), r.read("UserId")
    result = r.read("ResultStatus")
    address = r.read("ClientIP").coalesce(r.read("ClientIPAddress"), r.read("ActorIpAddress"), r.read("SenderIp"))
    application = r.read("ClientAppId").coalesce(r.read("ApplicationId"), r.read("AppId"))
    return {
        "time": iso(created.coalesce(r.read("p_event_time"))),
        "metadata.original_time": created,
        "metadata.original_event_uid": r.take("Id"),
        "metadata.event_code": operation,
        "metadata.log_name": r.take("Workload"),
        "metadata.log_version": r.read("Version"),
        "metadata.tenant_uid": r.take("OrganizationId"),
        "severity_id": 1,
        "status_id": result.map(_outcome),
        "status_code": result,
        "status_detail": r.read("LogonError").coalesce(r.read("ResultStatusDetail")),
        "api.operation": operation,
        "api.response.message": result.map(lambda text: {1: "success", 2: "failure"}.get(_outcome(text))),
        "actor.user.name": user,
        "actor.user.email_addr": user.keep(lambda text: "@" in text),
        "actor.user.uid": r.read("UserKey"),
        "actor.user.type_id": r.read("UserType").map(lambda kind: USER_TYPE.get(kind, 99)),
        "actor.app_uid": application,
        "actor.app_name": r.read("ApplicationDisplayName").coalesce(r.read("ClientInfoString")),
        "cloud.provider": "Microsoft 365",
        "src_endpoint.ip": address.map(_address),
        "http_request.user_agent": r.read("UserAgent").coalesce(
            r.read("ExtendedProperties[]", json(_property("UserAgent")))
        ),
    }


def _outcome(text: str) -> int:
    lowered = text.lower()
    return 1 if lowered in GOOD else 2 if lowered in BAD else 99


def _address(text: str) -> str | None:
    """`192.0.2.1`, `192.0.2.1:443`, `[2001:db8::1]:443`."""
    bare = text.rpartition(":")[0] if text.count(":") == 1 or (text.startswith("[") and "]:" in text) else text
    address: str | None = ip(Column.constant(bare, 1)).to_pylist()[0]
    return address


def _property(*names: str) -> Callable[[list[dict[str, Any]]], str | None]:
    """The value of the first of these in a list of names and values."""

    def one(items: list[dict[str, Any]]) -> str | None:
        for name in names:
            for item in items:
                if item.get("Name") == name:
                    value = item.get("Value", item.get("NewValue"))
                    return str(value).strip('"') if value else None
        return None

    return one


def _changed(*names: str) -> Callable[[list[dict[str, Any]]], str | None]:
    def one(items: list[dict[str, Any]]) -> str | None:
        for item in items:
            if item.get("Name") in names:
                value = item.get("NewValue") or item.get("OldValue")
                return str(value).strip('"\r\n ') or None if value else None
        return None

    return one


@maps("sign_in")
def sign_in(r: Record) -> Mapped:
    """A sign-in; `UserLoginFailed` is a failure whatever ResultStatus says."""
    common = _common(r)
    failed = common["api.operation"].map(lambda operation: 2 if operation == "UserLoginFailed" else None)
    common["status_id"] = failed.coalesce(common["status_id"])
    common["status_code"] = r.read("ErrorNumber").coalesce(common["status_code"])
    service = r.read("ApplicationDisplayName").coalesce(r.read("TargetContextDisplayName"), common["metadata.log_name"])
    return event(
        "authentication",
        common,
        activity_id=common["api.operation"].map(lambda operation: SIGN_IN.get(operation, 1)),
        is_remote=True,
        user={
            "name": common["actor.user.name"],
            "email_addr": common["actor.user.email_addr"],
            "uid": common["actor.user.uid"],
        },
        service={"name": service.coalesce(r.constant("Microsoft 365"))},
        device={
            "name": r.read("DeviceProperties[]", json(_property("DisplayName"))),
            "uid": r.read("DeviceProperties[]", json(_property("Id"))),
            "type_id": r.read("DeviceProperties[]", json(_property("DisplayName", "Id"))).map(lambda _: 0),
        },
        session={"uid": r.read("DeviceProperties[]", json(_property("SessionId")))},
    )


@maps("account")
def account(r: Record) -> Mapped:
    """Entra ID operations on users, mailboxes created and removed."""
    common = _common(r)
    activity = common["api.operation"].map(lambda operation: ACCOUNT.get(operation.rstrip(".").lower(), 99))
    name = r.read("ObjectId").coalesce(common["actor.user.name"])
    return event(
        "account_change",
        common,
        activity_id=activity,
        activity_name=activity.zip(common["api.operation"], lambda code, text: text if code == 99 else None),
        user={"name": name, "email_addr": name.keep(lambda text: "@" in text)},
    )


@maps("group")
def group(r: Record) -> Mapped:
    """Groups and teams."""
    common = _common(r)
    activity = common["api.operation"].map(lambda operation: GROUP.get(operation.rstrip(".").lower(), 99))
    found = r.read("TeamName").coalesce(
        r.read("ModifiedProperties[]", json(_changed("Group.DisplayName"))),
        r.read("Parameters[]", json(_property("Identity"))),
        r.read("TargetUserOrGroupName"),
        r.read("ObjectId"),
    )
    member = r.read("Members[]", json(lambda members: members[0]["UPN"])).coalesce(
        r.read("Parameters[]", json(_property("Member"))), r.read("ObjectId").keep(lambda text: "@" in text)
    )
    return event(
        "group_management",
        common,
        activity_id=activity,
        activity_name=activity.zip(common["api.operation"], lambda code, text: text if code == 99 else None),
        group={
            "name": found.coalesce(r.constant("unknown")),
            "uid": r.read("TeamGuid").coalesce(r.read("ModifiedProperties[]", json(_changed("Group.ObjectID")))),
        },
        user={"name": member},
    )


@maps("access")
def access(r: Record) -> Mapped:
    """Roles, consent, mailbox permissions."""
    common = _common(r)
    role = r.read("ModifiedProperties[]", json(_changed("Role.DisplayName", "ConsentAction.Permissions"))).coalesce(
        r.read("Parameters[]", json(_property("AccessRights", "Role", "Identity"))), common["api.operation"]
    )
    who = r.read("Parameters[]", json(_property("User", "Trustee", "Member"))).coalesce(
        r.read("TargetUserOrGroupName"), r.read("ObjectId"), common["actor.user.name"]
    )
    return event(
        "user_access",
        common,
        activity_id=common["api.operation"].map(
            lambda text: next((code for start, code in ACCESS if text.lower().startswith(start)), 99)
        ),
        user={"name": who},
        privileges=role.map(lambda text: [text]),
        resource={"name": r.read("ObjectId")},
    )


@maps("file")
def file(r: Record) -> Mapped:
    """Files and folders, and who may see them."""
    common = _common(r)
    operation = common["api.operation"]
    activity = operation.map(lambda text: FILE.get(text, 99))
    kind = r.read("ItemType").map(lambda text: {"File": 1, "Folder": 2}.get(text, 99))
    path = r.read("ObjectId")
    return event(
        "file_hosting",
        common,
        activity_id=activity,
        activity_name=activity.zip(operation, lambda code, text: text if code == 99 else None),
        file={
            "name": r.read("SourceFileName").coalesce(
                path.map(lambda text: text.rstrip("/").rpartition("/")[2] or text), r.constant("unknown")
            ),
            "path": path,
            "ext": r.read("SourceFileExtension"),
            "type_id": kind.coalesce(r.constant(0)),
            "parent_folder": r.read("SourceRelativeUrl"),
            "url.url_string": path.keep(lambda text: text.startswith("http")),
        },
        file_result={
            "name": r.read("DestinationFileName"),
            "ext": r.read("DestinationFileExtension"),
            "type_id": r.read("DestinationFileName").map(lambda _: 1),
        },
        share=r.read("TargetUserOrGroupName"),
        share_type=r.read("TargetUserOrGroupType"),
        dst_endpoint={"hostname": r.read("SiteUrl").map(_host)},
    )


def _host(url: str) -> str | None:
    return url.partition("://")[2].partition("/")[0] or None


@maps("alert")
def alert(r: Record) -> Mapped:
    """An alert, or a message or a click that Defender judged."""
    common = _common(r)
    address = common.pop("src_endpoint.ip")
    common.pop("http_request.user_agent")
    common["status_id"] = 1
    common["severity_id"] = r.read("Severity").map(lambda text: SEVERITY.get(text, 0)).coalesce(r.constant(3))
    title = r.read("Name").coalesce(r.read("Subject"), r.read("PolicyName"), common["api.operation"])
    kind = r.read("AlertType").coalesce(r.read("ThreatsAndDetectionTech[]", json(lambda t: t[0])), r.read("Category"))
    return event(
        "detection_finding",
        common,
        activity_id=common["api.operation"].map(lambda text: 2 if text == "AlertUpdated" else 1),
        is_alert=True,
        message=title,
        finding_info={
            "uid": r.read("AlertId").coalesce(r.read("NetworkMessageId"), common["metadata.original_event_uid"]),
            "title": title,
            "desc": r.read("Comments").coalesce(r.read("Verdict")),
            "types": kind.map(lambda text: [text]),
            "src_url": r.read("EventDeepLink"),
        },
        evidences=address.map(lambda text: [{"src_endpoint": {"ip": text}}]),
    )


@maps("api")
def api(r: Record) -> Mapped:
    """Cmdlets, mailbox access, everything else."""
    common = _common(r)
    operation = common["api.operation"]
    activity = operation.map(_activity).coalesce(r.constant(0))
    return event(
        "api_activity",
        common,
        activity_id=activity,
        activity_name=activity.zip(operation, lambda code, text: text if code == 99 else None),
        api={"service": {"name": common["metadata.log_name"]}},
        resources=r.read("ObjectId").coalesce(r.read("MailboxOwnerUPN")).map(lambda name: [{"name": name}]),
    )


def _activity(operation: str) -> int:
    if operation in OPERATIONS:
        return OPERATIONS[operation]
    return VERBS.get(operation.partition("-")[0].partition(" ")[0], 99)


@maps("other")
def other(r: Record) -> Mapped:
    """A lake's envelope without an operation."""
    return event("base_event", time=iso(r.read("CreationTime").coalesce(r.read("p_event_time"))), severity_id=1)
