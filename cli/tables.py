"""Tables for people at a terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cli.terminal import console, literal, table
from cli.utc import for_people
from ledger.delivery.vendors import Vendor
from ledger.desk.attention import Group
from ledger.desk.listing import Listed
from ledger.notices.receivers import ReceiverState as Receiver
from ledger.people.involved import Involved

if TYPE_CHECKING:
    from rich.text import Text


def print_requests(requests: Iterable[Listed]) -> None:
    """Requests, a row each."""
    grid = table("request", "kind", "status")
    grid.add_column("people", justify="right")
    for name in ("received", "due", "by"):
        grid.add_column(name)
    for one in requests:
        moments = (for_people(one.received_at), f"{one.due_at.astimezone(UTC):%Y-%m-%d}")
        grid.add_row(str(one.request_id), one.kind, one.status, f"{one.subjects:,}", *moments, one.submitted_by)
    console().print(grid)


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of the same columns, in the order of the first; what is None stays empty."""
    grid = table(*(name.removesuffix("_at").replace("_", " ") for name in rows[0]))
    for row in rows:
        grid.add_row(*(_cell(row[name]) for name in rows[0]))
    console().print(grid)


def _cell(value: Any) -> "Text":
    if isinstance(value, bool):
        return literal("yes" if value else "")
    return literal(for_people(value) if isinstance(value, datetime) else value)


def print_vendors(vendors: Iterable[Vendor]) -> None:
    """Every vendor, and whether and why it is held."""
    grid = table("vendor", "step", "on", "held since", "reason", "by", "next try")
    for vendor in vendors:
        since, probe = (for_people(at) if at else "" for at in (vendor.held_at, vendor.probe_at))
        on = _on(vendor)
        reason = vendor.held_reason or (f"failing, not held yet: {vendor.failing}" if vendor.failing else "")
        grid.add_row(vendor.name, "", on, since, reason, vendor.held_by or "", probe)
        for held in vendor.steps:
            probe = for_people(held.probe_at) if held.probe_at else ""
            grid.add_row(vendor.name, held.step, on, for_people(held.held_at), held.held_reason, held.held_by, probe)
    console().print(grid)


def _on(vendor: Vendor) -> str:
    if vendor.enabled:
        return "on"
    state = "retired" if vendor.retired_at else "off"
    return f"{state} by {vendor.off_by}" if vendor.off_by else state


def print_receivers(receivers: Iterable[Receiver], now: datetime) -> None:
    """Every receiver, and what waits for it."""
    grid = table("receiver", "on")
    for name in ("waiting", "failing", "given up"):
        grid.add_column(name, justify="right")
    for name in ("oldest", "last failure"):
        grid.add_column(name)
    for one in receivers:
        counts = (f"{one.waiting:,}", f"{one.failing:,}", f"{one.given_up:,}")
        age = f"{_age(now - one.oldest)} ago" if one.oldest else ""
        failure = " ".join(str(part) for part in (one.failure, one.answer) if part)
        name = f"{one.receiver} ({one.host})" if one.receiver else f"of requests ({one.host})"
        grid.add_row(name, "on" if one.enabled else "off", *counts, age, failure)
    console().print(grid)


def _age(age: timedelta) -> str:
    hours, seconds = divmod(max(round(age.total_seconds()), 0), 3600)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {seconds // 60} min"


def print_attention(groups: Iterable[Group], what_to_do: Callable[[str, str | None], str]) -> None:
    """What needs a person, and what to do about it."""
    grid = table("vendor", "outcome", "reason")
    for name in ("deliveries", "requests"):
        grid.add_column(name, justify="right")
    grid.add_column("due")
    listed = list(groups)
    for one in listed:
        counts = (f"{one.deliveries:,}", f"{one.requests:,}", f"{one.oldest_due_at.astimezone(UTC):%Y-%m-%d}")
        grid.add_row(one.vendor, one.outcome, one.reason or "", *counts)
    to = console()
    to.print(grid)
    for message in _advice(listed, what_to_do):
        to.print(message, highlight=False, markup=False, soft_wrap=True)


def _advice(groups: Iterable[Group], what_to_do: Callable[[str, str | None], str]) -> Iterator[str]:
    """A line for each thing to do, with the vendors where it does not apply to all of them."""
    vendors: dict[str | None, dict[str, list[str]]] = {}
    for one in groups:
        said = vendors.setdefault(one.reason, {}).setdefault(what_to_do(one.vendor, one.reason), [])
        if one.vendor not in said:
            said.append(one.vendor)
    for reason, by_sentence in vendors.items():
        for sentence, where in by_sentence.items():
            at = f" at {', '.join(where)}" if len(by_sentence) > 1 else ""
            if sentence:
                yield f"{reason}{at}: {sentence}"


def print_involved(found: Iterable[Involved]) -> None:
    """The requests that a person is in, a row for each vendor."""
    grid = table("request", "kind", "status", "received", "line", "of file", "vendor", "outcome")
    for one in found:
        for vendor, outcome in sorted(one.vendors.items()):
            received = for_people(one.received_at)
            place = (str(one.line), str(one.file_line or ""))
            grid.add_row(str(one.request_id), one.kind, one.status, received, *place, vendor, outcome)
    console().print(grid)
