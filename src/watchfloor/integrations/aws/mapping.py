"""AWS: CloudTrail (record contents 1.0 to 1.11), VPC flow logs (fields of versions 2 to 10), GuardDuty (schema 2.0).

`eventName` is the event code and `eventSource` the log provider, so that rules written on them select routes.
Whatever OCSF spells differently than AWS is read, not taken: the vendor's text stays under `unmapped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchfloor.collect.convert import boolean, integer, ip, iso, json, real, to, unix_s
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.collect.records import Records
from watchfloor.ocsf.column import Column

LOGON, LOGOFF, TICKET, SWITCH, OTHER = 1, 2, 3, 7, 99

SIGN_IN: Mapping[str, int] = {
    "ConsoleLogin": LOGON,
    "UserAuthentication": LOGON,
    "AssumeRoleWithSAML": LOGON,
    "AssumeRoleWithWebIdentity": LOGON,
    "GetSigninToken": TICKET,
    "GetSessionToken": TICKET,
    "GetFederationToken": TICKET,
    "CreateToken": TICKET,
    "Authenticate": LOGON,
    "Federate": LOGON,
    "Logout": LOGOFF,
    "SignOut": LOGOFF,
    "AssumeRole": SWITCH,
    "AssumeRoot": SWITCH,
    "SwitchRole": SWITCH,
    "ExitRole": SWITCH,
    "RenewRole": SWITCH,
    "CredentialChallenge": OTHER,
    "CredentialVerification": OTHER,
    "CheckMfa": OTHER,
}
"""Event names of signin, sts and sso -> OCSF authentication activity."""

SIGN_IN_SERVICES = ("signin.amazonaws.com", "sts.amazonaws.com", "sso.amazonaws.com", "rolesanywhere.amazonaws.com")

ACCOUNT: Mapping[str, int] = {
    "CreateUser": 1,
    "CreateLoginProfile": 2,
    "ChangePassword": 3,
    "UpdateLoginProfile": 4,
    "DeleteLoginProfile": 5,
    "DeleteUser": 6,
    "AttachUserPolicy": 7,
    "PutUserPolicy": 7,
    "PutUserPermissionsBoundary": 7,
    "DetachUserPolicy": 8,
    "DeleteUserPolicy": 8,
    "DeleteUserPermissionsBoundary": 8,
    "EnableMFADevice": 10,
    "DeactivateMFADevice": 11,
    "UpdateUser": 99,
    "CreateAccessKey": 99,
    "UpdateAccessKey": 99,
    "DeleteAccessKey": 99,
    "UploadSSHPublicKey": 99,
    "UploadSigningCertificate": 99,
    "CreateServiceSpecificCredential": 99,
    "ResetServiceSpecificCredential": 99,
    "CreateVirtualMFADevice": 99,
    "DeleteVirtualMFADevice": 99,
    "PasswordUpdated": 3,
    "PasswordRecoveryRequested": 4,
    "PasswordRecoveryCompleted": 4,
    "EmailUpdated": 99,
}
"""Event names of iam and signin that change a user -> OCSF account_change activity."""

GROUP: Mapping[str, int] = {
    "AttachGroupPolicy": 1,
    "PutGroupPolicy": 1,
    "DetachGroupPolicy": 2,
    "DeleteGroupPolicy": 2,
    "AddUserToGroup": 3,
    "RemoveUserFromGroup": 4,
    "DeleteGroup": 5,
    "CreateGroup": 6,
    "UpdateGroup": 99,
}
"""Event names of iam that change a group -> OCSF group_management activity."""

VERBS: tuple[tuple[str, int], ...] = (
    ("Create", 1), ("Run", 1), ("Allocate", 1), ("Import", 1), ("Register", 1), ("Request", 1), ("Copy", 1),
    ("Get", 2), ("List", 2), ("Describe", 2), ("Head", 2), ("Lookup", 2), ("Search", 2), ("Query", 2), ("Scan", 2),
    ("Batch", 2), ("Select", 2), ("Download", 2), ("Decrypt", 2), ("View", 2), ("Preview", 2), ("Simulate", 2),
    ("Update", 3), ("Put", 3), ("Modify", 3), ("Set", 3), ("Attach", 3), ("Add", 3), ("Associate", 3), ("Enable", 3),
    ("Start", 3), ("Stop", 3), ("Reboot", 3), ("Authorize", 3), ("Revoke", 3), ("Detach", 3), ("Change", 3),
    ("Disable", 3), ("Replace", 3), ("Restore", 3), ("Tag", 3), ("Untag", 3), ("Share", 3), ("Enroll", 3),
    ("Delete", 4), ("Remove", 4), ("Terminate", 4), ("Deregister", 4), ("Release", 4), ("Purge", 4), ("Leave", 4),
)  # fmt: skip
"""First word of an API call -> OCSF api_activity activity."""

USER_TYPES: Mapping[str, int] = {
    "Root": 2,
    "IAMUser": 1,
    "AssumedRole": 4,
    "Role": 4,
    "FederatedUser": 1,
    "AWSService": 3,
    "AWSAccount": 99,
    "Directory": 1,
    "SAMLUser": 1,
    "WebIdentityUser": 1,
    "IdentityCenterUser": 1,
    "Unknown": 0,
}
"""userIdentity.type -> OCSF user type (1 user, 2 admin, 3 system, 4 service, 99 other)."""

DENIED = (
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation",
    "UnauthorizedException", "AuthorizationFailure", "ExpiredToken", "InvalidClientTokenId",
)  # fmt: skip
"""errorCode of a call that was refused rather than wrong."""

TACTICS: Mapping[str, tuple[str, str]] = {
    "Backdoor": ("TA0011", "Command and Control"),
    "CredentialAccess": ("TA0006", "Credential Access"),
    "CryptoCurrency": ("TA0040", "Impact"),
    "DefenseEvasion": ("TA0005", "Defense Evasion"),
    "Discovery": ("TA0007", "Discovery"),
    "Execution": ("TA0002", "Execution"),
    "Exfiltration": ("TA0010", "Exfiltration"),
    "Impact": ("TA0040", "Impact"),
    "InitialAccess": ("TA0001", "Initial Access"),
    "Persistence": ("TA0003", "Persistence"),
    "PrivilegeEscalation": ("TA0004", "Privilege Escalation"),
    "Recon": ("TA0043", "Reconnaissance"),
    "Trojan": ("TA0011", "Command and Control"),
}
"""Threat purpose, the first part of a GuardDuty finding type -> ATT&CK tactic."""

FLOW_NAMES: Mapping[str, str] = {
    "interfaceid": "interface-id", "logstatus": "log-status", "vpcid": "vpc-id", "subnetid": "subnet-id",
    "instanceid": "instance-id", "tcpflags": "tcp-flags", "pktsrcaddr": "pkt-srcaddr", "pktdstaddr": "pkt-dstaddr",
    "azid": "az-id", "sublocationtype": "sublocation-type", "sublocationid": "sublocation-id",
    "pktsrcawsservice": "pkt-src-aws-service", "pktdstawsservice": "pkt-dst-aws-service",
    "flowdirection": "flow-direction", "trafficpath": "traffic-path", "rejectreason": "reject-reason",
    "srcaddr": "srcaddr", "dstaddr": "dstaddr", "srcport": "srcport", "dstport": "dstport",
}  # fmt: skip
"""A flow log field without case and punctuation -> the name in AWS's documentation; GuardDuty has `accountId` too."""

