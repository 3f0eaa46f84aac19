"""Checks whose session it is, so that nobody's profile is changed with another person's session."""

from typing import Any

import phonenumbers

from adapters.akinon.settings import AkinonIdentifiers
from adapters.contract import Answer, UnreadableError, Verdict
from domain.folding import fold_email
from domain.outcomes import Reason
from domain.requests import Subject


def owner_of(known: AkinonIdentifiers, subject: Subject) -> tuple[str, str] | None:
    """The identifier to check the session's owner by, the strongest first; None where none was given."""
    email, phone, user_id = known.email or subject.get("email"), subject.get("phone_number"), subject.get("user_id")
    if known.id is not None:
        return ("id", str(known.id))
    if email:
        return ("email", fold_email(email))
    if phone:
        return ("phone", phone)
    # A user_id that is no number is no id of Akinon, and proves nothing.
    return ("id", user_id) if user_id and user_id.isascii() and user_id.isdigit() else None


def refuse_stranger(profile: dict[str, Any], owner: tuple[str, str]) -> Answer | None:
    """None where the profile is the owner's, else the answer. Raises UnreadableError where it does not say."""
    what, value = owner
    theirs = profile.get(what)
    if what == "id":
        if type(theirs) is not int:
            raise UnreadableError("a profile without id")
        same = str(theirs) == value
    elif what == "phone" and theirs in (None, ""):
        return Answer(Verdict.USER, Reason.IDENTITY_UNKNOWN)
    elif not isinstance(theirs, str):
        raise UnreadableError("a profile without address or number")
    else:
        same = fold_email(theirs) == value if what == "email" else _is_same_number(theirs, value)
    return None if same else Answer(Verdict.USER, Reason.IDENTITY_MISMATCH)


def _is_same_number(theirs: str, e164: str) -> bool:
    # Sites keep numbers as written in their own country (0532…). The country is that of the number we know.
    return phonenumbers.is_number_match(e164, theirs) in (
        phonenumbers.MatchType.EXACT_MATCH,
        phonenumbers.MatchType.NSN_MATCH,
    )
