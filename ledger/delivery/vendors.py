"""Vendors in the ledger: announced by the workers, and held when something is wrong with the whole vendor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic_core import to_json
from sqlalchemy import Connection, Row, text

from domain.outcomes import Reason
from ledger.delivery.restored import RestoredError, open_restore
from ledger.delivery.steps import LONGEST_INTERVAL_S, HeldStep, failing_steps, held_steps, release
from ledger.held import SERVED, at_steps, why_held


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor as announced by the workers. While `held_at` is set, nothing is sent but a probe now and then."""

    id: int
    name: str
    enabled: bool
    chunk_people: int
    strikes: int
    held_at: datetime | None
    held_reason: str | None
    held_by: str | None
    probe_at: datetime | None
    reach: Mapping[str, Sequence[str]] | None = None
    """By kind, the fields by which people are found there; None until a worker has announced them."""
    steps: tuple[HeldStep, ...] = ()
    """Its steps that are held, while the others work."""
    failing: str = ""
    """Why its last answers failed everybody, at steps that are not held yet; "" where it is held, or does well."""
    off_by: str | None = None
    """Who switched it off."""
    retired_at: datetime | None = None
    served: bool = False
    """Whether a process with its credentials has recently looked for its chunks; people serve a recipient without an
    API."""
    by_hand: bool = False
    """It has no API: people ask it by hand."""

    @property
    def why_held(self) -> str:
        """Why nothing is sent to it, or to some steps of it; "" where it is not held."""
        return why_held(self.held_reason, ((held.held_reason, held.step) for held in self.steps))


def announce(connection: Connection, chunk_people: Mapping[str, int]) -> None:
    """Record which vendors a process has credentials for (name to people per chunk). A new one is switched on. One that
    a person switched off stays off (`switching`), and the others stay as they are."""
    for name, people in sorted(chunk_people.items()):  # always in the same order, so that two workers do not deadlock
        connection.execute(_SWITCH_ON, {"name": name, "chunk_people": people})


_SWITCH_ON = text("""
    INSERT INTO vendors (name, enabled, chunk_people) VALUES (:name, true, :chunk_people)
    ON CONFLICT (name) DO UPDATE SET enabled = vendors.off_by IS NULL, chunk_people = :chunk_people
    WHERE vendors.enabled IS DISTINCT FROM (vendors.off_by IS NULL) OR vendors.chunk_people <> :chunk_people
""")


