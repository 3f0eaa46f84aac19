"""Whether this process answers, and whether its services do. These are the only paths without authentication."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from ledger.delivery.restored import TO_DO, open_restore
from ledger.failures import LedgerError
from ledger.fitness import check_fitness
from ledger.sealing import UnsealError
from web.api.models import examples
from web.context import Context
from web.dependencies import TheContext
from web.pool import BusyError, Pool


class Health(BaseModel):
    """Whether this process answers, and its services do."""

    model_config = examples({"status": "ok"})
    status: str
    checks: dict[str, str] = {}
    notes: dict[str, str] | None = Field(default=None, description="what an operator should know though it is ready")


router = APIRouter(tags=["health"])
WITHIN_S = 5.0


@router.get("/healthz", summary="Does this process answer?", response_model_exclude_none=True)
async def healthz() -> Health:
    """Always ok. It is for whatever restarts processes that do not answer."""
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="Can requests be recorded?",
    response_model_exclude_none=True,
    responses={503: {"model": Health}},
)
async def readyz(context: TheContext, response: Response) -> Health:
    """Whether PostgreSQL takes writes and has our tables, and Redis takes writes. It is for load balancers. `notes`
    says so where nothing is sent, because the ledger was restored from a backup."""
    notes: dict[str, str] = {}
    checks = {
        "postgres": await _check(context.reads, lambda: _postgres(context, notes)),
        "redis": await _check(context.checks, lambda: "ok" if context.redis_answers() else "away"),
    }
    ready = set(checks.values()) == {"ok"}
    response.status_code = 200 if ready else 503
    return Health(status="ok" if ready else "not ready", checks=checks, notes=notes or None)


async def _check(pool: Pool, check: Callable[[], str]) -> str:
    try:
        async with asyncio.timeout(WITHIN_S):
            return await pool.run(check)
    except LedgerError as error:
        return error.word
    except UnsealError:
        return "sealed by other master keys"
    except TimeoutError:
        return "away"
    except BusyError:
        return "busy"


def _postgres(context: Context, notes: dict[str, str]) -> str:
    check_fitness(context.engine, context.masters)
    with context.engine.connect() as connection:
        if open_restore(connection) is not None:
            notes["restored"] = f"restored from a backup, and every vendor is held: {TO_DO}"
    return "ok"
