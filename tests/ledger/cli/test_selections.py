"""`consent retry|close|cancel|confirm` over a selection, at the command line."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cli import selections
from tests.ledger.cli.test_attention import answer, ended, refused
from tests.ledger.cli.test_commands import people, stack, submitted
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]

NOTHING_OUT = {"own": 0, "without_session": 0, "unreachable": 0}


def done(*args: str, code: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = answer(*args, code=code)
    assert told.pop("deed_id")
    return told


def statuses(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT CAST(status AS text) FROM requests ORDER BY id")).scalars())


def test_what_waits_goes_out_again_in_one_command(stack: Engine, people: str) -> None:
    for _ in range(2):
        ended(stack, people, "exhausted", "busy", "--vendors", "insider")
    ended(stack, people, "refused", "rejected", "--vendors", "insider")

    dry = answer("retry", "--all", "--dry-run")
    assert dry == {"dry_run": True, "requests": 2, "deliveries": 6, "own": 0}
    assert consent("retry", "--vendor", "dfinery").stdout == "0 deliveries of 0 requests go out again\n"
    told = consent("retry", "--vendor", "insider", "--received-before", "2999-01-01T00:00:00Z")
    assert (told.exit_code, told.stdout) == (0, "6 deliveries of 2 requests go out again: insider 6\n")
    assert done("retry", "--all") == {"requests": 0, "deliveries": 0, "vendors": {}, **NOTHING_OUT}
    rejected = done("retry", "--reason", "rejected", "--kind", "erasure")
    assert rejected == {"requests": 1, "deliveries": 3, "vendors": {"insider": 3}, **NOTHING_OUT}


def test_what_waits_is_closed_in_one_command(stack: Engine, people: str) -> None:
    for _ in range(2):
        ended(stack, people, "exhausted", "busy", "--vendors", "insider,dfinery")

    told = done("close", "--vendor", "insider", "--because", "told by phone")
    assert told == {"requests": 2, "deliveries": 6, "vendors": {"insider": 6}, **NOTHING_OUT}
    assert statuses(stack) == ["completed_with_exceptions"] * 2
    assert done("close", "--all", "--because", "told by phone")["vendors"] == {"dfinery": 6}
    assert statuses(stack) == ["completed"] * 2


def test_what_was_not_sent_is_cancelled_in_one_command(stack: Engine, people: str) -> None:
    for _ in range(2):
        submitted(people, "--vendors", "insider")
    told = consent("cancel", "--kind", "erasure", "--vendor", "insider")
    assert told.stdout == "2 requests cancelled, of which 6 deliveries were not sent: insider 6\n"
    assert statuses(stack) == ["cancelled"] * 2


def test_what_others_have_submitted_is_confirmed_in_one_command(stack: Engine, people: str) -> None:
    for _ in range(3):
        submitted(people)
    with stack.begin() as connection:
        connection.execute(text("UPDATE requests SET status = 'unconfirmed'"))
        connection.execute(text("UPDATE requests SET submitted_by = 'key:shop' WHERE id < 3"))
    told = consent("confirm", "--all")
    assert (told.exit_code, told.stdout) == (1, "2 requests confirmed; they are on their way\n")
    assert consent("confirm", "--kind", "opt_in").stdout == "0 requests confirmed\n"
    assert "1 more was submitted by yourself" in told.stderr
    assert statuses(stack) == ["running", "running", "unconfirmed"]
    assert done("confirm", "--all", "--yes")["requests"] == 1


AN_ID = "123e4567-e89b-42d3-a456-426614174000"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        *(((deed,), "give the ID of a request, or choose") for deed in ("retry", "cancel", "confirm")),
        (("close", "--because", "why"), "give the ID of a request, or choose"),
        *(((deed, AN_ID, "--all"), "--all choose") for deed in ("retry", "cancel", "confirm")),
        (("retry", AN_ID, "--kind", "erasure", "--dry-run"), "--kind, --dry-run choose"),
        (("cancel", AN_ID, "--vendor", "insider"), "--vendor choose"),
        (("retry", "--vendor", "acme"), "unknown vendor; known are algonomy, dfinery, insider"),
        (("retry", "--reason", "acme"), "unknown --reason"),
        (("retry", "--reason", "litigation"), "unknown --reason"),
        (("retry", "--kind", "acme"), "'--kind': it is one of erasure, opt_out, opt_in"),
        (("cancel", "--received-before", "yesterday"), "--received-before must be a moment"),
        (("cancel", "--received-before", "2026-05-25T00:00:00"), "--received-before must be a moment"),
        (("close", "--all", "--because", "jane@private.example said so"), "names a person"),
        (("close", "--reason", "no_identifier", "--because", "why"), "provide an identifier"),
        (("confirm", "--reason", "busy"), "no reasons"),
    ],
)
def test_what_is_unclear_is_refused(stack: Engine, args: tuple[str, ...], told: str) -> None:
    assert told in refused(*args)
    with stack.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM deeds")).scalar_one() == 0


@pytest.mark.parametrize("says", ["y", "n"])
def test_somebody_at_a_terminal_is_asked(
    stack: Engine, people: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(people, "--vendors", "insider")
    monkeypatch.setattr(selections, "is_at_terminal", lambda: True)
    told = consent("cancel", "--all", stdin=f"{says}\n")
    assert "cancel would touch 3 deliveries of 1 request" in told.stderr
    assert statuses(stack) == (["cancelled"] if says == "y" else ["running"])
    assert told.exit_code == (0 if says == "y" else 1)
    assert done("cancel", "--all", "--yes")["requests"] == (0 if says == "y" else 1)


def test_whoever_stops_it_is_told_how_far_it_came(stack: Engine, people: str, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted(people, "--vendors", "insider")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(selections.selections, "step", interrupted)
    told = consent("cancel", "--all", "--json")
    assert told.exit_code == 130
    assert "stopped; it was done as far as this: 0 requests cancelled" in told.stderr
    with stack.connect() as connection:
        assert connection.execute(text("SELECT ended_at IS NOT NULL FROM deeds")).scalars().all() == [True]
    assert json.loads(told.stdout or "null") is None
