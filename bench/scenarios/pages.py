"""The console: the page of a huge request beside that of a small one, while a campaign runs."""

import time
from collections.abc import Iterator
from statistics import quantiles
from uuid import UUID

import httpx
from sqlalchemy import text

from bench.people import people
from bench.results import Bound, Row
from bench.scenarios.http_api import in_a_week, web_process
from bench.stand import Ours, Stand
from domain.requests import Kind

FEW, MANY, CAMPAIGN = 10, 1_000_000, 300_000
SEALED = 50
"""People of a huge request who can be opened: more than a page shows."""
MOST_P95_MS = 200
AS_FAST = (Bound("ours", most=MOST_P95_MS), Bound("ratio", most=3))
SETTINGS = {"CONSENT_DFINERY__REQUESTS_PER_MINUTE": "10000", "CONSENT_MAX_SUBJECTS_UNCONFIRMED": "10000000"}


def pages(stand: Stand, *, quick: bool) -> Iterator[Row]:
    """The first page of each, in turn, so that both meet the same load."""
    many, looks = (MANY // 5, 60) if quick else (MANY, 200)
    with stand.ours(SETTINGS) as ours:
        small, large = _ended(ours, FEW), _ended(ours, many)
        with web_process(ours, "reader") as served, httpx.Client(base_url=served.url, headers=served.headers) as client:
            ours.submit(Kind.OPT_OUT, ["dfinery"], people(CAMPAIGN))
            took: dict[UUID, list[float]] = {small: [], large: []}
            for look in range(looks + 5):
                for request, waits in took.items():
                    began = time.perf_counter()
                    client.get(f"/requests/{request}").raise_for_status()
                    if look >= 5:  # warm
                        waits.append((time.perf_counter() - began) * 1e3)
        fast, slow = (quantiles(took[request], n=20)[-1] for request in (small, large))
        yield Row(
            "page_of_a_request",
            f"Console: the page of a request of {many:,} people, p95, while a campaign runs",
            "ms",
            slow,
            fast,
            f"the page of one of {FEW} people",
            AS_FAST,
            f"looked at {looks} times in turn; all of its people are unreachable at one of two vendors",
        )


def _ended(ours: Ours, count: int) -> UUID:
    """A request of so many people that has ended, written by the server itself beyond the first few. Nobody could be
    found at one vendor, the worst that may wait for a person."""
    vendors = ["dfinery", "insider"]
    submitted = ours.submit(
        Kind.ERASURE, vendors, people(min(count, SEALED)), not_before=in_a_week()
    ).recorded.public_id
    with ours.engine.begin() as connection:
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        for statement in (_PEOPLE, _OUTCOMES, _TALLIES, _CHUNKS, _REQUEST):
            connection.execute(text(statement), {"request": submitted, "few": min(count, SEALED), "count": count})
    with ours.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
    return submitted


_OF = "FROM requests CROSS JOIN LATERAL unnest(vendor_ids) AS vendor (id) WHERE public_id = :request"
_ENDING = "CASE WHEN vendor.id = vendor_ids[1] THEN 'unreachable' ELSE 'accepted' END::outcome"
_PEOPLE = """
    INSERT INTO subjects (request_id, line, sealed, whole_print)
    SELECT requests.id, line, decode(repeat(md5(line::text), 9), 'hex'), CAST(md5(line::text) AS uuid)
    FROM requests CROSS JOIN LATERAL generate_series(CAST(:few AS integer) + 1, :count) AS line
    WHERE public_id = :request
"""
_OUTCOMES = f"""
    INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
    SELECT requests.id, vendor.id, line, 1, 1, {_ENDING},
        CASE WHEN vendor.id = vendor_ids[1] THEN 'no_identifier' END
    {_OF.replace(" WHERE", " CROSS JOIN LATERAL generate_series(1, CAST(:count AS integer)) AS line WHERE")}
"""
_TALLIES = f"""
    INSERT INTO tallies (request_id, vendor_id, outcome, deliveries)
    SELECT requests.id, vendor.id, {_ENDING}, :count {_OF}
"""
_CHUNKS = "UPDATE chunks SET state = 'closed' FROM requests WHERE request_id = requests.id AND public_id = :request"
_REQUEST = """
    UPDATE requests SET subjects = :count, status = 'completed_with_exceptions', closed_at = now(), not_before = now()
    WHERE public_id = :request
"""
