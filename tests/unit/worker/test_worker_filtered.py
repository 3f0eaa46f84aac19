"""What a failed task shows outside: its type and its place, and nothing that it quotes."""

import io
import logging
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from celery import Celery
from celery.app.trace import build_tracer
from celery.exceptions import Ignore, Reject, Retry
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError, OperationalError

from config.logging import PlainFormatter
from ledger.failures import LedgerError
from worker.filtered import FilteredTask, TaskFailedError

JANE = "jane@private.example"
DETAIL = f"duplicate key value violates unique constraint\nDETAIL:  Key (email)=({JANE}) already exists."


class Person(BaseModel):
    """One with a number."""

    number: int


def _refused_by_postgres() -> None:
    raise psycopg.errors.UniqueViolation(DETAIL)


def _refused_through_sqlalchemy() -> None:
    try:
        _refused_by_postgres()
    except psycopg.Error as error:
        raise IntegrityError("INSERT", {"email": JANE}, error) from error


def _lost() -> None:
    raise OperationalError("SELECT", {"email": JANE}, psycopg.errors.AdminShutdown(JANE))


def _unreadable() -> None:
    Person.model_validate({"number": JANE})


def _unanswered() -> None:
    raise httpx.ConnectError(JANE, request=httpx.Request("GET", f"https://vendor.example/users/{JANE}"))


def _unfound() -> None:
    {}[JANE]


def _garbled() -> None:
    JANE.encode().replace(b"@", b"\xff").decode()


def _from_another() -> None:
    try:
        _unfound()
    except KeyError:
        raise ValueError(JANE) from None


def _while_another() -> None:
    try:
        _unfound()
    finally:
        raise RuntimeError(JANE)


def _exhausted() -> None:
    raise MemoryError(JANE)


def _several() -> None:
    raise ExceptionGroup(JANE, [KeyError(JANE), ValueError(JANE)])


def _noted() -> None:
    error = ValueError("said later")
    error.add_note(JANE)
    raise error


def _of_its_arguments() -> None:
    _unfound(**{JANE: 1})


FAILURES = [
    _refused_by_postgres,
    _refused_through_sqlalchemy,
    _lost,
    _unreadable,
    _unanswered,
    _unfound,
    _garbled,
    _from_another,
    _while_another,
    _exhausted,
    _several,
    _noted,
    _of_its_arguments,
]


@pytest.fixture
def app() -> Celery:
    return Celery("tests", broker="memory://", task_cls=FilteredTask, set_as_current=False)


def run(app: Celery, work: Callable[..., None], **kwargs: Any) -> Any:
    """As a worker does: what Celery makes an event and a result of, and what it logs."""
    task = app.task(work, name=f"tests.{work.__name__}")
    app.finalize()
    tracer = build_tracer(task.name, app.tasks[task.name], app=app)
    return tracer("an-id", (), kwargs, {"id": "an-id"})[0]


@pytest.mark.parametrize("work", FAILURES, ids=lambda work: work.__name__)
def test_nothing_of_what_it_quotes_is_seen(app: Celery, work: Callable[[], None]) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(PlainFormatter())
    logger = logging.getLogger("celery.app.trace")
    logger.addHandler(handler)
    try:
        failed = run(app, work)
    finally:
        logger.removeHandler(handler)
    seen = "".join([repr(failed.exception), str(failed.traceback), log.getvalue()])
    assert isinstance(failed.exception, TaskFailedError)
    assert failed.exception.__cause__ is failed.exception.__context__ is None
    assert "jane" not in seen
    assert "Traceback" not in log.getvalue()
    if work is not _lost:
        assert "test_worker_filtered" in str(failed.exception) or "at " in str(failed.exception)


def test_arguments_that_do_not_fit_are_not_seen(app: Celery) -> None:
    failed = run(app, _unfound, **{JANE: 1})
    assert "TypeError" in str(failed.exception)
    assert "jane" not in str(failed.traceback)


def test_what_celery_steers_by_passes(app: Celery) -> None:
    def steer(kind: type[Exception]) -> None:
        raise kind

    task = app.task(steer, name="tests.steer")
    app.finalize()
    for kind in (Ignore, Reject, Retry):
        with pytest.raises(kind):
            task(kind)


def test_a_ledger_that_is_away_is_told_in_words(app: Celery) -> None:
    def away() -> None:
        raise LedgerError("nobody answers there")

    assert str(run(app, away).exception) == "cannot use PostgreSQL: nobody answers there"


@pytest.mark.parametrize("work", FAILURES, ids=lambda work: work.__name__)
def test_a_trace_in_the_log_is_a_line_without_what_it_quotes(work: Callable[[], None]) -> None:
    record = logging.LogRecord("any", logging.ERROR, "", 0, "failed", (), None)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        work()
    record.exc_info = (raised.type, raised.value, raised.tb)
    assert "jane" in "".join([*traceback.format_exception(raised.value), repr(raised.value)]), "this case shows nothing"
    told = PlainFormatter().format(record)
    assert "jane" not in told
    assert len(told.splitlines()) == 2
