"""Log sources and field tables: everything SigmaHQ names has a route, and a wrong table is told where."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchfloor.detect.rule import Logsource
from watchfloor.detect.taxonomy import ROUTE_COLUMNS, RouteCondition, Taxonomy
from watchfloor.errors import RuleError

SYSMON = "Microsoft-Windows-Sysmon/Operational"


@pytest.fixture(scope="module")
def built_in() -> Taxonomy:
    return Taxonomy.load()


def admits(taxonomy: Taxonomy, logsource: Logsource, **route: str | int) -> bool:
    named = {
        {"cls": "class_name", "activity": "activity_id", "os": "device.os.type"}.get(
            key, "metadata." + {"product": "product.name"}.get(key, key)
        ): value
        for key, value in route.items()
    }
    assert set(named) <= set(ROUTE_COLUMNS)
    routes = taxonomy.routes_for(logsource)
    assert routes is not None
    return any(condition.admits(named) for condition in routes)


def test_the_built_in_tables_are_right(built_in: Taxonomy) -> None:
    assert [str(error) for error in built_in.check()] == []


def test_windows_process_creation_is_a_class_whoever_wrote_it(built_in: Taxonomy) -> None:
    wanted = Logsource("windows", "process_creation")
    assert admits(built_in, wanted, cls="process_activity", activity=1, os="Windows", log_name="Security")
    assert admits(built_in, wanted, cls="process_activity", activity=1, os="windows", log_name=SYSMON)
    assert not admits(built_in, wanted, cls="process_activity", activity=2, os="Windows")
    assert not admits(built_in, wanted, cls="process_activity", activity=1, os="Linux")
    assert not admits(built_in, wanted, cls="process_activity", activity=1)
    tables = built_in.tables_for(wanted)
    for sysmon, security in (("Image", "NewProcessName"), ("ParentImage", "ParentProcessName")):
        one, other = built_in.in_tables(tables, sysmon), built_in.in_tables(tables, security)
        assert one
        assert other
        assert one[0] == other[0]


def test_one_sysmon_event_belongs_to_several_categories(built_in: Taxonomy) -> None:
    for category in ("registry_set", "registry_event"):
        wanted = Logsource("windows", category)
        assert admits(built_in, wanted, cls="registry_value_activity", log_name=SYSMON, event_code="13")
    wanted = Logsource("windows", "registry_set")
    assert not admits(built_in, wanted, cls="registry_value_activity", log_name=SYSMON, event_code="12")


def test_a_windows_service_is_its_channels(built_in: Taxonomy) -> None:
    assert admits(built_in, Logsource("windows", service="security"), log_name="Security", event_code="1")
    assert admits(built_in, Logsource("windows", service="powershell"), log_name="PowerShellCore/Operational")
    assert not admits(built_in, Logsource("windows", service="system"), log_name="Security")


def test_category_and_service_together_ask_for_both(built_in: Taxonomy) -> None:
    wanted = Logsource("windows", "process_creation", "security")
    assert admits(built_in, wanted, cls="process_activity", activity=1, os="Windows", log_name="Security")
    assert not admits(built_in, wanted, cls="process_activity", activity=1, os="Windows", log_name=SYSMON)


def test_a_category_without_a_product_means_all_products(built_in: Taxonomy) -> None:
    wanted = Logsource(category="process_creation")
    for system in ("Windows", "Linux", "macOS"):
        assert admits(built_in, wanted, cls="process_activity", activity=1, os=system)


def test_a_product_alone_means_all_of_it(built_in: Taxonomy) -> None:
    assert admits(built_in, Logsource("linux"), os="Linux", log_name="anything")


def test_an_unknown_product_in_a_general_category(built_in: Taxonomy) -> None:
    wanted = Logsource("acme gate", "proxy")
    assert admits(built_in, wanted, cls="http_activity", product="ACME Gate")
    assert not admits(built_in, wanted, cls="http_activity", product="other")


def test_our_own_packs_name_the_class(built_in: Taxonomy) -> None:
    wanted = Logsource("watchfloor", "physical_access_activity")
    assert admits(built_in, wanted, cls="physical_access_activity")
    assert built_in.columns(wanted, "wf.direction") == ("wf.direction",)


@pytest.mark.parametrize(
    "logsource", [Logsource("windows", "no_such"), Logsource(service="no_such"), Logsource("windows", "dns_query", "x")]
)
def test_what_nobody_knows_has_no_route(built_in: Taxonomy, logsource: Logsource) -> None:
    assert built_in.routes_for(logsource) is None
    assert built_in.tables_for(logsource) == ()


def test_where_fields_may_stand(built_in: Taxonomy) -> None:
    found = built_in.places(Logsource("windows", "process_creation"), ["Image", "NewProcessName", "NoSuchField"])
    assert (found[0], found[-1]) == ("process.file.path", "unmapped.NoSuchField")
    assert len(set(found)) == len(found)


def test_a_field_no_table_names_has_no_columns(built_in: Taxonomy) -> None:
    assert built_in.in_tables(("windows",), "NoSuchField") is None
    assert built_in.in_tables(("no_table", "windows"), "EventID") == ("metadata.event_code",)


def test_a_folder_of_the_estate_adds_and_overrides(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[[logsource]]\nproduct = "acme"\nservice = "gate"\nwhere = [{class = "http_activity"}]\nfields = ["acme"]\n'
        '[fields.acme]\nwho = "actor.user.name"\n'
        '[fields.windows]\nEventID = ["unmapped.EventID", "metadata.event_code"]\n'
    )
    taxonomy = Taxonomy.load([tmp_path])
    assert list(taxonomy.check()) == []
    assert taxonomy.routes_for(Logsource("acme", service="gate")) == (
        RouteCondition((("class_name", ("http_activity",)),)),
    )
    assert taxonomy.in_tables(("windows",), "EventID") == ("unmapped.EventID", "metadata.event_code")
    assert taxonomy.in_tables(("windows",), "Channel") == ("metadata.log_name",)
    assert Taxonomy.load().in_tables(("windows",), "EventID") == ("metadata.event_code",)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("banana = 1\n", 1, "unknown key 'banana'"),
        ("logsource = 1\n", 1, "not a list"),
        ('[[logsource]]\nproduct = "a"\n\nwhere = []\n', 4, "`where` is missing"),
        ('[[logsource]]\nproduct = "a"\nwhere = [{nonsense = 1}]\n', 3, "does not decide a route"),
        ('[[logsource]]\nproduct = "a"\nwhere = [{class = 1.5}]\n', 3, "no text or number"),
        ('[[logsource]]\nwhere = [{class = "base_event"}]\n', 1, "names nothing"),
        ('[[logsource]]\nproduct = "a"\nbanana = 1\nwhere = [{class = "base_event"}]\n', 3, "unknown key"),
        ('[[logsource]]\nproduct = "a"\nwhere = [{class = "base_event"}]\nfields = "a"\n', 4, "not a list of table"),
        ('[fields.a]\n\nb = ""\n', 3, "no column"),
        ('[fields.ocsf]\nb = "c"\n', 1, "cannot be a field table"),
        ("[[logsource\n", 1, "not valid TOML"),
    ],
)
def test_a_wrong_table_is_told_where(tmp_path: Path, text: str, line: int, what: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(Exception, match=what) as caught:
        Taxonomy.load([tmp_path])
    assert getattr(caught.value, "line", None) == line
    assert getattr(caught.value, "remedy", None)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[[logsource]]\nproduct = "a"\nwhere = [{class = "no_such_class"}]\n', 3, "no class 'no_such_class'"),
        ('[[logsource]]\nproduct = "a"\nwhere = [{class = "base_event"}]\nfields = ["zzz"]\n', 4, "no field table"),
        ('[fields.windows]\n\nx = "no.such"\n', 3, "none of its classes has"),
    ],
)
def test_a_name_ocsf_does_not_know_is_told_where(tmp_path: Path, text: str, line: int, what: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    (error,) = Taxonomy.load([tmp_path]).check()
    assert isinstance(error, RuleError)
    assert what in error.what
    assert error.line == line


def test_a_rule_on_a_whole_product_looks_in_every_column_of_its_logs() -> None:
    taxonomy = Taxonomy.load()
    found = taxonomy.columns(Logsource("windows"), "CommandLine")
    assert found is not None and {"process.cmd_line", "unmapped.CommandLine"} <= set(found)
    assert taxonomy.columns(Logsource("windows"), "NobodyKnowsThis") is None
