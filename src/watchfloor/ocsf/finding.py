"""Detection Findings (OCSF 2004) from what rules matched.

One finding per (rule, event). `time` is when the finding was made, as OCSF wants it for findings; when it happened
stands in `start_time`, `end_time`, `finding_info.first_seen_time` and `last_seen_time`. The uid follows from rule and
event, so a replay makes the same findings. Columnar: what depends on the rule is kept once per rule, what depends on
the event is taken from its columns; only the sentence for people and the JSON of deciding fields are made per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from watchfloor import __version__
from watchfloor.errors import SchemaError
from watchfloor.ocsf import nest, schema
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.derive import derive
from watchfloor.ocsf.events import Events
from watchfloor.ocsf.observables import observables, observed
from watchfloor.ocsf.uid import finding_uid

SEVERITY: Mapping[str, int] = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
"""Sigma level -> OCSF severity_id; a rule without level is 1."""

CARRIED = ("device.", "cloud.", "actor.user.", "wf.", "place.")
"""Attributes of the event that stand on the finding itself as well, for filters and joins."""

EVIDENCE_FROM: Mapping[str, tuple[str, ...]] = {
    "url.url_string": ("url.url_string", "http_request.url.url_string"),
    "user.name": ("user.name",),
    "script.script_content.value": ("script.script_content.value", "script.script_content"),
    "file.path": ("file.path", "module.file.path"),
    "file.name": ("file.name", "module.file.name"),
}
"""Where evidence comes from when not from the attribute of the same name."""

WHO = ("actor.user.name", "user.name", "actor.process.user.name", "credential.uid", "credential.credential_number")
WHO_FIRST: Mapping[str, tuple[str, ...]] = {"authentication": ("user.name", "actor.user.name")}
WHERE = (
    "device.hostname",
    "device.name",
    "device.ip",
    "dst_endpoint.hostname",
    "dst_endpoint.ip",
    "controller.name",
    "cloud.account.uid",
)
WHAT: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "process_activity": ("ran", ("process.cmd_line", "process.file.path", "process.name")),
    "module_activity": ("loaded", ("module.file.path", "module.file.name")),
    "script_activity": ("ran a script", ("script.file.path", "script.name")),
    "file_activity": ("touched the file", ("file.path", "file.name")),
    "registry_key_activity": ("touched the registry key", ("reg_key.path",)),
    "registry_value_activity": ("touched the registry value", ("reg_value.path", "reg_value.name")),
    "network_activity": ("talked to", ("dst_endpoint.hostname", "dst_endpoint.ip")),
    "http_activity": ("called", ("http_request.url.url_string", "dst_endpoint.hostname", "dst_endpoint.ip")),
    "dns_activity": ("looked up", ("query.hostname",)),
    "api_activity": ("called", ("api.operation",)),
    "scheduled_job_activity": ("scheduled", ("job.name", "job.cmd_line")),
    "windows_service_activity": ("changed the service", ("win_service.name",)),
    "physical_access_activity": ("was at", ("portal.name", "portal.uid")),
    "ot_command_activity": ("sent a command to", ("controller.name", "controller.ip", "dst_endpoint.ip")),
}
"""Class -> what people call it, and the attribute it was done to."""

RELATED: Mapping[str, str] = {
    "uid": "metadata.uid",
    "type_uid": "type_uid",
    "type_name": "type_name",
    "severity_id": "severity_id",
    "first_seen_time": "time",
}
"""What a finding says of its event as a related event: attribute there -> attribute of the event."""

DATED = ("metadata.logged_time", "start_time", "end_time", "time")
WRITTEN = ("metadata.product.name", "metadata.log_name", "metadata.log_provider")
"""When the event was and when it came; who wrote it where."""

COPIES = (
    ("finding_info.uid", "metadata.uid"),
    ("finding_info.created_time", "time"),
    ("finding_info.first_seen_time", "start_time"),
    ("finding_info.last_seen_time", "end_time"),
)
"""What a finding says twice, as OCSF wants it: (where, from where)."""

_LONGEST = 160
"""Characters of a value shown in a sentence."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One ATT&CK entry: a tactic, a technique, or both (`T1059.001` is a sub-technique)."""

    tactic_uid: str | None = None
    tactic_name: str | None = None
    technique_uid: str | None = None
    technique_name: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What a finding says about its rule.

    Args:
        uid: the rule's id; becomes `finding_info.analytic.uid`.
        title: becomes the finding's title.
        level: a key of `SEVERITY`, or None.
        version: of the rule, where it has one (Sigma `modified`).
        references: addresses; the first becomes `finding_info.src_url`, all stand in the tags.
        tags: as the rule wrote them, `attack.t1059.001`, `cve.2021-44228`.
    """

    uid: str
    title: str
    level: str | None = None
    description: str | None = None
    version: str | None = None
    author: str | None = None
    attacks: tuple[Attack, ...] = ()
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """One rule's hits in one batch of events.

    Args:
        rows: int64, rows of the batch the rule matched.
        fields: columns that decided, `process.cmd_line`, `unmapped.TargetLogonId`; shown with their values.
    """

    rule: RuleFacts
    rows: npt.NDArray[np.int64]
    fields: tuple[str, ...] = field(default=())


class Told(Protocol):
    """What findings need of events: `Events`, or what becomes of them only where a rule matched."""

    @property
    def class_name(self) -> str: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    def pick(self, rows: npt.NDArray[np.int64], names: Iterable[str] | None = None) -> Events: ...


def findings(batches: Sequence[tuple[Told, Sequence[Match]]], created: int | None = None) -> Events:
    """Detection findings for all matches: batch by batch, match by match, row by row.

    Args:
        batches: events of one class and what the rules said of them; events need `metadata.uid` and `time` where known.
        created: when the findings are made, epoch ms UTC; None takes the time each event was received, which makes a
            replay give the same findings whatever batches it is cut into.

    Raises:
        SchemaError: a rule has a level that Sigma does not know.
    """
    rules: list[RuleFacts] = []
    which: list[npt.NDArray[np.int32]] = [np.empty(0, np.int32)]
    parts: dict[str, list[tuple[int, Column]]] = {}
    count = 0
    for events, given in batches:
        matches = [match for match in given if len(match.rows)]
        if not matches:
            continue
        first = len(rules)
        rules += [match.rule for match in matches]
        numbers = np.arange(first, len(rules), dtype=np.int32)
        which.append(np.repeat(numbers, [len(match.rows) for match in matches]))
        for name, column in _of_class(events, matches, which[-1], rules).items():
            parts.setdefault(name, []).append((count, column))
        count += len(which[-1])
    for rule in rules:
        if rule.level is not None and rule.level not in SEVERITY:
            raise SchemaError(f"rule '{rule.uid}' has the unknown level '{rule.level}'", remedy=", ".join(SEVERITY))
    columns: dict[str, Column | Any] = {name: Column.joined(held, count) for name, held in parts.items()}
    columns |= _of_rules(rules, np.concatenate(which))
    if count and created is not None:
        columns["time"] = Column.constant(created, count, pa.int64())
    for copy, name in COPIES:
        columns[copy] = columns.get(name)
    columns = {name: column for name, column in columns.items() if column is not None}
    return Events.build("detection_finding", derive("detection_finding", columns, count), count)


def _of_rules(rules: Sequence[RuleFacts], which: npt.NDArray[np.int32]) -> dict[str, Column | Any]:
    """What is the same in all findings, or in all findings of a rule; `which` says whose each finding is."""

    def per_rule(value: Callable[[RuleFacts], Any], type_: pa.DataType) -> Column:
        return Column(which, pa.array(list(range(len(rules))), pa.int32()))._remap(
            pa.array([value(rule) for rule in rules], type_)
        )

    text, number = pa.string(), pa.int64()
    return {
        "activity_id": 1,  # Create
        "status_id": 1,  # New
        "is_alert": True,
        "severity_id": per_rule(lambda rule: SEVERITY[rule.level or "informational"], number),
        "metadata.product.name": "watchfloor",
        "metadata.product.vendor_name": "watchfloor",
        "metadata.product.version": __version__,
        "finding_info.title": per_rule(lambda rule: rule.title, text),
        "finding_info.desc": per_rule(lambda rule: rule.description, text),
        "finding_info.src_url": per_rule(lambda rule: rule.references[0] if rule.references else None, text),
        "finding_info.analytic.uid": per_rule(lambda rule: rule.uid, text),
        "finding_info.analytic.name": per_rule(lambda rule: rule.title, text),
        "finding_info.analytic.version": per_rule(lambda rule: rule.version, text),
        "finding_info.analytic.type_id": 1,  # Rule
        "finding_info.attacks": per_rule(attacks_of, _type("finding_info.attacks")),
        "finding_info.tags": per_rule(tags_of, _type("finding_info.tags")),
        "finding_info.related_events_count": 1,
    }


def _of_class(
    events: Told, matches: Sequence[Match], which: npt.NDArray[np.int32], rules: Sequence[RuleFacts]
) -> dict[str, Column]:
    """What findings take from events of one class."""
    rows = np.concatenate([match.rows for match in matches])
    fields = {name for match in matches for name in match.fields}
    hit = events.pick(rows, dict.fromkeys((*told(events.class_name, events.names), *sorted(fields))))
    event_uids = _texts(hit, "metadata.uid")
    uids = [finding_uid(rules[rule].uid, event or "") for rule, event in zip(which.tolist(), event_uids, strict=True)]
    columns: dict[str, Column | None] = {
        "time": _coalesced(hit, "metadata.logged_time", "time"),
        "start_time": _coalesced(hit, "start_time", "time"),
        "end_time": _coalesced(hit, "end_time", "time"),
        "message": _messages(hit, which, rules),
        "metadata.uid": Column(np.arange(len(uids), dtype=np.int32), pa.array(uids, pa.string())),
        "finding_info.data_sources": _data_sources(hit),
        "finding_info.related_events": _related(hit),
        "evidences": _evidences(hit, _decided(hit, matches)),
        "observables": observables(hit),
    }
    for name in hit.names:
        if name.startswith(CARRIED) and schema.load().has("detection_finding", name):
            columns[name] = hit.column(name)
    return {name: column for name, column in columns.items() if column is not None and not column.all_missing}


@lru_cache(maxsize=1024)
def told(class_name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of events that findings tell of."""
    sources = {source for path in schema.BOUNDED["evidences"] for source in EVIDENCE_FROM.get(path, (path,))}
    objects = WHAT[class_name][1] if class_name in WHAT else ()
    wanted = {*sources, *RELATED.values(), *WHO, *WHERE, *objects, *DATED, *WRITTEN, *dict(observed(class_name, names))}
    return tuple(name for name in names if name in wanted or name.startswith(CARRIED))