BOUNDARIES = {"1": 4, "2": 5, "3": 6, "4": 7, "5": 8, "6": 9, "7": 10, "8": 11}
"""traffic-path of a flow -> OCSF boundary (same VPC, internet or VPC gateway, private gateway, peering ...)."""

PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "41": "ipv6", "47": "gre", "50": "esp", "58": "icmpv6",
             "132": "sctp"}  # fmt: skip
"""IANA protocol number -> name."""


def normalise(records: Records, settings: Mapping[str, Any]) -> Records:
    """EventBridge's envelope off; flow log fields under the names of AWS's documentation."""
    names = records.names
    taken = set(names)
    renamed: dict[str, str] = {}
    for name in names:
        wanted = name.removeprefix("detail.") if "detail-type" in taken else name
        wanted = FLOW_NAMES.get(wanted.lower().replace("-", "").replace("_", ""), wanted)
        if wanted != name and wanted not in taken:
            taken.add(wanted)
            renamed[name] = wanted
    return records.rename(renamed) if renamed else records


def classify(r: Record) -> Column:
    """By what the record holds, then by service and call."""
    cloudtrail = r.read("eventName").zip(r.read("eventSource"), _family)
    finding = r.read("service.serviceName").coalesce(r.read("service.detectorId")).map(lambda _: "finding")
    flow = r.read("srcaddr").coalesce(r.read("interface-id")).map(lambda _: "flow")
    return cloudtrail.coalesce(finding, flow, r.constant("other"))


