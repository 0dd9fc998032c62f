"""A class as a person wants to read it: the content of `watchfloor schema`.

Data only: the command line decides on colours and columns. `text` renders plainly, for pipes, pages and tests.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from watchfloor.ocsf import schema
from watchfloor.ocsf.schema import Attribute

REQUIREMENTS = ("required", "recommended", "optional")

TYPE_NAMES = {
    "timestamp_t": "epoch ms",
    "object_t": "object",
    "json_t": "JSON text",
}
"""OCSF types whose own name says too little."""

_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute.

    Args:
        name: dotted name: the name of our column, or the prefix of its columns for an object.
        type: for people: `string`, `epoch ms`, `object user`, `list of object fingerprint`.
        column: the Arrow type of our column; None for an object.
        enum: (number, caption).
        members: for an object, what OCSF requires or recommends directly in it; `more` counts the others.
        profiles: OCSF profiles that bring it.
    """

    name: str
    caption: str
    type: str
    requirement: str
    description: str
    column: str | None
    enum: tuple[tuple[int | str, str], ...]
    members: tuple[str, ...]
    more: int
    profiles: tuple[str, ...]
    observable: bool
    deprecated: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """One class."""

    name: str
    caption: str
    uid: int
    category: str
    category_uid: int
    description: str
    extends: str | None
    extension: str | None
    deprecated: str | None
    schema_version: str
    activities: tuple[tuple[int, str], ...]
    constraints: tuple[str, ...]
    profiles: tuple[str, ...]
    lines: tuple[Line, ...]

    def of(self, requirement: str) -> tuple[Line, ...]:
        """The attributes of one requirement that are always there, by name."""
        return tuple(line for line in self.lines if line.requirement == requirement and not line.profiles)

    @property
    def with_profile(self) -> tuple[Line, ...]:
        """The attributes that come with a profile, by profile and name."""
        return tuple(
            sorted((line for line in self.lines if line.profiles), key=lambda line: (line.profiles, line.name))
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A class in the list of all."""

    category: str
    name: str
    uid: int
    caption: str
    ours: bool
    deprecated: bool


def describe(class_name: str) -> Page:
    """Everything about a class.

    Raises:
        SchemaError: no such class; the remedy names the nearest.
    """
    language = schema.load()
    class_ = language.class_(class_name)
    return Page(
        name=class_.name,
        caption=class_.caption,
        uid=class_.uid,
        category=class_.category_name,
        category_uid=class_.category_uid,
        description=class_.description,
        extends=class_.extends,
        extension=class_.extension,
        deprecated=class_.deprecated,
        schema_version=language.version,
        activities=tuple(class_.activities.items()),
        constraints=tuple(f"{rule.replace('_', ' ')} of {', '.join(of)}" for rule, of in class_.constraints.items()),
        profiles=class_.profiles,
        lines=tuple(_line(attribute) for attribute in class_.attributes.values()),
    )


def describe_attribute(class_name: str, name: str) -> Line:
    """One attribute of a class, by dotted name.

    Raises:
        SchemaError: no such class or attribute; the remedy names the nearest.
    """
    return _line(schema.attribute(class_name, name))


def members(class_name: str, name: str) -> tuple[Line, ...]:
    """What is directly inside an object attribute; empty for any other."""
    attribute = schema.attribute(class_name, name)
    if attribute.object is None or attribute.is_array or attribute.arrow is not None:
        return ()
    inner = schema.load().object_(attribute.object)
    return tuple(_line(schema.attribute(class_name, f"{name}.{member}")) for member in inner)


def overview() -> tuple[Entry, ...]:
    """All classes, by category and uid."""
    language = schema.load()
    classes = [language.class_(name) for name in language.names]
    classes.sort(key=lambda class_: (class_.category_uid, class_.uid % 1000, class_.uid))
    return tuple(
        Entry(
            category=class_.category_name,
            name=class_.name,
            uid=class_.uid,
            caption=class_.caption,
            ours=class_.extension == "watchfloor",
            deprecated=class_.deprecated is not None,
        )
        for class_ in classes
    )


def text(page: Page) -> str:
    """The page as plain text."""
    return "\n".join(_render(page)) + "\n"


def line_text(line: Line) -> str:
    """One attribute as plain text, with its enum and members."""
    return "\n".join(_render_line(line)) + "\n"


def _render(page: Page) -> Iterator[str]:
    origin = f" · extension {page.extension}" if page.extension else ""
    yield f"{page.name}  ({page.uid})  {page.caption}"
    yield f"{page.category} ({page.category_uid}) · OCSF {page.schema_version}{origin}"
    if page.deprecated:
        yield from textwrap.wrap(f"DEPRECATED {page.deprecated}", _WIDTH)
    yield ""
    yield from textwrap.wrap(page.description, _WIDTH)
    yield ""
    yield "activity_id"
    for number, caption in page.activities:
        yield f"  {number:>3}  {caption}"
    for constraint in page.constraints:
        yield ""
        yield f"rule: {constraint}"
    sections = [(requirement, page.of(requirement)) for requirement in REQUIREMENTS]
    for title, lines in [*sections, ("with a profile", page.with_profile)]:
        if lines:
            yield ""
            yield title
            for line in lines:
                yield from _render_line(line)


def _render_line(line: Line) -> Iterator[str]:
    profile = f"  [{', '.join(line.profiles)}]" if line.profiles else ""
    yield f"  {line.name:<24} {line.type:<28} {line.caption}{profile}"
    if line.enum and line.name not in ("activity_id", "class_uid", "category_uid", "type_uid"):
        shown = ", ".join(f"{number} {caption}" for number, caption in line.enum)
        yield from textwrap.wrap(shown, _WIDTH, initial_indent=" " * 27, subsequent_indent=" " * 27)
    if line.members:
        shown = ", ".join(member.removeprefix(line.name) for member in line.members)
        shown += f" and {line.more} more" if line.more else ""
        yield from textwrap.wrap(
            shown, _WIDTH, initial_indent=" " * 27, subsequent_indent=" " * 27, break_on_hyphens=False
        )


def _line(attribute: Attribute) -> Line:
    inner: tuple[str, ...] = ()
    more = 0
    if attribute.object and attribute.arrow is None:
        object_ = schema.load().object_(attribute.object)
        inner = tuple(f"{attribute.name}.{n}" for n, member in object_.items() if member.requirement != "optional")
        more = len(object_) - len(inner)
    return Line(
        name=attribute.name,
        caption=attribute.caption,
        type=_type(attribute),
        requirement=attribute.requirement,
        description=attribute.description,
        column=None if attribute.arrow is None else _arrow(attribute.arrow),
        enum=tuple(attribute.enum.items()),
        members=inner,
        more=more,
        profiles=attribute.profiles,
        observable=attribute.observable is not None,
        deprecated=attribute.deprecated,
    )


def _type(attribute: Attribute) -> str:
    if attribute.name == "unmapped":
        return "map of text to text"
    name = TYPE_NAMES.get(attribute.type, attribute.type.removesuffix("_t"))
    if attribute.object:
        name = f"{name} {attribute.object}" if attribute.object != "object" else "JSON text"
    return f"list of {name}" if attribute.is_array else name


def _arrow(type_: pa.DataType) -> str:
    return "dictionary<int32, string>" if pa.types.is_string(type_) else str(type_)
