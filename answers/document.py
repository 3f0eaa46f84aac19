"""An answer as it is laid out: texts in one language, for HTML, PDF and JSON alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first column names the row."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Entry:
    """Sentences about one thing, under its name."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A part of an answer."""

    heading: str
    lines: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    table: Table | None = None


@dataclass(frozen=True)
class Document:
    """A whole answer. `date` is its day, as 2026-05-04; `sender` is empty where the settings name none."""

    language: str
    date: str
    sender: str
    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    footer: tuple[str, ...]
    proof: str = ""
    """The reference to the evidence log, for a QR code on paper; empty where there is none."""
    proof_said: str = ""
    """The same for anyone who cannot see it."""


def each_text(document: Document, change: Callable[[str], str]) -> Document:
    """The same document with each of its texts changed."""

    def all_of(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(change, texts))

    def table_of(table: Table | None) -> Table | None:
        if table is None:
            return None
        return Table(change(table.caption), all_of(table.header), tuple(map(all_of, table.rows)))

    return replace(
        document,
        sender=change(document.sender),
        title=change(document.title),
        lead=change(document.lead),
        facts=tuple((change(label), change(value)) for label, value in document.facts),
        sections=tuple(
            Section(
                change(one.heading),
                all_of(one.lines),
                tuple(Entry(change(entry.heading), all_of(entry.lines)) for entry in one.entries),
                table_of(one.table),
            )
            for one in document.sections
        ),
        footer=all_of(document.footer),
    )
