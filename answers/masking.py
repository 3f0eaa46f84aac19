"""A person's identifiers as an answer shows them: in part, so that they recognise themselves and nobody else does."""

from collections.abc import Callable, Mapping

from domain.masking import masked
from domain.requests import Subject

OWN = ("user_id", "email", "phone_number")


def shown_in_part(person: Subject, title_of: Callable[[str], str]) -> Mapping[str, str]:
    """Field to masked identifier; for somebody of whom we only have identifiers of vendors, `known_at` with their
    titles."""
    own = {name: person.get(name) for name in OWN}
    found = {name: masked(name, value) for name, value in own.items() if isinstance(value, str)}
    vendors = person.get("vendors")
    if not found and vendors:
        return {"known_at": ", ".join(title_of(name) for name in sorted(vendors))}
    return found
