"""What the suite must know about a vendor and cannot guess."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from adapters.contract import Adapter, Call
from domain.requests import Kind, Subject

SECRET = "s3cr3t-Token_of.ours"  # noqa: S105 - made up: the suite looks for it where no secret may be
PERSONAL = "Zoë/Quixote+7"
"""A part of every identifier of `Sample.person`, to search for leaks."""
BODIES = ("", "[]", "{}", "null", '{"cut": "off', "0", '"yes"', "<!DOCTYPE html><title>Sorry</title>", "nonsense")
"""Odd bodies, which must not be believed from any vendor."""
NOT_ASKED = "not asked"

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def by_user_id(text: str) -> Subject:
    """A person known by our user_id."""
    return {"user_id": text}


def by_own(vendor: str, name: str) -> Callable[[str], Subject]:
    """A person known by a field of `vendors.<vendor>` alone."""
    return lambda text: {"vendors": {vendor: {name: text}}}


@dataclass(frozen=True)
class Sample:
    """One vendor, for the suite."""

    adapter: type[Adapter]
    settings: Mapping[str, Any]
    """Settings with the vendor switched on, and with every operation of its card. Secrets are `SECRET`."""
    obliging: Callable[[], Callable[[Call, httpx.Request], httpx.Response]]
    """A fake vendor that says yes to everything."""
    ids: Callable[[httpx.Request], list[str]]
    """The ids of the people whom the vendor would take a request to be about."""
    answers: Path
    """The folder of its recorded answers, `*.json`."""
    person: Callable[[str], Subject] = by_user_id
    """A person whose identifiers are made from the given text."""
    own: Callable[[str], Subject] = by_user_id
    """The same, with the id that only this vendor knows."""
    odd_ids: bool = True
    """Whether the vendor accepts any text as an id."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """By field of the card's `found_by`, a value for a field that does not accept any text."""
    is_yes: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """By step, (status, body) of `BODIES` that are a yes there: "2xx" is any status of that class, "any" any body."""
    not_found: Mapping[str, str] = field(default_factory=dict)
    """By step, the meaning of a 404 where it is not vendor/wrong_address. `NOT_ASKED` for a step of a read-back at
    which a 404 may be the expected answer."""
    unauthorized: str = "vendor/bad_credentials"
    """The meaning of a 401."""
    detours: tuple[str, ...] = ()
    """Steps that only failures lead to."""
    own_seeded: bool = False
    """Whether the vendor's sandbox file takes such an id of its own from seeded people."""
    some: Mapping[str, Any] = field(default_factory=dict)
    """Options of an opt-in to some of the vendor's flags. The vendor's sandbox file says which are on (`flags_on`)."""
    probe_breaks: frozenset[str] = frozenset()
    """Rules of the vendor's sandbox file that a probe breaks on purpose."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of which the vendor's card has an operation."""
        return tuple(kind for kind in Kind if self.adapter.card.ways(kind))

    def make(self, **settings: Any) -> Adapter:
        """The adapter with the sample's settings, some of them replaced."""
        kind: Any = self.adapter
        made: Adapter = kind(settings=kind.settings_model.model_validate({**self.settings, **settings}))
        return made

    def takes_for_yes(self, step: str, response: httpx.Response) -> bool:
        """Whether this answer, however odd, is a yes at this step."""
        statuses = {str(response.status_code), "2xx" if response.is_success else ""}
        bodies = {response.text, "any"}
        return any(status in statuses and body in bodies for status, body in self.is_yes.get(step, ()))


def answer(status: int, body: object = None, headers: Mapping[str, str] = _NOTHING) -> httpx.Response:
    """A response with a JSON body, or none."""
    return httpx.Response(status, headers=dict(headers), content=b"" if body is None else json.dumps(body).encode())
