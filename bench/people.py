"""Made-up people, as intake would give them."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pydantic_core import to_json

from domain.requests import Subject

_runs = count(1)


def people(number: int) -> Iterator[Subject]:
    """`number` different people that no earlier call has given, each with a user_id, an e-mail and a phone number."""
    run = next(_runs)
    for place in range(number):
        yield {
            "user_id": f"user-{run:04d}-{place:08d}",
            "email": f"person.{run:04d}.{place:08d}@example.org",
            "phone_number": f"+8210{place % 100_000_000:08d}",
        }


def write_ndjson(path: Path, number: int) -> None:
    """A file of people, one JSON object a line."""
    with path.open("wb") as file:
        file.writelines(to_json(subject) + b"\n" for subject in people(number))
