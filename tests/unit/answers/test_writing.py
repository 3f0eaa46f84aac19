"""What an answer says, to each reader and in each language."""

import json
import re
from dataclasses import asdict, replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from answers.as_json import as_json
from answers.choices import Language, Reader
from answers.document import Document, each_text
from answers.facts import Deed, Ending, Recipient
from answers.writing import write
from domain.outcomes import Outcome, Reason
from domain.requests import Kind
from tests.table_rows import each_row
from tests.unit.answers.samples import ASKED, MASKED, at, ended, facts

EN = Language.ENGLISH
PERSON, REGULATOR = Reader.PERSON, Reader.REGULATOR
OURS = ("akinon", "algonomy", "b2core", "dfinery", "insider")
OUTCOMES = [*(outcome.value for outcome in Outcome), "pending", "withheld", "of a newer program"]


def texts(document: Document) -> list[str]:
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    each_text(document, keep)
    return found


def section(document: Document, heading: str) -> str:
    """All that stands under a heading."""
    (found,) = [one for one in document.sections if one.heading == heading]
    return json.dumps(asdict(found), ensure_ascii=False)


@each_row(("outcome", "language", "reader"), product(OUTCOMES, Language, Reader))
def test_every_outcome_is_told_in_every_language_to_every_reader(
    outcome: str, language: Language, reader: Reader
) -> None:
    for kind in Kind:
        recipients = [at(vendor, ended(outcome)) for vendor in (*OURS, "gone")]
        document = write(facts(*recipients, kind=kind, person=MASKED), reader, language)
        said = texts(document)
        assert all(text.strip() for text in said if text != document.sender)
        assert not [text for text in said if re.search(r"[{}`]|None|\bReason\.|\bOutcome\.", text)]
        assert {"Insider", "Akinon", "gone"} <= {text.partition(":")[0] for text in said}
        if language is Language.KOREAN and outcome in set(Outcome):
            names = {*OURS, "gone", "Insider", "Algonomy (RichRelevance)", "B2CORE", "Dfinery", "Akinon", "user:ann"}
            # No English sentence stands amid Korean; of a person's identifiers the masked ones do.
            plain = [text for text in said if text.partition(":")[0] not in names and "•" not in text]
            assert not [text for text in plain if re.search(r"[a-z]{4,} [a-z]{2,}", text)]


@pytest.mark.parametrize("language", Language)
def test_every_reason_says_something_in_every_language(language: Language) -> None:
    for reason in Reason:
        for outcome in ("refused", "needs_action", "exhausted", "cancelled", "not_applicable", "unreachable"):
            document = write(facts(at("insider", ended(outcome, reason))), PERSON, language)
            (entry,) = next(one.entries for one in document.sections if one.entries)
            assert entry.lines
            assert reason.value not in json.dumps(asdict(document)).replace("busy", "")


def test_a_person_reads_plain_words_and_no_setting_of_a_vendor() -> None:
    everywhere = [at(vendor, ended("accepted")) for vendor in OURS]
    said = " ".join(texts(write(facts(*everywhere, person=MASKED), PERSON, EN)))
    for jargon in ("gdpr_optin", "optOut", "CONSENT_", "profile service", "CI", "API", "flag", "attributes"):
        assert not re.search(rf"\b{jargon}\b", said), jargon
    assert "user:ann" not in said


@pytest.mark.parametrize(
    ("ending", "said", "not_said"),
    [
        (ended("verified"), "looked up there afterwards", "confirmed it"),
        (ended("accepted"), "It has not been looked up there", "It is so"),
    ],
)
def test_only_what_was_read_back_is_called_seen(ending: Ending, said: str, not_said: str) -> None:
    done = section(write(facts(at("dfinery", ending)), PERSON, EN), "What was done")
    assert said in done
    assert not_said not in done
    assert "It offers no way to look it up" in section(
        write(facts(at("algonomy", ended("accepted"))), PERSON, EN), "What was done"
    )


def test_the_way_that_was_taken_is_the_one_that_is_told() -> None:
    one = section(write(facts(at("b2core", ended("verified", "disabled"))), PERSON, EN), "What was done")
    assert "The record was disabled. It was not deleted." in one
    assert "all data of the record" in one
    usual = section(write(facts(at("b2core", ended("verified"))), PERSON, EN), "What was done")
    assert "was deleted" in usual


def test_of_a_large_request_no_way_is_claimed() -> None:
    counted = at("insider", ended("accepted", people=900_000, first_at=None, last_at=None))
    told = facts(counted, people=900_000)
    done = section(write(told, PERSON, EN), "What was done")
    assert "in one of these ways" in done
    assert "900,000 people" in done
    footer = write(told, REGULATOR, EN).footer
    assert any("size" in line for line in footer)


