"""The allowed content of one user entry in an Insider call: identifier forms, attributes and their types."""

import re
from collections.abc import Callable
from typing import Any

from sandbox.exchange import Call, has_strangers, is_strings

FORBIDDEN = frozenset({"undefined", "null", "anonymous", "0", "1"})
EMAIL, E164 = re.compile(r".+@.+\..+"), re.compile(r"\+[1-9]\d{1,14}")
BIRTHDAY, COUNTRY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), re.compile(r"[A-Z]{2}")


def is_text(value: object) -> bool:
    return isinstance(value, str)


def is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_numbers(value: object) -> bool:
    return isinstance(value, list) and all(is_number(each) for each in value)


def matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


ATTRIBUTES: dict[str, Callable[[object], bool]] = {
    "email_optin": is_boolean,
    "gdpr_optin": is_boolean,
    "sms_optin": is_boolean,
    "whatsapp_optin": is_boolean,
    "name": is_text,
    "surname": is_text,
    "birthday": matches(BIRTHDAY),
    "gender": is_text,
    "age": is_number,
    "language": is_text,
    "country": matches(COUNTRY),
    "city": is_text,
    "list_id": is_numbers,
}
IDENTIFIERS = {"email": matches(EMAIL), "phone_number": matches(E164), "uuid": is_text}


class UnfitError(Exception):
    """One user of a batch cannot be processed: `place` is the path in the user, `rule` the broken rule."""

    def __init__(self, place: str, rule: str | None) -> None:
        super().__init__(place)
        self.place = place
        self.rule = rule


def read_names(user: dict[str, Any], call: Call) -> list[tuple[str, str]]:
    """The identifiers of one user entry as (kind, value), the page's own kinds first; raises UnfitError."""
    if ("insider_id" in user) == ("identifiers" in user):
        raise UnfitError("", "name_the_user_one_way")
    if "insider_id" in user:
        return [("insider_id", usable(user["insider_id"], ".insider_id"))]
    given = user["identifiers"]
    if not isinstance(given, dict) or not given:
        raise UnfitError(".identifiers", "identifiers_required")
    custom = given.get("custom", {})
    if not isinstance(custom, dict) or has_strangers(given, (*IDENTIFIERS, "custom")):
        # `insider_id` goes beside `identifiers`, not in it (page).
        rule = "insider_id_in_identifiers" if "insider_id" in given else "unknown_identifier"
        raise UnfitError(".identifiers", rule)
    names = [(kind, usable(given[kind], f".identifiers.{kind}")) for kind in IDENTIFIERS if kind in given]
    for kind, value in names:
        if not IDENTIFIERS[kind](value):
            raise UnfitError(f".identifiers.{kind}", f"{kind}_form")
    names += [(f"custom.{kind}", usable(value, f".identifiers.custom.{kind}")) for kind, value in custom.items()]
    if not names:
        raise UnfitError(".identifiers", "identifiers_required")
    if len(names) > 1:
        call.note("several_identifiers")  # the page allows it, but several can merge profiles (public)
    return names


def usable(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise UnfitError(place, "identifier_not_a_string")
    if not value or value in FORBIDDEN:
        raise UnfitError(place, "forbidden_identifier")
    return value


def check_erasure(user: dict[str, Any]) -> None:
    for part, value in user.items():
        if part not in ERASURE_PARTS:
            raise UnfitError("", "unknown_field")
        if not ERASURE_PARTS[part](value):
            raise UnfitError(f".{part}", part)


def is_whole(value: object) -> bool:
    names = (*ATTRIBUTES, "email", "phone_number")  # the page lists these two among those that can be deleted
    return is_strings(value) and isinstance(value, list) and not has_strangers(value, names)


def is_partial(value: object) -> bool:
    # list_id is the one attribute of the page that is an array.
    if not isinstance(value, dict) or has_strangers(value, ("list_id",)):
        return False
    return is_numbers(value.get("list_id", []))


def is_custom(value: object) -> bool:
    if not isinstance(value, dict) or has_strangers(value, ("whole", "partial")):
        return False
    partial = value.get("partial", {})
    lists = isinstance(partial, dict) and all(isinstance(each, list) for each in partial.values())
    return lists and is_strings(value.get("whole", []))


# Naming the user was checked before, so these two need no check.
ERASURE_PARTS: dict[str, Callable[[object], bool]] = {
    "insider_id": lambda _: True,
    "identifiers": lambda _: True,
    "whole": is_whole,
    "partial": is_partial,
    "custom": is_custom,
}


def check_upsert(user: dict[str, Any]) -> None:
    if has_strangers(user, ("insider_id", "identifiers", "attributes")):
        raise UnfitError("", "unknown_field")
    attributes = user.get("attributes")
    if not isinstance(attributes, dict) or not attributes:
        raise UnfitError(".attributes", "attributes_required")
    for name, value in attributes.items():
        fits = isinstance(value, dict) if name == "custom" else name in ATTRIBUTES and ATTRIBUTES[name](value)
        if not fits:
            raise UnfitError(f".attributes.{name}", "attribute")
