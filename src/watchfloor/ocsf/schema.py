"""The language as names: the pinned compiled OCSF schema with our extension merged into it.

Everything is keyed on class *names*, because uids may be renumbered upstream (OCSF extensions.md). An attribute is
asked for by the dotted name it has inside its class, `actor.user.name`. Two spelling rules: a class that OCSF keeps
under a platform extension (`win/registry_key_activity`) is also known by its bare name, which is the one we use; and
the class of uid 1008 really is written `event_log_actvity`.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from watchfloor.errors import SchemaError
from watchfloor.ocsf import extend

PIN = Path(__file__).parent / "pinned" / "pin.json"

UNMAPPED = "unmapped."
"""Prefix of everything a mapping did not take: text, under the name the source gave it."""

ARROW_SCALARS: Mapping[str, pa.DataType] = {
    "integer_t": pa.int64(),
    "long_t": pa.int64(),
    "port_t": pa.int64(),
    "timestamp_t": pa.int64(),  # epoch milliseconds UTC
    "boolean_t": pa.bool_(),
    "float_t": pa.float64(),
}
"""OCSF type -> Arrow type; every type not listed is text (json_t: its JSON text)."""

BOUNDED: Mapping[str, tuple[str, ...]] = {
    "evidences": (
        "name",
        "uid",
        "data",
        "verdict",
        "verdict_id",
        "actor.app_name",
        "actor.process.cmd_line",
        "actor.process.file.path",
        "actor.process.name",
        "actor.process.pid",
        "actor.process.uid",
        "actor.user.domain",
        "actor.user.name",
        "actor.user.uid",
        "api.operation",
        "api.service.name",
        "connection_info.direction",
        "connection_info.protocol_name",
        "connection_info.uid",
        "device.hostname",
        "device.ip",
        "device.name",
        "device.os.type",
        "device.type",
        "device.type_id",
        "device.uid",
        "dst_endpoint.domain",
        "dst_endpoint.hostname",
        "dst_endpoint.ip",
        "dst_endpoint.port",
        "file.name",
        "file.path",
        "file.type_id",
        "job.cmd_line",
        "job.name",
        "process.cmd_line",
        "process.file.path",
        "process.name",
        "process.pid",
        "process.uid",
        "query.hostname",
        "query.type",
        "reg_key.path",
        "reg_value.data",
        "reg_value.name",
        "reg_value.path",
        "script.script_content.value",
        "src_endpoint.domain",
        "src_endpoint.hostname",
        "src_endpoint.ip",
        "src_endpoint.port",
        "url.url_string",
        "user.domain",
        "user.name",
        "user.uid",
        "win_service.cmd_line",
        "win_service.name",
    ),
}
"""Objects inside arrays whose fields we choose ourselves; any other keeps its scalars and one level of objects."""

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a class or an object, as OCSF defines it.

    Args:
        name: dotted name inside the class.
        type: OCSF type, `string_t`, `ip_t`, `object_t` ...
        caption, description: for people; the description is plain text.
        requirement: `required`, `recommended` or `optional`.
        is_array: many values.
        enum: number -> caption; text enums are rare and kept as text keys.
        sibling: attribute holding the caption of an enum (`severity` for `severity_id`), a dotted name.
        object: object type when `type` is `object_t`.
        profiles: OCSF profiles that bring the attribute; empty = always there.
        observable: type_id under which its value is an observable (OCSF `observable.type_id`), else None.
        arrow: the Arrow type of the column; None for a single object, which has no column of its own.
    """

    name: str
    type: str
    caption: str
    description: str
    requirement: str
    is_array: bool
    enum: Mapping[int | str, str]
    sibling: str | None
    object: str | None
    profiles: tuple[str, ...]
    observable: int | None
    arrow: pa.DataType | None
    deprecated: str | None = None


@dataclass(frozen=True, slots=True)
class Class:
    """One event class."""

    name: str
    caption: str
    description: str
    uid: int
    category: str
    category_uid: int
    category_name: str
    extends: str | None
    extension: str | None
    profiles: tuple[str, ...]
    activities: Mapping[int, str]
    attributes: Mapping[str, Attribute]
    constraints: Mapping[str, tuple[str, ...]]
    deprecated: str | None

    def type_uid(self, activity_id: int) -> int:
        """`class_uid * 100 + activity_id`; may exceed 32 bits for vendor extensions."""
        return self.uid * 100 + activity_id


