"""What `consent doctor` and `consent status` say of the controller's directory."""

import pytest
from sqlalchemy import Engine, text

from ledger.delivery.vendors import announce, describe
from ledger.requests import resolving
from tasks.reach import reach_of
from tests.contract.samples import adapter_of
from tests.ledger.command_line import consent

QUERY = "SELECT unnest(CAST(:refs AS integer[])) AS ref, CAST('u-1' AS text) AS user_id"


@pytest.fixture
def stack(engine: Engine, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stack with a vendor that finds people by user_id, and a directory that knows everybody."""
    monkeypatch.setenv("CONSENT_RESOLVER__DATABASE_URL", environment["CONSENT_DATABASE_URL"])
    monkeypatch.setenv("CONSENT_RESOLVER__QUERY", QUERY)
    with engine.begin() as connection:
        announce(connection, {"algonomy": 10})
        describe(connection, {"algonomy": reach_of(adapter_of("algonomy"))})
    return engine


def doctors_line() -> str:
    lines = consent("doctor").output.splitlines()
    return " ".join(line.removeprefix("resolver").strip() for line in lines if line.startswith("resolver"))


def failed(engine: Engine, times: int) -> None:
    with engine.begin() as connection:
        for _ in range(times):
            connection.execute(text("INSERT INTO resolver (due_at) VALUES (now()) ON CONFLICT DO NOTHING"))
            resolving.failed(connection, "it answers with the HTTP status 503", 0.0)


def submitted() -> str:
    return consent("submit", "-", "--kind", "erasure", stdin='{"email": "jane@private.example"}\n').stdout.strip()


def test_the_check_up_asks_about_nobody_and_tells_what_workers_found(stack: Engine) -> None:
    assert doctors_line() == "ok     asked about nobody, it answers; nobody waits for it"
    request_id = submitted()
    assert doctors_line() == "ok     asked about nobody, it answers; 1 request waits for it"
    failed(stack, 2)
    said = doctors_line()
    assert said.startswith(
        "FAULT  asked about nobody, it answers; it answers with the HTTP status 503; 2 times in a row"
    )
    assert ", and 1 request waits: see the directory's own log" in said
    assert "jane" not in said + request_id


def test_a_directory_that_is_away_is_a_fault(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_RESOLVER__DATABASE_URL", "postgresql://us:hunter2@127.0.0.1:1/crm")
    assert doctors_line().startswith("FAULT")
    assert "hunter2" not in doctors_line()


def test_without_one_nothing_is_said(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSENT_RESOLVER__DATABASE_URL")
    monkeypatch.delenv("CONSENT_RESOLVER__QUERY")
    assert doctors_line() == ""


def test_the_status_of_who_waits_for_it_says_so(stack: Engine) -> None:
    request_id = submitted()
    waits = "nothing is sent before the directory is asked what people lack: "
    assert waits + "it answers" in consent("status", request_id).output
    failed(stack, 3)
    said = consent("status", request_id).output
    assert waits + "it answers with the HTTP status 503; 3 times in a row since" in said
    with stack.begin() as connection:
        connection.execute(text("""UPDATE requests SET to_resolve_from = NULL, resolved = '{"completed": 1200}'"""))
    said = consent("status", request_id).output
    assert waits not in said
    assert "answers of the directory: 1,200 completed" in said