# -- what a person reads ------------------------------------------------------------------------------------------


def _messages(hit: Events, which: npt.NDArray[np.int32], rules: Sequence[RuleFacts]) -> Column:
    """One sentence per finding: what, how grave, who did what where."""
    verb, objects = WHAT.get(hit.class_name, ("", ()))
    people = WHO_FIRST.get(hit.class_name, WHO)
    who, where, what = (_first(hit, names).to_pylist() for names in (people, WHERE, objects))
    caption = schema.class_(hit.class_name).caption
    sentences = []
    told = zip(which.tolist(), who, where, what, _texts(hit, "type_name"), _indicators(hit), strict=True)
    for rule, actor, place, thing, kind, known in told:
        at = f" on {_short(place)}" if place else ""
        deed = f"{_short(actor or 'somebody')} {verb} {_short(thing)}{at}" if thing else f"{kind or caption}{at}"
        by = f" by {_short(actor)}" if actor and not thing else ""
        sentences.append(f"{rules[rule].title} ({rules[rule].level or 'informational'}): {deed}{by}{known}.")
    return Column(np.arange(len(sentences), dtype=np.int32), pa.array(sentences, pa.string()))


def _indicators(hit: Events) -> list[str]:
    """Per finding the indicator that its event holds and whose it is, where a rule asked for any."""
    said = [""] * len(hit)
    for name in hit.names:
        if name.startswith("intel.") and name.endswith(".source"):
            values = _texts(hit, f"{name.removesuffix('.source')}.value")
            for row, (source, value) in enumerate(zip(_texts(hit, name), values, strict=True)):
                if source is not None and value is not None and not said[row]:
                    said[row] = f"; {_short(value)} is known to {source}"
    return said


