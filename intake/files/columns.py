"""The columns that a table may have: a person's fields, flattened with dots."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from adapters.registry import ADAPTERS
from domain.accounts import BETWEEN, PATTERN, vendor_of
from intake.files.header_names import REGION, squashed, synonyms

Column = tuple[tuple[str, ...], str]
"""Where a column's cells go in a record: the names of the objects, and the key in the last of them."""

OWN = ("user_id", "email", "phone_number", "asked_at")
"""Fields of a record that belong to no vendor; `asked_at` is when the controller was asked."""
ANY = "*"
"""Stands for a name that the producer may choose freely, dots included."""


@cache
def known_columns() -> tuple[str, ...]:
    """All possible column names, without `vendors.`; ANY at the end of one that can be named freely."""
    names = list(OWN)
    for vendor, adapter in ADAPTERS.items():
        schema = adapter.identifiers_model.model_json_schema()
        names += [f"{vendor}.{path}" for path in _paths(schema, schema.get("$defs", {}))]
    return tuple(names)


def fields_are() -> str:
    """The names of all fields, for a message."""
    return f"known are {', '.join((*known_columns(), REGION))}"


def _paths(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[str]:
    """The paths to all texts in objects of this JSON schema (as pydantic writes it), "" for a text itself."""
    if "$ref" in schema:
        yield from _paths(shared[schema["$ref"].rpartition("/")[2]], shared)
    for form in schema.get("anyOf", ()):
        yield from _paths(form, shared)
    if schema.get("type") == "string":
        yield ""
    for name, inner in schema.get("properties", {}).items():
        yield from (f"{name}.{path}" if path else name for path in _paths(inner, shared))
    if schema.get("type") == "object" and (schema.get("patternProperties") or schema.get("additionalProperties")):
        yield ANY


def find_field(name: str) -> Column | None:
    """The column of a field by its exact name."""
    if name in OWN or name == REGION:
        return (), name
    given = name.removeprefix("vendors.")
    vendor, _, rest = given.partition(".")
    if BETWEEN in vendor and re.fullmatch(PATTERN, vendor):
        column = find_field(f"{vendor_of(vendor)}.{rest}")
        return None if column is None else ((column[0][0], vendor, *column[0][2:]), column[1])
    return _find_for_all_accounts(given, known_columns())


def _find_for_all_accounts(flat: str, known: tuple[str, ...]) -> Column | None:
    if flat in known and flat not in OWN and not flat.endswith(ANY):
        *folders, last = flat.split(".")
        return ("vendors", *folders), last
    for free in known:
        stem = free.removesuffix(ANY)
        if stem != free and flat.startswith(stem) and flat != stem:
            folders = stem.removesuffix(".").split(".")
            return ("vendors", *folders), flat.removeprefix(stem)
    return None


def field_of(column: Column) -> str:
    """The field's name, as `find_field` takes it, with `vendors.` left out."""
    return ".".join((*column[0][1:], column[1]))


def recognise(name: str) -> Column | None:
    """The column that a name in a header means: a field's own name, or one of the names that people give it."""
    name = name.strip()
    column = find_field(name)
    if column is None:
        column = find_field(written_otherwise().get(squashed(name), ""))
    return column


@cache
def written_otherwise() -> dict[str, str]:
    """By squashed name, the field that it means."""
    vendors = {squashed(name): name for name in known_columns() if not name.endswith(ANY)}
    return vendors | synonyms()
