"""Nothing shows a secret or an identifier."""

import logging
from dataclasses import is_dataclass
from typing import Any, get_args, get_type_hints

import httpx
import pytest
from pydantic import ValidationError

from adapters.conformance.conversations import OfOneVendor, every_turn
from adapters.conformance.sample import PERSONAL, SECRET
from adapters.conformance.walking import understand
from adapters.contract import Adapter, Order
from domain.other_identifiers import SECRETS
from domain.requests import Kind, Secret, Session

ADDRESSES = ("http://x.example", "ftp://x.example", "https://u:p@x.example", "https://x.example?a=1", "x", "")


class Shown(OfOneVendor):
    """Checks texts, logs, errors and the messages of the settings' validation."""

    def test_secrets_and_people_are_in_no_text(self, kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        adapter, order = self.sample.make(), Order(kind)
        shown: list[Any] = [adapter, adapter.settings, order, adapter.address(order, self.sample.person(PERSONAL))]
        for turn in every_turn(self.sample, kind, PERSONAL):
            shown += [turn.call, turn.people]
            shown += [each for person in turn.people for each in (person.key, person.carry) if is_dataclass(each)]
            for status in (200, 202, 400, 401, 403, 404, 409):
                for text in (f'{{"detail": "{PERSONAL} {SECRET}"}}', f"{PERSONAL} {SECRET}", turn.response.text):
                    response = httpx.Response(status, text=text)
                    shown += understand(adapter, turn.call, turn.people, response)
                    shown += _raised(adapter, turn, response)
        text = " ".join([f"{each!r} {each!s}" for each in shown] + [record.getMessage() for record in caplog.records])
        assert SECRET not in text
        assert PERSONAL not in text
        assert "owner@" not in text

    def test_refused_settings_and_identifiers_do_not_show_values(self) -> None:
        adapter = self.sample.adapter
        for model in (adapter.settings_model, adapter.options_model, adapter.identifiers_model):
            for leak in (f"{SECRET}\n\0", SECRET * 99, [SECRET]):
                with pytest.raises(ValidationError) as refusal:
                    model.model_validate({"surprise": leak, **dict.fromkeys(model.model_fields, leak)})
                assert SECRET not in str(refusal.value)

    def test_a_secret_of_a_person_is_named_as_one(self) -> None:
        """Otherwise it would count as an identifier, and two people with one token would be one (`SECRETS`)."""
        hints = get_type_hints(self.sample.adapter.identifiers_model, include_extras=True)
        secrets = [name for name, hint in hints.items() if {Secret, Session} & {hint, *get_args(hint)}]
        assert [name for name in secrets if not name.endswith(SECRETS)] == []

    def test_addresses_are_taken_over_https_alone_or_on_this_machine(self) -> None:
        make = self.sample.make
        assert make(base_url="https://x.example/v1/").settings.base_url == "https://x.example/v1"
        assert make(base_url="http://127.0.0.1:8000").settings.base_url == "http://127.0.0.1:8000"
        for wrong in ADDRESSES:
            with pytest.raises(ValidationError):
                make(base_url=wrong)


def _raised(adapter: Adapter, turn: Any, response: httpx.Response) -> list[Any]:
    try:
        adapter.classify(turn.call, turn.people, response)
    except Exception as error:  # noqa: BLE001 - whatever is raised must not tell
        hidden = "" if error.__suppress_context__ else repr(error.__context__)
        return [error, repr(error.__cause__), hidden]
    return []
