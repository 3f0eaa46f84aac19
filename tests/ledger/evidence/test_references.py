"""An answer says where the log has what it tells, and only while the log has just that."""

from base64 import b64encode
from uuid import UUID

from pydantic_core import from_json

from answers.facts import Evidence
from answers.reading import facts_of, facts_of_person
from evidence.keys import SigningKey
from tasks.log import LogKeeper, keep_log
from tests.ledger.conftest import APPLIED, Desk, everybody, people


def test_an_answer_refers_to_the_signed_entry_of_what_it_tells(desk: Desk) -> None:
    public_id = desk.submit(people(2)).recorded.public_id
    desk.work_off(desk.tools_for(everybody(APPLIED)))

    def keep(key: SigningKey | None) -> None:
        keep_log(LogKeeper(desk.engine, desk.masters, lambda: key, "shop.example/consent"))

    assert evidence(desk, public_id) is None  # it is not in the log yet
    keep(None)
    assert evidence(desk, public_id) is None  # nothing has signed it
    keep(SigningKey(b"k" * 32))
    found = evidence(desk, public_id)
    assert found is not None
    ((entry, root),) = desk.rows(
        "SELECT entry, root FROM log_entries, outcome_trees WHERE type = 'outcomes' AND index = :index",
        index=found.entry,
    )
    assert from_json(entry)["request"] == str(public_id)
    assert found == Evidence("shop.example/consent", found.entry, b64encode(root).decode())
    with desk.engine.connect() as connection:
        person = facts_of_person(connection, desk.masters, public_id, 1, deeds=False)
    assert person is not None
    assert person.evidence == found
    desk.execute("INSERT INTO trees_due SELECT id FROM requests")  # as when an outcome comes after it
    assert evidence(desk, public_id) is None


def evidence(desk: Desk, public_id: UUID) -> Evidence | None:
    with desk.engine.connect() as connection:
        told = facts_of(connection, public_id, deeds=False)
    assert told is not None
    return told.evidence
