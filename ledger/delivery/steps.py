"""The steps of a vendor in the ledger: which of them work, and which are held because they refuse or fail everybody."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from domain.outcomes import Reason
from ledger.held import FAILING, LATELY_S

WELL_S = 30.0
"""A step that served somebody within this time is known to work: many calls at once may go there."""
LONGEST_INTERVAL_S = 900.0
"""While a step is held, one person tries it at intervals that double up to this."""
_FRESH_S, _MOST_REFUSED = 10, 50


@dataclass(frozen=True, slots=True)
class StepState:
    """What the ledger knows of one step."""

    step: str
    good_at: float  # when it last served anybody (epoch); 0 where never
    lately: bool  # whether within LATELY_S
    well: bool  # whether within WELL_S
    fresh: bool  # whether a moment ago, with no strike since
    refused: frozenset[str]  # request:line of those refused since
    held: bool
    scout: int | None  # the chunk of which one person is let through

    @classmethod
    def read(cls, each: Sequence[Any]) -> "StepState":
        """Read it from a row of STEP_STATES."""
        step, good_at, lately, well, fresh, refused, held, scout = each
        return cls(step, good_at, lately, well, fresh, frozenset(refused), held, scout)


@dataclass(frozen=True, slots=True)
class HeldStep:
    """A held step: nothing that needs it is sent, except one person now and then."""

    vendor: str
    step: str
    held_at: datetime
    held_reason: str
    held_by: str
    probe_at: datetime | None
    """When the next person tries it."""


STEP_STATES = f"""
    SELECT jsonb_agg(jsonb_build_array(step, COALESCE(extract(epoch FROM last_good_at), 0),
        COALESCE(last_good_at > now() - interval '{LATELY_S} seconds', false),
        COALESCE(last_good_at > now() - interval '{WELL_S} seconds', false),
        COALESCE(last_good_at > now() - interval '{_FRESH_S} seconds', false)
            AND strikes = 0 AND cardinality(refused) = 0 AND held_at IS NULL,
        CASE WHEN struck_at > now() - interval '{LATELY_S} seconds' THEN refused ELSE '{{}}' END,
        held_at IS NOT NULL, scout))
    FROM steps WHERE steps.vendor_id = """
"""All that is known of a vendor's steps, as one value. The vendor's id follows."""
_STEP_STATES = text(f"{STEP_STATES} :vendor_id")


def step_states(connection: Connection, vendor_id: int) -> dict[str, StepState]:
    """What is known of each step of this vendor now."""
    return read_step_states(connection.execute(_STEP_STATES, {"vendor_id": vendor_id}).scalar_one())


def read_step_states(found: Iterable[Sequence[Any]] | None) -> dict[str, StepState]:
    """The value of STEP_STATES, by step."""
    return {one.step: one for one in map(StepState.read, found or ())}


def note_good(connection: Connection, vendor_id: int, steps: Collection[str]) -> None:
    """These steps served somebody: forget their strikes, and lift their holds."""
    connection.execute(_GOOD, {"vendor_id": vendor_id, "steps": sorted(steps)})


_CLEAN = """
    strikes = 0, struck_at = NULL, struck_reason = NULL, refused = '{}', held_at = NULL, held_reason = NULL,
    held_by = NULL, probe_at = NULL, interval_s = 0, scout = NULL
"""
_GOOD = text(f"""
    INSERT INTO steps (vendor_id, step, last_good_at) SELECT :vendor_id, unnest(CAST(:steps AS text[])), now()
    ON CONFLICT (vendor_id, step) DO UPDATE SET last_good_at = now(), {_CLEAN}
