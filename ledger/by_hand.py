"""Recipients without an API, as the ledger knows them: every process can tell what people have to ask for there."""

from collections.abc import Mapping

from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.by_hand import ByHand


def announce(connection: Connection, known: Mapping[str, ByHand]) -> None:
    """Record what is known of these recipients without an API."""
    for name, one in sorted(known.items()):
        connection.execute(_BY_HAND, {"name": name, "by_hand": to_json(one._asdict()).decode()})


_BY_HAND = text("""
    UPDATE vendors SET by_hand = CAST(:by_hand AS jsonb)
    WHERE name = :name AND by_hand IS DISTINCT FROM CAST(:by_hand AS jsonb)
""")


def recipients(connection: Connection) -> dict[str, ByHand]:
    """The recipients without an API, by name."""
    rows = connection.execute(text("SELECT name, by_hand FROM vendors WHERE by_hand IS NOT NULL ORDER BY name"))
    return {row.name: ByHand(**{**row.by_hand, "found_by": tuple(row.by_hand["found_by"])}) for row in rows}
