"""Sigma documents into rules, correlations and filters, or the reason why not (Sigma specification v2.1.0)."""

from __future__ import annotations

import re
from typing import Any

from sigma.exceptions import SigmaError

from watchfloor.detect.correlation_document import read_correlation
from watchfloor.detect.heading import attack, id_of, one_of, text, texts
from watchfloor.detect.lowering import Lowering, Placeholders, Refused, message, remedy_for
from watchfloor.detect.predicate import Constant
from watchfloor.detect.rule import LEVELS, STATUSES, Correlation, Filter, Logsource, Problem, Rule
from watchfloor.detect.unknown import certainly, possibly
from watchfloor.documents import Document

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

__all__ = ["read_document"]

_MAX_LABEL = 300  # characters of a title shown in a problem


def read_document(
    document: Document, placeholders: Placeholders | None = None
) -> Rule | Correlation | Filter | Problem:
    """One Sigma document, lowered, or the reason why not. Never raises, whatever the document holds.

    Args:
        placeholders: values for `|expand`; a rule that needs others is a problem of kind `placeholder`.
    """
    label = ""
    try:
        if isinstance(document.data, dict):
            label = str(document.data.get("title") or document.data.get("id") or "")[:_MAX_LABEL]
        return _read(document, placeholders or {})
    except Refused as error:
        return Problem(document.file, document.line(*error.path), label, error.reason, error.remedy, error.kind)
    except SigmaError as error:
        return Problem(document.file, document.first_line, label, message(error), remedy_for(error), "error")
    except RecursionError:
        reason = "the rule is nested too deeply"
        return Problem(document.file, document.first_line, label, reason, "simplify its condition", "error")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"the rule cannot be understood: {error or type(error).__name__}"
        return Problem(
            document.file, document.first_line, label, reason, "compare it with the Sigma specification", "error"
        )


def _read(document: Document, placeholders: Placeholders) -> Rule | Correlation | Filter:
    data = document.data
    if not isinstance(data, dict):
        raise Refused((), "the document is not a map", "a Sigma rule begins with `title:`")
    if "correlation" in data:
        return read_correlation(document)
    if "action" in data:
        reason = "`action:` documents belong to Sigma 1 and mean nothing since Sigma 2"
        raise Refused(("action",), reason, "write each rule out whole", "unsupported")
    if "filter" in data:
        return _read_filter(document, placeholders)
    if "detection" not in data:
        what = "has no `detection`" if "title" in data or "logsource" in data else "is no Sigma document"
        raise Refused((), f"the document {what}", "add `detection:` with selections and a condition")
    title = data.get("title")
    if not isinstance(title, str) or not title:
        raise Refused(("title",), "the rule has no title", "add `title:`")
    logsource = _logsource(data)
    written = Lowering(placeholders).written(data["detection"], "detection")
    condition = certainly(written)
    if isinstance(condition, Constant):
        truth = "always" if condition.value else "never"
        raise Refused(("detection", "condition"), f"the condition is {truth} true", "check its selections")
    tags = texts(data, "tags")
    techniques, tactics = attack(tags)
    return Rule(
        id=id_of(data),
        title=title,
        level=one_of(data, "level", LEVELS) or "medium",
        status=one_of(data, "status", STATUSES),
        logsource=logsource,
        condition=condition,
        file=document.file,
        line=document.line(),
        name=text(data, "name"),
        description=text(data, "description"),
        author=text(data, "author"),
        tags=tags,
        techniques=techniques,
        tactics=tactics,
        references=texts(data, "references"),
        falsepositives=texts(data, "falsepositives"),
        taxonomy=text(data, "taxonomy") or "sigma",
        possible=possibly(written),
    )


def _read_filter(document: Document, placeholders: Placeholders) -> Filter:
    data = document.data
    body = data["filter"]
    if not isinstance(body, dict):
        raise Refused(("filter",), "`filter` is not a map", "give it `rules`, selections and a condition")
    rules = body.get("rules")
    if isinstance(rules, str):
        rules = None if rules.lower() == "any" else [rules]
    elif rules is None or not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise Refused(("filter", "rules"), "the filter does not say for which rules", "list their ids, or write `any`")
    selections = {name: value for name, value in body.items() if name != "rules"}
    expires = text(data, "expires")
    if expires is not None and not DAY.fullmatch(expires):
        raise Refused(("expires",), f"expires {expires!r} is no day", "write it like 2026-12-31")
    return Filter(
        id=id_of(data),
        title=text(data, "title") or "",
        logsource=_logsource(data),
        rules=None if not rules else tuple(rules),
        condition=Lowering(placeholders).detections(selections, "filter"),
        file=document.file,
        line=document.line(),
        expires=expires,
    )


def _logsource(data: dict[str, Any]) -> Logsource:
    given = data.get("logsource")
    if not isinstance(given, dict):
        raise Refused(("logsource",), "the rule has no `logsource` map", "say product, category or service")
    parts: dict[str, str] = {}
    for name in ("product", "category", "service"):
        value = given.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not value:
            raise Refused(("logsource", name), f"{name} of the log source is not text", "write it as text")
        parts[name] = value.lower()
    if not parts:
        raise Refused(("logsource",), "the log source is empty", "say product, category or service")
    return Logsource(**parts)
