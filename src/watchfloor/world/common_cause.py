"""Common cause: several devices were lost at once because something that all of them need failed (scenarios, A7).

    switch (fault) --- camera 1 lost      camera 2 lost      camera 3 lost      door controller

What a device depends on is `infrastructure` in assets.csv, and what that depends on in turn. A loss has a common cause
where what it depends on reported a fault within two minutes of it (100), or where three devices or more that depend on
it were lost within two minutes (90): of a switch and what feeds it that is the switch's. The fact is one

    of the device        while it is lost, two hours at most
    of what failed       as long as of any of these
    of a place           whose cameras and door controllers all depend on it, as long as of any of those: no other
                         sensor could say what happened there

and its value is the uid of what failed. It follows from statements, in whatever order they came.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from watchfloor.world.directory import Directory
from watchfloor.world.history import History, Interval, Statement
from watchfloor.world.tailgating import surest

__all__ = ["FAULT", "FEWEST", "HOLDS_MS", "KIND", "LOST", "TOGETHER_MS", "CommonCause"]

KIND = "common_cause"
LOST, FAULT = "lost", "fault"
"""Kinds of statements it rests on: a device cannot be reached; it reported a fault of its own."""

TOGETHER_MS, FEWEST = 2 * 60_000, 3
"""So many devices lost within this time have one cause."""

HOLDS_MS = 2 * 3_600_000
"""A loss that nobody takes back explains what happens for so long."""

SAID, COUNTED = 100, 90
"""How sure each is."""


class CommonCause:
    """Keeps the history's `common_cause` in step with statements.

    Args:
        directory: what depends on what, and what watches which place.
        history: where the fact goes.
    """

    def __init__(self, directory: Directory, history: History) -> None:
        self._history = history
        self._needs = {uid: frozenset(_needs(directory, uid)) for uid in directory.assets}
        self._under: dict[str, set[str]] = defaultdict(set)
        for uid, needed in self._needs.items():
            for element in needed:
                self._under[element].add(uid)
        self._watched: dict[str, set[str]] = defaultdict(set)
        """Device -> places of which it, and every other device that watches them, hangs on something."""
        self._hangs: dict[str, frozenset[str]] = {}
        """Place -> what all that watches it depends on."""
        for place, watching in _watching(directory).items():
            shared = frozenset.intersection(*(self._needs[uid] for uid in watching))
            if shared:
                self._hangs[place] = shared
                for uid in watching:
                    self._watched[uid].add(place)
        self._lost: dict[str, set[int]] = defaultdict(set)
        self._back: dict[str, set[int]] = defaultdict(set)
        self._failed: dict[str, set[int]] = defaultdict(set)
        self._losses: dict[str, dict[tuple[int, str], int]] = {}
        """What failed -> losses (time, device) that come of it, and how sure that is."""
        self._found: dict[str, dict[str, list[Interval]]] = {}

    def add(self, said: Iterable[Statement]) -> None:
        """More statements; those known already change nothing."""
        touched: set[str] = set()
        for one in said:
            if one.kind not in (LOST, FAULT) or one.entity not in self._needs:
                continue
            if one.entity in self._under and one.confidence:
                self._failed[one.entity].add(one.valid_from)
                touched.add(one.entity)
            if one.kind == LOST:
                (self._lost if one.confidence else self._back)[one.entity].add(one.valid_from)
            touched |= self._needs[one.entity]
        for element in touched:
            self._losses[element] = self._caused(element)
        concerned: set[str] = set()
        for element in touched:
            concerned |= self._found.get(element, {}).keys()
            self._found[element] = self._held(element)
            concerned |= self._found[element].keys()
        for uid in concerned:
            every = (one for found in self._found.values() for one in found.get(uid, ()))
            self._history.replace(KIND, uid, surest(every))

    def _caused(self, element: str) -> dict[tuple[int, str], int]:
        losses = sorted((time, uid) for uid in self._under[element] for time in self._lost.get(uid, ()))
        failed = sorted(self._failed.get(element, ()))
        return dict.fromkeys(_together(losses), COUNTED) | dict.fromkeys(_near(losses, failed), SAID)

    def _held(self, element: str) -> dict[str, list[Interval]]:
        """Entity -> when what happened there came of a failure."""
        found: dict[str, list[Interval]] = defaultdict(list)
        nearer = [losses for uid, losses in self._losses.items() if element in self._needs[uid]]
        for (time, uid), sure in sorted(self._losses[element].items()):
            if sure == COUNTED and any((time, uid) in losses for losses in nearer):
                continue
            back = sorted(self._back.get(uid, ()))
            at = bisect_right(back, time)
            held = Interval(time, min([time + HOLDS_MS, *back[at : at + 1]]), element, sure, time)
            found[uid].append(held)
            found[element].append(held)
            for place in self._watched.get(uid, ()):
                if element in self._hangs[place]:
                    found[place].append(held)
        return found


def _together(losses: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Of losses in order of time those that come together with enough others."""
    end = 0
    for start, (time, _) in enumerate(losses):
        while end < len(losses) and losses[end][0] <= time + TOGETHER_MS:
            end += 1
        some = losses[start:end]
        if len({uid for _, uid in some}) >= FEWEST:
            yield from some


def _near(losses: list[tuple[int, str]], failed: list[int]) -> Iterator[tuple[int, str]]:
    """Losses at about the time of a fault."""
    for time, uid in losses:
        if bisect_right(failed, time + TOGETHER_MS) > bisect_left(failed, time - TOGETHER_MS):
            yield time, uid


def _needs(directory: Directory, asset: str) -> Iterator[str]:
    """What an asset depends on, and what that depends on; a circle ends where it began."""
    seen, waiting = {asset}, list(directory.assets[asset].infrastructure)
    while waiting:
        uid = waiting.pop()
        if uid not in seen:
            seen.add(uid)
            yield uid
            waiting += directory.assets[uid].infrastructure


def _watching(directory: Directory) -> Mapping[str, set[str]]:
    """Place -> cameras that see it or a door into it, and what drives these doors."""
    found: dict[str, set[str]] = defaultdict(set)
    for camera, covered in directory.cameras.items():
        for uid in covered:
            place = directory.portals[uid].inside if uid in directory.portals else uid
            if camera in directory.assets and place in directory.places:
                found[place].add(camera)
    for portal in directory.portals.values():
        if portal.controller in directory.assets:
            found[portal.inside].add(portal.controller)
    return found
