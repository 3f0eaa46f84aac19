"""What Algonomy (RichRelevance) can do."""

from datetime import date
from types import MappingProxyType
from typing import Final

from adapters.card import CallLimit, Card, Credential, Operation, Page, Source, Work
from domain.effects import Effect, Remainder
from domain.kinds import Kind

_LEAVES = (
    "what is kept under another user id, which counts as a new user, and anything outside the user profile service"
)

CARD: Final = Card(
    title="Algonomy (RichRelevance) Profile Command API",
    recipient="Algonomy (RichRelevance)",
    pages=(
        Page("Profile Command API", date(2026, 11, 22)),
        Page(
            "Profile Command API, as published later",
            date(2026, 11, 29),
            "help.richrelevance.com, Relevance Cloud: Core APIs",
        ),
    ),
    known_by="`user_id`, or `vendors.algonomy.user_id` where it differs",
    found_by=("user_id", "vendors.algonomy.user_id"),
    give="user_id",
    credentials=(Credential(("client_id", "client_secret"), "of the site; Algonomy's support team hands them out"),),
    limits=(CallLimit("opting one user out or in", people=1, source=Source.OURS),),
    work=Work(calls=1, changes=1),
    operations=MappingProxyType(
        {
            Kind.ERASURE: (
                Operation(
                    summary="optOut true",
                    done="The user id was opted out, by which the vendor removes its profile history and adds no more.",
                    reaches="the history in the user profile service, and whatever would be added to it later",
                    leaves=_LEAVES,
                    effects=(Effect.HISTORY_DELETED, Effect.RECORDING_STOPPED),
                    remains=(Remainder.OTHER_IDENTIFIERS, Remainder.OTHER_SYSTEMS),
                ),
            ),
            Kind.OPT_OUT: (
                Operation(
                    summary="optOut true, the same call: it removes the history too",
                    done="The user id was opted out, by which the vendor removes its profile history and adds no more.",
                    reaches="the history in the user profile service, and whatever would be added to it later",
                    leaves=_LEAVES,
                    effects=(Effect.HISTORY_DELETED, Effect.RECORDING_STOPPED),
                    remains=(Remainder.OTHER_IDENTIFIERS, Remainder.OTHER_SYSTEMS),
                ),
            ),
            Kind.OPT_IN: (
                Operation(
                    summary="optOut false",
                    done="The opt-out was taken back; history that it removed stays removed.",
                    reaches="what the vendor records from now on",
                    leaves="what an earlier opt-out has removed",
                    setting="allow_opt_in",
                    effects=(Effect.RECORDING_RESUMED,),
                ),
            ),
        }
    ),
    cannot=(
        "Nothing can be read back: the only call writes, and its answer is empty.",
        "It has no opt-out that keeps the history.",
        "Its later page says that an opt-out cannot be undone, and the page here that it can: opt-ins are off by "
        "default.",
    ),
    quirks=(
        "An opt-out destroys history, so it is as strong as an erasure.",
        "A token lasts until it is revoked (the page) or for 8 hours (its later page); it is asked for anew after 7 "
        "hours, "
        "or as soon as one is refused.",
        "The page writes `/oath2/token` in a heading and `/oauth2/token` in its text; the latter is used.",
        "Errors are told by the body's `error` and not by a documented status.",
    ),
)
