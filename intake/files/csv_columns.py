"""The columns that a CSV may have: a person's fields, flattened with dots."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from adapters.registry import ADAPTERS
from domain.accounts import BETWEEN, PATTERN, vendor_of
from intake.files.faults import Faults

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


def read_header(cells: list[str], line: int, faults: Faults) -> list[Column]:
    """Where the cells of each column go. Unusable names go into `faults`, by position: in a file without a header they
    are somebody's data."""
    known = known_columns()
    columns = [_find(cell, known) for cell in cells]
    if not any(columns):
        problem = "has no known column: give a first line that names the columns, separated by commas. "
        faults.add(line, "", f"{problem}Known are {', '.join(known)}")
        return []
    usable: list[Column] = []
    for position, column in enumerate(columns, start=1):
        if column is None:
            known_are = "" if faults.total else f"; known are {', '.join(known)}"
            faults.add(line, f"column {position}", f"is not known: rename it, or leave it out{known_are}")
        elif column in usable:
            faults.add(
                line, f"column {position}", f"is the same as column {columns.index(column) + 1}: keep one of them"
            )
        else:
            usable.append(column)
    return usable


def _find(name: str, known: tuple[str, ...]) -> Column | None:
    if name in OWN:
        return (), name
    given = name.removeprefix("vendors.")
    vendor, _, rest = given.partition(".")
    if BETWEEN in vendor and re.fullmatch(PATTERN, vendor):
        column = _find(f"{vendor_of(vendor)}.{rest}", known)
        return None if column is None else ((column[0][0], vendor, *column[0][2:]), column[1])
    return _find_for_all_accounts(given, known)


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
