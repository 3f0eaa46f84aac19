"""`.env.example` names every setting, each with its real default."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from adapters.registry import ADAPTERS
from config.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
OF_COMPOSE = {"CONSENT_POSTGRES_PASSWORD", "CONSENT_REDIS_PASSWORD", "CONSENT_FLOWER_AUTH"}
CREDENTIALS = {
    "CONSENT_ALGONOMY__CLIENT_ID": "c",
    "CONSENT_ALGONOMY__CLIENT_SECRET": "s",
    "CONSENT_INSIDER__PARTNER_NAME": "p",
    "CONSENT_INSIDER__REQUEST_TOKEN": "t",
    "CONSENT_DFINERY__API_TOKEN": "t",
    "CONSENT_AKINON__BASE_URL": "https://shop.example",
    "CONSENT_B2CORE__BASE_URL": "https://b2core.example",
    "CONSENT_B2CORE__TOKEN": "t",
}


def lines() -> dict[str, str]:
    rows = (line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#"))
    return dict(row.split("=", 1) for row in rows)


def block_of(field: FieldInfo) -> type[BaseModel] | None:
    """The settings below this one, also where they may be left out altogether."""
    named = (one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type))
    return next((one for one in named if issubclass(one, BaseModel)), None)


def test_every_setting_is_named_and_nothing_else() -> None:
    fields: dict[str, dict[str, FieldInfo]] = {
        name: adapter.settings_model.model_fields for name, adapter in ADAPTERS.items()
    }
    plain = {name: field for name, field in Settings.model_fields.items() if name not in ADAPTERS}
    blocks = {name: block.model_fields for name, field in plain.items() if (block := block_of(field)) is not None}
    ours = {f"CONSENT_{name.upper()}" for name in plain.keys() - blocks.keys()}
    ours |= {f"CONSENT_{block.upper()}__{name.upper()}" for block, named in blocks.items() for name in named}
    theirs = {f"CONSENT_{vendor.upper()}__{name.upper()}" for vendor, named in fields.items() for name in named}
    assert set(lines()) == ours | theirs | OF_COMPOSE


def test_the_values_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    plain = Settings.load()
    for name, value in lines().items():
        if value:
            monkeypatch.setenv(name, value)
    assert Settings.load() == plain
