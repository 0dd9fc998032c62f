"""Our extension of OCSF: source files in the layout of the OCSF metaschema, merged into the compiled schema.

The folder `extension/` is written as any OCSF extension is (`extension.json`, `dictionary.json`, `categories.json`,
`events/`, `objects/`, `profiles/`), so that what we propose upstream is what we run. `merge` does the small part of
the OCSF compiler that it needs: inherit from the base class, take types and captions from the dictionary, compute
uids (domain-reference 1.2), give every enum its sibling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from watchfloor.errors import SchemaError

FOLDER = Path(__file__).parent / "extension"

MAX_UID = 213
"""Largest extension uid whose type_uid fits a signed 32-bit integer for every category number."""

TAKEN_UIDS = (42,)
"""The uid of the open physec proposal whose names we use."""

FIRST_OWN_CATEGORY = 30

OBSERVABLES = range(20_000, 20_100)
"""Our private block of observable type_ids: OCSF does not scope them, so collisions are checked."""

GENERIC = {
    0: ("Unknown", "It is not known which."),
    99: ("Other", "None of the listed; the sibling holds the source's own word."),
}


@dataclass(frozen=True)
class Extension:
    """The extension's source files, parsed."""

    name: str
    caption: str
    uid: int
    version: str
    categories: Mapping[str, Any] = field(repr=False)
    attributes: Mapping[str, Any] = field(repr=False)
    objects: Mapping[str, Any] = field(repr=False)
    classes: Mapping[str, Any] = field(repr=False)
    profiles: Mapping[str, Any] = field(repr=False)

    def category_uid(self, category: str) -> int:
        """`extension uid * 100 + category`."""
        return self.uid * 100 + int(self.categories[category]["uid"])

    def class_uid(self, name: str) -> int:
        """`category_uid * 1000 + uid` of one of our classes."""
        data = self.classes[name]
        return self.category_uid(data["category"]) * 1000 + int(data["uid"])

    def observables(self) -> dict[int, str]:
        """Our own observable type_id -> caption, from the dictionary and from what objects refine."""
        found = {d["observable"]: d.get("caption", a) for a, d in self.attributes.items() if "observable" in d}
        for data in self.objects.values():
            for name, use in data["attributes"].items():
                if "observable" in use:
                    found[use["observable"]] = f"{data['caption']} Object: {name}"
        return found


@lru_cache(maxsize=1)
def load(folder: Path = FOLDER) -> Extension:
    """Read the extension.

    Raises:
        SchemaError: a file is not JSON.
    """
    about = _read(folder / "extension.json")
    return Extension(
        name=about["name"],
        caption=about["caption"],
        uid=about["uid"],
        version=about["version"],
        categories=_read(folder / "categories.json")["attributes"],
        attributes=_read(folder / "dictionary.json")["attributes"],
        objects=_folder(folder / "objects"),
        classes=_folder(folder / "events"),
        profiles=_folder(folder / "profiles"),
    )


def merge(raw: dict[str, Any], extension: Extension) -> None:
    """Put the extension into a compiled schema, in place."""
    dictionary = raw["dictionary"]["attributes"]
    stamp = {"extension": extension.name, "extension_id": extension.uid}
    for name, data in extension.objects.items():
        attributes = {a: _definition(a, use, extension, dictionary) for a, use in data["attributes"].items()}
        raw["objects"][name] = {**data, "attributes": attributes, **stamp}
    for name, data in extension.categories.items():
        uid = extension.category_uid(name)
        raw["categories"]["attributes"][name] = {**data, "uid": uid, **stamp}
    for name, data in extension.classes.items():
        raw["classes"][name] = {**_class(raw, name, data, extension), **stamp}
    for name, data in extension.profiles.items():
        key = f"{extension.name}/{name}"
        uses = {a: _definition(a, use, extension, dictionary) for a, use in data["attributes"].items()}
        raw["profiles"][key] = {**data, **stamp}
        for class_ in raw["classes"].values():
            for attribute, definition in uses.items():
                class_["attributes"].setdefault(attribute, {**definition, "profiles": [key]})
            class_["profiles"] = [*(class_.get("profiles") or []), key]
    types = raw["objects"]["observable"]["attributes"]["type_id"]["enum"]
    for type_id, caption in extension.observables().items():
        types[str(type_id)] = {"caption": caption}
    dictionary.update({a: data for a, data in extension.attributes.items() if a not in dictionary})


def _class(raw: Mapping[str, Any], name: str, data: Mapping[str, Any], extension: Extension) -> dict[str, Any]:
    base = raw["classes"][data["extends"]]
    attributes: dict[str, Any] = _copied(base["attributes"])
    dictionary = raw["dictionary"]["attributes"]
    for attribute, use in data["attributes"].items():
        if attribute in attributes:
            attributes[attribute] = _refined(attributes[attribute], use)
        else:
            attributes[attribute] = _definition(attribute, use, extension, dictionary)
    class_uid, category = extension.class_uid(name), extension.categories[data["category"]]
    category_uid = extension.category_uid(data["category"])
    activities = attributes["activity_id"]["enum"]
    attributes["class_uid"]["enum"] = {str(class_uid): {"caption": data["caption"]}}
    attributes["category_uid"]["enum"] = {str(category_uid): {"caption": category["caption"]}}
    attributes["type_uid"]["enum"] = {
        str(class_uid * 100 + int(activity)): {"caption": f"{data['caption']}: {entry['caption']}"}
        for activity, entry in activities.items()
    }
    return {
        **data,
        "uid": class_uid,
        "category_uid": category_uid,
        "category_name": category["caption"],
        "profiles": list(base.get("profiles") or []),
        "attributes": attributes,
    }