@pytest.mark.parametrize(
    ("endings", "status", "lead"),
    [
        (("verified", "absent"), "completed", "done at every recipient"),
        (("absent", "superseded"), "completed", "Nothing had to be done"),
        (("accepted", "not_applicable"), "completed", "in part"),
        (("accepted", "refused"), "completed_with_exceptions", "in part"),
        (("refused", "unreachable"), "completed_with_exceptions", "not been done at any"),
        (("accepted", "pending"), "running", "still being carried out"),
        (("pending", "pending"), "unconfirmed", "nothing of it has been carried out yet"),
        (("accepted", "cancelled"), "cancelled", "withdrawn"),
        (("accepted", "withheld"), "completed_with_exceptions", "in part"),
    ],
)
def test_one_sentence_tells_the_whole(endings: tuple[str, str], status: str, lead: str) -> None:
    told = facts(*(at(vendor, ended(one)) for vendor, one in zip(OURS, endings, strict=False)), status=status)
    for reader in Reader:
        assert lead in write(told, reader, EN).lead


NEXT = "What happens next"


def test_what_comes_next() -> None:
    def said(*args: Recipient, **more: Any) -> str:
        return section(write(facts(*args, **more), PERSON, EN), NEXT)

    running = {"status": "running", "closed_at": None}
    assert "by 3 June 2026" in said(at("insider", ended("pending")), **running)
    late = said(at("insider", ended("pending")), as_of=ASKED + timedelta(days=40), **running)
    assert "It is late" in late
    assert "new answer" in said(at("insider", ended("exhausted", "server_error")))
    unreachable = said(at("akinon", ended("unreachable", "no_identifier")))
    assert "another identifier helps" in unreachable
    assert "complain" in unreachable
    accepted = said(at("akinon", ended("unreachable", "no_identifier", accepted=True)))
    assert "unless another identifier is given" in accepted
    assert "new answer" not in accepted
    extended = said(at("b2core", ended("absent")), extended_from=ASKED, due_reason="many requests at once")
    assert "from 4 May 2026 to 3 June 2026" in extended
    assert "many requests at once" in extended
    assert "Nothing more needs to be done." in said(at("b2core", ended("absent")))
    assert "complain" not in said(at("b2core", ended("absent")))
    assert "new answer" not in said(at("insider", ended("exhausted", "busy")), forgotten=True)


def test_a_regulator_reads_counts_times_deeds_and_exceptions() -> None:
    deeds = (Deed(ASKED, "user:bob", "close", "Insider", "as their support wrote"),)
    told = facts(
        at("insider", ended("accepted", people=480), ended("refused", "rejected", 20)),
        people=500,
        status="completed_with_exceptions",
        deeds=deeds,
        confirmed_by="user:eve",
    )
    document = write(told, REGULATOR, EN)
    said = json.dumps(asdict(document), ensure_ascii=False)
    table = document.sections[0].table
    assert table is not None
    assert ("Insider", "refused by the recipient", "20", "2026-05-05 08:00", "2026-05-05 08:00") in table.rows
    for part in ("user:ann", "user:eve", "user:bob", "closed by hand", "as their support wrote", "2026-05-04 08:00"):
        assert part in said
    assert "did not accept the record" in section(document, "Exceptions, and why")
    assert "complain" not in said, "an authority is not told of itself"
    assert "gdpr_optin was set to false" in section(document, "What was done at each recipient")


def test_a_person_is_not_told_of_deeds_and_staff() -> None:
    deeds = (Deed(ASKED, "user:bob", "close", "Insider", "as their support wrote"),)
    told = facts(at("insider", ended("accepted")), deeds=deeds, person=MASKED)
    for said in (asdict(write(told, PERSON, EN)), as_json(told, write(told, PERSON, EN), PERSON)):
        assert "user:" not in json.dumps(said)
        assert "support wrote" not in json.dumps(said)


def test_json_has_names_for_programs_and_sentences_for_people() -> None:
    told = facts(at("akinon", ended("unreachable", "no_identifier")), person=MASKED, line=3)
    said = json.loads(json.dumps(as_json(told, write(told, REGULATOR, Language.GERMAN), REGULATOR)))
    (recipient,) = said["recipients"]
    assert recipient["endings"][0]["outcome"] == "unreachable"
    assert "nicht zu finden" in recipient["endings"][0]["said"][0]
    assert (said["lang"], said["line"], said["person"]["email"]) == ("de", 3, "j•••@p•••.example")
    assert said["asked_at"] == "2026-05-04T08:00:00.000Z"


def test_the_sender_stands_on_top() -> None:
    assert write(facts(), PERSON, EN, "Shop GmbH").sender == "Shop GmbH"


def test_an_account_of_a_vendor_is_named() -> None:
    assert "Insider (brand)" in section(
        write(facts(at("insider@brand", ended("accepted"))), PERSON, EN), "What was done"
    )


def test_facts_show_nobody() -> None:
    assert "j•••" not in repr(replace(facts(), person=MASKED))


def test_a_recipient_without_an_api_is_told_by_what_people_noted() -> None:
    done = section(write(facts(at("printshop", ended("accepted", "done_by_hand"))), PERSON, EN), "What was done")
    assert "was asked by hand, and our staff has noted" in done
    assert "look it up" not in done
    waiting = write(facts(at("printshop", ended("needs_action", "manual"))), PERSON, EN)
    assert "is not noted yet" in section(waiting, "What was not done, and why")
