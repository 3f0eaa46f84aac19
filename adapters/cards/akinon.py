"""What Akinon can do."""

from datetime import date
from types import MappingProxyType
from typing import Final

from adapters.card import CallLimit, Card, Credential, Operation, Page, Source, Work
from domain.effects import Effect, Remainder
from domain.kinds import Kind

_KEPT = "names, e-mail, phone, language and attributes of the profile; orders, addresses and baskets"
_PERSONAL = "avatar, date of birth and gender"

CARD: Final = Card(
    title="Akinon profile permissions",
    recipient="Akinon",
    pages=(
        Page("Profile", date(2026, 11, 22)),
        Page("Getting Started", date(2026, 11, 29), "apidocs.akinon.com, Commerce, Users"),
        Page("User Profile & Segment Management", date(2026, 11, 29), "developers.akinon.com, Commerce, Users"),
    ),
    known_by="the person's own shop session, `vendors.akinon.session_id`",
    found_by=("vendors.akinon.session_id",),
    give="a shop session",
    credentials=(
        Credential(("base_url",), "the shop's address is all: each call is made with the person's own session"),
    ),
    limits=(CallLimit("reading and writing one profile", people=1, source=Source.OURS),),
    work=Work(calls=2, changes=1),  # whose session is it, then the flags; the answer shows them
    operations=MappingProxyType(
        {
            Kind.ERASURE: (
                Operation(
                    summary=f"four flags false, {_PERSONAL} emptied",
                    done="The four permission flags (e-mail, SMS, WhatsApp, call) were set to false, and of "
                    f"{_PERSONAL} those that the settings name were emptied.",
                    reaches="whether the shop may write to or call the person; of the profile the nullable fields that "
                    f"`CONSENT_AKINON__CLEAR` names ({_PERSONAL} by default)",
                    leaves=_KEPT,
                    read_back="the four flags and the fields that were emptied, in the vendor's answer to the write; "
                    "nothing else was looked at",
                    effects=(Effect.MESSAGES_OFF, Effect.DETAILS_DELETED),
                    remains=(Remainder.CONTACT_DETAILS, Remainder.OTHER_DETAILS, Remainder.ORDERS),
                ),
            ),
            Kind.OPT_OUT: (
                Operation(
                    summary="four flags false",
                    done="The four permission flags (e-mail, SMS, WhatsApp, call) were set to false.",
                    reaches="whether the shop may write to or call the person",
                    leaves=f"{_PERSONAL}; {_KEPT}",
                    read_back="the four flags, in the vendor's answer to the write",
                    effects=(Effect.MESSAGES_OFF,),
                    remains=(Remainder.CONTACT_DETAILS, Remainder.OTHER_DETAILS, Remainder.ORDERS),
                ),
            ),
            Kind.OPT_IN: (
                Operation(
                    summary="the flags asked for, else all four",
                    done="The permission flags that the request names, or else the configured ones, were set to true.",
                    reaches="whether the shop may write to or call the person that way",
                    leaves="the flags not named",
                    read_back="those flags, in the vendor's answer to the write",
                    effects=(Effect.MESSAGES_ON,),
                    remains=(Remainder.OTHER_PERMISSIONS,),
                ),
            ),
        }
    ),
    cannot=(
        "It reaches nobody without a session of that person's own.",
        "No profile, order or address can be deleted through this API.",
        "Names and e-mail cannot be emptied, for the page does not let them be null; `phone` is not touched, for "
        "changing it sends the person a code.",
    ),
    quirks=(
        "A session is sealed apart from its person and deleted as soon as it has been used.",
        "With loyalty a write may send the person a code (202): nothing has changed then. It is not written again "
        "until someone provides the code (`vendors.akinon.code`) with a fresh session; where the answer to a write "
        "was lost (`code_uncertain`), not until someone has asked the person.",
        "`call_allowed` may be null where a shop has no such channel, and older shops have no `whatsapp_allowed`: "
        "what is null or not there is not on. An opt-in at an older shop names the flags that it has (`flags`, or "
        "`CONSENT_AKINON__OPT_IN_FLAGS`).",
        "The CSRF token comes with the session, with the profile as a cookie, or from `/csrf_token/`; one that is "
        "refused is fetched anew once.",
        "A shop can require fields (`USER_REQUIRED_FIELDS`) and refuses to empty them: the flags are set all the "
        "same, and the delivery is `refused`. Leave such a field out of `CONSENT_AKINON__CLEAR`.",
    ),
)
