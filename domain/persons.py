"""Which accounts belong to one person. A second person must not be another account of the first."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

KEY = "key"


class User(NamedTuple):
    """A console user. `owner`: the person whom the account belongs to, where that is another name. `os_user`: that
    person's name at the command line, where it differs."""

    name: str
    owner: str | None = None
    os_user: str | None = None


class ApiKey(NamedTuple):
    """An API key. `owner`: the person who may use it; None: a system. `made_by`: the account that made it."""

    name: str
    owner: str | None
    made_by: str


@dataclass(frozen=True)
class Accounts:
    """What is known of the people behind accounts."""

    users: tuple[User, ...] = ()
    keys: tuple[ApiKey, ...] = ()


def persons_behind(account: str, known: Accounts = Accounts()) -> frozenset[str]:
    """The names of the persons who may use an account (`cli:…`, `user:…`, `key:…`, `celery:…`).

    Equal names count as one person, whatever the kind of account. Taking two people for one costs a question; taking
    one person for two would let one person alone erase everybody.
    """
    kind, _, name = account.partition(":")
    named = _owners(name, known) if kind == KEY else ()
    return _with_theirs([name or account, *named], known)


def is_one_person(account: str, other: str, known: Accounts) -> bool:
    """Whether one person may be behind both accounts.

    A key without an owner was shown to its maker, who could use it too.
    """
    persons, others = persons_behind(account, known), persons_behind(other, known)
    return not (
        persons.isdisjoint(others)
        and _makers(account, known).isdisjoint(others)
        and persons.isdisjoint(_makers(other, known))
    )


def _owners(key: str, known: Accounts) -> list[str]:
    return [one.owner for one in known.keys if one.name == key and one.owner]


def _makers(account: str, known: Accounts) -> frozenset[str]:
    kind, _, name = account.partition(":")
    keys = (one for one in known.keys if kind == KEY and one.name == name and not one.owner)
    return _with_theirs((_name(one.made_by) for one in keys), known)


def _name(account: str) -> str:
    return account.partition(":")[2] or account


def _with_theirs(names: Iterable[str], known: Accounts) -> frozenset[str]:
    """These names, and the persons whose other names they are."""
    found, todo = set[str](), [name.casefold() for name in names]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        todo += [user.owner.casefold() for user in known.users if user.owner and user.name.casefold() == name]
        todo += [user.name.casefold() for user in known.users if user.os_user and user.os_user.casefold() == name]
    return frozenset(found)
