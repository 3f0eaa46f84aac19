"""Where a request stands as a whole, and what happens next."""

from answers.catalogue import Catalogue
from answers.facts import PENDING, Facts
from answers.wording import CARRIED_OUT, SETTLED_WELL, is_left
from domain.outcomes import ATTENTION, Outcome

WELL = SETTLED_WELL - {Outcome.NOT_APPLICABLE.value}
"""Outcomes that fulfil what was asked. Where a recipient offers no way to do it, it is not fulfilled."""
OPEN = frozenset({"loading", "unconfirmed", "running"})


def say_summary(catalogue: Catalogue, facts: Facts) -> str:
    """One sentence on the whole."""
    well = facts.count(*WELL)
    if facts.status == "cancelled":
        name = "cancelled"
    elif facts.status in OPEN or facts.count(PENDING):
        name = "open" if well else "open_nothing"
    elif well < facts.count(*_all_outcomes(facts)):
        name = "part" if well else "none"
    else:
        name = "all_done" if facts.count(*CARRIED_OUT) else "nothing_needed"
    return catalogue.say("summary", name)


def _all_outcomes(facts: Facts) -> set[str]:
    return {ending.outcome for one in facts.recipients for ending in one.endings}


def say_next(catalogue: Catalogue, facts: Facts) -> tuple[str, ...]:
    """What is still to come, and what the person can do."""
    said: list[str] = []
    date = catalogue.day(facts.due_at)
    cancelled = facts.status == "cancelled"
    pending = 0 if cancelled else facts.count(PENDING)
    if pending:
        said.append(catalogue.say("next", "pending_late" if facts.as_of > facts.due_at else "pending", date=date))
    if facts.extended_from is not None:
        before, reason = catalogue.day(facts.extended_from), facts.due_reason or ""
        said.append(catalogue.say("next", "extended", before=before, date=date, reason=reason))
    if not cancelled:
        said += _exceptions(catalogue, facts)
    if is_left(facts):
        said.append(catalogue.say("next", "remains"))
    if not said:
        said.append(catalogue.say("next", "nothing"))
    return tuple(said)


def say_rights(catalogue: Catalogue, facts: Facts) -> tuple[str, ...]:
    """What the person can do against us, where something was not done. An authority need not be told."""
    some_undone = facts.count(*(_all_outcomes(facts) - WELL - {PENDING}))
    return (catalogue.say("next", "rights"),) if some_undone else ()


def _exceptions(catalogue: Catalogue, facts: Facts) -> list[str]:
    endings = [ending for one in facts.recipients for ending in one.endings]
    waiting = [one for one in endings if one.outcome in {each.value for each in ATTENTION} and not one.accepted]
    if facts.forgotten:
        waiting = []  # nothing can be done for people who can no longer be opened
    said = [catalogue.say("next", "attention")] if waiting else []
    if any(one.outcome == Outcome.UNREACHABLE for one in waiting):
        said.append(catalogue.say("next", "identifier"))
    if any(one.outcome == Outcome.WITHHELD for one in endings):
        said.append(catalogue.say("next", "withheld"))
    if any(one.accepted for one in endings):
        said.append(catalogue.say("next", "accepted"))
    return said
