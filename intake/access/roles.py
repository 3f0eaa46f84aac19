"""What each role may do, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Right(StrEnum):
    """A right that a role may have."""

    SUBMIT = "submit"  # submit requests; see and cancel one's own
    READ = "read"  # see every request, what needs attention, the vendors, and the requests a person is in
    OPERATE = "operate"  # retry, confirm, cancel and extend requests; hold and resume vendors
    MANAGE = "manage"  # keys, users and receivers


class Role(StrEnum):
    """The purpose of an API key or a console user."""

    SUBMITTER = "submitter"  # an upstream system
    READER = "reader"  # an auditor, a dashboard
    OPERATOR = "operator"  # the privacy team
    ADMIN = "admin"  # every right


MAY: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.SUBMITTER: frozenset({Right.SUBMIT}),
        Role.READER: frozenset({Right.READ}),
        Role.OPERATOR: frozenset({Right.SUBMIT, Right.READ, Right.OPERATE}),
        Role.ADMIN: frozenset(Right),
    }
)
"""The rights of each role. At the command line everything may be done by anyone who may read its settings."""


@dataclass(frozen=True)
class Principal:
    """An authenticated caller. `name` (`key:…`, `user:…`) is recorded with what they do, and so is `key`, the prefix of
    their API key."""

    name: str
    role: Role
    key: str | None = None

    def may(self, right: Right) -> bool:
        """Whether the role has this right."""
        return right in MAY[self.role]

    @property
    def sees_only(self) -> str | None:
        """The name whose requests alone this principal may see; None where it may see all."""
        return None if self.may(Right.READ) else self.name

    @property
    def may_unmask(self) -> bool:
        """Whether this principal may see identifiers, and what requests are called: who works on requests, and
        submitters their own."""
        return self.may(Right.OPERATE) or self.may(Right.SUBMIT)
