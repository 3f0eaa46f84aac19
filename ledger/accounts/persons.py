"""Reads the people behind accounts: the owners of keys and users, and users' names at the command line."""

from collections.abc import Collection

from sqlalchemy import Connection, text

from domain.persons import KEY, Accounts, ApiKey, User, is_one_person, persons_behind


def persons_of(connection: Connection, account: str) -> frozenset[str]:
    """The persons who may use this account, by name."""
    return persons_behind(account, _known(connection, account))


def are_one_person(connection: Connection, account: str, other: str) -> bool:
    """Whether one person may stand behind both accounts."""
    return account == other or is_one_person(account, other, _known(connection, account, other))


def same_person_as(connection: Connection, account: str, others: Collection[str]) -> frozenset[str]:
    """Those of `others` that one person behind this account may also be behind."""
    known = _known(connection, account, *others)
    return frozenset(other for other in others if other == account or is_one_person(account, other, known))


def _known(connection: Connection, *accounts: str) -> Accounts:
    """All users with another name, who are few, and the keys that are asked about."""
    names = [name for kind, _, name in (account.partition(":") for account in accounts) if kind == KEY]
    users = tuple(User(*row) for row in connection.execute(_USERS))
    keys = tuple(ApiKey(*row) for row in connection.execute(_KEYS, {"names": names})) if names else ()
    return Accounts(users, keys)


_USERS = text("SELECT name, owner, os_user FROM users WHERE owner IS NOT NULL OR os_user IS NOT NULL")
_KEYS = text("SELECT DISTINCT name, owner, created_by FROM api_keys WHERE name = ANY(CAST(:names AS text[]))")
