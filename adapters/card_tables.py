"""`python -m adapters.card_tables`: write the tables of docs/vendors.md, docs/gdpr.md and README.md from our vendors'
cards. With the name of a vendor: print a page of it alone."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from adapters.card import CallLimit, Card, Operation
from adapters.contract import Adapter
from adapters.registry import ADAPTERS, OURS
from domain.marked_pages import MarkerError, filled
from domain.requests import Kind

ROOT = Path(__file__).parent.parent
PAGE, GDPR, README = ROOT / "docs" / "vendors.md", ROOT / "docs" / "gdpr.md", ROOT / "README.md"
Row = Sequence[str]
NOT_THERE = "not there: `not_applicable`"
Adapters = Mapping[str, type[Adapter]]
HEADINGS = {
    "names": "How a person is named",
    "operations": "What each kind of request does",
    "reach": "What it reaches and what it does not",
    "limits": "Limits",
    "credentials": "Credentials and pages",
}


def page(text: str) -> str:
    """The page with the tables of our vendors' cards. Raises MarkerError."""
    blocks = {name: _table(rows) for name, rows in _tables(OURS).items()}
    return filled(text, blocks | {"remarks": "\n".join(_remarks(OURS))})


def readme(text: str) -> str:
    """The README with the table of our vendors. Raises MarkerError."""
    return filled(text, {"vendors": _table(_in_short(OURS))})


def gdpr(text: str) -> str:
    """The page on the GDPR with the table of what our vendors leave undone. Raises MarkerError."""
    return filled(text, {"leaves": _table(_leaves(OURS))})


def page_of(vendor: str) -> str:
    """A page of one vendor alone, such as one of another package. Raises KeyError for an unknown name."""
    only = {vendor: ADAPTERS[vendor]}
    parts = [f"## {HEADINGS[name]}\n\n{_table(rows)}" for name, rows in _tables(only).items()]
    return "\n".join([*parts, *_remarks(only)])


def _tables(adapters: Adapters) -> dict[str, Iterator[Row]]:
    return {
        "names": _names(adapters),
        "operations": _operations(adapters),
        "reach": _reach(adapters),
        "limits": _limits(adapters),
        "credentials": _credentials(adapters),
    }


def setting_name(vendor: str, setting: str) -> str:
    """The environment variable of a field of a vendor's settings; `field=value` keeps its value."""
    field, _, value = setting.partition("=")
    return f"CONSENT_{vendor.upper()}__{field.upper()}" + (f"={value}" if value else "")


def _in_short(adapters: Adapters) -> Iterator[Row]:
    yield "vendor", "its API", "an erasure there, as a rule"
    for vendor, adapter in adapters.items():
        ways = adapter.card.ways(Kind.ERASURE)
        yield vendor, adapter.card.title, ways[0].summary if ways else NOT_THERE


def _names(adapters: Adapters) -> Iterator[Row]:
    yield "vendor", "knows a person by", "may be given in `vendors.<vendor>`", "options of a request"
    for vendor, adapter in adapters.items():
        yield (
            vendor,
            adapter.card.known_by,
            _listed(adapter.identifiers_model.model_fields),
            _listed(adapter.options_model.model_fields),
        )


def _operations(adapters: Adapters) -> Iterator[Row]:
    yield "vendor", *Kind
    for vendor, adapter in adapters.items():
        yield vendor, *("<br>".join(_ways(vendor, adapter.card, kind)) or NOT_THERE for kind in Kind)


def _ways(vendor: str, card: Card, kind: Kind) -> Iterator[str]:
    for operation in card.ways(kind):
        yield operation.summary + _switch(vendor, operation)


def _switch(vendor: str, operation: Operation) -> str:
    if not operation.setting:
        return ""
    word = "with" if "=" in operation.setting else "off unless"
    return f" ({word} `{setting_name(vendor, operation.setting)}`)"


def _reach(adapters: Adapters) -> Iterator[Row]:
    yield "vendor", "kind", "reaches", "does not reach", "destroys data", "`verified` means", "recorded as"
    for vendor, adapter in adapters.items():
        for kind in Kind:
            for one in adapter.card.ways(kind):
                seen = one.read_back or "never said: it cannot be read back"
                way = f"`{one.way}`" if one.way else ""
                gone = "yes: a legal hold withholds it" if one.destroys(kind) else ""
                left = one.leaves or "nothing known"
                yield vendor, kind + _switch(vendor, one), one.reaches, left, gone, seen, way


def _leaves(adapters: Adapters) -> Iterator[Row]:
    yield "vendor", "kind", "what is done", "not reached, so yours"
    for vendor, adapter in adapters.items():
        for kind in (Kind.ERASURE, Kind.OPT_OUT):
            for one in adapter.card.ways(kind):
                yield vendor, kind, one.summary + _switch(vendor, one), one.leaves
            if not adapter.card.ways(kind):
                yield vendor, kind, NOT_THERE, "all of it"


def _limits(adapters: Adapters) -> Iterator[Row]:
    yield "vendor", "calls", "people a call", "bytes a call", "requests a minute", "says who"
    for vendor, adapter in adapters.items():
        for limit in adapter.card.limits:
            yield (
                vendor,
                limit.calls,
                f"{limit.people:,}",
                f"{limit.body_bytes:,}" if limit.body_bytes else "not given",
                f"{_a_minute(adapter, limit):,} (`{setting_name(vendor, limit.setting)}`)",
                limit.source,
            )


def _a_minute(adapter: type[Adapter], limit: CallLimit) -> int:
    number: int = adapter.settings_model.model_fields[limit.setting].default
    return number


def _credentials(adapters: Adapters) -> Iterator[Row]:
    yield "vendor", "needed", "what it is", "pages, and the day each was read"
    for vendor, adapter in adapters.items():
        needed = [
            "<br>".join(f"`{setting_name(vendor, name)}`" for name in one.settings) for one in adapter.card.credentials
        ]
        words = [one.words for one in adapter.card.credentials]
        pages = [f"{one.title} ({one.read}{', ' + one.address if one.address else ''})" for one in adapter.card.pages]
        yield vendor, "<br>".join(needed), "<br>".join(words), "<br>".join(pages)


def _remarks(adapters: Adapters) -> Iterator[str]:
    for vendor, adapter in adapters.items():
        yield f"### {adapter.card.title} (`{vendor}`)\n"
        for heading, sentences in (("It cannot", adapter.card.cannot), ("Quirks", adapter.card.quirks)):
            if sentences:
                yield f"{heading}:\n"
                yield from (f"- {sentence}" for sentence in sentences)
                yield ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _table(rows: Iterable[Row]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * (lines[0].count("|") - 1), *lines[1:]]) + "\n"


if __name__ == "__main__":
    try:
        if sys.argv[1:]:
            sys.stdout.write(page_of(sys.argv[1]))
        else:
            written = {PAGE: page(PAGE.read_text()), GDPR: gdpr(GDPR.read_text()), README: readme(README.read_text())}
            for path, text in written.items():
                path.write_text(text)
    except MarkerError as error:
        sys.exit(f"the pages stay as they are: {error}")
    except KeyError:
        sys.exit(f"no such vendor: {sys.argv[1]}; there are {', '.join(ADAPTERS)}")
