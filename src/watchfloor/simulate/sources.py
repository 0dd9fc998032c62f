"""The sources of the simulated site: which file, which product writes it, what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["SOURCES", "Source"]


class Source(NamedTuple):
    """One file of records.

    Args:
        id: as in estate.toml.
        file: name of the file; CSV when `header` is given.
        integration: the product, where it is not recognised by itself.
        header: first line of a CSV file.
        expects: records an hour at least, by day and by night, for 400 people.
    """

    id: str
    file: str
    integration: str = ""
    header: str = ""
    settings: Mapping[str, Any] = {}
    sees: tuple[str, ...] = ("*",)
    expects: tuple[int, int] = (1, 0)
    heartbeat_s: int = 0
    lateness_s: int = 300
    skew_ms: int = 2_000
    taken_capable: bool = False
    feeds: tuple[str, ...] = ()


SOURCES: Mapping[str, Source] = {
    source.id: source
    for source in (
        Source("onguard", "onguard.csv", "lenel_onguard",
               "EVENT_TIME_UTC,SERIAL,PANEL,READER,READER_ID,EVENT_TYPE,EVENT,BADGE_ID,FACILITY_CODE,DIRECTION",
               {}, ("*",), (40, 5), 0, 900, 120_000, True, ("physical_access_activity",)),
        Source("linux", "linux.log", "", "", {}, ("*",), (40, 40), 600, 300, 2_000, False, ("authentication",)),
        Source("windows", "windows.ndjson", "", "", {}, ("*",), (200, 20), 0, 600, 2_000, False,
               ("authentication", "process_activity")),
        Source("sysmon", "sysmon.ndjson", "", "", {}, ("*",), (80, 5), 0, 600, 2_000, False,
               ("process_activity", "network_activity", "dns_activity")),
        Source("okta", "okta.ndjson", "", "", {}, ("*",), (20, 0), 0, 600, 2_000, False, ("authentication",)),
        Source("entra", "entra_signins.ndjson", "entra", "", {}, ("*",), (20, 0), 0, 600, 2_000, False,
               ("authentication",)),
        Source("vpn", "vpn.log", "cef_leef", "", {}, ("asset-vpn",), (2, 0), 0, 300, 2_000, False, ("authentication",)),
        Source("aws", "cloudtrail.ndjson", "", "", {}, ("*",), (2, 2), 0, 900, 2_000, False, ("api_activity",)),
        Source("zeek-it", "zeek_it.ndjson", "zeek", "", {}, ("zone-office", "zone-server", "zone-guard-cctv"),
               (500, 20), 300, 300, 1_000, False,
               ("network_activity", "dns_activity", "http_activity", "dhcp_activity")),
        Source("zeek-ot", "zeek_ot.ndjson", "", "", {},
               ("zone-ops", "zone-quay", "zone-reefer-power", "zone-substation", "zone-bms"), (300, 300), 300, 300,
               1_000, False, ("ot_command_activity",)),
        Source("switches", "switches.log", "cisco_ios", "", {}, ("zone-office",), (1, 0), 0, 300, 2_000, False,
               ("authentication",)),
        Source("readings", "readings.csv", "readings_csv", "timestamp,tag,value,unit,quality,device", {},
               ("zone-quay", "zone-reefer-power", "zone-substation-room", "zone-bms"), (200, 200), 900, 300, 2_000,
               False, ("process_reading_activity",)),
        Source("hr", "hr.csv", "hr_csv", "personnel_no,predicate,value,valid_from,valid_to,recorded_at", {}, ("*",),
               (0, 0), 7_500, 3_600, 0, False, ("workforce_activity",)),
        Source("lms", "lms.csv", "lms_csv", "personnel_no,training,completed,expires,recorded_at", {}, ("*",), (0, 0),
               0, 86_400, 0, False, ("workforce_activity",)),
        Source("cmms", "cmms.csv", "cmms_csv",
               "work_order,type,status,asset,requested_by,approved_by,start,end,recorded_at,title", {}, ("*",), (0, 0),
               0, 3_600, 0, False, ("maintenance_activity",)),
        Source("visitors", "visitors.csv", "visitor_csv",
               "visit,badge,host_personnel_no,escort_personnel_no,site,from,to,status,recorded_at,company", {}, ("*",),
               (0, 0), 0, 3_600, 0, False, ("workforce_activity",)),
        Source("panels", "panels.log", "sia_dc09", "", {}, ("asset-panel-substation", "asset-panel-fire"), (1, 1),
               4_000, 300, 5_000, False, ("alarm_signal_activity",)),
        Source("security", "security.ndjson", "onvif", "", {}, ("*",), (10, 10), 0, 300, 5_000, False,
               ("alarm_signal_activity",)),
    )
}  # fmt: skip
"""All sources; `security` holds what cameras, tags and the sky sensor say."""
