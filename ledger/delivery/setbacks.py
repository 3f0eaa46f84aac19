"""Setbacks as stored with a chunk: JSON, with the carry of a job sealed."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from pydantic_core import to_json

from domain.retry import Job, Setback
from ledger.sealing import SealingKey

_PLAIN = [field.name for field in fields(Setback) if field.name != "job"]


def write_setbacks(setbacks: Iterable[Setback], key: SealingKey, context: bytes) -> str:
    """The JSON array: each setback's fields in order, with its job as an object at the end, where it has one."""
    return to_json([_written(setback, key, context) for setback in setbacks]).decode()


def read_setbacks(rows: Sequence[Sequence[Any]], key: SealingKey, context: bytes) -> tuple[Setback, ...]:
    """The setbacks of a chunk. Those of an older version lack the later fields.

    Raises ledger.sealing.UnsealError.
    """
    return tuple(_read(row, key, context) for row in rows)


def job_context(request_id: int, vendor_id: int) -> bytes:
    """Binds the carry of a job to its deliveries."""
    return b"job:%d:%d" % (request_id, vendor_id)


def _written(setback: Setback, key: SealingKey, context: bytes) -> list[Any]:
    plain = [getattr(setback, name) for name in _PLAIN]
    job = setback.job
    if job is None:
        return plain
    sealed = b64encode(key.seal(job.carry.encode(), context)).decode()
    return [*plain, {"step": job.step, "since": job.since, "carry": sealed}]


def _read(row: Sequence[Any], key: SealingKey, context: bytes) -> Setback:
    *values, last = row
    job = None
    if isinstance(last, dict):
        carry = key.open(b64decode(last["carry"]), context).decode()
        job = Job(last["step"], last["since"], carry)
    else:
        values.append(last)
    plain = dict(zip(_PLAIN, values, strict=False))
    return Setback(**{**plain, "lines": tuple(plain["lines"]), "job": job})
