"""A guard for those who convert our rules with pySigma: what another engine cannot evaluate is refused, not bent.

Backends convert `asof.person.zone` into a field of that name, which nobody has, and leave the map `watchfloor:` out, so
that "not followed by" becomes something else. The pipeline stands before any backend's own:

    backend = SomeBackend(processing_pipeline=guard() + its_pipeline)

Plain rules pass unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigma.processing.conditions import IncludeFieldCondition, RuleProcessingCondition
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import DetectionItemFailureTransformation, RuleFailureTransformation

from watchfloor.detect.unknown import CONTEXT

__all__ = ["guard"]


@dataclass
class _HasMap(RuleProcessingCondition):  # type: ignore[misc, unused-ignore]
    """The rule says more in a top-level map of ours."""

    name: str = ""

    def match(self, rule: Any) -> bool:
        return self.name in (rule.custom_attributes or {})


def guard() -> ProcessingPipeline:
    """The pipeline; a rule it refuses raises SigmaTransformationError."""
    names = "|".join(name.rstrip(".") for name in CONTEXT)
    return ProcessingPipeline(
        name="watchfloor-guard",
        priority=0,
        items=[
            ProcessingItem(
                DetectionItemFailureTransformation("a field that only watchfloor adds to events: it would never match"),
                field_name_conditions=[IncludeFieldCondition(fields=[rf"^({names}|wf)\..*"], mode="re")],
            ),
            ProcessingItem(
                RuleFailureTransformation("`watchfloor:` says what this correlation means, and would be left out"),
                rule_conditions=[_HasMap("watchfloor")],
            ),
        ],
    )
