"""Other backends refuse what they cannot evaluate, and convert the rest."""

from __future__ import annotations

import pytest
from sigma.backends.test import TextQueryTestBackend
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaTransformationError

from tests.detect.test_correlation_document import EXAMPLE
from watchfloor.detect.guard import guard

PLAIN = """
title: Whoami
name: whoami
logsource: {product: windows, category: process_creation}
detection:
  s: {Image|endswith: '\\whoami.exe'}
  condition: s
"""

COUNTED = f"""{PLAIN}---
title: Often
correlation:
  type: event_count
  rules: [whoami]
  group-by: [User]
  timespan: 5m
  condition: {{gte: 5}}
"""


def converted(text: str) -> list[str]:
    backend = TextQueryTestBackend(processing_pipeline=guard())
    return [str(query) for query in backend.convert(SigmaCollection.from_yaml(text))]


def test_plain_rules_pass() -> None:
    assert "whoami.exe" in converted(PLAIN)[0]
    assert converted(COUNTED)


@pytest.mark.parametrize(
    "selection",
    [
        "asof.person.zone: lab",
        "lag.presence.slack_s|lt: 0",
        "peer.role.egress_bytes_1d.pctl|gte: 99",
        "intel.ip.matched: true",
        "wf.person_uid: x",
        "User|fieldref: asof.person.zone",
    ],
)
def test_fields_that_only_we_add_are_refused(selection: str) -> None:
    with pytest.raises(SigmaTransformationError, match="only watchfloor"):
        converted(PLAIN.replace("Image|endswith: '\\whoami.exe'", selection))


def test_what_our_map_says_is_not_left_out() -> None:
    plain = EXAMPLE.replace("wf.direction: in", "direction: in").replace("wf.person_uid", "user")
    with pytest.raises(SigmaTransformationError, match="would be left out"):
        converted(plain)
