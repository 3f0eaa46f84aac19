"""Dfinery User Profile and User CI Profile, up to 20 users a call (dfinery.txt; codes: CONTRACTS.md)."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

from sandbox.contract import OneAccess
from sandbox.exchange import (
    Answer,
    Call,
    RefusedError,
    answer_json,
    has_strangers,
    is_strings,
    read_bearer,
    wait_headers,
)
from sandbox.people import Person

CHANNELS = ("", "push_", "sms_", "kakao_")
FLAGS = ("info_flag", *(f"{time}_{channel}flag" for time in ("mkt", "night") for channel in CHANNELS))
PERSONAL = {"user_name": "lucas", "age": "30", "gender": "male"}
CUSTOM: dict[str, str | int | bool] = {"nickname": "luke", "points": 120, "vip": True}
"""This customer's own properties, each with a type that values must have."""
PROPERTIES = (*PERSONAL, *CUSTOM, *FLAGS)
CI = {"kakao_id": re.compile(r"\d{10}"), "phone_number": re.compile(r"[1-9]\d{6,14}")}
MAX_USERS = 20
MESSAGES = {
    4007: "Contains unsupported property value.",
    4008: "Contains invalid data type.",
    5003: "The server was too busy to handle it. Please try again later.",
}


@dataclass(slots=True)
class Record:
    key: str
    user_id: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    ci: dict[str, Any] = field(default_factory=dict)
    effects: int = 0


@dataclass(frozen=True, repr=False)
class DfineryAccount:
    """The credentials that Dfinery issues."""

    api_token: str = "sandbox-dfinery-api-token"

    def settings(self) -> Mapping[str, str]:
        return {"API_TOKEN": self.api_token}


class Dfinery(OneAccess):
    """Every answer carries a result_code; single users can fail in a 200."""

    name: ClassVar = "dfinery"
    limit: ClassVar = 10_000
    roomy: ClassVar = 10_000
    account: ClassVar = DfineryAccount
    faults: ClassVar[Mapping[str, Mapping[str, float]]] = {"mild": {"partial": 0.002}}

    def __init__(self, account: DfineryAccount) -> None:
        self._account = account
        self.clear()

    def clear(self) -> None:
        self._records: dict[str, Record] = {}
        self._busy: Counter[str] = Counter()
        self._revoked = False

    def answer(self, call: Call) -> Answer:
        operations = {
            "/users/profile/update": self._update_profiles,
            "/users/profile": self._read_profiles,
            "/users/ci/update": self._update_ci,
            "/users/ci": self._read_ci,
            "/users/ci/delete": self._delete_ci,
        }
        operation = operations.get(call.path)
        if operation is None:
            raise RefusedError(result(404, 4005, "No such API."), "path")
        if call.method != "POST":
            raise RefusedError(result(405, 4005, "POST only."), "method")
        known = read_bearer(call.headers) == self._account.api_token
        if self._revoked or not known:
            raise RefusedError(result(400, 4001, "Invalid API Token Error."), None if known else "api_token")
        return operation(call, call.json_object(refuse))

    def _update_profiles(self, call: Call, payload: dict[str, Any]) -> Answer:
        return self._update(call, payload, "user_properties", PROPERTIES)

    def _update_ci(self, call: Call, payload: dict[str, Any]) -> Answer:
        return self._update(call, payload, "user_ci_properties", tuple(CI))

    def _update(self, call: Call, payload: dict[str, Any], key: str, names: tuple[str, ...]) -> Answer:
        expect_fields(payload, required=(key,))
        updates = payload[key]
        if not isinstance(updates, list) or not all(isinstance(each, dict) for each in updates):
            raise refuse("required_field")
        for update in updates:
            expect_fields(update, required=("user_id", "properties"))
            if not isinstance(update["properties"], dict) or not update["properties"]:
                raise refuse("properties")
            expect_names(update["properties"], names)
        user_ids = [update["user_id"] for update in updates]
        failed = self._fail(call, expect_users(user_ids))
        for update in updates:
            if update["user_id"] in failed:
                continue
            codes = [code for name, value in update["properties"].items() if (code := judge(name, value))]
            if codes:
                call.note("property_value")
                failed[update["user_id"]] = min(codes)
                continue
            record = self._records.setdefault(update["user_id"], Record(update["user_id"]))
            (record.ci if names != PROPERTIES else record.properties).update(update["properties"])
            record.effects += 1
        return conclude(user_ids, failed)

    def _delete_ci(self, call: Call, payload: dict[str, Any]) -> Answer:
        # The page's example says `user_id`, its table `user_ids`: the table counts, unless the plan says otherwise.
        by = call.plan.ci_delete_by
        if by not in payload and "user_ids" in payload:
            raise RefusedError(result(400, 4002, "Required parameters cannot be empty."))
        expect_fields(payload, required=(by, "user_ci_property_names"))
        user_ids = expect_users(payload[by])
        names = expect_names(payload["user_ci_property_names"], tuple(CI))
        failed = self._fail(call, user_ids)
        for user_id in user_ids:
            if user_id not in failed and (record := self._records.get(user_id)):
                for name in names:
                    record.ci.pop(name, None)
                record.effects += 1
        return conclude(user_ids, failed)

    def _read_profiles(self, call: Call, payload: dict[str, Any]) -> Answer:
        expect_fields(payload, required=("user_ids",), optional=("property_names",))
        names = expect_names(payload.get("property_names", list(PROPERTIES)), PROPERTIES)
        return self._read(call, payload, names, "successful_user_properties")

    def _read_ci(self, call: Call, payload: dict[str, Any]) -> Answer:
        expect_fields(payload, required=("user_ids", "user_ci_property_names"))
        names = expect_names(payload["user_ci_property_names"], tuple(CI))
        return self._read(call, payload, names, "successful_user_ci_properties")

    def _read(self, call: Call, payload: dict[str, Any], names: list[str], key: str) -> Answer:
        user_ids = expect_users(payload["user_ids"])
        failed = self._fail(call, user_ids)
        found = []
        for user_id in user_ids:
            if user_id not in failed:
                record = self._records.get(user_id, Record(user_id))
                held = record.properties | record.ci
                # "if there is no setting history, "Undefined" is returned" (page)
                found.append({"user_id": user_id, "properties": {name: held.get(name, "Undefined") for name in names}})
        return result(200, 2000, None, {key: found, "failure_details": group(failed)})

    def _fail(self, call: Call, user_ids: list[str]) -> dict[str, int]:
        """The users of this call that always fail, with their codes."""
        failed = {user_id: 4008 for user_id in user_ids if call.is_poison(user_id)}
        for user_id in user_ids:
            if call.plan.busy_prefix and user_id.startswith(call.plan.busy_prefix):
                self._busy[user_id] += 1
                if self._busy[user_id] <= call.plan.busy_times:
                    failed[user_id] = 5003
        if call.fault is not None and call.fault.kind == "partial":
            random = Random(call.fault.luck)
            unlucky = random.sample(user_ids, random.randint(1, len(user_ids)))
            failed = dict.fromkeys(unlucky, 5003) | failed
        return failed

    def admit(self, person: Person) -> None:
        user_id = person.given(self.name, "user_id") or person.user_id
        if user_id:
            number = (person.phone_number or "+821012345678").lstrip("+")
            held = {**PERSONAL, **CUSTOM, **dict.fromkeys(FLAGS, "Subscribed")}
            ci = {"kakao_id": f"{len(self._records) + 1:010d}", "phone_number": number}
            self._records[user_id] = Record(user_id, person.user_id, held, ci)

    def facts(self, now: float) -> Iterator[dict[str, Any]]:
        for record in list(self._records.values()):
            held = record.properties
            yield {
                "key": record.key,
                "user_id": record.user_id,
                "effects": record.effects,
                "flags": {flag: held.get(flag, "Undefined") for flag in FLAGS},
                "flags_on": [flag for flag in FLAGS if held.get(flag) != "Unsubscribed"],
                "properties": {name: value for name, value in held.items() if name not in FLAGS},
                "known": [name for name, value in PERSONAL.items() if held.get(name) == value],
                "ci": record.ci,
            }

    @staticmethod
    def is_in_effect(kind: str, fact: Mapping[str, Any]) -> bool:
        silent = all(flag == "Unsubscribed" for flag in fact["flags"].values())
        return silent and not (kind == "erasure" and (fact["ci"] or fact["known"]))

    def reject_rate(self, reset_ms: int, retry_after_s: int | None) -> Answer:
        headers = {
            "X-Rate-Limit-Limit": "1m",
            "X-Rate-Limit-Remaining": "0",
            "X-Rate-Limit-Reset": str(reset_ms),
            **wait_headers(retry_after_s),
        }
        return result(429, 4006, "API RateLimit exceeded.", headers=headers)

    def break_down(self) -> Answer:
        return result(500, 5000, "Internal server error.")


