"""Reads what the command line gives: options, times, and the files that it names."""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from pydantic_core import from_json

from domain import moments
from domain.json_size import refuse_crowd
from domain.noticed import Noticed
from domain.twins import CrowdError
from intake.exit_codes import CommandError, Ending
from intake.files.columns import known_columns
from intake.files.reader import UnusableInputError
from tasks.subjects import advice

LARGEST_OPTIONS = 1_000_000
MOST_OPTION_VALUES = 20_000
STDIN = "-"


def unusable(message: str) -> CommandError:
    """The error for an unusable option or file."""
    return CommandError(message, Ending.UNUSABLE)


def read_moment(option: str, given: str | None) -> datetime | None:
    """Read the time of an option. Raises CommandError."""
    if given is None:
        return None
    try:
        return moments.read_moment(given)
    except ValueError as error:
        raise unusable(f"{option} {error}") from None


def read_day_or_moment(option: str, given: str | None) -> datetime | None:
    """Read a time or a day. Raises CommandError."""
    try:
        return moments.read_day_or_moment(given) if given is not None else None
    except ValueError as error:
        raise unusable(f"{option} {error}") from None


def read_allowed(given: Sequence[str]) -> Noticed:
    """Read the values of --allow-placeholder. Raises CommandError."""
    pairs = [one.partition("=") for one in given]
    known = known_columns()
    if not all(equals and place.removeprefix("vendors.") in known for place, equals, _ in pairs):
        raise unusable(f"--allow-placeholder wants FIELD=VALUE, as in user_id=1; fields are {', '.join(known)}")
    noticed, places = Noticed(), defaultdict[str, list[str]](list)
    for place, _, value in pairs:
        places[place].append(value)
    try:
        noticed.allow(places)
    except ValueError as error:
        raise unusable(f"--allow-placeholder: {error}") from None
    return noticed


def read_options(path: Path) -> Mapping[str, Any]:
    """Read the options in a file, by vendor. Raises CommandError."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_OPTIONS + 1)
    except OSError as error:
        raise unusable(f"cannot read the --options file: {error.strerror}") from None
    if len(text) > LARGEST_OPTIONS:
        raise unusable(f"the --options file is larger than {LARGEST_OPTIONS:,} bytes")
    try:
        refuse_crowd(text, MOST_OPTION_VALUES)
        options = from_json(text, allow_inf_nan=False)
    except CrowdError:
        raise unusable(f"the --options file holds more than {MOST_OPTION_VALUES:,} values") from None
    except ValueError as error:
        found = re.search(r"line \d+ column \d+", str(error))
        where = f" ({found[0]})" if found else ""
        raise unusable(f"the --options file is not JSON{where}: give one object by vendor, in UTF-8") from None
    if not isinstance(options, dict):
        raise unusable('the --options file must hold an object, by vendor: {"insider": {…}}')
    return options


@contextmanager
def opened(file: str) -> Iterator[IO[bytes]]:
    """Open a file named on the command line; `-` is standard input. Raises CommandError."""
    if file == STDIN:
        if sys.stdin is None:
            raise unusable("cannot read from standard input: it is closed")
        yield sys.stdin.buffer
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115 - what goes wrong within is not about opening
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        # Without the name: if the arguments are in the wrong order, it may be a person's.
        raise unusable(f"cannot read FILE: {getattr(error, 'strerror', None) or 'no such name'}") from None
    with opened:
        yield opened


def listed(error: UnusableInputError, ending: str = "nothing was recorded") -> str:
    """The faults of a file, one a line."""
    lines = [str(fault) for fault in error.faults]
    if error.total > len(lines):
        lines.append(f"and {error.total - len(lines):,} more")
    what_to_do = advice(fault.problem for fault in error.faults)
    return "\n".join([*lines, *([what_to_do] if what_to_do else []), ending])