def _family(name: str | None, source: str | None) -> str | None:
    if name is None:
        return None
    if name in SIGN_IN and (source in SIGN_IN_SERVICES or source is None):
        return "sign_in"
    if source in ("iam.amazonaws.com", "signin.amazonaws.com"):
        return "account" if name in ACCOUNT else "group" if name in GROUP else "api"
    return "api"


def _call(r: Record) -> dict[str, Any]:
    """What every CloudTrail record says: who, from where, with what, on which account, with what result."""
    name, source, code = r.take("eventName"), r.take("eventSource"), r.take("errorCode")
    arn, who = r.take("userIdentity.arn"), r.read("userIdentity.type")
    time = r.take("eventTime")
    address = r.read("sourceIPAddress")
    region, account = r.take("awsRegion"), r.read("recipientAccountId").coalesce(r.read("userIdentity.accountId"))
    denied = code.map(lambda value: value in DENIED)
    return {
        "time": iso(time.coalesce(r.read("p_event_time"))),
        "metadata.original_time": time,
        "metadata.original_event_uid": r.take("eventID"),
        "metadata.event_code": name,
        "metadata.log_provider": source,
        "metadata.log_name": "CloudTrail",
        "metadata.log_version": r.take("eventVersion"),
        "metadata.product.name": "AWS CloudTrail",
        "metadata.product.feature.name": r.take("eventCategory"),
        "api.operation": name,
        "api.service.name": source,
        "api.version": r.take("apiVersion"),
        "api.request.uid": r.take("requestID"),
        "api.response.error": code,
        "cloud.provider": "AWS",
        "cloud.region": region,
        "cloud.account.uid": account,
        "http_request.user_agent": r.take("userAgent"),
        "src_endpoint.ip": address.map(_address),
        "src_endpoint.svc_name": address.map(_service),
        "actor.user.name": _user_name(r, arn),
        "actor.user.uid": arn,
        "actor.user.uid_alt": r.take("userIdentity.principalId"),
        "actor.user.type": who,
        "actor.user.type_id": who.map(lambda value: USER_TYPES.get(value, 99)),
        "actor.user.account.uid": r.take("userIdentity.accountId"),
        "actor.user.credential_uid": r.take("userIdentity.accessKeyId"),
        "actor.session.issuer": r.take("userIdentity.sessionContext.sessionIssuer.arn"),
        "actor.session.created_time": r.read("userIdentity.sessionContext.attributes.creationDate", iso),
        "actor.session.is_mfa": r.read("userIdentity.sessionContext.attributes.mfaAuthenticated", boolean),
        "actor.invoked_by": r.take("userIdentity.invokedBy"),
        "actor.idp.name": r.take("userIdentity.identityProvider"),
        "status_id": code.map(lambda _: 2).coalesce(r.constant(1)),
        "status_code": code,
        "status_detail": r.take("errorMessage"),
        "action_id": denied.map(lambda refused: 2 if refused else None),
        "severity_id": 1,
    }


def _address(text: str) -> str | None:
    address: str | None = ip(Column.constant(text, 1)).to_pylist()[0]
    return address


def _service(text: str) -> str | None:
    """A service that calls for somebody stands where the address would (`ec2.amazonaws.com`, `AWS Internal`)."""
    return text if _address(text) is None else None


def _user_name(r: Record, arn: Column) -> Column:
    """The user; for a role the name of its session, which single sign-on sets to the person's."""
    session = arn.map(lambda value: value.rpartition("/")[2] if ":assumed-role/" in value else None)
    root = r.read("userIdentity.type").map(lambda value: "root" if value == "Root" else None)
    return r.read("userIdentity.userName").coalesce(session, root, r.read("userIdentity.invokedBy"))


