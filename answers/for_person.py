"""The answer that a person reads: plain words, only their own identifiers, and those in part."""

from answers.catalogue import Catalogue
from answers.document import Document, Entry, Section
from answers.facts import Ending, Facts, Recipient
from answers.next_steps import WELL, say_next, say_rights, say_summary
from answers.wording import say_ending


def write_for_person(catalogue: Catalogue, facts: Facts, sender: str) -> Document:
    """The document for Art. 12 and 19 GDPR and their like."""
    done = _entries(catalogue, facts, well=True)
    not_done = _entries(catalogue, facts, well=False)
    sections = [Section(catalogue.say("section", "done"), entries=done)] if done else []
    sections += [Section(catalogue.say("section", "not_done"), entries=not_done)] if not_done else []
    following = say_next(catalogue, facts) + say_rights(catalogue, facts)
    sections.append(Section(catalogue.say("section", "next"), following))
    return Document(
        language=catalogue.language,
        date=f"{facts.as_of:%Y-%m-%d}",
        sender=sender,
        title=catalogue.say("title", facts.kind),
        lead=say_summary(catalogue, facts),
        facts=tuple(_facts(catalogue, facts)),
        sections=tuple(sections),
        footer=say_footer(catalogue, facts),
        proof=facts.evidence.text() if facts.evidence else "",
        proof_said=catalogue.say("footer", "code") if facts.evidence else "",
    )


def _facts(catalogue: Catalogue, facts: Facts) -> list[tuple[str, str]]:
    said = [(catalogue.say("label", "reference"), str(facts.request_id))]
    if facts.person:
        said.append((catalogue.say("label", "person"), say_person(catalogue, facts)))
    if facts.people > 1:
        said.append((catalogue.say("label", "people"), catalogue.people(facts.people)))
    said += [
        (catalogue.say("label", "request"), catalogue.say("kind", facts.kind)),
        (catalogue.say("label", "asked"), catalogue.day(facts.asked_at)),
        (catalogue.say("label", "law"), catalogue.say("regulation", facts.regulation)),
    ]
    if facts.closed_at is not None:
        return [*said, (catalogue.say("label", "closed"), catalogue.day(facts.closed_at))]
    return [*said, (catalogue.say("label", "due"), catalogue.day(facts.due_at))]


def say_person(catalogue: Catalogue, facts: Facts) -> str:
    """The person's masked identifiers."""
    return catalogue.joined([catalogue.say("label", name, value=value) for name, value in facts.person.items()])


def say_footer(catalogue: Catalogue, facts: Facts) -> tuple[str, ...]:
    """What holds for the whole page."""
    said = [catalogue.say("footer", "as_of", date=catalogue.day(facts.as_of))]
    if facts.person:
        said.append(catalogue.say("footer", "masked"))
    if facts.forgotten:
        said.append(catalogue.say("footer", "forgotten"))
    if facts.evidence is not None:
        its = {"log": facts.evidence.log, "entry": str(facts.evidence.entry), "root": facts.evidence.root}
        said.append(catalogue.say("footer", "evidence", **its))
    return tuple(said)


def _entries(catalogue: Catalogue, facts: Facts, *, well: bool) -> tuple[Entry, ...]:
    return tuple(
        Entry(_heading(catalogue, facts, one, ending), _lines(catalogue, facts, one, ending))
        for one in facts.recipients
        for ending in one.endings
        if ending.people and (ending.outcome in WELL) is well
    )


def _heading(catalogue: Catalogue, facts: Facts, recipient: Recipient, ending: Ending) -> str:
    return f"{recipient.title}: {catalogue.people(ending.people)}" if facts.people > 1 else recipient.title


def _lines(catalogue: Catalogue, facts: Facts, recipient: Recipient, ending: Ending) -> tuple[str, ...]:
    said = say_ending(catalogue, facts.kind, recipient.card, ending)
    when = say_when(catalogue, ending)
    return (*said, when) if when else said


def say_when(catalogue: Catalogue, ending: Ending) -> str:
    """On which days; empty where that is not known."""
    if ending.first_at is None or ending.last_at is None:
        return ""
    first, last = catalogue.day(ending.first_at), catalogue.day(ending.last_at)
    if first == last:
        return catalogue.say("when", "on", date=first)
    return catalogue.say("when", "between", first=first, last=last)