def _definition(
    name: str, use: Mapping[str, Any], extension: Extension, dictionary: Mapping[str, Any]
) -> dict[str, Any]:
    """Dictionary entry (ours, else OCSF's) refined by how a class, object or profile uses it."""
    entry = extension.attributes.get(name) or dictionary.get(name)
    if entry is None:
        raise SchemaError(
            f"our extension uses the attribute '{name}', which no dictionary defines",
            file=FOLDER / "dictionary.json",
        )
    entry = _copied(entry)
    if not entry["type"].endswith("_t"):  # as the source layout writes objects
        entry["object_type"], entry["type"] = entry["type"], "object_t"
    return _refined({"caption": name, "requirement": "optional", **entry}, use)


def _copied(data: Mapping[str, Any]) -> dict[str, Any]:
    """What came out of JSON, for changing; `copy.deepcopy` takes twenty times as long."""
    copied: dict[str, Any] = orjson.loads(orjson.dumps(data))
    return copied


def _refined(entry: Mapping[str, Any], use: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**entry, **{key: value for key, value in use.items() if key != "enum"}}
    if "enum" in use or "enum" in entry:
        generic = {
            str(number): {"caption": caption, "description": text} for number, (caption, text) in GENERIC.items()
        }
        merged["enum"] = {**entry.get("enum", generic), **use.get("enum", {})}
    return merged


def _read(file: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as cause:
        raise SchemaError(f"not JSON: {cause}", file=file) from cause
    return data


def _folder(folder: Path) -> dict[str, Any]:
    return {data["name"]: data for data in (_read(file) for file in sorted(folder.glob("*.json")))}


def check(raw: Mapping[str, Any], extension: Extension) -> list[str]:
    """What is wrong with the extension, given the compiled core schema without it; empty when all is well.

    Rules: uid arithmetic and range (OCSF extensions.md, domain-reference 1.2), no name of the core is taken, every
    attribute, object and category that is referred to exists, every enum of ours has a sibling of text and the
    entries 0 and 99, constraints name attributes of their object, observable ids stay in our block.
    """
    wrong: list[str] = []
    core = {"dictionary": raw["dictionary"]["attributes"], "objects": raw["objects"], "classes": raw["classes"]}
    if not 0 < extension.uid <= MAX_UID or extension.uid in TAKEN_UIDS:
        wrong.append(f"extension uid {extension.uid} is not in 1..{MAX_UID} or is taken")
    for kind, ours in (
        ("dictionary", extension.attributes),
        ("objects", extension.objects),
        ("classes", extension.classes),
    ):
        wrong += [f"{kind}: '{name}' is a name of the core" for name in ours if name in core[kind]]
    uids: dict[int, str] = {}
    for name, data in extension.categories.items():
        if not FIRST_OWN_CATEGORY <= data["uid"] < 100:
            wrong.append(f"category '{name}': uid {data['uid']} is not in {FIRST_OWN_CATEGORY}..99")
    for name, data in extension.classes.items():
        if data["category"] not in extension.categories:
            wrong.append(f"class '{name}': no category '{data['category']}'")
            continue
        uid = extension.class_uid(name)
        if uid in uids:
            wrong.append(f"class '{name}': uid {uid} is also of '{uids[uid]}'")
        uids[uid] = name
        if data["extends"] not in core["classes"]:
            wrong.append(f"class '{name}': extends unknown '{data['extends']}'")
    known = {**core["dictionary"], **extension.attributes}
    objects = {*core["objects"], *extension.objects}
    types = raw["dictionary"]["types"]["attributes"]
    for name, data in extension.attributes.items():
        if data["type"] not in types and data["type"] not in objects:
            wrong.append(f"attribute '{name}': no type or object '{data['type']}'")
        if "enum" in data:
            if extension.attributes.get(data.get("sibling", ""), {}).get("type") != "string_t":
                wrong.append(f"attribute '{name}': its sibling '{data.get('sibling')}' is not a text of ours")
            if not {"0", "99"} <= set(data["enum"]):
                wrong.append(f"attribute '{name}': the enum lacks 0 or 99")
        if "observable" in data and data["observable"] not in OBSERVABLES:
            wrong.append(f"attribute '{name}': observable {data['observable']} outside our block")
    for kind, many in (("object", extension.objects), ("class", extension.classes), ("profile", extension.profiles)):
        for name, data in many.items():
            inherited = core["classes"][data["extends"]]["attributes"] if kind == "class" else {}
            there = {*data["attributes"], *inherited}
            for attribute in data["attributes"]:
                if attribute not in known:
                    wrong.append(f"{kind} '{name}': no attribute '{attribute}' in any dictionary")
                sibling = known.get(attribute, {}).get("sibling")
                if "enum" in known.get(attribute, {}) and sibling not in there:
                    wrong.append(f"{kind} '{name}': has '{attribute}' without its sibling '{sibling}'")
            for fields in (data.get("constraints") or {}).values():
                wrong += [f"{kind} '{name}': constraint on unknown '{f}'" for f in fields if f not in there]
    taken = {int(key) for key in raw["objects"]["observable"]["attributes"]["type_id"]["enum"]}
    wrong += [f"observable type_id {type_id} is taken" for type_id in extension.observables() if type_id in taken]
    return wrong
