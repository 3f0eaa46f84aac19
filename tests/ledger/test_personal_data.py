"""What somebody with the ledger's tables and without its keys can read of a person: nothing."""

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b, md5, sha1, sha256
from typing import Any

import psycopg
from sqlalchemy import Engine

from adapters.contract import Answer, Call, Person, Verdict
from domain.notices import Callback, Style
from domain.outcomes import Reason
from domain.requests import Subject
from ledger.notices.webhooks import announce_webhooks
from ledger.sealing import MasterKeys
from ledger.session import driver_of
from tasks.legal_holds import Keeper
from tests.ledger.conftest import APPLIED, Desk

TABLES = (
    "api_keys",
    "audit_entries",
    "deeds",
    "draft_blocks",
    "drafts",
    "settling",
    "turns",
    "guesses",
    "keys",
    "master_keys",
    "forgetting",
    "spared_lines",
    "data_keys",
    "retention_periods",
    "suppression",
    "legal_holds",
    "legal_hold_prints",
    "withheld",
    "logins",
    "notes",
    "late_prints",
    "opendsr_requests",
    "outbox",
    "person_filters",
    "resolver",
    "restores",
    "vendor_answers",
    "vendors",
    "request_references",
    "rechecks",
    "requests",
    "subjects",
    "other_identifiers",
    "successions",
    "sessions",
    "spent",
    "audit_batches",
    "audit_due",
    "log_head",
    "log_pending",
    "log_entries",
    "log_tiles",
    "log_checkpoints",
    "log_timestamps",
    "signing_keys",
    "trees_due",
    "outcome_trees",
    "outcome_tiles",
    "steps",
    "chunks",
    "devices",
    "sent_lately",
    "outcomes",
    "tallies",
    "users",
    "volumes",
    "webhooks",
    "alembic_version",
)

SUBJECT: Subject = {
    "user_id": "jane-4711",
    "email": "jane.doe@private.example",
    "phone_number": "+821012345678",
    "vendors": {
        "akinon": {"session_id": "hush-session", "csrf_token": "hush-csrf"},
        "algonomy": {"user_id": "algo-4712"},
        "insider": {"identifiers": {"custom": {"card": "card-4713"}}},
        "b2core": {"profile_id": "profile-4714"},
    },
}
CALLBACK = Callback("https://producer.example/hush-callback", "producer.example", Style.OPENDSR)
OPTIONS = {"insider": {"partial": {"list_id": ["hush-list"]}}}
PERSONAL = (
    "jane-4711",
    "jane.doe",
    "private.example",
    "821012345678",
    "hush-session",
    "hush-csrf",
    "algo-4712",
    "card-4713",
    "profile-4714",
    "hush-list",
    "hush-callback",
)


def dump(engine: Engine) -> dict[str, bytes]:
    """The bytes of every table, in COPY's binary form, and once more as text."""
    with engine.connect() as connection, driver_of(connection).cursor() as cursor:
        cursor.execute("""
            SELECT relname FROM pg_class
            WHERE relnamespace = CAST('public' AS regnamespace) AND relkind IN ('r', 'p') AND NOT relispartition""")
        assert {name for (name,) in cursor} == set(TABLES), "a new table: is anything personal in it?"
        return {table: b"".join(_copied(cursor, table)) for table in TABLES}


def _copied(cursor: "psycopg.Cursor[Any]", table: str) -> Iterator[bytes]:
    for form in ("binary", "text"):
        with cursor.copy(f"COPY (TABLE {table}) TO STDOUT (FORMAT {form})".encode()) as copy:
            yield from (bytes(block) for block in copy)


def forms(value: str) -> Iterator[bytes]:
    """How a value might stand in a table without a key."""
    plain = value.encode()
    yield from (plain, plain[::-1], plain.hex().encode(), json.dumps(value).encode(), value.encode("utf-16-le"))
    for hashed in (md5, sha1, sha256, blake2b):
        digest = hashed(plain).digest()
        yield from (digest[:16], digest[:16].hex().encode())


def assert_nothing_personal(engine: Engine) -> None:
    for table, content in dump(engine).items():
        for value in PERSONAL:
            for form in forms(value):
                assert form not in content, f"{table} tells a person"


def test_nothing_personal_can_be_read_in_any_table(desk: Desk) -> None:
    desk.announce(insider=2, akinon=2)
    with desk.engine.begin() as connection:
        announce_webhooks(connection, {"crm": "crm.example"})
    people: list[Subject] = [SUBJECT, {**SUBJECT, "user_id": "jane-4711-too"}, SUBJECT]
    desk.submit(
        people,
        options=OPTIONS,
        idempotency_key="key:shop jane.doe@private.example",
        callbacks=(CALLBACK,),
        reference="jane.doe@private.example",
    )
    kept: Subject = {"user_id": SUBJECT["user_id"], "email": SUBJECT["email"]}
    Keeper(desk.engine, desk.masters, "cli:test", desk.woken.extend).add(kept, Reason.LITIGATION, "case 12")
    assert_nothing_personal(desk.engine)
    answers = {1: APPLIED, 2: Answer(Verdict.RETRY, Reason.BUSY)}

    def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
        assert any("jane-4711" in str(one.subject) for one in batch)
        return [answers[one.line] for one in batch]

    desk.work_off(desk.tools_for(answering), runs=1)
    assert len(desk.outcomes()) == 1
    assert_nothing_personal(desk.engine)


def test_the_search_would_find_what_is_there(desk: Desk) -> None:
    desk.submit([SUBJECT])
    desk.execute("UPDATE subjects SET sealed = convert_to('jane.doe', 'UTF8')")
    content = dump(desk.engine)["subjects"]
    assert any(form in content for form in forms("jane.doe"))


def test_a_print_of_one_ledger_says_nothing_in_another(desk: Desk, masters: MasterKeys) -> None:
    desk.submit([SUBJECT])
    first = desk.rows("SELECT user_print, email_print, phone_print, whole_print FROM subjects")
    desk.execute("TRUNCATE keys, subjects")
    desk.submit([SUBJECT])
    second = desk.rows("SELECT user_print, email_print, phone_print, whole_print FROM subjects")
    assert not set(first[0]) & set(second[0])
    assert len(set(first[0])) == 4


def test_the_same_person_has_the_same_prints_in_every_request(desk: Desk) -> None:
    for email in ("Jane.Doe@Private.Example", "jane.doe@private.example"):
        desk.submit([{**SUBJECT, "email": email}])
    prints = desk.rows("SELECT user_print, email_print, phone_print FROM subjects")
    assert prints[0] == prints[1]
    assert None not in prints[0]


def test_the_same_person_is_sealed_differently_every_time(desk: Desk) -> None:
    for _ in range(2):
        desk.submit([SUBJECT])
    first, second = (bytes(sealed) for (sealed,) in desk.rows("SELECT sealed FROM subjects"))
    assert first != second