@dataclass(frozen=True, eq=False)
class Schema:
    """The pinned schema and our extension, merged. Get it from `load()`."""

    version: str
    extension_version: str
    raw: Mapping[str, Any] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)

    # -- classes --------------------------------------------------------------------------------------------------

    @cache  # noqa: B019  (one Schema lives as long as the process)
    def class_(self, name: str) -> Class:
        """The class of that name.

        Raises:
            SchemaError: there is none; the remedy names the nearest.
        """
        key = name if name in self.raw["classes"] else self.raw["short_classes"].get(name)
        if key is None:
            near = self.near(name)
            raise SchemaError(
                f"OCSF {self.version} and our extension have no class '{name}'",
                remedy=f"did you mean {_listed(near)}?" if near else "list them with `watchfloor schema`",
            )
        data = self.raw["classes"][key]
        attributes = {
            attribute: self._attribute(attribute, definition)
            for attribute, definition in sorted(data["attributes"].items())
        }
        return Class(
            name=_short(key),
            caption=data["caption"],
            description=_plain(data.get("description", "")),
            uid=data["uid"],
            category=data["category"],
            category_uid=data["category_uid"],
            category_name=data.get("category_name") or "Uncategorized",
            extends=data.get("extends"),
            extension=data.get("extension"),
            profiles=tuple(data.get("profiles") or ()),
            activities={int(number): caption for number, caption in attributes["activity_id"].enum.items()},
            attributes=attributes,
            constraints={rule: tuple(fields) for rule, fields in (data.get("constraints") or {}).items()},
            deprecated=_deprecation(data),
        )

    def near(self, name: str, count: int = _TRIES) -> list[str]:
        """Class names that resemble `name`, best first: by spelling, then by containing it."""
        close = difflib.get_close_matches(name, self.names, n=count, cutoff=0.7)
        return [*close, *(other for other in self.names if name and name in other and other not in close)][:count]

    def by_uid(self, uid: int) -> Class:
        """The class of a class_uid of this version.

        Raises:
            SchemaError: no class has it.
        """
        name = self.raw["class_uids"].get(uid)
        if name is None:
            raise SchemaError(f"no class has class_uid {uid} in OCSF {self.version} or our extension")
        return self.class_(name)

    # -- attributes -----------------------------------------------------------------------------------------------

    @cache  # noqa: B019
    def attribute(self, class_name: str, name: str) -> Attribute:
        """The attribute of that dotted name, through nested objects; every profile the class allows is on.

        `unmapped.<anything>` is text. A name that passes *through* an array of objects is unknown: such an
        array is one column (`file.hashes`, never `file.hashes.value`).

        Raises:
            SchemaError: naming class, attribute and the nearest names.
        """
        if name.startswith(UNMAPPED):
            return _unmapped(name)
        owner: Class = self.class_(class_name)
        steps = name.split(".")
        members: Mapping[str, Attribute] = owner.attributes
        for depth, step in enumerate(steps):
            found = members.get(step)
            if found is None:
                self._unknown(owner.name, ".".join(steps[:depth]), step, members)
            assert found is not None
            if depth == len(steps) - 1:
                return _named(found, name)
            if found.object is None or found.is_array or found.arrow is not None:
                kind = "an array" if found.is_array else f"of type {found.type}"
                raise SchemaError(
                    f"class {owner.name} has no attribute '{name}': '{'.'.join(steps[: depth + 1])}' is {kind}",
                    remedy=f"use the column '{'.'.join(steps[: depth + 1])}' itself",
                )
            members = self.object_(found.object)
        raise AssertionError(name)

    @cache  # noqa: B019
    def has(self, class_name: str, name: str) -> bool:
        """Is there an attribute of that dotted name?"""
        try:
            self.attribute(class_name, name)
        except SchemaError:
            return False
        return True

    @cache  # noqa: B019
    def object_(self, name: str) -> Mapping[str, Attribute]:
        """The attributes of an object type.

        Raises:
            SchemaError: no such object.
        """
        data = self.raw["objects"].get(name)
        if data is None:
            near = difflib.get_close_matches(name, list(self.raw["objects"]), n=_TRIES)
            raise SchemaError(f"no object '{name}'", remedy=f"did you mean {_listed(near)}?" if near else None)
        return {a: self._attribute(a, definition) for a, definition in sorted(data["attributes"].items())}

    def object_constraints(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """`at_least_one` / `just_one` of an object type; empty when it has none."""
        data = self.raw["objects"].get(name, {})
        return {rule: tuple(fields) for rule, fields in (data.get("constraints") or {}).items()}

    def _unknown(self, class_name: str, prefix: str, step: str, members: Mapping[str, Attribute]) -> None:
        dot = f"{prefix}." if prefix else ""
        near = difflib.get_close_matches(step, list(members), n=_TRIES, cutoff=0.6)
        near += [name for name in members if step in name.split("_") and name not in near][: _TRIES - len(near)]
        if not near:
            near = [f"{a.name}.{step}" for a in members.values() if a.object and self._holds(a, step)][:_TRIES]
        where = f" (in '{prefix}')" if prefix else ""
        raise SchemaError(
            f"class {class_name} has no attribute '{dot}{step}'{where}",
            remedy=f"did you mean {_listed([dot + name for name in near])}?"
            if near
            else f"see `watchfloor schema {class_name}`; what OCSF lacks belongs under '{UNMAPPED}'",
        )

    def _holds(self, attribute: Attribute, step: str) -> bool:
        return bool(attribute.object) and step in self.raw["objects"].get(attribute.object, {}).get("attributes", {})

    def _attribute(self, name: str, data: Mapping[str, Any]) -> Attribute:
        type_ = data["type"]
        object_ = data.get("object_type") if type_ == "object_t" else None
        return Attribute(
            name=name,
            type=type_,
            caption=data.get("caption", name),
            description=_plain(data.get("description", "")),
            requirement=data.get("requirement", "optional"),
            is_array=bool(data.get("is_array")),
            enum=_enum(data.get("enum") or {}),
            sibling=data.get("sibling"),
            object=object_,
            profiles=tuple(data.get("profiles") or ()),
            observable=data.get("observable", self.raw["types"].get(type_, {}).get("observable")),
            arrow=self._arrow(type_, object_, bool(data.get("is_array"))),
            deprecated=_deprecation(data),
        )

    # -- Arrow ----------------------------------------------------------------------------------------------------

    def _arrow(self, type_: str, object_: str | None, is_array: bool) -> pa.DataType | None:
        if object_ is None:
            scalar = ARROW_SCALARS.get(type_, pa.string())
            return pa.list_(scalar) if is_array else scalar
        if not self.raw["objects"][object_]["attributes"]:  # a free-form object: its JSON text
            return pa.list_(pa.string()) if is_array else pa.string()
        if not is_array:
            return None
        struct = self.struct(object_)  # one that holds arrays only is kept as JSON text
        return pa.list_(struct if struct.num_fields else pa.string())

    @cache  # noqa: B019
    def struct(self, object_: str) -> pa.StructType:
        """The bounded Arrow struct of an object inside an array: its scalars and one level of objects, by name.

        The same in every batch, so that a lake table never changes shape because of what a batch happened to hold.
        """
        if object_ in BOUNDED:
            return _tree([(path, self._leaf(object_, path)) for path in BOUNDED[object_]])
        leaves: list[tuple[str, pa.DataType]] = []
        for name, data in self.raw["objects"][object_]["attributes"].items():
            inner = self._inner(data)
            if data["type"] == "datetime_t":
                continue  # the same instant as text
            if inner is None:
                leaves.append((name, self._element(data)))
            elif not data.get("is_array"):
                for child, child_data in self.raw["objects"][inner]["attributes"].items():
                    if self._inner(child_data) is None and child_data["type"] != "datetime_t":
                        leaves.append((f"{name}.{child}", self._element(child_data)))
        return _tree(leaves)

    def _inner(self, data: Mapping[str, Any]) -> str | None:
        """The object type of an attribute that has fields, else None."""
        object_: str | None = data.get("object_type") if data["type"] == "object_t" else None
        return object_ if object_ and self.raw["objects"][object_]["attributes"] else None

    def _element(self, data: Mapping[str, Any]) -> pa.DataType:
        scalar = ARROW_SCALARS.get(data["type"], pa.string())
        return pa.list_(scalar) if data.get("is_array") else scalar

    def _leaf(self, object_: str, path: str) -> pa.DataType:
        *parents, last = path.split(".")
        for parent in parents:
            object_ = self.raw["objects"][object_]["attributes"][parent]["object_type"]
        return self._element(self.raw["objects"][object_]["attributes"][last])


# -- loading ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def load() -> Schema:
    """The pinned schema with our extension; read once per process (about 0.1 s).

    Raises:
        SchemaError: the package's file is not the one we pinned.
    """
    pin = orjson.loads(PIN.read_bytes())
    raw = compiled(pin)
    extension = extend.load()
    extend.merge(raw, extension)
    raw["types"] = raw["dictionary"]["types"]["attributes"]
    raw["short_classes"] = {_short(key): key for key in raw["classes"]}
    raw["class_uids"] = {data["uid"]: _short(key) for key, data in raw["classes"].items()}
    names = tuple(sorted(raw["short_classes"]))
    return Schema(version=raw["version"], extension_version=extension.version, raw=raw, names=names)


def compiled(pin: Mapping[str, str]) -> dict[str, Any]:
    """The compiled schema exactly as pinned.

    Raises:
        SchemaError: the package is absent, or ships something else than what we tested against.
    """
    file, remedy = _shipped(pin), _remedy(pin)
    try:
        payload = file.read_bytes()
    except OSError as cause:
        raise SchemaError(f"cannot read the OCSF schema: {cause.strerror}", file=file, remedy=remedy) from cause
    digest = hashlib.sha256(payload).hexdigest()
    if digest != pin["sha256"]:
        raise SchemaError(
            f"the compiled OCSF schema is not the pinned {pin['version']} (SHA-256 {digest})", file=file, remedy=remedy
        )
    raw: dict[str, Any] = orjson.loads(payload)
    return raw


def _shipped(pin: Mapping[str, str]) -> Path:
    """Where the package keeps the pinned file."""
    found = importlib.util.find_spec(pin["package"].replace("-", "_"))
    if found is None or found.origin is None:
        raise SchemaError(f"the package {pin['package']} is not installed", remedy=_remedy(pin))
    return Path(found.origin).parent / pin["file"]


def _remedy(pin: Mapping[str, str]) -> str:
    return f"install {pin['package']}=={pin['package_version']}"


@lru_cache(maxsize=8)
def class_uids(version: str | None = None) -> Mapping[str, int]:
    """The table class name -> class_uid of an OCSF version (None: the pinned one, with our extension).

    Uids may be renumbered between versions; whoever exports to another version looks the name up here.

    Raises:
        SchemaError: the package does not ship that version.
    """
    pin = orjson.loads(PIN.read_bytes())
    if version is None or version == pin["version"]:
        return {name: load().class_(name).uid for name in load().names}
    file = _shipped(pin).parent / f"{version}.json"
    if not file.is_file():
        have = sorted(other.stem for other in file.parent.glob("*.json"))
        raise SchemaError(f"no compiled OCSF {version}", remedy=f"versions at hand: {', '.join(have)}")
    classes = orjson.loads(file.read_bytes())["classes"]
    return {_short(key): int(data["uid"]) for key, data in sorted(classes.items())}


def class_(name: str) -> Class:
    """`load().class_(name)`."""
    return load().class_(name)


def attribute(class_name: str, name: str) -> Attribute:
    """`load().attribute(class_name, name)`."""
    return load().attribute(class_name, name)


# -- small things -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def _unmapped(name: str) -> Attribute:
    return Attribute(
        name, "string_t", name, "What no mapping took.", "optional", False, {}, None, None, (), None, pa.string()
    )


def _named(attribute: Attribute, name: str) -> Attribute:
    """The same attribute under its dotted name; its sibling moves along."""
    if attribute.name == name:
        return attribute
    prefix = name.rpartition(".")[0]
    values = {slot: getattr(attribute, slot) for slot in Attribute.__slots__}
    sibling = f"{prefix}.{attribute.sibling}" if attribute.sibling else None
    return Attribute(**{**values, "name": name, "sibling": sibling})


def _tree(leaves: Iterable[tuple[str, pa.DataType]]) -> pa.StructType:
    children: dict[str, Any] = {}
    for path, type_ in leaves:
        *parents, last = path.split(".")
        node = children
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = type_

    def struct(node: Mapping[str, Any]) -> pa.StructType:
        return pa.struct(
            [
                pa.field(name, struct(child) if isinstance(child, dict) else child)
                for name, child in sorted(node.items())
            ]
        )

    return struct(children)


def _short(key: str) -> str:
    return key.rpartition("/")[2]


def _enum(data: Mapping[str, Any]) -> dict[int | str, str]:
    """Captions by number, in order; a text enum keeps its keys."""
    if all(key.lstrip("-").isdigit() for key in data):
        return {number: data[str(number)]["caption"] for number in sorted(map(int, data))}
    return {key: entry["caption"] for key, entry in sorted(data.items())}


def _deprecation(data: Mapping[str, Any]) -> str | None:
    note = data.get("@deprecated")
    return None if not note else f"since {note.get('since', '?')}: {_plain(note.get('message', ''))}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _plain(text: str) -> str:
    """OCSF descriptions are light HTML; people read text."""
    if "<" not in text and "&" not in text:
        return text
    import html
    import re

    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split()).replace(" .", ".").replace(" ,", ",")