def _short(value: str) -> str:
    value = " ".join(value.split())
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"


def _first(events: Events, names: Sequence[str]) -> Column:
    """Per row the first of the columns that says anything, as text."""
    found = [column.text() for name in names if (column := events.column(name)) is not None]
    return found[0].coalesce(*found[1:]) if found else Column.missing(len(events))


def _coalesced(events: Events, *names: str) -> Column | None:
    """Per row the first of the columns that has a value."""
    found = [column for name in names if (column := events.column(name)) is not None]
    return found[0].coalesce(*found[1:]) if found else None


def _texts(events: Events, name: str) -> list[str | None]:
    column = events.column(name)
    return [None] * len(events) if column is None else column.text().to_pylist()


# -- arrays -------------------------------------------------------------------------------------------------------


def _type(name: str) -> pa.DataType:
    arrow = schema.attribute("detection_finding", name).arrow
    assert arrow is not None
    return arrow


def attacks_of(rule: RuleFacts) -> list[dict[str, Any]] | None:
    entries = []
    for attack in rule.attacks:
        entry: dict[str, Any] = {"version": attack.version}
        if attack.tactic_uid or attack.tactic_name:
            entry["tactic"] = {"uid": attack.tactic_uid, "name": attack.tactic_name}
        if attack.technique_uid or attack.technique_name:
            top, _, sub = (attack.technique_uid or "").partition(".")
            if sub:
                entry["technique"] = {"uid": top}
                entry["sub_technique"] = {"uid": attack.technique_uid, "name": attack.technique_name}
            else:
                entry["technique"] = {"uid": top or None, "name": attack.technique_name}
        entries.append(entry)
    return entries or None


