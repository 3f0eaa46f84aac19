"""An order at Insider: whether it looks first, its steps, what it sets and deletes, and how its result is described."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from adapters.contract import Order
from adapters.insider.effect import PII, Aim
from adapters.insider.settings import CONSENT, EVERY_ATTRIBUTE, FLAGS, InsiderOptions, InsiderSettings
from domain.outcomes import Reason
from domain.requests import Kind

WAYS = MappingProxyType(
    {  # by erasure setting, the way where profiles were looked up, and the way where they were not
        "attributes": (Reason.LOOKED_UP, Reason.NOT_LOOKED_UP),
        "profile": (Reason.PROFILES_DELETED, Reason.PROFILE_DELETED),
        "anonymize": (Reason.PROFILES_ANONYMIZED, Reason.PROFILE_ANONYMIZED),
    }
)


def looks(settings: InsiderSettings, order: Order) -> bool:
    """Whether profiles are looked up before anything is changed."""
    if not 0 < order.people <= settings.look_first_up_to:
        return False
    return order.may_look and order.kind is not Kind.OPT_IN


def erases(settings: InsiderSettings, order: Order) -> str:
    """What an erasure deletes; "" where the order is none."""
    return settings.erasure if order.kind is Kind.ERASURE else ""


def first_step(settings: InsiderSettings, order: Order) -> str:
    """The first step that changes a profile."""
    # A deleted profile needs no flag, and setting one might create the profile first.
    return "delete" if erases(settings, order) == "profile" else "consent"


def after_consent(settings: InsiderSettings, order: Order) -> str:
    """The step after the flags; "" where there is none."""
    if erases(settings, order) == "anonymize":
        return "anonymize"
    return "attributes" if deletion(settings, order) else ""


def steps(settings: InsiderSettings, order: Order) -> frozenset[str]:
    """Every step that the order may take."""
    first = first_step(settings, order)
    after = after_consent(settings, order) if first == "consent" else ""
    return frozenset({"look" if looks(settings, order) else first, first, after or first})


def flags(settings: InsiderSettings, order: Order) -> dict[str, bool]:
    """The flags that `consent` sets."""
    if order.kind is Kind.OPT_IN:
        return dict.fromkeys(_options(order).flags or settings.opt_in_flags, True)
    # "True or empty" allows Insider to contact a person, so an erasure too sets it to false before it deletes anything.
    return dict.fromkeys((CONSENT,) if order.kind is Kind.ERASURE else FLAGS, False)


def deletion(settings: InsiderSettings, order: Order) -> dict[str, Any]:
    """What `attributes` deletes from each profile; empty where the order has no such step."""
    return {} if erases(settings, order) in ("profile", "anonymize") else _named(settings, order)


def touches(settings: InsiderSettings, order: Order) -> frozenset[str]:
    """Everything that the order changes, by name."""
    if erases(settings, order) == "anonymize":
        return frozenset([*flags(settings, order), *PII, "email", "phone_number"])
    named = _named(settings, order)
    told = [*flags(settings, order), *_deleted(named)]
    told += [f"custom.{name}" for name in _deleted(named.get("custom", {}))]
    return frozenset(told + ([*FLAGS, *EVERY_ATTRIBUTE, "profile"] if erases(settings, order) == "profile" else []))


def way(settings: InsiderSettings, order: Order, *, looked_up: bool) -> Reason | None:
    """The way to record; None for the usual way, of a large request."""
    looked, unlooked = WAYS[erases(settings, order) or "attributes"]
    if looked_up:
        return looked
    usual = order.may_look and unlooked is Reason.NOT_LOOKED_UP
    return None if usual or order.kind is Kind.OPT_IN else unlooked


def aim(settings: InsiderSettings, order: Order) -> Aim:
    """What a profile must look like afterwards."""
    gone = {"whole": PII} if erases(settings, order) == "anonymize" else deletion(settings, order)
    return Aim.of(flags(settings, order), gone)


def _options(order: Order) -> InsiderOptions:
    return order.options or InsiderOptions()


def _named(settings: InsiderSettings, order: Order) -> dict[str, Any]:
    """What the request or the settings say to delete."""
    options = _options(order)
    if order.kind is Kind.OPT_IN:
        return {}
    if order.kind is Kind.OPT_OUT:
        lists = {"list_id": settings.opt_out_list_ids} if settings.opt_out_list_ids else {}
        partial = lists if options.partial is None else options.partial
        return {"partial": partial} if partial else {}
    partial = settings.partial if options.partial is None else options.partial
    custom = (options.custom or settings.custom).model_dump(exclude_defaults=True)
    named = {"whole": options.whole or settings.whole, "partial": partial, "custom": custom}
    return {name: value for name, value in named.items() if value}


def _deleted(named: Mapping[str, Any]) -> Iterator[str]:
    """The names of attributes that are deleted whole, and each value that is removed from an array."""
    yield from named.get("whole", ())
    for name, values in named.get("partial", {}).items():
        yield from (f"{name}={value}" for value in values)
