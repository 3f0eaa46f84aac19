"""The commands for requests that need attention, against a real PostgreSQL; deliveries are ended by hand here."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cli import attention, decisions
from ledger.delivery.vendors import announce
from ledger.requests.closing import close_settled
from tasks.subjects import PROBLEMS
from tests.ledger.cli.test_commands import count, people, stack
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]

AN_ID = "123e4567-e89b-42d3-a456-426614174000"
SESSIONS = '{"user_id": "u-2", "vendors": {"akinon": {"session_id": "fresh-secret"}}}\n'


def ended(engine: Engine, file: str, outcome: str, reason: str, *args: str) -> str:
    """A request, every delivery of which ended like this."""
    result = consent("submit", file, "--kind", "erasure", *args)
    assert result.exit_code == 0, result.output
    values: dict[str, Any] = {"id": result.stdout.strip(), "outcome": outcome, "reason": reason}
    with engine.begin() as connection:
        for statement in (
            """INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
               SELECT requests.id, vendor_id, line, 1, 1, CAST(:outcome AS outcome), :reason
               FROM requests, unnest(vendor_ids) AS vendor_id, subjects
               WHERE public_id = :id AND subjects.request_id = requests.id""",
            """INSERT INTO tallies SELECT request_id, vendor_id, outcome, count(*) FROM outcomes JOIN requests
               ON requests.id = request_id WHERE public_id = :id GROUP BY request_id, vendor_id, outcome""",
            "UPDATE chunks SET state = 'closed' WHERE request_id = (SELECT id FROM requests WHERE public_id = :id)",
            "DELETE FROM sessions",
            """UPDATE requests SET status = 'completed_with_exceptions', closed_at = now()
               WHERE public_id = :id AND :outcome IN ('refused', 'needs_action', 'exhausted')""",
        ):
            connection.execute(text(statement), values)
    return str(values["id"])


def answer(*args: str, code: int = 0, stdin: str | None = None) -> Any:
    result = consent(*args, "--json", stdin=stdin)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def refused(*args: str, stdin: str | None = None) -> str:
    result = consent(*args, stdin=stdin)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr


@pytest.fixture
def shop(stack: Engine) -> Engine:
    """The same stack with a vendor that keeps sessions."""
    with stack.begin() as connection:
        announce(connection, {"insider": 5_000, "akinon": 100})
    return stack


def test_attention_says_what_to_do(stack: Engine, people: str) -> None:
    assert consent("attention").stdout == "nothing needs attention\n"
    request_id = ended(stack, people, "exhausted", "busy", "--vendors", "insider")
    ended(stack, people, "needs_action", "code_sent", "--vendors", "dfinery")

    told = answer("attention")
    due_at = answer("status", request_id)["due_at"]

    assert told["deliveries"] == 6
    assert [(group["vendor"], group["reason"], group["deliveries"]) for group in told["groups"]] == [
        ("insider", "busy", 3),
        ("dfinery", "code_sent", 3),
    ]
    assert told["groups"][0]["oldest_due_at"] == due_at
    assert "retry when it is well again" in told["groups"][0]["what_to_do"]
    assert answer("attention", request_id)["deliveries"] == 3
    assert answer("attention", "--vendor", "dfinery")["deliveries"] == 3
    assert answer("attention", "--reason", "rejected") == {"deliveries": 0, "groups": [], "withheld": []}
    assert "retry when it is well again" in consent("attention").stdout


def test_retry_prints_how_many(stack: Engine, people: str) -> None:
    request_id = ended(stack, people, "exhausted", "busy")

    assert answer("retry", request_id, "--vendor", "insider") == {
        "deliveries": 3,
        "vendors": {"insider": 3},
        "without_session": 0,
        "unreachable": 0,
    }
    assert consent("retry", request_id).stdout == "6 deliveries go out again: algonomy 3, dfinery 3\n"
    assert consent("retry", request_id).stdout == "0 deliveries go out again\n"
    status = answer("status", request_id)
    assert (status["status"], status["vendors"]["insider"]) == ("running", {"pending": 3})


def test_retry_without_a_session_ends_with_exceptions(shop: Engine, people: str) -> None:
    request_id = ended(shop, people, "needs_action", "session_expired", "--vendors", "akinon")

    result = consent("retry", request_id)

    assert (result.exit_code, result.stdout) == (1, "0 deliveries go out again\n")
    assert "3 more wait for a fresh session" in result.stderr


def test_provide_takes_a_file_whole_or_not(shop: Engine, people: str, tmp_path: Path) -> None:
    request_id = ended(shop, people, "needs_action", "session_expired", "--vendors", "akinon")
    nobody = f'\n{SESSIONS}{{"user_id": "u-9", "vendors": {{"akinon": {{"session_id": "other-secret"}}}}}}\n'

    unmatched = refused("provide", request_id, "-", stdin=nobody)
    broken = refused("provide", request_id, "-", stdin=f"{SESSIONS}{{")

    assert unmatched == "line 3: nobody of these identifiers waits at akinon\nnothing was changed\n"
    assert broken == f"line 2: {PROBLEMS['json_invalid']}\nnothing was changed\n"
    assert count(shop, "sessions") == 0
    table = tmp_path / "fresh.csv"
    table.write_text("email,akinon.session_id\nBob@example.org,fresh-secret\n")
    assert answer("provide", request_id, str(table)) == {"deliveries": 1, "vendors": {"akinon": 1}}
    with shop.connect() as connection:
        assert connection.execute(text("SELECT line FROM sessions")).scalars().all() == [2]
        assert b"fresh-secret" not in connection.execute(text("SELECT sealed FROM sessions")).scalar_one()
    assert "no vendor of this request takes" in refused(
        "provide", ended(shop, people, "exhausted", "busy", "--vendors", "insider"), "-", stdin=SESSIONS
    )


def test_close_wants_a_reason_that_names_nobody(stack: Engine, people: str) -> None:
    request_id = ended(stack, people, "refused", "rejected", "--vendors", "insider")
    for because in (" ", "x" * 501, "bob@example.org says so", "called +821012345678", "two\nlines"):
        assert "--because" in refused("close", request_id, "--vendor", "insider", "--because", because)

    closed = answer("close", request_id, "--vendor", "insider", "--because", "the vendor has no record")

    assert closed == {"deliveries": 3}
    status = answer("status", request_id)
    assert (status["status"], status["vendors"]) == ("completed", {"insider": {"cancelled": 3, "pending": 0}})
    with stack.connect() as connection:
        (note,) = connection.execute(text("SELECT by, deed, reason FROM notes")).all()
    assert note.by.startswith("cli:")
    assert note[1:] == ("close", "the vendor has no record")


def test_cancel_tells_what_became_of_it(stack: Engine, people: str) -> None:
    request_id = consent("submit", people, "--kind", "erasure").stdout.strip()

    first, again = answer("cancel", request_id), answer("cancel", request_id)

    counts = {"done": 0, "cancelled": 9, "under_way": 0}
    assert first == again == {"request_id": request_id, "status": "cancelled", **counts}
    assert answer("status", request_id)["vendors"]["insider"] == {"cancelled": 3, "pending": 0}
    over = ended(stack, people, "exhausted", "busy")
    assert "is completed_with_exceptions; there is nothing to cancel" in refused("cancel", over)
    assert "is cancelled; there is nothing to retry" in refused("retry", request_id)


def test_a_large_request_is_confirmed_by_someone_else(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSENT_MAX_SUBJECTS_UNCONFIRMED", "2")
    result = consent("submit", people, "--kind", "erasure")
    request_id = result.stdout.strip()

    assert result.exit_code == 0
    assert "consent confirm" in result.stderr
    assert answer("status", request_id)["status"] == "unconfirmed"
    assert "to confirm it" in consent("status", request_id).stdout
    assert "someone else must" in refused("confirm", request_id)
    monkeypatch.setattr(attention, "who", lambda: "cli:someone-else")
    assert consent("confirm", request_id).exit_code == 0
    assert answer("status", request_id)["confirmed_by"] == "cli:someone-else"
    assert "is running" in refused("confirm", request_id)
    monkeypatch.undo()


def test_the_command_lines_own_user_may_say_yes(stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_MAX_SUBJECTS_UNCONFIRMED", "2")
    at_once = answer("submit", people, "--kind", "erasure", "--yes")
    later = answer("submit", people, "--kind", "erasure")

    assert (at_once["unconfirmed"], later["unconfirmed"]) == (False, True)
    assert consent("confirm", later["request_id"], "--yes").exit_code == 0
    assert {answer("status", one["request_id"])["status"] for one in (at_once, later)} == {"running"}


def test_cool_off_and_times_come_from_settings_and_options(
    stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSENT_COOL_OFF_ERASURE_S", "86400")
    said = ["submit", people, "--kind", "erasure", "--effective-at", "2026-05-25T00:00:00+09:00"]

    request_id = consent(*said).stdout.strip()

    status = answer("status", request_id)
    assert status["effective_at"] == "2026-05-24T15:00:00.000Z"
    assert status["not_before"][8:10] != status["received_at"][8:10]
    assert "not sent before" in consent("status", request_id).stdout
    for option in ("--effective-at", "--not-before"):
        for value in ("yesterday", "2026-05-25T00:00:00", ""):
            assert option in refused("submit", people, "--kind", "opt_in", option, value)
    assert "in the future" in refused("submit", people, "--kind", "opt_in", "--effective-at", "2999-01-01T00:00:00Z")


def test_extend_moves_the_date_and_status_shows_why(stack: Engine, people: str) -> None:
    request_id = consent("submit", people, "--kind", "erasure").stdout.strip()

    told = answer("extend", request_id, "--months", "2", "--because", "many at once")

    status = answer("status", request_id)
    assert (status["due_at"], status["due_reason"]) == (told["due_at"], "many at once")
    assert "extended: many at once" in consent("status", request_id).stdout
    assert answer("extend", request_id, "--months", "2", "--because", "many at once") == told
    assert "by more already" in refused("extend", request_id, "--months", "1", "--because", "more")
    assert "2 months in all" in refused("extend", request_id, "--months", "3", "--because", "more")
    assert "2 months in all" in refused("extend", request_id, "--days", "90", "--because", "more")
    for neither_nor_both in ((), ("--days", "1", "--months", "1")):
        assert "not both" in refused("extend", request_id, *neither_nor_both, "--because", "more")


def test_status_shows_what_is_at_risk(stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id = consent("submit", people, "--kind", "erasure").stdout.strip()
    assert answer("status", request_id)["at_risk"] is False
    monkeypatch.setenv("CONSENT_DUE_SOON_DAYS", "60")
    assert answer("status", request_id)["at_risk"] is True
    assert "at risk" in consent("status", request_id).stdout


def test_lookup_finds_a_person_and_never_repeats_them(stack: Engine, people: str) -> None:
    request_id = ended(stack, people, "exhausted", "busy", "--vendors", "insider")
    by_option = answer("lookup", "--email", "BOB@example.org")
    by_stdin = consent("lookup", "-", "--json", stdin='{"user_id": "u-2"}')

    (found,) = by_option["requests"]
    assert found.pop("received_at").endswith("Z")
    assert found == {
        "request_id": request_id,
        "kind": "erasure",
        "status": "completed_with_exceptions",
        "line": 2,
        "file_line": 2,
        "vendors": {"insider": "exhausted"},
    }
    assert len(json.loads(by_stdin.stdout)["requests"]) == 1
    shown = consent("lookup", "--user-id", "u-2").stdout
    assert request_id in shown
    assert "u-2" not in shown
    assert answer("lookup", "--user-id", "nobody") == {"requests": []}
    for args in ([], ["bob@example.org"], ["-", "--email", "bob@example.org"], ["--email", "bob-at-example"]):
        assert "bob" not in refused("lookup", *args, stdin="{}")


COMMANDS = (
    ["attention", AN_ID],
    ["retry", AN_ID],
    ["provide", AN_ID, "-"],
    ["close", AN_ID, "--vendor", "insider", "--because", "why"],
    ["confirm", AN_ID],
    ["cancel", AN_ID],
    ["extend", AN_ID, "--months", "1", "--because", "why"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_requests_nobody_knows(stack: Engine, command: list[str]) -> None:
    assert "there is no request of this id" in refused(*command, stdin=SESSIONS)
    misused = [one if one != AN_ID else "bob@example.org" for one in command]
    assert "bob" not in refused(*misused, stdin=SESSIONS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_database_that_is_away(stack: Engine, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/consent")
    result = consent(*command, stdin=SESSIONS)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "PostgreSQL at 127.0.0.1:1" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize("command", ["attention", "retry"])
def test_names_nobody_knows_name_the_known(stack: Engine, people: str, command: str) -> None:
    request_id = ended(stack, people, "exhausted", "busy", "--vendors", "insider")
    assert "session_expired" in refused(command, request_id, "--reason", "bob@example.org")
    assert "insider" in refused(command, request_id, "--vendor", "bob@example.org")


def test_decisions_are_wired_to_the_same_desk() -> None:
    assert decisions.deeds is attention.deeds


def unreachable(engine: Engine, file: str, *args: str) -> str:
    """A request whose people Insider knows, and Akinon does not."""
    result = consent("submit", file, "--kind", "erasure", *args)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[0] == "3 of 3 people cannot be found at akinon (a shop session)"
    request_id = result.stdout.strip()
    with engine.begin() as connection:
        for statement in (
            """INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
               SELECT requests.id, vendors.id, line, 1, 0,
                   CAST(CASE vendors.name WHEN 'akinon' THEN 'unreachable' ELSE 'accepted' END AS outcome),
                   CASE vendors.name WHEN 'akinon' THEN 'no_identifier' END
               FROM requests JOIN subjects ON subjects.request_id = requests.id
               JOIN vendors ON vendors.id = ANY(vendor_ids) WHERE public_id = :id""",
            """INSERT INTO tallies SELECT request_id, vendor_id, outcome, count(*) FROM outcomes JOIN requests
               ON requests.id = request_id WHERE public_id = :id GROUP BY request_id, vendor_id, outcome""",
            "UPDATE chunks SET state = 'closed'",
        ):
            connection.execute(text(statement), {"id": request_id})
        close_settled(connection)
    return request_id


def test_who_cannot_be_reached_is_told_of_provided_for_and_accepted(shop: Engine, people: str) -> None:
    request_id = unreachable(shop, people)
    assert consent("watch", request_id).exit_code == 1
    status = answer("status", request_id)
    assert status["status"] == "completed_with_exceptions"
    assert status["missing_identifiers"] == {
        "akinon": {"deliveries": 3, "reason": "no_identifier", "give": "a shop session", "accepted_by": None}
    }
    shown = consent("status", request_id).stdout
    assert "akinon: 3 unreachable (no_identifier), give a shop session" in shown
    (group,) = answer("attention")["groups"]
    assert (group["vendor"], group["outcome"], group["reason"], group["deliveries"]) == (
        "akinon",
        "unreachable",
        "no_identifier",
        3,
    )
    assert "vendors.akinon.session_id" in group["what_to_do"]
    assert "no_identifier: Give a shop session" in consent("attention").stdout
    assert answer("retry", request_id, code=1) == {
        "deliveries": 0,
        "vendors": {},
        "without_session": 0,
        "unreachable": 3,
    }
    assert "consent accept" in consent("retry", request_id).stderr

    assert answer("accept", request_id, "--vendor", "akinon", "--because", "no shop accounts") == {"deliveries": 3}
    assert answer("attention") == {"deliveries": 0, "groups": [], "withheld": []}
    accepted = answer("status", request_id)
    assert accepted["status"] == "completed_with_exceptions"
    assert accepted["vendors"]["akinon"] == {"pending": 0, "unreachable": 3}
    assert accepted["missing_identifiers"]["akinon"]["accepted_by"].startswith("cli:")
    assert "; accepted by cli:" in consent("status", request_id).stdout
    assert consent("watch", request_id).exit_code == 1
    assert "accepted already" in refused("accept", request_id, "--because", "no shop accounts")
    assert answer("provide", request_id, "-", stdin=SESSIONS) == {"deliveries": 1, "vendors": {"akinon": 1}}


def test_with_partial_nobody_need_see_to_it(shop: Engine, people: str) -> None:
    request_id = unreachable(shop, people, "--partial")
    assert answer("attention") == {"deliveries": 0, "groups": [], "withheld": []}
    assert answer("status", request_id)["missing_identifiers"]["akinon"]["accepted_by"].startswith("cli:")
    assert consent("watch", request_id).exit_code == 1


def test_the_counts_are_in_the_answer_for_scripts(shop: Engine, people: str) -> None:
    first = answer("submit", people, "--kind", "erasure", "--idempotency-key", "k")
    assert first["unreachable"] == {"akinon": 3}
    again = consent("submit", people, "--kind", "erasure", "--idempotency-key", "k")
    assert "3 of 3 people cannot be found at akinon (a shop session)" in again.stderr
    only = consent("submit", people, "--kind", "erasure", "--vendors", "insider", "--json")
    assert json.loads(only.stdout)["unreachable"] == {}
    assert "cannot be found" not in only.stderr
