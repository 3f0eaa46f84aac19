"""`python -m adapters.card_tables`: write the tables of docs/vendors.md anew from the vendors' cards."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from adapters.card import CallLimit, Card, Operation
from adapters.contract import Adapter
from adapters.registry import ADAPTERS
from domain.marked_pages import MarkerError, filled
from domain.requests import Kind

PAGE = Path(__file__).parent.parent / "docs" / "vendors.md"
Row = Sequence[str]
NOT_THERE = "not there: `not_applicable`"


def page(text: str) -> str:
    """The page with its tables as the cards have them. Raises MarkerError."""
    tables = {
        "names": _names(),
        "operations": _operations(),
        "reach": _reach(),
        "limits": _limits(),
        "credentials": _credentials(),
    }
    blocks = {name: _table(rows) for name, rows in tables.items()}
    return filled(text, blocks | {"remarks": "\n".join(_remarks())})


def setting_name(vendor: str, setting: str) -> str:
    """How a field of a vendor's settings is written outside; `field=value` keeps its value."""
    field, _, value = setting.partition("=")
    return f"CONSENT_{vendor.upper()}__{field.upper()}" + (f"={value}" if value else "")


def _names() -> Iterator[Row]:
    yield "vendor", "knows a person by", "may be given in `vendors.<vendor>`", "options of a request"
    for vendor, adapter in ADAPTERS.items():
        yield (
            vendor,
            adapter.card.known_by,
            _listed(adapter.identifiers_model.model_fields),
            _listed(adapter.options_model.model_fields),
        )


def _operations() -> Iterator[Row]:
    yield "vendor", *Kind
    for vendor, adapter in ADAPTERS.items():
        yield vendor, *("<br>".join(_ways(vendor, adapter.card, kind)) or NOT_THERE for kind in Kind)


def _ways(vendor: str, card: Card, kind: Kind) -> Iterator[str]:
    for operation in card.ways(kind):
        yield operation.summary + _switch(vendor, operation)


def _switch(vendor: str, operation: Operation) -> str:
    if not operation.setting:
        return ""
    word = "with" if "=" in operation.setting else "off unless"
    return f" ({word} `{setting_name(vendor, operation.setting)}`)"


def _reach() -> Iterator[Row]:
    yield "vendor", "kind", "reaches", "does not reach", "`verified` means", "recorded as"
    for vendor, adapter in ADAPTERS.items():
        for kind in Kind:
            for one in adapter.card.ways(kind):
                seen = one.read_back or "never said: it cannot be read back"
                way = f"`{one.way}`" if one.way else ""
                yield vendor, kind + _switch(vendor, one), one.reaches, one.leaves or "nothing known", seen, way


def _limits() -> Iterator[Row]:
    yield "vendor", "calls", "people a call", "bytes a call", "requests a minute", "says who"
    for vendor, adapter in ADAPTERS.items():
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


def _credentials() -> Iterator[Row]:
    yield "vendor", "needed", "what it is", "pages, and the day each was read"
    for vendor, adapter in ADAPTERS.items():
        needed = [
            "<br>".join(f"`{setting_name(vendor, name)}`" for name in one.settings) for one in adapter.card.credentials
        ]
        words = [one.words for one in adapter.card.credentials]
        pages = [f"{one.title} ({one.read}{', ' + one.address if one.address else ''})" for one in adapter.card.pages]
        yield vendor, "<br>".join(needed), "<br>".join(words), "<br>".join(pages)


def _remarks() -> Iterator[str]:
    for vendor, adapter in ADAPTERS.items():
        yield f"### {adapter.card.title} (`{vendor}`)\n"
        yield "It cannot:\n"
        yield from (f"- {sentence}" for sentence in adapter.card.cannot)
        yield "\nQuirks:\n"
        yield from (f"- {sentence}" for sentence in adapter.card.quirks)
        yield ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _table(rows: Iterable[Row]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * (lines[0].count("|") - 1), *lines[1:]]) + "\n"


if __name__ == "__main__":
    try:
        PAGE.write_text(page(PAGE.read_text()))
    except MarkerError as error:
        sys.exit(f"the page stays as it is: {error}")