def describe(connection: Connection, reach: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Record by which fields each vendor (by name) finds people, for each kind, with the present settings."""
    for name, by_kind in sorted(reach.items()):
        connection.execute(_DESCRIBE, {"name": name, "reach": to_json(by_kind).decode()})


_DESCRIBE = text("""
    UPDATE vendors SET reach = CAST(:reach AS jsonb)
    WHERE name = :name AND reach IS DISTINCT FROM CAST(:reach AS jsonb)
""")


def all_vendors(connection: Connection) -> list[Vendor]:
    """Every vendor ever announced, by name, with its held steps."""
    held, failing = held_steps(connection), failing_steps(connection)
    found = [_vendor(row) for row in connection.execute(text(f"{_SELECT} ORDER BY name"))]
    with_steps = [replace(one, steps=tuple(step for step in held if step.vendor == one.name)) for one in found]
    return [one if one.why_held else replace(one, failing=at_steps(failing.get(one.name, ()))) for one in with_steps]


def _vendor(row: Row[tuple[object, ...]]) -> Vendor:
    return Vendor(**row._mapping)


_SELECT = f"""
    SELECT id, name, enabled, chunk_people, strikes, held_at, held_reason, held_by, probe_at, reach, off_by, retired_at,
        {SERVED} AS served,
        by_hand IS NOT NULL AS by_hand
    FROM vendors
"""


def strike(connection: Connection, vendor_id: int, reason: Reason, *, limit: int, probe_after_s: float) -> bool:
    """Count an answer that says that something is wrong with the whole vendor; hold it at `limit` such answers in a
    row.

    It is probed after `probe_after_s`, then at intervals that double. A held vendor stays as it is: calls that were
    under way tell nothing new. Returns whether it is held.
    """
    row = connection.execute(
        _STRIKE, {"id": vendor_id, "reason": reason.value, "limit": limit, "probe_after_s": probe_after_s}
    ).one_or_none()
    return row is None or row.held_at is not None


_STRIKE = text("""
    UPDATE vendors
    SET strikes = LEAST(strikes + 1, 30000),
        held_at = CASE WHEN strikes + 1 >= :limit THEN COALESCE(held_at, now()) ELSE held_at END,
        held_reason = CASE WHEN strikes + 1 >= :limit THEN :reason ELSE held_reason END,
        held_by = CASE WHEN strikes + 1 >= :limit THEN COALESCE(held_by, 'worker') ELSE held_by END,
        probe_interval_s = CASE WHEN held_at IS NULL THEN :probe_after_s ELSE probe_interval_s END,
        probe_at = CASE WHEN held_at IS NULL THEN now() + make_interval(secs => :probe_after_s) ELSE probe_at END
    WHERE id = :id AND COALESCE(held_by, 'worker') = 'worker' -- what is held by hand stays as the operator left it
    RETURNING held_at
""")


def take_probe(connection: Connection, name: str, probe_after_s: float) -> bool:
    """Whether a probe of a held vendor is due; then the caller must make it, and the next is due after twice the
    interval, `probe_after_s` at least and LONGEST_INTERVAL_S at most."""
    return connection.execute(_TAKE_PROBE, {"name": name, "probe_after_s": probe_after_s}).rowcount == 1


LATER = f"""
    SET probe_interval_s = LEAST(GREATEST(probe_interval_s * 2, :probe_after_s), {LONGEST_INTERVAL_S}),
        probe_at = now() + make_interval(
            secs => LEAST(GREATEST(probe_interval_s * 2, :probe_after_s), {LONGEST_INTERVAL_S}))
"""
"""Take the due probe, and set the time of the next one."""
_TAKE_PROBE = text(f"""
    UPDATE vendors {LATER} WHERE name = :name AND held_at IS NOT NULL AND probe_at <= now()
""")


def hold(connection: Connection, name: str, by: str) -> bool:
    """Hold a vendor by hand; no probe lifts it. False where no vendor has this name."""
    return connection.execute(_HOLD, {"name": name, "by": by}).rowcount == 1


_HOLD = text("""
    UPDATE vendors SET held_at = COALESCE(held_at, now()), held_reason = 'by_hand', held_by = :by, probe_at = NULL,
        probe_interval_s = 0
    WHERE name = :name
""")


def resume(connection: Connection, name: str, step: str | None = None) -> bool:
    """Lift a hold, also one that a person made: of the vendor and all of its steps, or of one step. False where no
    vendor has this name. Raises RestoredError."""
    if open_restore(connection) is not None:
        raise RestoredError
    vendor_id = connection.execute(text("SELECT id FROM vendors WHERE name = :name"), {"name": name}).scalar()
    if vendor_id is None:
        return False
    release(connection, vendor_id, step)
    if step is None:
        connection.execute(text(f"{_LIFT} WHERE name = :name"), {"name": name})
    return True


def probed_well(connection: Connection, name: str) -> None:
    """A harmless call has succeeded: lift a hold made by the workers."""
    connection.execute(text(f"{_LIFT} WHERE name = :name AND COALESCE(held_by, 'worker') = 'worker'"), {"name": name})


_LIFT = """
    UPDATE vendors SET strikes = 0, held_at = NULL, held_reason = NULL, held_by = NULL, probe_at = NULL,
        probe_interval_s = 0
"""


def well_answered(connection: Connection, vendor_id: int) -> None:
    """The vendor served somebody: forget strikes, and lift a hold made by the workers."""
    connection.execute(_LIFT_BY_ITSELF, {"id": vendor_id})


_LIFT_BY_ITSELF = text(f"{_LIFT} WHERE id = :id AND strikes > 0 AND COALESCE(held_by, 'worker') = 'worker'")
