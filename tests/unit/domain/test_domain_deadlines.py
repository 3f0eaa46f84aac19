"""When a request is due: the table, and which of the given moments counts."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from domain.deadlines import TERMS, AskedInRows, Deadlines, NotExtended, Term, Times, begins_at, extend, times_of
from domain.periods import Period, Unit
from domain.regulations import Regulation
from domain.requests import Kind
from tests.table_rows import each_row
from tests.unit.domain.test_domain_periods import MOMENTS, at

KINDS, REGULATIONS = st.sampled_from(list(Kind)), st.sampled_from(list(Regulation))


@each_row(
    ("regulation", "kind", "due", "extension"),
    [
        *((law, kind, "1 month", "2 months") for law in ("gdpr", "uk_gdpr") for kind in Kind),
        ("ccpa", Kind.ERASURE, "45 days", "45 days"),
        ("ccpa", Kind.OPT_IN, "45 days", "45 days"),
        ("ccpa", Kind.OPT_OUT, "15 working days", None),
        *(("kvkk", kind, "30 days", None) for kind in Kind),
        *(("pipa", kind, "10 days", None) for kind in Kind),
        *(("lgpd", kind, "15 days", None) for kind in Kind),
    ],
)
def test_the_table(regulation: str, kind: Kind, due: str, extension: str | None) -> None:
    term = Deadlines().term(Regulation(regulation), kind)
    assert (str(term.due), str(term.extension) if term.extension else None) == (due, extension)
    assert term.source


def test_every_regulation_has_a_row_for_every_kind() -> None:
    assert {law: set(rows) for law, rows in TERMS.items()} == {law: set(Kind) for law in Regulation}


@given(REGULATIONS, KINDS, MOMENTS, MOMENTS)
def test_who_asked_on_an_earlier_day_is_due_no_later(law: Regulation, kind: Kind, one: datetime, two: datetime) -> None:
    first, second = sorted((one, two))
    due = TERMS[law][kind].due
    assert due.after(first).date() <= due.after(second).date()
    assert due.after(first).utcoffset() == timedelta(0)
    assert timedelta(days=10) <= due.after(first) - first <= timedelta(days=45)


@given(MOMENTS, st.timedeltas(timedelta(hours=-14), timedelta(hours=14)))
def test_a_due_date_does_not_depend_on_the_zone_in_which_a_moment_is_written(
    begin: datetime, offset: timedelta
) -> None:
    elsewhere = begin.astimezone(timezone(timedelta(minutes=offset // timedelta(minutes=1))))
    for rows in TERMS.values():
        assert rows[Kind.OPT_OUT].due.after(elsewhere) == rows[Kind.OPT_OUT].due.after(begin)


def test_an_operators_row_stands_for_its_regulation_and_kind_alone() -> None:
    own = Term(Period(20, Unit.DAYS), None, "set by the operator")
    table = Deadlines(Regulation.KVKK, {(Regulation.GDPR, Kind.ERASURE): own})
    assert table.term(Regulation.GDPR, Kind.ERASURE) is own
    assert table.term(Regulation.GDPR, Kind.OPT_OUT) is TERMS[Regulation.GDPR][Kind.OPT_OUT]
    assert table.term(Regulation.UK_GDPR, Kind.ERASURE) is TERMS[Regulation.UK_GDPR][Kind.ERASURE]


RECEIVED = at("2026-11-20T12:00:00Z")
EARLY, MIDDLE, LATE = at("2026-11-01T00:00:00Z"), at("2026-11-10T00:00:00Z"), at("2026-11-19T00:00:00Z")


def rows_of(*moments: datetime | None) -> AskedInRows:
    rows = AskedInRows()
    for line, moment in enumerate(moments, start=1):
        if moment is None:
            rows.undated = True
        else:
            rows.add(line, moment)
    return rows


def resolved(
    kind: Kind = Kind.ERASURE,
    *moments: datetime | None,
    asked_at: datetime | None = None,
    effective_at: datetime | None = None,
) -> Times:
    return times_of(
        kind,
        TERMS[Regulation.GDPR][kind],
        received_at=RECEIVED,
        asked_at=asked_at,
        effective_at=effective_at,
        rows=rows_of(*moments),
    )


@each_row(
    ("times_of_one", "asked", "effective"),
    [
        (resolved, RECEIVED, RECEIVED),
        (partial(resolved, asked_at=EARLY), EARLY, EARLY),
        (partial(resolved, effective_at=EARLY), RECEIVED, EARLY),
        (partial(resolved, asked_at=MIDDLE, effective_at=EARLY), MIDDLE, EARLY),
        (partial(resolved, asked_at=EARLY, effective_at=LATE), EARLY, LATE),
        # A little ahead of our clock is now.
        (partial(resolved, asked_at=RECEIVED + timedelta(minutes=4)), RECEIVED, RECEIVED),
        (partial(resolved, effective_at=RECEIVED + timedelta(minutes=4)), RECEIVED, RECEIVED),
        (partial(resolved, Kind.ERASURE, RECEIVED + timedelta(minutes=4)), RECEIVED, RECEIVED),
        # A file is due by its earliest; a withdrawal counts from its latest, an opt-in from its earliest.
        (partial(resolved, Kind.ERASURE, MIDDLE, EARLY, LATE), EARLY, LATE),
        (partial(resolved, Kind.OPT_OUT, EARLY, LATE), EARLY, LATE),
        (partial(resolved, Kind.OPT_IN, EARLY, LATE), EARLY, EARLY),
        (partial(resolved, Kind.OPT_OUT, EARLY, None), EARLY, RECEIVED),
        (partial(resolved, Kind.OPT_OUT, LATE, None, asked_at=MIDDLE), MIDDLE, LATE),
        (partial(resolved, Kind.OPT_OUT, EARLY, None, asked_at=MIDDLE), EARLY, MIDDLE),
        (partial(resolved, Kind.OPT_OUT, EARLY, LATE, effective_at=MIDDLE), EARLY, MIDDLE),
        (partial(resolved, Kind.OPT_OUT, MIDDLE), MIDDLE, MIDDLE),
    ],
)
def test_which_moments_count(times_of_one: Callable[[], Times], asked: datetime, effective: datetime) -> None:
    assert times_of_one() == Times(asked, effective, Period(1, Unit.MONTHS).after(asked))


@given(KINDS, REGULATIONS, MOMENTS, st.tuples(*([MOMENTS | st.none()] * 2)), st.lists(MOMENTS | st.none(), max_size=5))
def test_nothing_counts_as_later_than_the_receipt(
    kind: Kind,
    law: Regulation,
    received_at: datetime,
    named: tuple[datetime | None, datetime | None],
    moments: list[datetime | None],
) -> None:
    asked_at, effective_at = named
    times = times_of(
        kind,
        TERMS[law][kind],
        received_at=received_at,
        asked_at=asked_at,
        effective_at=effective_at,
        rows=rows_of(*moments),
    )
    assert times.asked_at <= received_at
    assert times.effective_at <= received_at
    assert all(times.asked_at <= moment for moment in (asked_at, *moments) if moment is not None)
    assert times.due_at == TERMS[law][kind].due.after(times.asked_at)
    if effective_at is None:
        assert times.effective_at >= times.asked_at


def test_records_that_say_other_moments_have_other_digests() -> None:
    given_ = [(), (EARLY,), (LATE,), (EARLY, LATE), (LATE, EARLY), (EARLY, EARLY), (None, EARLY)]
    assert len({rows_of(*moments).digest() for moments in given_}) == len(given_)
    assert rows_of().digest() is rows_of(None).digest() is None
    assert rows_of(EARLY).digest() == rows_of(EARLY.astimezone(timezone(timedelta(hours=9)))).digest()


DUE = at("2026-12-20T12:00:00Z")


@each_row(
    ("not_before", "cool_off_s", "due_at", "begin"),
    [
        (None, 0, DUE, RECEIVED),
        (None, 3_600, DUE, RECEIVED + timedelta(hours=1)),
        (EARLY, 0, DUE, RECEIVED),
        (DUE - timedelta(seconds=1), 3_600, DUE, DUE - timedelta(seconds=1)),
        (DUE, 0, DUE, None),
        (RECEIVED + timedelta(hours=1), 86_400, DUE, RECEIVED + timedelta(days=1)),
        # A cool-off that would end when the request is due, or after it, is left out.
        (None, 86_400, RECEIVED + timedelta(days=1), RECEIVED),
        (None, 3_600, EARLY, RECEIVED),
        # What is due already is taken and sent at once.
        (None, 0, EARLY, RECEIVED),
        (EARLY, 0, EARLY, RECEIVED),
        (RECEIVED + timedelta(seconds=1), 0, EARLY, None),
    ],
)
def test_when_a_request_begins(
    not_before: datetime | None, cool_off_s: float, due_at: datetime, begin: datetime | None
) -> None:
    found = begins_at(received_at=RECEIVED, due_at=due_at, not_before=not_before, cool_off_s=cool_off_s)
    assert found == begin


TEN_MORE = Term(Period(1, Unit.MONTHS), Period(10, Unit.DAYS), "made up")
NONE_MORE = Term(Period(1, Unit.MONTHS), None, "made up")


@each_row(
    ("term", "days", "extended", "now", "found"),
    [
        (TEN_MORE, 5, 0, DUE, DUE + timedelta(days=5)),  # the last moment at which it can be extended
        (TEN_MORE, 10, 0, DUE, DUE + timedelta(days=10)),
        (TEN_MORE, 11, 0, RECEIVED, NotExtended.TOO_LONG),
        (TEN_MORE, 5, 0, DUE + timedelta(seconds=1), NotExtended.TOO_LATE),
        (TEN_MORE, 7, 5, RECEIVED, DUE + timedelta(days=7)),
        (TEN_MORE, 7, 5, DUE + timedelta(days=1), NotExtended.TOO_LATE),  # the original date is over
        (TEN_MORE, 11, 5, RECEIVED, NotExtended.TOO_LONG),  # in all, not once more
        (TEN_MORE, 3, 5, RECEIVED, NotExtended.SHORTER),
        (TEN_MORE, 5, 5, DUE + timedelta(days=400), DUE + timedelta(days=5)),  # what it has already
        (NONE_MORE, 1, 0, RECEIVED, NotExtended.NOT_ALLOWED),
    ],
)
def test_how_far_a_request_is_extended(
    term: Term, days: int, extended: int, now: datetime, found: datetime | NotExtended
) -> None:
    before = DUE if extended else None
    due_at = DUE + timedelta(days=extended)
    assert extend(term, Period(days, Unit.DAYS), due_at=due_at, extended_from=before, now=now) == found


def test_records_are_noted_by_line_with_the_earliest_and_the_latest() -> None:
    rows = rows_of(MIDDLE, EARLY, LATE)
    assert (rows.earliest, rows.latest) == (EARLY, LATE)
    assert rows.possible_from == LATE - timedelta(minutes=5)
    assert rows.digest() == "6b4e09bd59aa06f7e40d2aa0cb3e7eee", "a request that is sent again is known by it"


@given(REGULATIONS, KINDS, MOMENTS, st.lists(st.tuples(st.sampled_from(["months", "days"]), st.integers(1, 12))))
def test_extensions_never_pass_the_bound_nor_move_back_and_a_repeat_adds_nothing(
    law: Regulation, kind: Kind, asked: datetime, wanted: list[tuple[str, int]]
) -> None:
    term = TERMS[law][kind]
    original = due = term.due.after(asked)
    before: datetime | None = None
    for unit, count in wanted:
        by = Period(count, Unit(unit))
        for _ in range(2):
            found = extend(term, by, due_at=due, extended_from=before, now=asked)
            if isinstance(found, NotExtended):
                continue
            assert term.extension is not None
            assert due <= found <= term.extension.after(original)
            assert found == by.after(original)
            due, before = found, original
            assert extend(term, by, due_at=due, extended_from=before, now=original + timedelta(days=400)) == due
