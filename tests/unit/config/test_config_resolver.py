"""The settings of the controller's directory."""

from typing import Any

import pytest
from pydantic import ValidationError

from adapters.directory import HttpDirectory
from config.resolver import ResolverSettings
from ledger.directory import DatabaseDirectory
from tests.table_rows import each_row

SECRETS = ["whsec_" + "c2VjcmV0" * 4]
DATABASE = {"database_url": "postgresql://us:hunter2@db/crm", "query": "SELECT unnest(CAST(:refs AS integer[])) AS ref"}


def settings(**given: Any) -> ResolverSettings:
    return ResolverSettings.model_validate(given)


def test_no_directory_is_asked_unless_one_is_named() -> None:
    assert not settings().is_on
    assert settings().directory() is None


@pytest.mark.parametrize("url", ["https://crm.example/people", "http://127.0.0.1:8080/people", "http://localhost/x"])
def test_an_address_that_is_https_or_this_machine(url: str) -> None:
    assert isinstance(settings(url=url, secrets=SECRETS).directory(), HttpDirectory)


def test_a_table_of_a_database() -> None:
    found = settings(**DATABASE)
    assert isinstance(found.directory(), DatabaseDirectory)
    assert "hunter2" not in repr(found) + repr(found.directory())


@each_row(
    "given",
    [
        {"url": "http://crm.example/hunter2", "secrets": SECRETS},
        {"url": "hunter2", "secrets": SECRETS},
        {"url": "https://crm.example/hunter2"},
        {"url": "https://crm.example/hunter2", "secrets": ["hunter2"]},
        {"url": "https://crm.example/hunter2", "secrets": SECRETS, **DATABASE},
        {"database_url": DATABASE["database_url"]},
        {"query": DATABASE["query"]},
        {**DATABASE, "database_url": "mysql://us:hunter2@db/crm"},
        {**DATABASE, "database_url": "hunter2"},
        {**DATABASE, "query": "SELECT 1 AS ref"},
        {**DATABASE, "query": "SELECT :refs, :hunter2"},
        {"batch": 1_001},
    ],
)
def test_what_cannot_be_used_is_refused_without_quoting_it(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        settings(**given)
    assert "hunter2" not in str(raised.value)
