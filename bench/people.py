"""Made-up people, as intake would give them."""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from pydantic_core import to_json

from domain.requests import Subject

_given = count(1)


def people(number: int) -> Iterator[Subject]:
    """`number` people that no earlier call has returned, each with a user_id, an e-mail and a phone number.

    No two share anything: a wish is compared with all other wishes that share an identifier.
    """
    for place in islice(_given, number):
        yield {
            "user_id": f"user-{place:012d}",
            "email": f"person.{place:012d}@example.org",
            "phone_number": f"+8210{place:08d}",
        }


def write_ndjson(path: Path, number: int) -> None:
    """A file of people, one JSON object a line."""
    with path.open("wb") as file:
        file.writelines(to_json(subject) + b"\n" for subject in people(number))
