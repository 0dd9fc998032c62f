"""What a rule can see: events of its log source, and the fields without which it cannot hold."""

from __future__ import annotations

from collections.abc import Callable

from watchfloor.detect.evidence import Given, Sight, given_in, lints, sight
from watchfloor.detect.rule import Rule
from watchfloor.detect.sigma import read_document
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.documents import parse_yaml
from watchfloor.errors import EstateError

DOORS = Given({"class_name": "physical_access_activity", "activity_id": 5}, frozenset({"activity_id", "portal.name"}))


def _rule(detection: str, logsource: str = "{product: watchfloor, category: physical_access}") -> Rule:
    text = f"title: x\nlogsource: {logsource}\ndetection: {detection}\n"
    (document,) = parse_yaml(text.encode(), "x.yml")
    assert not isinstance(document, EstateError)
    rule = read_document(document, None)
    assert isinstance(rule, Rule)
    return rule


def _sight(detection: str, given: list[Given], context: Callable[[str], bool] = lambda field: False) -> Sight:
    return sight(_rule(detection), Taxonomy.load(), given, context)


def test_no_events_of_its_log_source() -> None:
    assert _sight("{s: {activity_id: 5}, condition: s}", []).state == "no events"
    other = Given({"class_name": "authentication"}, frozenset({"activity_id"}))
    assert _sight("{s: {activity_id: 5}, condition: s}", [other]).state == "no events"


def test_a_field_that_nothing_gives() -> None:
    assert _sight("{s: {activity_id: 5}, condition: s}", [DOORS]).state == "sees"
    blind = _sight("{s: {activity_id: 5, deny_reason: x}, condition: s}", [DOORS])
    assert blind == Sight("no field", ("deny_reason",))


def test_or_needs_one_and_not_needs_none() -> None:
    assert _sight("{a: {activity_id: 5}, b: {deny_reason: x}, condition: a or b}", [DOORS]).state == "sees"
    assert _sight("{a: {activity_id: 5}, b: {deny_reason: x}, condition: a and not b}", [DOORS]).state == "sees"
    assert _sight("{a: {activity_id: 5, deny_reason: null}, condition: a}", [DOORS]).state == "sees"


def test_context_is_asked_of_the_world() -> None:
    rule = "{s: {activity_id: 5, asof.place.armed: true}, condition: s}"
    assert _sight(rule, [DOORS]) == Sight("no field", ("asof.place.armed",))
    assert _sight(rule, [DOORS], lambda field: field == "asof.place.armed").state == "sees"


def test_events_become_what_they_give() -> None:
    event = {"activity_id": 5, "metadata": {"product": {"name": "P"}}, "tags": ["a"], "things": [{"uid": 1}]}
    (found,) = given_in([("physical_access_activity", event)])
    assert found.route["metadata.product.name"] == "P" and found.route["class_name"] == "physical_access_activity"
    assert {"tags", "things.uid", "activity_id"} <= found.columns


def test_lints() -> None:
    taxonomy = Taxonomy.load()

    def told(detection: str, logsource: str = "{product: watchfloor, category: physical_access}") -> list[str]:
        return lints(_rule(detection, logsource), taxonomy, [DOORS])

    assert told("{s: {activity_id: 5, wf.direction: in}, condition: s}") == []
    assert "asof.place.armd does not exist" in told("{s: {activity_id: 5, asof.place.armd: true}, condition: s}")[0]
    assert "portl.name does not exist" in told("{s: {portl.name: x}, condition: s}")[0]
    assert told("{s: {deny_reason: x}, condition: s}") == ["no mapping gives deny_reason"]
    assert "no integration gives events" in told("{s: {Image: x}, condition: s}", "{product: windows}")[0]
