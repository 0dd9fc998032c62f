"""Gaps: stretches of time in which people may have passed a portal without anybody knowing.

    map           nobody has checked where the portal leads  who passes it is nobody knows where     files
    portal mode   unlocked                                   who passes is not read                  a statement
    lost          its controller, or what that depends on    nobody tells who passed                 a statement
    source        silent, too few events, clock ahead        records are missing, or out of order    pulses

A gap at a way out of a place ends what is believed of whoever was seen there before it, or during it (scenarios, A3).
Where doors without a reader join places, the ways out are those of all of them together. What arrives late makes a
gap whole: gaps follow from statements and pulses, in whatever order these came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from watchfloor.world.coverage import OPEN, PASSAGES, grown_stale, standing_at
from watchfloor.world.directory import Directory
from watchfloor.world.entities import FOREVER
from watchfloor.world.interval import Known
from watchfloor.world.sources import Source
from watchfloor.world.stretch import Stretch, joined

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CUTS", "RESTS_ON", "Gaps", "cuts"]

RESTS_ON = ("portal_mode", "lost")
"""Kinds of statements that gaps rest on."""

CUTS = ("silent", "few", "clock")
"""What ails a source (`coverage.WHY`) that makes a gap. What is still to come, or was never measured, does not."""


class Gaps:
    """Gaps of every portal, kept in step with statements and pulses.

    Args:
        directory: portals and what drives them.
        history: modes of doors, lost devices.
        sources: what each source could see and is like when it is well; without them nobody can say.
    """

    def __init__(self, directory: Directory, history: Known, sources: Mapping[str, Source] | None = None) -> None:
        self._directory, self._history = directory, history
        self.sources = {uid: one for uid, one in (sources or {}).items() if not one.feeds or PASSAGES in one.feeds}
        """Those that tell of passages."""
        self._seen_by = {
            uid: frozenset(
                portal.uid
                for portal in directory.portals.values()
                if portal.readers and one.sees_any(standing_at(directory, portal))
            )
            for uid, one in self.sources.items()
        }
        self._heard: list[pa.Table] = []
        self._known_at = 0
        self._devices: dict[str, set[str]] = defaultdict(set)
        for portal in directory.portals.values():
            controller = directory.assets.get(portal.controller)
            if controller is not None and portal.readers:
                for uid in (controller.uid, *controller.infrastructure):
                    self._devices[uid].add(portal.uid)
        self._stretches: dict[str, tuple[tuple[int, int], ...]] = {}

    def of(self, portals: Iterable[str]) -> tuple[tuple[int, int], ...]:
        """When any of these portals had a gap: [since, until), joined, UTC epoch milliseconds."""
        return joined(stretch for uid in portals for stretch in self._stretches.get(uid, ()))

    def hear(self, heard: pa.Table) -> None:
        """More pulses (`pulse.PULSE_SCHEMA`); those of sources that tell of no passages only say how late it is."""
        if heard.num_rows and self.sources:
            import pyarrow.compute as pc  # takes its time, and many estates say nothing of their sources

            from watchfloor.world.pulse import PULSE_SCHEMA

            self._known_at = max(self._known_at, pc.max(heard["known_from"]).as_py())
            mine = heard.select(PULSE_SCHEMA.names).filter(pc.field("source").isin(list(self.sources)))
            self._heard.append(mine.cast(PULSE_SCHEMA))

    def renew(self) -> int:
        """Find gaps anew, from all that is known now.

        Returns:
            the moment from which any gap is another one than before, UTC epoch milliseconds; `FOREVER` if none is.
        """
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for portal, since, until in (*self._of_portals(), *self._of_devices(), *self._of_sources()):
            found[portal].append((since, until))
        made = {portal: joined(stretches) for portal, stretches in found.items()}
        changed = FOREVER
        for portal in made.keys() | self._stretches.keys():
            differ = set(made.get(portal, ())) ^ set(self._stretches.get(portal, ()))
            changed = min(changed, *_edges(differ)) if differ else changed
        self._stretches = made
        return changed

    def _of_portals(self) -> Iterator[tuple[str, int, int]]:
        for portal in self._directory.portals.values():
            if not portal.readers:
                continue
            for one in self._history.intervals("portal_mode", portal.uid):
                if one.value in OPEN:
                    yield portal.uid, one.since, one.until
            for stretch in grown_stale(self._directory, portal.uid):
                yield portal.uid, stretch.since, stretch.until

    def _of_devices(self) -> Iterator[tuple[str, int, int]]:
        for device, portals in self._devices.items():
            for one in self._history.intervals("lost", device):
                yield from ((portal, one.since, one.until) for portal in portals)

    def _of_sources(self) -> Iterator[tuple[str, int, int]]:
        if not self._heard:
            return
        if len(self._heard) > 1:
            import pyarrow as pa

            self._heard = [pa.concat_tables(self._heard).combine_chunks()]
        for source in self.sources.values():
            found = cuts(source, self._heard[0], self._directory, self._known_at)
            for since, until in joined((one.since, one.until) for one in found):
                yield from ((portal, since, until) for portal in self._seen_by[source.id])


def cuts(source: Source, heard: pa.Table, directory: Directory, known_at: int) -> Iterator[Stretch]:
    """When passages that a source would have told may be missing, as known at a moment."""
    from watchfloor.world.pulse import unwell

    settled = known_at - int(source.lateness_s * 1000)
    for one in unwell(source, heard, directory.timezone, known_at):
        if one.why == "silent" and one.until >= known_at:
            yield one._replace(until=FOREVER)  # until it is heard again
        elif one.why in CUTS and (one.why != "few" or one.until <= settled):
            yield one


def _edges(stretches: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Where what some stretches cover and others do not begins; the end of one may be that of another."""
    ends: dict[int, int] = defaultdict(int)
    for since, until in stretches:
        ends[since] ^= 1
        ends[until] ^= 1
    return (edge for edge, odd in ends.items() if odd)