@maps("sign_in")
def sign_in(r: Record) -> Mapped:
    """Console sign-in events and calls to the Security Token Service."""
    call = _call(r)
    result = r.read("responseElements.ConsoleLogin").coalesce(
        r.read("responseElements.SwitchRole"),
        r.read("responseElements.ExitRole"),
        r.read("serviceEventDetails.UserAuthentication"),
        r.read("serviceEventDetails.CredentialVerification"),
        r.read("serviceEventDetails.CredentialChallenge"),
    )
    said = result.map({"Success": 1, "Failure": 2}.get)
    activity = call["metadata.event_code"].map(lambda name: SIGN_IN.get(name, 99))
    call["status_id"] = said.coalesce(call["status_id"])
    role = r.read("requestParameters.roleArn")
    mfa = r.read("additionalEventData.MFAUsed", boolean)
    return event(
        "authentication",
        call,
        activity_id=activity,
        activity_name=activity.zip(call["metadata.event_code"], lambda code, name: name if code == 99 else None),
        is_mfa=mfa.coalesce(r.read("userIdentity.sessionContext.attributes.mfaAuthenticated", boolean)),
        is_remote=True,
        logon_type_id=activity.map(lambda code: 2 if code == LOGON else None),
        service={"name": call["api.service.name"]},
        dst_endpoint={"svc_name": call["api.service.name"]},
        user={
            "name": r.read("requestParameters.roleSessionName").coalesce(call["actor.user.name"]),
            "uid": role.coalesce(call["actor.user.uid"]),
            "uid_alt": r.read("responseElements.assumedRoleUser.assumedRoleId").coalesce(call["actor.user.uid_alt"]),
            "account.uid": call["cloud.account.uid"],
            "credential_uid": r.read("responseElements.credentials.accessKeyId"),
        },
    )


@maps("account")
def account(r: Record) -> Mapped:
    """IAM calls that change a user."""
    call = _call(r)
    activity = call["metadata.event_code"].map(lambda name: ACCOUNT.get(name, 99))
    target = r.read("requestParameters.userName").coalesce(
        r.read("responseElements.user.userName"), r.read("responseElements.accessKey.userName")
    )
    policy = r.read("requestParameters.policyArn")
    return event(
        "account_change",
        call,
        activity_id=activity,
        activity_name=activity.zip(call["metadata.event_code"], lambda code, name: name if code == 99 else None),
        user={
            "name": target.coalesce(call["actor.user.name"]),
            "uid": r.read("responseElements.user.arn"),
            "uid_alt": r.read("responseElements.user.userId"),
            "credential_uid": r.read("responseElements.accessKey.accessKeyId").coalesce(
                r.read("requestParameters.accessKeyId")
            ),
            "account.uid": call["cloud.account.uid"],
        },
        policy={
            "uid": policy,
            "name": r.read("requestParameters.policyName").coalesce(policy.map(lambda arn: arn.rpartition("/")[2])),
        },
    )


@maps("group")
def group(r: Record) -> Mapped:
    """IAM calls that change a group."""
    call = _call(r)
    policy = r.read("requestParameters.policyArn")
    activity = call["metadata.event_code"].map(lambda name: GROUP.get(name, 99))
    return event(
        "group_management",
        call,
        activity_id=activity,
        activity_name=activity.zip(call["metadata.event_code"], lambda code, name: name if code == 99 else None),
        group={
            "name": r.read("requestParameters.groupName").coalesce(r.read("responseElements.group.groupName")),
            "uid": r.read("responseElements.group.arn"),
        },
        user={"name": r.read("requestParameters.userName")},
        policy={
            "uid": policy,
            "name": r.read("requestParameters.policyName").coalesce(policy.map(lambda arn: arn.rpartition("/")[2])),
        },
    )


@maps("api")
def api(r: Record) -> Mapped:
    """Any other call."""
    call = _call(r)
    activity = call["metadata.event_code"].map(_activity).coalesce(r.constant(0))
    return event(
        "api_activity",
        call,
        activity_id=activity,
        activity_name=activity.zip(call["metadata.event_code"], lambda code, name: name if code == 99 else None),
        resources=r.read("resources[]", json(_resources)),
        dst_endpoint={"hostname": r.read("tlsDetails.clientProvidedHostHeader")},
    )


