"""What telemetry an estate has, by evidence: what its sources' integrations make of vendor records.

The golden files of an integration say which events it gives and which fields of theirs have a value. A source that
names no integration is recognised by the first records of its first file; of an integration that reads many products
(CEF, LEEF), those count that these records are of. What the world knows follows from both: no
work order is ever open where no source gives any.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from watchfloor.collect.files import Skipped, opened
from watchfloor.collect.integration import Integration
from watchfloor.collect.mapper import Mapper
from watchfloor.collect.records import Piece, tokenise
from watchfloor.detect.evidence import Given, given_in
from watchfloor.detect.intel.indicator import KINDS
from watchfloor.errors import WatchfloorError
from watchfloor.estate import Estate, SourceSettings
from watchfloor.ocsf import schema
from watchfloor.run.prepare import chosen_format
from watchfloor.world.directory import Directory

__all__ = ["NEEDS", "Evidence", "given_by", "telemetry"]

DOORS, LEASES, NETWORK, PANELS, PEOPLE, SIGN_INS, WORK = (
    "physical_access_activity", "dhcp_activity", "network_activity", "alarm_signal_activity", "workforce_activity",
    "authentication", "maintenance_activity",
)  # fmt: skip

FILES = ""
"""Not from events: the estate's files say it."""

NEEDS: Mapping[str, str] = {
    "asof.credential.holder_kind": FILES, "asof.credential.status": FILES, "asof.device.on_lan": LEASES,
    **{
        f"asof.{asset}.{name}": needed
        for asset in ("dst_asset", "src_asset")
        for name, needed in {
            "common_cause": PANELS, "console_session": SIGN_INS, "criticality_id": FILES, "kind": FILES,
            "maintenance": WORK, "map_stale": FILES, "open_work_order": WORK, "owner_in_notice": PEOPLE,
            "owner_uid": FILES, "place_uid": FILES,
            "purdue_level": FILES, "zone": FILES,
        }.items()
    },
    **{
        f"asof.person.{name}": needed
        for name, needed in {
            "clearance_ok": PEOPLE, "ended_s": FILES, "employment_status": FILES, "escort_duty": PEOPLE,
            "in_notice": PEOPLE, "on_leave": PEOPLE, "on_shift": PEOPLE, "place_uid": DOORS, "presence": DOORS,
            "presence_confidence": DOORS, "role_class": FILES, "shift_s": PEOPLE, "site": DOORS,
            "site_confidence": DOORS, "training_ok": PEOPLE, "travelling": PEOPLE, "zone": DOORS, "zone_age_s": DOORS,
        }.items()
    },
    "asof.place.armed": PANELS, "asof.place.building": FILES, "asof.place.common_cause": PANELS,
    "asof.place.drill_age_s": PANELS, "asof.place.escorted": PEOPLE, "asof.place.evacuating": PANELS,
    "asof.place.evacuating_s": PANELS, "asof.place.occupancy_certain": DOORS, "asof.place.occupancy_possible": DOORS,
    "asof.place.open_work_order": WORK, "asof.place.tailgate_age_s": DOORS,
    "asof.place.tailgate_confidence": DOORS, "asof.place.zone_kind": FILES,
    "asof.portal.antipassback": FILES, "asof.portal.map_stale": FILES,
    "asof.portal.passback": DOORS, "asof.portal.portal_mode": DOORS,
    "lag.presence.age_s": DOORS, "lag.presence.beyond_km": DOORS, "lag.presence.confidence": DOORS,
    "lag.presence.place_kind": DOORS, "lag.presence.place_uid": DOORS, "lag.presence.quickest_s": DOORS,
    "lag.presence.site": DOORS, "lag.presence.slack_s": DOORS, "lag.presence.zone": DOORS,
    **{
        f"peer.{whose}.{name}": needed
        for whose in ("own", "role")
        for name, needed in {
            "egress_bytes_1d.median": NETWORK, "egress_bytes_1d.n": NETWORK, "egress_bytes_1d.pctl": NETWORK,
            "egress_bytes_1d.share_of_p99": NETWORK, "egress_bytes_1d.z": NETWORK,
            "entry_hour.n": DOORS, "entry_hour.pctl": DOORS,
        }.items()
    },
}  # fmt: skip
"""What the world tells -> class of the events that teach it."""