""")


def strike(
    connection: Connection,
    vendor_id: int,
    step: str,
    reason: Reason,
    *,
    weight: int,
    refused: Collection[str],
    limit: int,
    interval_s: float,
) -> bool:
    """Count `weight` against a step, and remember who was refused there; hold it at `limit`. Returns whether it has
    just been held. The first person tries it after `interval_s`."""
    counted = {"weight": weight, "refused": sorted(refused)[:_MOST_REFUSED], "limit": limit, "reason": reason.value}
    where = {"vendor_id": vendor_id, "step": step, "interval_s": interval_s}
    connection.execute(_KNOW, where)
    return bool(connection.execute(_STRIKE, {**where, **counted}).scalar_one())


_KNOW = text("INSERT INTO steps (vendor_id, step) VALUES (:vendor_id, :step) ON CONFLICT DO NOTHING")
_RECENT = f"struck_at > now() - interval '{LATELY_S} seconds'"
_STRIKE = text(f"""
    WITH counted AS (
        SELECT LEAST(CASE WHEN {_RECENT} THEN strikes ELSE 0 END + :weight, 30000) AS strikes,
            ARRAY(SELECT DISTINCT unnest(CASE WHEN {_RECENT} THEN refused ELSE '{{}}' END
                || CAST(:refused AS text[])) LIMIT {_MOST_REFUSED}) AS refused,
            held_at IS NOT NULL AS held
        FROM steps WHERE vendor_id = :vendor_id AND step = :step
        FOR UPDATE)
    UPDATE steps SET strikes = counted.strikes, refused = counted.refused, struck_at = now(),
        struck_reason = CASE WHEN counted.strikes > 0 THEN CAST(:reason AS text) END,
        held_at = CASE WHEN counted.strikes >= :limit THEN COALESCE(held_at, now()) ELSE held_at END,
        held_reason = CASE WHEN counted.strikes >= :limit THEN COALESCE(held_reason, :reason) ELSE held_reason END,
        held_by = CASE WHEN counted.strikes >= :limit THEN COALESCE(held_by, 'worker') ELSE held_by END,
        interval_s = CASE WHEN counted.strikes >= :limit AND NOT counted.held THEN :interval_s ELSE interval_s END,
        probe_at = CASE WHEN counted.strikes >= :limit AND NOT counted.held
            THEN now() + make_interval(secs => :interval_s) ELSE probe_at END
    FROM counted WHERE vendor_id = :vendor_id AND step = :step
    RETURNING held_at IS NOT NULL AND NOT counted.held
""")


def let_through(connection: Connection, vendor_id: int, step: str, chunk_id: int) -> None:
    """One person of this chunk tries a held step; the next one after twice the interval."""
    connection.execute(_LET_THROUGH, {"vendor_id": vendor_id, "step": step, "chunk_id": chunk_id})


_LET_THROUGH = text(f"""
    UPDATE steps SET scout = :chunk_id, interval_s = LEAST(interval_s * 2, {LONGEST_INTERVAL_S}),
        probe_at = now() + make_interval(secs => LEAST(interval_s * 2, {LONGEST_INTERVAL_S}))
    WHERE vendor_id = :vendor_id AND step = :step AND held_at IS NOT NULL
""")


def release(connection: Connection, vendor_id: int, step: str | None = None) -> int:
    """Lift the hold of one step or of all, and forget strikes; returns how many were held."""
    return connection.execute(_RELEASE, {"vendor_id": vendor_id, "step": step}).rowcount


_RELEASE = text(f"""
    UPDATE steps SET {_CLEAN}
    WHERE vendor_id = :vendor_id AND (held_at IS NOT NULL OR strikes > 0 OR cardinality(refused) > 0)
        AND (CAST(:step AS text) IS NULL OR step = :step)
""")


def failing_steps(connection: Connection) -> dict[str, list[tuple[str, str]]]:
    """By vendor, the steps whose last answers failed everybody, and which are not held yet: the reason and name of
    each."""
    found: dict[str, list[tuple[str, str]]] = {}
    for vendor, reason, step in connection.execute(_FAILING):
        found.setdefault(vendor, []).append((reason, step))
    return found


_FAILING = text(f"""
    SELECT vendors.name, struck_reason, step FROM steps JOIN vendors ON vendors.id = vendor_id
    WHERE {FAILING} AND struck_reason IS NOT NULL ORDER BY name, step
""")


def held_steps(connection: Connection) -> list[HeldStep]:
    """Every held step, by vendor and name."""
    return [HeldStep(**row._mapping) for row in connection.execute(_HELD)]


_HELD = text("""
    SELECT vendors.name AS vendor, step, steps.held_at, steps.held_reason, steps.held_by, steps.probe_at
    FROM steps JOIN vendors ON vendors.id = vendor_id WHERE steps.held_at IS NOT NULL ORDER BY name, step
""")
