"""The schema: classes and attributes by name, uids, Arrow types, the pin."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from watchfloor.errors import SchemaError
from watchfloor.ocsf import schema


def test_the_pin_is_the_newest_the_package_ships() -> None:
    pin = orjson.loads(schema.PIN.read_bytes())
    shipped = schema._shipped(pin).parent
    versions = [tuple(map(int, file.stem.split("."))) for file in shipped.glob("*.json") if "-" not in file.stem]
    assert ".".join(map(str, max(versions))) == pin["version"] == schema.load().version


def test_another_file_than_the_pinned_one_is_refused() -> None:
    pin = {**orjson.loads(schema.PIN.read_bytes()), "file": "ocsf/1.7.0.json"}
    with pytest.raises(SchemaError, match="not the pinned") as caught:
        schema.compiled(pin)
    assert caught.value.remedy is not None and "ocsf-json-schema==" in caught.value.remedy


def test_a_missing_package_is_named() -> None:
    with pytest.raises(SchemaError, match="not installed"):
        schema.compiled({**orjson.loads(schema.PIN.read_bytes()), "package": "no-such-package-at-all"})


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SchemaError, match="cannot read"):
        schema.compiled({**orjson.loads(schema.PIN.read_bytes()), "file": "ocsf/9.9.9.json"})


def test_core_arithmetic_holds_for_every_class() -> None:
    language = schema.load()
    for name in language.names:
        class_ = language.class_(name)
        if class_.extension is None and name != "base_event":
            assert class_.uid // 1000 == class_.category_uid, name
        for activity in class_.activities:
            assert class_.type_uid(activity) in class_.attributes["type_uid"].enum, (name, activity)
        assert {0, 99} <= set(class_.activities), name


def test_uids_of_the_reference() -> None:
    wanted = {
        "authentication": 3002,
        "process_activity": 1007,
        "detection_finding": 2004,
        "incident_finding": 2005,
        "compliance_finding": 2003,
        "remediation_activity": 7001,
        "registry_key_activity": 201001,
        "base_event": 0,
    }
    assert {name: schema.class_(name).uid for name in wanted} == wanted
    assert schema.load().by_uid(201001).name == "registry_key_activity"
    with pytest.raises(SchemaError):
        schema.load().by_uid(123456789)


def test_the_spelling_trap() -> None:
    assert schema.class_("event_log_actvity").uid == 1008
    with pytest.raises(SchemaError) as caught:
        schema.class_("event_log_activity")
    assert caught.value.remedy is not None and "'event_log_actvity'" in caught.value.remedy


def test_a_class_under_a_platform_has_its_bare_name() -> None:
    assert schema.class_("win/registry_value_activity").name == "registry_value_activity"
    assert "registry_value_activity" in schema.load().names


def test_the_table_of_uids_knows_several_versions() -> None:
    old, new = schema.class_uids("1.1.0"), schema.class_uids()
    assert old["authentication"] == new["authentication"] == 3002
    assert "application_error" not in old and new["application_error"] == 6008
    assert new["physical_access_activity"] == 20030001
    with pytest.raises(SchemaError) as caught:
        schema.class_uids("0.0.9")
    assert caught.value.remedy is not None and "1.7.0" in caught.value.remedy


def test_an_attribute_is_found_through_objects() -> None:
    name = schema.attribute("process_activity", "actor.process.parent_process.file.path")
    assert (name.type, name.observable, name.arrow) == ("file_path_t", 45, pa.string())
    severity = schema.attribute("process_activity", "severity_id")
    assert severity.enum[4] == "High" and severity.sibling == "severity" and severity.requirement == "required"
    inner = schema.attribute("process_activity", "device.os.type_id")
    assert inner.sibling == "device.os.type" and inner.enum[100] == "Windows"


@pytest.mark.parametrize(
    ("name", "arrow"),
    [
        ("time", pa.int64()),
        ("process.pid", pa.int64()),
        ("actor.user.name", pa.string()),
        ("is_alert", pa.bool_()),
        ("metadata.profiles", pa.list_(pa.string())),
        ("unmapped.Some.Thing", pa.string()),
        ("wf.source_seq", pa.int64()),
        ("wf.purpose", pa.list_(pa.string())),
        ("process", None),
        ("process.xattributes", pa.string()),
    ],
)
def test_arrow_types(name: str, arrow: pa.DataType | None) -> None:
    assert schema.attribute("process_activity", name).arrow == arrow


def test_arrays_of_objects_have_a_bounded_type() -> None:
    language = schema.load()
    hashes = schema.attribute("file_activity", "file.hashes").arrow
    assert hashes is not None and [field.name for field in hashes.value_type] == ["algorithm", "algorithm_id", "value"]
    for object_ in language.raw["objects"]:
        if language.raw["objects"][object_]["attributes"]:
            struct = language.struct(object_)
            assert _depth(struct) <= 5 and all(not pa.types.is_null(field.type) for field in struct), object_


def _depth(type_: pa.DataType) -> int:
    if not pa.types.is_struct(type_):
        return 0
    return 1 + max((_depth(field.type) for field in type_), default=0)


def test_no_column_is_an_empty_struct() -> None:
    for name in schema.load().names:
        for attribute in schema.class_(name).attributes.values():
            if attribute.is_array and attribute.arrow is not None and pa.types.is_struct(attribute.arrow.value_type):
                assert attribute.arrow.value_type.num_fields, (name, attribute.name)


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("actor.user.nam", "'actor.user.nam'", "'actor.user.name'"),
        ("hostname", "'hostname'", "'device.hostname'"),
        ("file.hashes.value", "is an array", "'file.hashes'"),
        ("time.zone", "of type timestamp_t", "'time'"),
        ("qqqqqqqq", "'qqqqqqqq'", "unmapped."),
    ],
)
def test_an_unknown_attribute_says_what_was_meant(name: str, what: str, remedy: str) -> None:
    with pytest.raises(SchemaError) as caught:
        schema.attribute("file_activity", name)
    assert "file_activity" in caught.value.what and what in caught.value.what
    assert caught.value.remedy is not None and remedy in caught.value.remedy
    assert not schema.load().has("file_activity", name)


def test_descriptions_are_text() -> None:
    for name in schema.load().names:
        for attribute in schema.class_(name).attributes.values():
            assert "<code>" not in attribute.description and "&lt;" not in attribute.description


def test_nothing_of_the_schema_itself_is_in_our_tree() -> None:
    assert [file.name for file in Path(schema.PIN).parent.iterdir()] == ["pin.json"]
