"""Faults drawn from a seed: the n-th call to a vendor meets the same fault in every run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from random import Random
from typing import Any

WAIT_FORMS = (
    *("seconds", "decimals", "unit", "fixdate", "rfc850", "asctime", "twice"),
    *("ratelimit", "older_ratelimit", "ratelimit_reset", "reset_epoch", "reset_seconds", "unreadable"),
)
"""The forms in which a vendor, or its gateway, says how long to wait (sandbox/waits.py)."""

# They share one draw, so a call meets at most one. Their order is part of what a seed means.
KINDS = (
    "too_many",
    "too_many_silent",
    "server_error",
    "unavailable",
    "gateway_timeout",
    "html_page",
    "drop_before",
    "drop_after",
    "truncate",
    "slow",
    "partial",
    "revoke",
    "ignored_filter",
)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Probabilities per call of one vendor (they add up to at most 1), with their parameters."""

    too_many: float = 0.0  # 429 with Retry-After, nothing done
    too_many_silent: float = 0.0  # 429 without
    server_error: float = 0.0  # 500, nothing done
    unavailable: float = 0.0  # 502 or 503, body JSON or HTML, nothing done
    gateway_timeout: float = 0.0  # 504, yet it was done
    html_page: float = 0.0  # 200 with a web page, nothing done
    drop_before: float = 0.0  # connection aborted, nothing done
    drop_after: float = 0.0  # done, then the connection aborted
    truncate: float = 0.0  # done, then the JSON is cut off
    slow: float = 0.0  # done, answered late
    partial: float = 0.0  # some people of the call are refused (Dfinery 5003, Insider users.N)
    revoke: float = 0.0  # every token issued so far is revoked
    ignored_filter: float = 0.0  # a list ignores its filter and returns everyone (B2CORE)
    retry_after_s: int = 1
    wait_form: str = "seconds"  # the form of a 429's wait: one of sandbox/waits.py
    slow_s: tuple[float, float] = (0.2, 1.0)
    latency_s: float = 0.0  # before every answer
    poison_prefix: str = "poison-"
    busy_prefix: str = "busy-"
    busy_times: int = 2  # how often Dfinery says 5003 for a busy user before it succeeds
    ci_delete_by: str = "user_ids"  # the field of Dfinery's ci/delete for the ids; its page's example: user_id
    pending_s: float = 2.0  # how long a B2CORE deletion answered with 202 takes
    token_life_s: float = 3600.0  # the life of a token of B2CORE
    contacts_page: int = 25  # how many contacts B2CORE lists at once, without another `limit`

    def __post_init__(self) -> None:
        odds = [getattr(self, kind) for kind in KINDS]
        if min(odds) < 0 or sum(odds) > 1 + 1e-9:
            raise ValueError("fault probabilities must be 0 or more and add up to at most 1")
        if self.wait_form not in WAIT_FORMS:
            raise ValueError(f"wait_form must be one of {', '.join(WAIT_FORMS)}")
        if not 0 <= self.slow_s[0] <= self.slow_s[1]:
            raise ValueError("slow_s must be [shortest, longest] in seconds")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `luck` in [0, 1) settles its details."""

    kind: str
    luck: float


class FaultDeck:
    """Draws one vendor's faults. Each call takes exactly two numbers, whatever the plan."""

    def __init__(self, plan: FaultPlan, seed: int, vendor: str) -> None:
        self.plan = plan
        self._random = Random(f"{seed}:{vendor}")
        self._odds = [(kind, getattr(plan, kind)) for kind in KINDS if getattr(plan, kind)]

    def draw(self) -> Fault | None:
        chance, luck = self._random.random(), self._random.random()
        for kind, probability in self._odds:
            if chance < probability:
                return Fault(kind, luck)
            chance -= probability
        return None


MILD = FaultPlan(
    too_many=0.001,
    too_many_silent=0.001,
    server_error=0.005,
    unavailable=0.005,
    gateway_timeout=0.001,
    html_page=0.0005,
    drop_before=0.003,
    drop_after=0.003,
    truncate=0.002,
    slow=0.003,
)


def plan_preset(preset: str, own: Mapping[str, Mapping[str, float]]) -> FaultPlan:
    """`none`, `mild` (2-3 % of calls) or `harsh` (about 15 %), with the faults of this vendor alone (`own`, by preset;
    `harsh` includes those of `mild`)."""
    if preset == "none":
        return FaultPlan()
    if preset not in ("mild", "harsh"):
        raise ValueError("faults must be none, mild, harsh or a JSON file")
    plan = _overlay(MILD, own.get("mild", {}))
    if preset == "harsh":
        worse: dict[str, Any] = {kind: 6 * getattr(plan, kind) for kind in KINDS}
        plan = _overlay(replace(plan, **worse, slow_s=(0.5, 3.0)), own.get("harsh", {}))
    return plan


def read_plans(
    source: Mapping[str, Any], vendors: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> dict[str, FaultPlan]:
    """Plans from `{"preset": …, "<vendor>": {field: value}}`; a vendor's fields override the preset. `vendors`: by
    name, the faults of that vendor alone.

    Raises ValueError with a sentence for a preset, vendor or field that does not exist.
    """
    strangers = set(source) - set(vendors) - {"preset", "seed"}
    if strangers:
        raise ValueError(f"unknown vendor or key: {', '.join(sorted(strangers))}")
    preset = source.get("preset", "none")
    return {name: _overlay(plan_preset(preset, own), source.get(name, {})) for name, own in vendors.items()}


def _overlay(plan: FaultPlan, given: Mapping[str, Any]) -> FaultPlan:
    unknown = set(given) - {field.name for field in fields(FaultPlan)}
    if unknown:
        raise ValueError(f"unknown fault field: {', '.join(sorted(unknown))}")
    return replace(plan, **{name: _fit(name, value, getattr(plan, name)) for name, value in given.items()})


def _fit(name: str, value: Any, default: object) -> Any:
    """`value` converted for the field, whose type is that of its default."""
    if isinstance(default, tuple) and isinstance(value, list) and len(value) == 2:
        return tuple(_fit(name, each, 0.0) for each in value)
    wanted = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise ValueError(f"fault field {name} has the wrong type")
    return value


def read_faults(name: str) -> dict[str, Any]:
    """The source of plans for `--faults`: a preset, or the path of a JSON file."""
    if name in ("none", "mild", "harsh"):
        return {"preset": name}
    source = json.loads(Path(name).read_text("utf-8"))
    if not isinstance(source, dict):
        raise ValueError("the faults file must hold a JSON object")
    return source
