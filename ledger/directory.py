"""The controller's directory as a table of a PostgreSQL database: one read-only statement about many people."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from domain.directory import Answers, DirectoryError
from domain.reach import OWN
from domain.requests import Subject
from ledger.driver_options import NETWORK, login_rules
from ledger.liveness import WatchedConnection

PARAMETERS = frozenset({"refs", "user_ids", "emails", "phone_numbers", "vendors"})
"""Arrays that a statement may bind, such as `:refs`: an element for each person, NULL where it is not given."""
REF = "ref"
COLUMNS = frozenset({*OWN, "vendors"})
"""What a row may say about a person, besides its `ref`."""


def check_database(url: str) -> str:
    """Return the address. Raises ValueError, which never quotes it, unless it is that of a PostgreSQL database."""
    try:
        driver = make_url(url).get_backend_name()
    except ArgumentError:
        driver = ""
    if driver not in {"postgresql", "postgres"}:
        raise ValueError("must be of the form postgresql://user:password@host:port/name")
    return url


def check_query(query: str) -> str:
    """Return the statement. Raises ValueError unless it binds `:refs`, and only parameters that it is given."""
    bound = text(query).compile().params.keys()
    if "refs" not in bound or not bound <= PARAMETERS:
        raise ValueError(f"must bind :refs, and nothing but {', '.join(f':{name}' for name in sorted(PARAMETERS))}")
    return query


@dataclass(frozen=True)
class DatabaseDirectory:
    """Asks by the operator's statement. It cannot change anything: the transaction is read-only."""

    url: str = field(repr=False)
    query: str
    timeout_s: float

    def look_up(self, people: Sequence[Subject]) -> Answers:
        """What the directory holds of each. Raises DirectoryError."""
        found: list[list[object]] = [[] for _ in people]
        for row in self._rows(people):
            ref = row.pop(REF, None)
            if not isinstance(ref, int) or not 1 <= ref <= len(people) or not row.keys() <= COLUMNS:
                allowed = ", ".join(sorted(COLUMNS))
                raise DirectoryError(f"a row must have the `ref` of who was asked about, and of others only {allowed}")
            found[ref - 1].append({name: value for name, value in row.items() if value is not None})
        return found

    def _rows(self, people: Sequence[Subject]) -> list[dict[str, Any]]:
        limit_ms = round(self.timeout_s * 1000)
        # A new connection each time: we keep no connections to the controller's database.
        address = make_url(self.url).set(drivername="postgresql+psycopg")
        engine = create_engine(
            address,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={
                **NETWORK,
                "connect_timeout": max(2, round(self.timeout_s)),
                "application_name": "consent",
                "prepare_threshold": None,
                **login_rules(address.query),
            },
        )
        event.listen(engine, "do_connect", lambda _, __, args, given: WatchedConnection.open(args, given, pooled=False))
        try:
            with engine.connect() as connection:
                # No startup options and no prepared statements: a pooler may be in between.
                connection.execute(text("SET TRANSACTION READ ONLY"))
                connection.execute(text(f"SET LOCAL statement_timeout = {limit_ms:d}"))
                return [dict(row) for row in connection.execute(text(self.query), _arrays(people)).mappings()]
        except DBAPIError as error:  # its text may quote a person
            raise DirectoryError(_problem(error)) from None
        except SQLAlchemyError:
            raise DirectoryError("its statement gives no rows: check CONSENT_RESOLVER__QUERY") from None


def _arrays(people: Sequence[Subject]) -> dict[str, list[Any]]:
    return {
        "refs": list(range(1, len(people) + 1)),
        "user_ids": [one.get("user_id") for one in people],
        "emails": [one.get("email") for one in people],
        "phone_numbers": [one.get("phone_number") for one in people],
        "vendors": [to_json(one["vendors"]).decode() if one.get("vendors") else None for one in people],
    }


def _problem(error: DBAPIError) -> str:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return "no connection can be made: check CONSENT_RESOLVER__DATABASE_URL and the network"
    if state == "57014":
        return "its statement did not end in time: CONSENT_RESOLVER__TIMEOUT_S"
    return f"it does not take the statement (SQLSTATE {state}): check CONSENT_RESOLVER__QUERY"
