"""Counters for Prometheus, by the API."""

import httpx

from tests.web.api.test_api import Rows


def test_who_came_back_is_counted_by_vendor(client: httpx.Client, rows: Rows) -> None:
    assert "consent_resurrected_total{" not in client.get("/metrics").text
    rows("INSERT INTO rechecks SELECT id, 20, 3 FROM vendors WHERE name = 'insider' RETURNING 1")
    told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert told.text.splitlines()[1:3] == [
        "# TYPE consent_rechecked_total counter",
        'consent_rechecked_total{vendor="insider"} 20',
    ]
    assert 'consent_resurrected_total{vendor="insider"} 3\n' in told.text
