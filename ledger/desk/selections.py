"""Deeds over a selection of requests: recorded as one, done in bounded transactions, continued where they stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import Connection, Row, text

from domain.requests import Kind


class Deed(StrEnum):
    """What can be done to a selection."""

    RETRY = "retry"
    CLOSE = "close"
    CANCEL = "cancel"
    CONFIRM = "confirm"


@dataclass(frozen=True)
class Criteria:
    """Which requests, and which of their deliveries; None does not restrict."""

    vendor: str | None = None
    reason: str | None = None
    kind: Kind | None = None
    received_before: datetime | None = None
    submitted_by: str | None = None
    own: bool = False
    """Also confirm one's own requests."""

    def in_words(self) -> str:
        """The text that is kept for good."""
        before = self.received_before.isoformat() if self.received_before else None
        given = {"vendor": self.vendor, "reason": self.reason, "kind": self.kind, "received before": before}
        return ", ".join(f"{name} {value}" for name, value in given.items() if value) or "all"


@dataclass(frozen=True)
class Done:
    """What a deed has done so far: requests and deliveries (by vendor), and what was left out."""

    requests: int = 0
    deliveries: Mapping[str, int] = field(default_factory=dict)
    own: int = 0
    """Requests that the confirming person has submitted."""
    without_session: int = 0
    unreachable: int = 0

    def and_then(self, more: "Done") -> "Done":
        """The sum of both."""
        names = sorted({*self.deliveries, *more.deliveries})
        return Done(
            self.requests + more.requests,
            {name: self.deliveries.get(name, 0) + more.deliveries.get(name, 0) for name in names},
            self.own + more.own,
            self.without_session + more.without_session,
            self.unreachable + more.unreachable,
        )


class Progress(NamedTuple):
    """The progress of a deed."""

    id: int
    public_id: UUID
    deed: Deed
    by: str
    criteria: Criteria
    because: str | None
    began_at: datetime
    ended_at: datetime | None
    after_request: int
    upto_request: int
    done: Done


_CRITERIA, _DONE = TypeAdapter(Criteria), TypeAdapter(Done)


def begin(connection: Connection, deed: Deed, criteria: Criteria, by: str, because: str | None) -> Progress:
    """Record a deed over the requests that there are now."""
    values = {"deed": deed, "by": by, "criteria": to_json(criteria).decode(), "because": because}
    return _progress(connection.execute(_BEGIN, values).one())


_COLUMNS = """
    id, public_id, deed, by, CAST(criteria AS text) AS criteria, because, began_at, ended_at, after_request,
    upto_request, CAST(done AS text) AS done
"""
_BEGIN = text(f"""
    INSERT INTO deeds (deed, by, criteria, because, upto_request)
    SELECT :deed, :by, CAST(:criteria AS jsonb), :because, COALESCE(max(id), 0) FROM requests
    RETURNING {_COLUMNS}
""")


def find(connection: Connection, public_id: UUID) -> Progress | None:
    """A deed; None where there is none of this id."""
    row = connection.execute(_FIND, {"public_id": public_id}).one_or_none()
    return _progress(row) if row is not None else None


_FIND = text(f"SELECT {_COLUMNS} FROM deeds WHERE public_id = :public_id")


def take_up(connection: Connection, public_id: UUID | None) -> Progress | None:
    """A deed that has not ended, locked until the caller commits; `public_id`: None for the oldest that nobody works
    on. None where it has ended, or there is none."""
    statement = _TAKE_UP if public_id is not None else _TAKE_UP_ANY
    row = connection.execute(statement, {"public_id": public_id}).one_or_none()
    return _progress(row) if row is not None else None


_TAKE_UP = text(f"SELECT {_COLUMNS} FROM deeds WHERE public_id = :public_id AND ended_at IS NULL FOR UPDATE")
_TAKE_UP_ANY = text(f"""
    SELECT {_COLUMNS} FROM deeds WHERE ended_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
""")


def save(connection: Connection, deed: Progress, after: int | None, more: Done) -> Progress:
    """Record a deed's progress: all requests up to `after` are done; None: all."""
    values = {"id": deed.id, "after": after, "done": to_json(deed.done.and_then(more)).decode()}
    return _progress(connection.execute(_SAVE, values).one())


_SAVE = text(f"""
    UPDATE deeds
    SET after_request = COALESCE(CAST(:after AS bigint), upto_request), done = CAST(:done AS jsonb),
        ended_at = CASE WHEN CAST(:after AS bigint) IS NULL THEN now() END
    WHERE id = :id
    RETURNING {_COLUMNS}
""")


def stop(connection: Connection, public_id: UUID) -> None:
    """End a deed where it is."""
    connection.execute(_STOP, {"public_id": public_id})


_STOP = text("UPDATE deeds SET ended_at = now() WHERE public_id = :public_id AND ended_at IS NULL")


def _progress(row: Row[Any]) -> Progress:
    return Progress(
        row.id,
        row.public_id,
        Deed(row.deed),
        row.by,
        _CRITERIA.validate_json(row.criteria),
        row.because,
        row.began_at,
        row.ended_at,
        row.after_request,
        row.upto_request,
        _DONE.validate_json(row.done),
    )
