"""The answer that a supervisory authority reads: counts, dates, deeds and exceptions."""

from collections.abc import Iterator
from datetime import UTC, datetime

from adapters.card import say_what_was_done
from answers.catalogue import Catalogue
from answers.choices import Language
from answers.document import Document, Entry, Section, Table
from answers.facts import Ending, Facts, Recipient
from answers.for_person import say_footer, say_person
from answers.next_steps import WELL, say_next, say_summary
from answers.wording import CARRIED_OUT, say_ending
from domain.outcomes import Outcome, Reason

NOTHING = "\N{EN DASH}"


def write_for_regulator(catalogue: Catalogue, facts: Facts, sender: str) -> Document:
    """The document for an authority that asks what became of a request."""
    return Document(
        language=catalogue.language,
        date=f"{facts.as_of:%Y-%m-%d}",
        sender=sender,
        title=catalogue.say("regulator_title", facts.kind),
        lead=say_summary(catalogue, facts),
        facts=tuple(_facts(catalogue, facts)),
        sections=tuple(_sections(catalogue, facts)),
        footer=(*say_footer(catalogue, facts), *_more_footer(catalogue, facts)),
        proof=facts.evidence.text() if facts.evidence else "",
        proof_said=catalogue.say("footer", "code") if facts.evidence else "",
    )


def moment(at: datetime | None) -> str:
    """A moment in UTC, to the minute; the same in every language."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at is not None else NOTHING


def _facts(catalogue: Catalogue, facts: Facts) -> Iterator[tuple[str, str]]:
    yield catalogue.say("label", "reference"), str(facts.request_id)
    if facts.line is not None:
        yield catalogue.say("label", "line"), catalogue.number(facts.line)
    if facts.person:
        yield catalogue.say("label", "person"), say_person(catalogue, facts)
    yield catalogue.say("label", "request"), catalogue.say("kind", facts.kind)
    yield catalogue.say("label", "people"), catalogue.people(facts.people)
    yield catalogue.say("label", "law"), catalogue.say("regulation", facts.regulation)
    yield catalogue.say("label", "status"), catalogue.say_or("status", facts.status, facts.status)
    yield catalogue.say("label", "asked"), moment(facts.asked_at)
    yield catalogue.say("label", "received"), moment(facts.received_at)
    yield catalogue.say("label", "due"), moment(facts.due_at)
    if facts.extended_from is not None:
        yield catalogue.say("label", "due_before"), moment(facts.extended_from)
    if facts.closed_at is not None:
        yield catalogue.say("label", "closed"), moment(facts.closed_at)
    yield catalogue.say("label", "submitted_by"), facts.submitted_by
    if facts.confirmed_by is not None:
        yield catalogue.say("label", "confirmed_by"), facts.confirmed_by


def _more_footer(catalogue: Catalogue, facts: Facts) -> Iterator[str]:
    yield catalogue.say("footer", "utc")
    if any(ending.outcome in WELL and ending.first_at is None for _, ending in _endings(facts)):
        yield catalogue.say("footer", "larger")
    if facts.more_deeds:
        yield catalogue.say("footer", "more_deeds")


def _sections(catalogue: Catalogue, facts: Facts) -> Iterator[Section]:
    yield _counts(catalogue, facts)
    operations = tuple(_operations(catalogue, facts))
    if operations:
        yield Section(catalogue.say("section", "operations"), entries=operations)
    exceptions = tuple(_exceptions(catalogue, facts))
    if exceptions:
        yield Section(catalogue.say("section", "exceptions"), entries=exceptions)
    if facts.deeds:
        yield _deeds(catalogue, facts)
    yield Section(catalogue.say("section", "next"), say_next(catalogue, facts))


def _endings(facts: Facts) -> Iterator[tuple[Recipient, Ending]]:
    return ((one, ending) for one in facts.recipients for ending in one.endings if ending.people)


def _counts(catalogue: Catalogue, facts: Facts) -> Section:
    labels = tuple(catalogue.say("label", name) for name in ("recipient", "outcome", "people", "first", "last"))
    rows = tuple(
        (
            one.title,
            catalogue.say_or("outcome", ending.outcome, ending.outcome),
            catalogue.number(ending.people),
            moment(ending.first_at),
            moment(ending.last_at),
        )
        for one, ending in _endings(facts)
    )
    heading = catalogue.say("section", "counts")
    return Section(heading, table=Table(heading, labels, rows))


def _operations(catalogue: Catalogue, facts: Facts) -> Iterator[Entry]:
    for one, ending in _endings(facts):
        if ending.outcome in CARRIED_OUT:
            yield Entry(f"{one.title}: {catalogue.people(ending.people)}", _operation(catalogue, facts, one, ending))


def _operation(catalogue: Catalogue, facts: Facts, one: Recipient, ending: Ending) -> tuple[str, ...]:
    """In the words of the card where they are of this language, and where it is known which way was taken."""
    if catalogue.language != Language.ENGLISH or one.card is None or ending.first_at is None:
        return say_ending(catalogue, facts.kind, one.card, ending)
    reason = Reason(ending.reason) if ending.reason in set(Reason) else None
    return (say_what_was_done(one.card, facts.kind, Outcome(ending.outcome), reason).replace("`", ""),)


def _exceptions(catalogue: Catalogue, facts: Facts) -> Iterator[Entry]:
    for one, ending in _endings(facts):
        if ending.outcome not in WELL:
            heading = f"{one.title}: {catalogue.people(ending.people)}"
            yield Entry(heading, say_ending(catalogue, facts.kind, one.card, ending))


def _deeds(catalogue: Catalogue, facts: Facts) -> Section:
    labels = tuple(catalogue.say("label", name) for name in ("when", "who", "deed", "recipient", "why"))
    rows = tuple(
        (
            moment(deed.at),
            deed.by,
            catalogue.say_or("deed", deed.deed, deed.deed.replace("_", " ")),
            deed.recipient or NOTHING,
            deed.because or NOTHING,
        )
        for deed in facts.deeds
    )
    heading = catalogue.say("section", "deeds")
    return Section(heading, table=Table(heading, labels, rows))