def _activity(name: str) -> int:
    return next((code for verb, code in VERBS if name.startswith(verb)), OTHER)


def _resources(items: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    found = [
        {"uid": item.get("ARN") or item.get("arn"), "type": item.get("type")}
        for item in items
        if item.get("ARN") or item.get("arn")
    ]
    return found or None


@maps("flow")
def flow(r: Record) -> Mapped:
    """One aggregated flow of one interface, seen from the interface (field reference of VPC flow logs)."""
    source, target = r.read("pkt-srcaddr", real), r.read("pkt-dstaddr", real)
    action = r.read("action", real)
    start, end = r.take("start"), r.read("end")
    number = r.read("protocol")
    return event(
        "network_activity",
        time=start.coalesce(r.read("p_event_time")).map(_flow_time),
        start_time=start.map(_flow_time),
        end_time=end.map(_flow_time),
        metadata={
            "product": {"name": "Amazon VPC Flow Logs", "version": r.take("version")},
            "log_name": "VPC Flow Logs",
            "event_code": action,
            "original_time": start,
        },
        activity_id=action.replace({"ACCEPT": 6, "REJECT": 5}, 6).coalesce(r.constant(6)),
        action_id=action.replace({"ACCEPT": 1, "REJECT": 2}),
        disposition_id=action.replace({"ACCEPT": 1, "REJECT": 2}),
        severity_id=1,
        status_code=r.take("log-status"),
        cloud={
            "provider": "AWS",
            "account.uid": r.read("account-id").coalesce(r.read("account_id"), r.read("accountId")),
            "region": r.read("region", real),
            "zone": r.read("az-id", real),
        },
        connection_info={
            "direction_id": r.read("flow-direction", to({"ingress": 1, "egress": 2})).coalesce(r.constant(0)),
            "boundary_id": r.read("traffic-path", to(BOUNDARIES)),
            "protocol_num": number.integer(),
            "protocol_name": number.replace(PROTOCOLS),
            "protocol_ver_id": r.read("type", to({"IPv4": 4, "IPv6": 6})),
            "tcp_flags": r.read("tcp-flags", integer),
        },
        src_endpoint={
            "ip": ip(source.coalesce(r.read("srcaddr"))),
            "port": r.read("srcport", integer),
            "interface_uid": r.read("interface-id", real),
            "instance_uid": r.read("instance-id", real),
            "vpc_uid": r.read("vpc-id", real),
            "subnet_uid": r.read("subnet-id", real),
            "svc_name": r.read("pkt-src-aws-service", real),
        },
        dst_endpoint={
            "ip": ip(target.coalesce(r.read("dstaddr"))),
            "port": r.read("dstport", integer),
            "svc_name": r.read("pkt-dst-aws-service", real),
        },
        traffic={"bytes": r.read("bytes", integer), "packets": r.read("packets", integer)},
    )


def _flow_time(text: str) -> int | None:
    """Seconds since 1970, as AWS writes them; a lake may have made a timestamp of it."""
    column = Column.constant(text, 1)
    value: int | None = (unix_s(column) if text[4:5] != "-" else iso(column)).to_pylist()[0]
    return value


@maps("finding")
def finding(r: Record) -> Mapped:
    """A GuardDuty finding."""
    kind, created, updated = r.take("type"), r.read("createdAt"), r.take("updatedAt")
    action = r.read("service.action.actionType")
    return event(
        "detection_finding",
        time=iso(updated.coalesce(created)),
        activity_id=created.zip(updated, lambda first, last: 1 if first == last or last is None else 2),
        metadata={
            "product": {"name": "Amazon GuardDuty", "version": r.take("schemaVersion")},
            "log_name": "GuardDuty",
            "event_code": kind,
            "original_time": updated,
        },
        message=r.read("title"),
        is_alert=True,
        severity_id=r.read("severity").map(_severity),
        status_id=r.read("service.archived").map(lambda value: 5 if value == "true" else 1),
        count=r.read("service.count", integer),
        confidence_score=r.read("confidence", integer),
        cloud={
            "provider": "AWS",
            "region": r.take("region"),
            "account.uid": r.take("accountId"),
            "cloud_partition": r.take("partition"),
        },
        finding_info={
            "uid": r.take("id"),
            "uid_alt": r.take("arn"),
            "title": r.take("title"),
            "desc": r.take("description"),
            "types": kind.map(lambda value: [value]),
            "analytic.name": kind,
            "analytic.type_id": 1,
            "created_time": iso(created),
            "modified_time": iso(updated),
            "first_seen_time": r.read("service.eventFirstSeen", iso),
            "last_seen_time": r.read("service.eventLastSeen", iso),
            "attacks": kind.map(_attacks),
        },
        actor={
            "user": {
                "name": r.read("resource.accessKeyDetails.userName"),
                "uid_alt": r.read("resource.accessKeyDetails.principalId"),
                "type": r.read("resource.accessKeyDetails.userType"),
                "credential_uid": r.read("resource.accessKeyDetails.accessKeyId"),
            }
        },
        device={
            "uid": r.read("resource.instanceDetails.instanceId"),
            "type_id": r.read("resource.instanceDetails.instanceId").map(lambda _: 6),
            "region": r.read("resource.instanceDetails.availabilityZone"),
        },
        resources=_affected(r),
        evidences=_evidence(r, action),
    )


def _severity(text: str) -> int:
    """1-3.9 low, 4-6.9 medium, 7-8.9 high, 9-10 critical (GuardDuty user guide, severity levels)."""
    try:
        number = float(text)
    except ValueError:
        return 0
    return 5 if number >= 9 else 4 if number >= 7 else 3 if number >= 4 else 2 if number >= 1 else 1


def _attacks(kind: str) -> list[dict[str, Any]] | None:
    found = TACTICS.get(kind.partition(":")[0])
    return [{"tactic": {"uid": found[0], "name": found[1]}}] if found else None


def _affected(r: Record) -> Column:
    """What the finding is about, by the kind of resource GuardDuty names."""
    kind = r.read("resource.resourceType").coalesce(r.constant("Unknown"))
    name = r.read("resource.instanceDetails.instanceId").coalesce(
        r.read("resource.eksClusterDetails.name"),
        r.read("resource.lambdaDetails.functionName"),
        r.read("resource.rdsDbInstanceDetails.dbInstanceIdentifier"),
        r.read("resource.s3BucketDetails[]", json(lambda buckets: buckets[0]["name"])),
        r.read("resource.accessKeyDetails.userName"),
    )
    return name.zip(kind, lambda found, type_: [{"uid": found, "name": found, "type": type_}] if found else None)


def _evidence(r: Record, action: Column) -> Column:
    """Who was at the other end, whatever the action's kind."""
    remote = r.read("service.action.networkConnectionAction.remoteIpDetails.ipAddressV4").coalesce(
        r.read("service.action.awsApiCallAction.remoteIpDetails.ipAddressV4"),
        r.read("service.action.kubernetesApiCallAction.remoteIpDetails.ipAddressV4"),
        r.read("service.action.portProbeAction.portProbeDetails[]", json(_prober)),
    )
    call = r.read("service.action.awsApiCallAction.api").zip(
        r.read("service.action.awsApiCallAction.serviceName"),
        lambda api_, service: {"operation": api_, "service": {"name": service}} if api_ else None,
    )
    domain = r.read("service.action.dnsRequestAction.domain").map(lambda name: {"hostname": name})
    found = action.map(lambda kind: {"name": kind})
    found = found.zip(remote, lambda e, address: {**e, "src_endpoint": {"ip": address}} if e and address else e)
    found = found.zip(call, lambda e, made: {**e, "api": made} if e and made and made["operation"] else e)
    found = found.zip(domain, lambda e, query: {**e, "query": query} if e and query and query["hostname"] else e)
    return found.map(lambda e: [{k: v for k, v in e.items() if v}] if len([v for v in e.values() if v]) > 1 else None)


def _prober(details: list[dict[str, Any]]) -> Any:
    return details[0]["remoteIpDetails"]["ipAddressV4"]


@maps("other")
def other(r: Record) -> Mapped:
    """A lake's envelope without AWS's fields, or a kind of record this integration does not know."""
    time = r.read("eventTime").coalesce(r.read("p_event_time"), r.read("p_parse_time"))
    return event("base_event", time=iso(time), metadata={"log_name": r.read("p_log_type")}, severity_id=1)
