"""The list of people for a recipient without an API, as CSV: one form for the command line and the console."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from domain.by_hand import ByHand
from ledger.desk.manual_tasks import AskedFor

COLUMNS = ("request_id", "kind", "line", "file_line", "received", "due")
LINES_AT_ONCE = 500


def as_csv(known: ByHand, people: Iterable[AskedFor]) -> Iterator[str]:
    """The list in parts of some hundred lines, the header first."""
    part = io.StringIO()
    writer = csv.writer(part, lineterminator="\n")
    writer.writerow((*COLUMNS, *known.found_by))
    for number, one in enumerate(people, start=1):
        days = (_day(one.received_at), _day(one.due_at))
        fields = (_harmless(one.subject.get(name)) for name in known.found_by)
        writer.writerow((one.request_id, one.kind, one.line, one.file_line, *days, *fields))
        if number % LINES_AT_ONCE == 0:
            yield part.getvalue()
            part.seek(0)
            part.truncate()
    yield part.getvalue()


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def _harmless(value: object) -> str:
    """What a spreadsheet would take for a formula is shown as a text. Phone numbers stay as they are."""
    text = str(value or "")
    return f"'{text}" if text[:1] in {"=", "-", "@", "\t", "\r"} else text