def tags_of(rule: RuleFacts) -> list[dict[str, Any]] | None:
    named = (("tags", rule.tags), ("references", rule.references), ("false_positives", rule.false_positives))
    tags: list[dict[str, Any]] = [{"name": name, "values": list(values)} for name, values in named if values]
    if rule.author:
        tags.append({"name": "author", "value": rule.author})
    return tags or None


def _data_sources(hit: Events) -> Column | None:
    product = _first(hit, WRITTEN[:1])
    log = _first(hit, WRITTEN[1:])
    if product.all_missing and log.all_missing:
        return None
    return product.zip(
        log, lambda a, b: [": ".join(part for part in (a, b) if part)] if a or b else None, pa.list_(pa.string())
    )


def _related(hit: Events) -> Column:
    """The event as the one related event: its uid, type and time."""
    flat = {name: _plain(hit, source) for name, source in RELATED.items() if source in hit}
    return _single(flat, len(hit), _type("finding_info.related_events"))


def _decided(hit: Events, matches: Sequence[Match]) -> list[str]:
    """Per finding the JSON of the fields that decided, with their values."""
    names = {name for match in matches for name in match.fields if name in hit}
    values = {name: column.to_pylist() for name in names if (column := hit.column(name)) is not None}
    texts: list[str] = []
    for match in matches:
        mine = [(name, values[name]) for name in match.fields if name in values]
        for row in range(len(texts), len(texts) + len(match.rows)):
            decided: dict[str, Any] = {"event_class": hit.class_name}
            if mine:
                decided["fields"] = {name: held[row] for name, held in mine if held[row] is not None}
            texts.append(orjson.dumps(decided, default=str).decode())
    return texts


def _evidences(hit: Events, decided: Sequence[str]) -> Column:
    """One evidence per finding: process, user, device, file, endpoints ... of the event, and what decided."""
    flat = {"data": pa.array(decided, pa.string())}
    for path in schema.BOUNDED["evidences"]:
        for source in EVIDENCE_FROM.get(path, (path,)):
            if source in hit and path not in ("name", "uid", "data", "verdict", "verdict_id"):
                flat[path] = _plain(hit, source)
                break
    if "metadata.uid" in hit:
        flat["uid"] = _plain(hit, "metadata.uid")
    return _single(flat, len(hit), _type("evidences"))


def _plain(events: Events, name: str) -> pa.Array:
    column = events.column(name)
    assert column is not None
    return column.plain()


def _single(flat: Mapping[str, pa.Array], rows: int, wanted: pa.DataType) -> Column:
    """Dotted columns as one array of one struct per row."""
    if not flat:
        return Column.missing(rows, wanted)
    nested = nest.nest(pa.table(dict(flat)))
    arrays = [nest.whole(column) for column in nested.columns]
    struct = nest.fit(pa.StructArray.from_arrays(arrays, nested.column_names), wanted.value_type, "")
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32))
    return Column(np.arange(rows, dtype=np.int32), pa.ListArray.from_arrays(offsets, struct, type=wanted))
