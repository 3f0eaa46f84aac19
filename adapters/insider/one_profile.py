"""Calls about one profile at Insider: looking it up, deleting or anonymising it, and reading it back."""

from collections.abc import Mapping
from typing import Any

import httpx
from pydantic_core import to_json

from adapters.contract import Answer, Call, Person, Verdict
from adapters.insider import plan
from adapters.insider.answers import read_done, read_profile, refused_call, says_nobody, says_not_enabled
from adapters.insider.keys import Known, Profile, Search, named
from adapters.insider.settings import InsiderSettings
from domain.outcomes import Reason

REFUSED = Answer(Verdict.USER, Reason.REJECTED)
NOT_IN_EFFECT = Answer(Verdict.USER, Reason.NOT_IN_EFFECT)


def search_of(person: Person) -> Search:
    """The progress of the search for this person's profiles."""
    so_far: Search | None = person.carry
    if so_far is not None:
        return so_far
    return Search(person.key.keys if isinstance(person.key, Known) else (person.key,))


def profiles_of(person: Person) -> tuple[Profile, ...]:
    """The profiles to change: those found, or the one that is named."""
    return person.carry.found if person.carry is not None else (Profile(person.key),)


def about_one(settings: InsiderSettings, call: Call, person: Person) -> tuple[str, bytes]:
    """Path and body of a call about the next profile."""
    if call.step in ("look", "read"):
        key = search_of(person).left[0]
        wanted = ("gdpr_optin",) if call.step == "look" else plan.aim(settings, call.order).wanted
        asked = b',"attributes":%b,"quota":true' % to_json(wanted)
        return "user/v1/profile", b"{%b%b}" % (named(key), asked)
    key = profiles_of(person)[0].key
    # With Insider's own id, this one call has another address.
    room = "contact" if call.step == "anonymize" and key[0] == "insider_id" else "user"
    return f"{room}/v1/{call.step}", b"{%b}" % named(key)


def found(settings: InsiderSettings, call: Call, person: Person, response: httpx.Response) -> Answer:
    """`look`: go on to the next identifier, or to the profiles found."""
    search = search_of(person)
    if says_nobody(response) or says_not_enabled(response):
        search = search.next(asked=says_nobody(response))
    elif refused := refused_call(response):
        return refused
    else:
        profile = Profile(search.left[0], _read_id(read_profile(response)))
        search = search.next(asked=True, profile=profile)
    if search.left:
        return Answer(Verdict.PROCEED, step="look", carry=search)
    if search.found:
        return Answer(Verdict.PROCEED, step=plan.first_step(settings, call.order), carry=search)
    # Where the vendor ignores all our identifiers, it was not asked about anybody.
    return Answer(Verdict.ABSENT, Reason.LOOKED_UP) if search.asked else REFUSED


def gone(settings: InsiderSettings, call: Call, person: Person, response: httpx.Response) -> Answer:
    """`delete`, `anonymize`: go on to the person's next profile. A profile that is gone is done."""
    if not says_nobody(response):
        refused = refused_call(response)
        if refused:
            return refused
        read_done(response)
    search: Search | None = person.carry
    if search is not None and len(search.found) > 1:
        return Answer(Verdict.PROCEED, step=call.step, carry=Search((), search.found[1:], asked=True))
    return Answer(Verdict.APPLIED, plan.way(settings, call.order, looked_up=search is not None))


def seen(settings: InsiderSettings, call: Call, person: Person, response: httpx.Response) -> Answer:
    """`read`: whether the profile of one identifier is as it should be; then go on to the next."""
    search = search_of(person)
    if not says_nobody(response) and not says_not_enabled(response):
        refused = refused_call(response)
        if refused:
            return refused
        if plan.erases(settings, call.order) == "profile":
            return NOT_IN_EFFECT
        shown = plan.aim(settings, call.order).is_met(read_profile(response), found_by=search.left[0][0])
        if shown is not True:
            return NOT_IN_EFFECT if shown is False else Answer(Verdict.AMBIGUOUS, Reason.UNREADABLE)
    search = search.next(asked=True)
    if search.left:
        return Answer(Verdict.PROCEED, step="read", carry=search)
    return Answer(Verdict.APPLIED, plan.way(settings, call.order, looked_up=True))


def _read_id(attributes: Mapping[str, Any]) -> str:
    """`iid`, the vendor's own id of a profile; "" where it is missing: then the identifier names it."""
    told = attributes.get("iid")
    return told if isinstance(told, str) else ""
