"""`consent retention`: the ledger's values hold, and are changed on record; a ledger from before goes on as it was."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from ledger.retention import periods_of
from tests.ledger.cli.test_commands import stack
from tests.ledger.command_line import consent

__all__ = ["stack"]
WHY = ("--because", "the board decided")


def shown() -> dict[str, Any]:
    result = consent("retention", "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def started(engine: Engine) -> dict[str, float | None]:
    """What holds, once a worker has started with the settings of now."""
    with engine.begin() as connection:
        return periods_of(connection, Settings.load().periods()).by_name()


def doctor() -> list[dict[str, Any]]:
    findings = json.loads(consent("doctor", "--json").stdout)["findings"]
    return [one for one in findings if one["about"] == "retention"]


def test_settings_begin_a_ledger_and_then_its_own_values_hold(stack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown() == {"forget_after_days": {}, "retention_days": None, "written_down": False, "differing": {}}
    monkeypatch.setenv("CONSENT_FORGET_AFTER_DAYS__OPT_IN", "never")
    began = {"erasure": 30.0, "opt_out": 30.0, "opt_in": None, "record": None}
    assert started(stack) == began
    monkeypatch.setenv("CONSENT_FORGET_AFTER_DAYS", "5")
    assert started(stack) == began
    assert shown()["differing"] == {"erasure": 5.0, "opt_out": 5.0}
    held, differing = doctor()
    assert held["says"] == (
        "people are forgotten: after 30 days (erasure), after 30 days (opt_out), never (opt_in); "
        "records are dropped: never"
    )
    assert (held["ok"], differing["ok"]) == (True, True)
    assert "`consent retention set`" in differing["do"]


def test_a_change_is_on_record_and_a_senseless_one_refused_with_what_to_do(stack: Engine) -> None:
    started(stack)
    assert consent("retention", "set", "--forget-after-days", "0", "--kind", "opt_out", *WHY).exit_code == 0
    assert consent("retention", "set", "--retention-days", "400", *WHY).exit_code == 0
    told = shown()
    assert told["forget_after_days"] == {"erasure": 30.0, "opt_out": 0.0, "opt_in": 30.0}
    assert told["retention_days"] == 400.0
    with stack.connect() as connection:
        audited = connection.execute(
            text("SELECT target, because FROM audit_entries WHERE deed = 'retention set' ORDER BY id")
        ).all()
        logged = connection.execute(
            text("SELECT facts FROM log_pending WHERE type = 'retention' ORDER BY id")
        ).scalars()
        assert [*map(tuple, audited)] == [("opt_out: after 0 days", WHY[1]), ("record: after 400 days", WHY[1])]
        assert [(facts["name"], facts["days"]) for facts in logged][-2:] == [("opt_out", 0), ("record", 400)]
    for wrong in (
        (),
        ("--retention-days", "0"),
        ("--forget-after-days", "soon"),
        ("--forget-after-days", "nan"),
        ("--forget-after-days", "1e9"),
        ("--kind", "erasure", "--retention-days", "10"),
    ):
        result = consent("retention", "set", *wrong, *WHY)
        assert (result.exit_code, result.stdout) == (2, ""), wrong
        assert "--forget-after-days" in result.stderr or "--retention-days" in result.stderr
    assert shown() == told


@pytest.mark.parametrize(("days", "holds"), [(None, None), ("365", 365.0)])
def test_a_ledger_from_before_goes_on_with_the_one_period_that_it_had(
    stack: Engine, monkeypatch: pytest.MonkeyPatch, days: str | None, holds: float | None
) -> None:
    with stack.begin() as connection:  # as the migration writes it
        connection.execute(
            text("""INSERT INTO retention_periods (name, as_before)
                SELECT name, true FROM unnest(ARRAY['erasure', 'opt_out', 'opt_in', 'record']) AS name""")
        )
    assert shown()["written_down"] is False
    if days is not None:
        monkeypatch.setenv("CONSENT_RETENTION_DAYS", days)
    when = "never" if holds is None else "after 365 days"
    assert (
        f"write down what their settings say when they start; as they are here, people are forgotten: {when}; "
        in (doctor()[0]["says"])
    )
    assert started(stack) == dict.fromkeys(("erasure", "opt_out", "opt_in", "record"), holds)
    monkeypatch.setenv("CONSENT_RETENTION_DAYS", "10")
    assert started(stack) == dict.fromkeys(("erasure", "opt_out", "opt_in", "record"), holds)
