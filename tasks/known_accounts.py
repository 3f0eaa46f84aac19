"""Accounts that people's blocks name must be known here: what is given for another reaches nobody."""

from collections.abc import Collection, Iterable, Iterator

from domain.accounts import BETWEEN, vendor_of
from domain.noticed import Noticed
from domain.requests import Subject
from tasks.subjects import Fault, shown
from tasks.submission import SubmitError


def account_faults(subject: Subject, known: Collection[str]) -> list[Fault]:
    """The blocks of a validated person that are for none of these accounts."""
    blocks = subject.get("vendors")
    return [
        Fault(
            f"vendors.{shown(name)}", f"is for an account that is not known here; {_known_of(vendor_of(name), known)}"
        )
        for name in blocks or ()
        if BETWEEN in name and name not in known
    ]


def at_known_accounts(people: Iterable[Subject], known: Collection[str], noticed: Noticed) -> Iterator[Subject]:
    """The same people. Raises SubmitError at the first whose block is for an account that is not known."""
    for position, subject in enumerate(people, 1):
        if subject.get("vendors") and (faults := account_faults(subject, known)):
            line = noticed.file_lines.of(position)
            where = f"person {position}" if line is None else f"line {line}"
            raise SubmitError(f"{where}: {faults[0].field} {faults[0].problem}")
        yield subject


def _known_of(vendor: str, known: Collection[str]) -> str:
    accounts = sorted(name for name in known if vendor_of(name) == vendor)
    if not accounts:
        return f"give vendors.{vendor}, which has no accounts"
    return f"known are {', '.join(accounts)}"