SERVES = Dfinery


def result(
    status: int, code: int, message: str | None, data: object = None, headers: dict[str, str] | None = None
) -> Answer:
    return answer_json(status, {"result_code": code, "result_msg": message, "result_data": data}, headers)


def refuse(rule: str, code: int = 4002, message: str = "Invalid request format.") -> RefusedError:
    return RefusedError(result(400, code, message), rule)


def expect_fields(payload: dict[str, Any], required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    if not set(required) <= set(payload):
        raise refuse("required_field")
    if has_strangers(payload, required + optional):
        raise refuse("unknown_field")


def expect_users(user_ids: Any) -> list[str]:
    if not isinstance(user_ids, list) or not user_ids or not is_strings(user_ids):
        raise refuse("user_ids")
    if len(user_ids) > MAX_USERS:
        raise refuse("batch_size", message="Too many user ids in request.")
    return user_ids


def expect_names(names: Any, known: tuple[str, ...]) -> list[str]:
    given = list(names) if isinstance(names, dict) else names
    if not is_strings(given) or not given:
        raise refuse("property_names")
    if has_strangers(given, known):
        raise refuse("property_name", 4007, "Contains unsupported property name.")
    return list(given)


def judge(name: str, value: object) -> int | None:
    """The code that refuses one property value, if any."""
    if name in FLAGS:
        return None if value in ("Subscribed", "Unsubscribed") else 4007
    if name in CI:
        return None if isinstance(value, str) and CI[name].fullmatch(value) else 4008
    wanted = type(CUSTOM.get(name, ""))
    return None if type(value) is wanted else 4007  # "null cannot be updated" (page)


def group(failed: dict[str, int]) -> list[dict[str, Any]]:
    codes = sorted(set(failed.values()))
    return [
        {"code": code, "msg": MESSAGES[code], "user_ids": [who for who, why in failed.items() if why == code]}
        for code in codes
    ]


def conclude(user_ids: list[str], failed: dict[str, int]) -> Answer:
    done = [user_id for user_id in user_ids if user_id not in failed]
    # null when nobody failed, as in the page's examples of writes; the reads have [].
    return result(200, 2000, None, {"successful_user_ids": done, "failure_details": group(failed) or None})
