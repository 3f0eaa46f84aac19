"""Who may do what, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Right(StrEnum):
    """What somebody may do."""

    SUBMIT = "submit"  # submit requests; see, and cancel, those one has submitted oneself
    READ = "read"  # see every request, what needs attention, the vendors, and the requests a person is in
    OPERATE = "operate"  # retry, confirm, cancel and extend requests; hold and resume vendors


class Role(StrEnum):
    """What an API key or a console user is for."""

    SUBMITTER = "submitter"  # an upstream system
    READER = "reader"  # an auditor, a dashboard
    OPERATOR = "operator"  # the privacy team
    ADMIN = "admin"  # may everything


MAY: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.SUBMITTER: frozenset({Right.SUBMIT}),
        Role.READER: frozenset({Right.READ}),
        Role.OPERATOR: frozenset({Right.SUBMIT, Right.READ, Right.OPERATE}),
        Role.ADMIN: frozenset(Right),
    }
)
"""What each role may do. Keys and users themselves are managed at the command line only, by whoever may run it."""


@dataclass(frozen=True)
class Principal:
    """Somebody who has shown who they are. `name` (`key:…`, `user:…`) stands in the record of what they do, and so does
    `key`, the prefix of the API key that they have shown."""

    name: str
    role: Role
    key: str | None = None

    def may(self, right: Right) -> bool:
        """Whether the role allows it."""
        return right in MAY[self.role]

    @property
    def sees_only(self) -> str | None:
        """The name whose requests alone this principal may see; None where it may see all."""
        return None if self.may(Right.READ) else self.name
