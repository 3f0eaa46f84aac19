"""The people of a request as pages show them: masked, or as they are for who has asked."""

from typing import NamedTuple

from domain.masking import masked
from domain.requests import Subject


class Shown(NamedTuple):
    """What is shown of a person: names of fields and their texts. `known`: there is somebody to show."""

    fields: tuple[tuple[str, str], ...]
    known: bool

    def __repr__(self) -> str:
        return "Shown()"


NAMES = {"user_id": "user id", "email": "e-mail", "phone_number": "phone"}


def shown(person: Subject | None, *, unmasked: bool) -> Shown:
    """A person's own identifiers, and which vendors have one of their own for them."""
    if person is None:
        return Shown((), known=False)
    fields = []
    for name, said in NAMES.items():
        value = person.get(name)
        if isinstance(value, str):
            fields.append((said, value if unmasked else masked(name, value)))
    vendors = person.get("vendors")
    if vendors and not fields:
        fields.append(("known at", ", ".join(sorted(vendors))))
    return Shown(tuple(fields), known=True)