LOOKED_AT = 5000
"""Records by which a source without an integration is recognised, and of which products it is."""

ANY = ""
"""No product in particular: there was no record to look at."""

OF_THE_PATH = ("wf.source_uid", "wf.source_seq", "wf.time_origin", "wf.time_uncertainty_ms")
"""What every event has, whether or not there is a world."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an estate can see with.

    Args:
        given: kinds of events its sources give.
        integrations: ids of the products its sources are.
        unknown: ids of sources of which nobody can say what they are: no integration is named, no record is there.
        world: whether its files say anything about people, assets and places.
        indicators: kinds of which its feeds have indicators.
    """

    given: tuple[Given, ...]
    integrations: tuple[str, ...]
    unknown: tuple[str, ...]
    world: bool
    indicators: frozenset[str] = frozenset()

    @property
    def context(self) -> Callable[[str], bool]:
        """Whether a field of the world is ever known here."""
        classes = {str(one.route["class_name"]) for one in self.given} | {FILES}

        def known(field: str) -> bool:
            if field in OF_THE_PATH:
                return True
            if field.startswith("intel."):
                kind = field.split(".")[1]
                return kind in self.indicators if kind in KINDS else bool(self.indicators)
            if field.startswith("peer.") and field not in NEEDS:
                return False
            return self.world and NEEDS.get(field, FILES) in classes

        return known


def telemetry(
    estate: Estate, directory: Directory, known: Sequence[Integration], indicators: Iterable[str] = ()
) -> Evidence:
    """What the estate's sources give, and its feeds (kinds of `indicators`)."""
    by_id = {integration.id: integration for integration in known}
    mapper = Mapper(known)
    found: dict[str, set[str]] = {}
    unknown = []
    for source in estate.sources:
        seen = _seen(source, mapper)
        if source.integration in by_id:
            seen = {source.integration: seen.get(source.integration, frozenset())}
        for name, products in seen.items():
            found.setdefault(name, set()).update(products or {ANY})
        if not seen:
            unknown.append(source.id)
    given = [one for name, products in found.items() for one in _of(by_id[name], products)]
    return Evidence(tuple(given), tuple(found), tuple(unknown), bool(directory), frozenset(indicators))


def given_by(integrations: Iterable[Integration]) -> list[Given]:
    """What these integrations make of vendor records, by their golden files."""
    return [one for integration in integrations for one in given_in(_golden(integration))]


def _golden(integration: Integration) -> Iterable[tuple[str, Mapping[str, object]]]:
    for file in sorted((integration.folder / "golden").glob("*.ndjson")):
        for line in file.read_bytes().splitlines():
            event = orjson.loads(line)
            yield schema.load().by_uid(event["class_uid"]).name, event


def _of(integration: Integration, products: Collection[str]) -> list[Given]:
    """What an integration gives; one that reads many products (CEF, syslog): what it gives of these."""
    given = given_by([integration])
    many = len({one.route["metadata.product.name"] for one in given}) > 1
    if ANY in products or not many:
        return given
    return [one for one in given if one.route["metadata.product.name"] in products]


def _seen(source: SourceSettings, mapper: Mapper) -> dict[str, frozenset[str]]:
    """Integrations that take the first records of a source -> names of the products those are of; {} without any."""
    path = source.path
    files = [path] if path.exists() else sorted(path.parent.glob(path.name))
    try:
        for item in opened(files[:1], format=chosen_format(source.format, source.records)):
            if isinstance(item, Skipped):
                continue
            for framed in item.frames():
                if not len(framed.block):
                    continue
                decoded = item.format.decode(framed.block)
                count = min(len(decoded.offsets) - 1, LOOKED_AT)
                numbers = np.arange(count, dtype=np.int64)
                piece = Piece(decoded.ndjson, decoded.offsets[: count + 1], numbers, np.zeros(count, np.int64))
                read, _ = tokenise([piece], source="", stream=item.name)
                mapped = mapper.map(read, only=source.integration)
                names = [events.column("metadata.product.name") for events in mapped.events]
                products = {str(name) for column in names if column is not None for name in column.values.to_pylist()}
                return dict.fromkeys(mapped.integrations, frozenset(products))
    except WatchfloorError:
        return {}
    return {}
