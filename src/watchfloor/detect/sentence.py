"""A rule's condition as text a person can read."""

from __future__ import annotations

from watchfloor.detect.predicate import And, Constant, Kind, Node, Not, Or, Predicate, Token

__all__ = ["fields_of", "only", "sentence"]

WORDS = {
    Kind.EQUALS: "is",
    Kind.CONTAINS: "contains",
    Kind.STARTSWITH: "starts with",
    Kind.ENDSWITH: "ends with",
    Kind.GLOB: "looks like",
    Kind.REGEX: "matches",
    Kind.CIDR: "is in network",
    Kind.LT: "<",
    Kind.LTE: "<=",
    Kind.GT: ">",
    Kind.GTE: ">=",
}


def fields_of(node: Node) -> tuple[str, ...]:
    """The Sigma fields a condition asks for, in order, each once."""
    found: dict[str, None] = {}

    def walk(part: Node) -> None:
        if isinstance(part, Predicate):
            if part.field is not None:
                found[part.field] = None
            if part.kind is Kind.FIELDREF:
                found[part.value[0]] = None
        elif isinstance(part, Not):
            walk(part.arg)
        elif isinstance(part, And | Or):
            for arg in part.args:
                walk(arg)

    walk(node)
    return tuple(found)


def only(node: Node, field: str) -> frozenset[str] | None:
    """The values a field must have for a condition to hold, in lower case; None where it may be any."""
    if isinstance(node, Predicate):
        return frozenset([str(node.value).lower()]) if node.field == field and node.kind is Kind.EQUALS else None
    if isinstance(node, And):
        some = [found for arg in node.args if (found := only(arg, field)) is not None]
        return frozenset.intersection(*some) if some else None
    if isinstance(node, Or):
        each = [only(arg, field) for arg in node.args]
        known = [found for found in each if found is not None]
        return frozenset[str]().union(*known) if known and len(known) == len(each) else None
    return None


def sentence(node: Node, indent: int = 0) -> str:
    """The condition, indented by its structure."""
    pad = "  " * (indent + 1)
    if isinstance(node, Predicate):
        return pad + predicate(node)
    if isinstance(node, Constant):
        return pad + ("always" if node.value else "never")
    if isinstance(node, Not):
        if isinstance(node.arg, Predicate):
            return f"{pad}not {predicate(node.arg)}"
        return f"{pad}not\n{sentence(node.arg, indent + 1)}"
    word = "all of" if isinstance(node, And) else "any of"
    return f"{pad}{word}\n" + "\n".join(sentence(arg, indent + 1) for arg in node.args)


def predicate(test: Predicate) -> str:
    """One predicate as text: `CommandLine contains '-enc'`."""
    field = "any text" if test.field is None else test.field
    cased = " (case matters)" if test.cased and test.kind is not Kind.REGEX else ""
    if test.kind is Kind.EXISTS:
        return f"{field} has a value"
    if test.kind is Kind.FIELDREF:
        other, mode = test.value
        return f"{field} {mode} the value of {other}"
    if test.kind is Kind.TIMEPART:
        part, number = test.value
        return f"{part} of {field} is {number}"
    if test.kind is Kind.GLOB:
        text = "".join(part.sign if isinstance(part, Token) else part for part in test.value)
        return f"{field} looks like {text!r}{cased}"
    if test.kind is Kind.REGEX:
        pattern, flags = test.value
        return f"{field} matches /{pattern}/{flags}"
    value = repr(test.value) if isinstance(test.value, str) else f"{test.value:g}"
    return f"{field} {WORDS[test.kind]} {value}{cased}"
