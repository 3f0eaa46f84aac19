"""The naive design, to compare with: a Celery task per user and vendor, sync httpx, one ORM update and commit each.

Written as most teams would first write it, and well where that costs nothing: one kept-alive client and one token per
process, prefork workers, ids in the messages. It is a Celery app: `celery --app bench.naive worker`.
"""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType

import httpx
from celery import Celery
from sqlalchemy import Engine, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

DATABASE, BROKER, VENDOR = "BENCH_NAIVE_DATABASE_URL", "BENCH_NAIVE_REDIS_URL", "BENCH_NAIVE_VENDOR_URL"
QUEUE = "bench.naive"
DELIVER = "bench.naive.deliver"

app = Celery("bench.naive", broker=os.environ.get(BROKER, "redis://"))
app.conf.update(task_default_queue=QUEUE, task_ignore_result=True, broker_connection_retry_on_startup=True)


class Base(DeclarativeBase):
    """The naive design's tables."""


class Delivery(Base):
    """One user at one vendor."""

    __tablename__ = "naive_deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor: Mapped[str] = mapped_column(Text)
    user_id: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    phone_number: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="pending", index=True)
    updated_at: Mapped[datetime | None]


@app.task(name=DELIVER)  # type: ignore[untyped-decorator] # Celery has no types
def deliver(delivery_id: int) -> None:
    """Send one user to one vendor and record the result."""
    with Session(_engine()) as session:
        delivery = session.get_one(Delivery, delivery_id)
        STEPS[delivery.vendor](delivery.user_id)
        delivery.status = "done"
        delivery.updated_at = datetime.now(UTC).replace(tzinfo=None)
        session.commit()


@cache
def _engine() -> Engine:
    return create_engine(os.environ[DATABASE])


@cache
def _client() -> httpx.Client:
    return httpx.Client(base_url=os.environ[VENDOR], timeout=30.0)


@cache
def _token() -> str:
    answer = _client().post("/profile-command/v1/oauth2/token", data={"grant_type": "client_credentials"})
    return str(answer.json()["access_token"])


def _insider_erasure(user_id: str) -> None:
    headers = {"X-PARTNER-NAME": "bench", "X-REQUEST-TOKEN": "bench"}
    who = {"identifiers": {"uuid": user_id}}
    consent = {"skip_hook": True, "users": [{**who, "attributes": {"gdpr_optin": False}}]}
    attributes = {"users": [{**who, "whole": ["name", "surname", "birthday", "gender", "age", "language", "country"]}]}
    _post("/api/user/v1/upsert", headers, consent)
    _post("/api/user/v1/attribute/delete", headers, attributes)


def _dfinery_erasure(user_id: str) -> None:
    headers = {"Authorization": "Bearer bench"}
    flags = ("info_flag", "mkt_flag", "mkt_push_flag", "mkt_sms_flag", "mkt_kakao_flag", "night_flag")
    properties = dict.fromkeys(flags, "Unsubscribed")
    update = {"user_properties": [{"user_id": user_id, "properties": properties}]}
    deletion = {"user_ids": [user_id], "user_ci_property_names": ["kakao_id", "phone_number"]}
    _post("/api/v1/users/profile/update", headers, update)
    _post("/api/v1/users/ci/delete", headers, deletion)


def _algonomy_opt_out(user_id: str) -> None:
    body = {"type": "optOut", "enableOptOut": True}
    headers = {"Authorization": f"Bearer {_token()}"}
    _client().put(f"/profile-command/v1/optOut/{user_id}", headers=headers, json=body).raise_for_status()


def _post(path: str, headers: Mapping[str, str], body: Mapping[str, object]) -> None:
    answer = _client().post(path, headers=headers, json=body)
    answer.raise_for_status()
    answer.json()


STEPS: Mapping[str, Callable[[str], None]] = MappingProxyType(
    {"insider": _insider_erasure, "dfinery": _dfinery_erasure, "algonomy": _algonomy_opt_out}
)
"""The same calls as our adapters make, one user in each."""
