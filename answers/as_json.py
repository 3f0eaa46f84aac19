"""An answer for programs: its facts, by name, and its sentences."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from answers.catalogue import catalogue
from answers.choices import Language, Reader
from answers.document import Document
from answers.facts import Deed, Ending, Facts, Recipient
from answers.wording import say_ending


def as_json(facts: Facts, document: Document, reader: Reader) -> Mapping[str, Any]:
    """An object of plain values. A person's has no deeds and no names of staff."""
    language = Language(document.language)
    told: dict[str, Any] = {
        "request_id": str(facts.request_id),
        "line": facts.line,
        "for": reader.value,
        "lang": language.value,
        "kind": facts.kind.value,
        "status": facts.status,
        "regulation": facts.regulation.value,
        "people": facts.people,
        "person": dict(facts.person) or None,
        "asked_at": as_utc(facts.asked_at),
        "received_at": as_utc(facts.received_at),
        "due_at": as_utc(facts.due_at),
        "due_before": as_utc(facts.extended_from),
        "closed_at": as_utc(facts.closed_at),
        "as_of": as_utc(facts.as_of),
        "forgotten": facts.forgotten,
        "evidence": asdict(facts.evidence) if facts.evidence is not None else None,
        "recipients": [_recipient(facts, one, language) for one in facts.recipients],
    }
    if reader is Reader.REGULATOR:
        told |= {
            "submitted_by": facts.submitted_by,
            "confirmed_by": facts.confirmed_by,
            "deeds": [_deed(deed) for deed in facts.deeds],
            "more_deeds": facts.more_deeds,
        }
    return {**told, "document": asdict(document)}


def as_utc(moment: datetime | None) -> str | None:
    """ISO 8601, in UTC, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _recipient(facts: Facts, recipient: Recipient, language: Language) -> Mapping[str, Any]:
    def ended(ending: Ending) -> Mapping[str, Any]:
        return {
            "outcome": ending.outcome,
            "reason": ending.reason,
            "people": ending.people,
            "first_at": as_utc(ending.first_at),
            "last_at": as_utc(ending.last_at),
            "accepted": ending.accepted,
            "said": list(say_ending(catalogue(language), facts.kind, recipient.card, ending)),
        }

    return {
        "vendor": recipient.name,
        "title": recipient.title,
        "endings": [ended(one) for one in recipient.endings if one.people],
    }


def _deed(deed: Deed) -> Mapping[str, Any]:
    return {
        "at": as_utc(deed.at),
        "by": deed.by,
        "deed": deed.deed,
        "recipient": deed.recipient,
        "because": deed.because,
    }
