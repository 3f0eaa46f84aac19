"""Fields of settings: their blocks, and the names of their variables."""

import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError as SourceError

from domain.refused_values import problem_of


def types_of(field: FieldInfo) -> tuple[Any, ...]:
    """The type of a field, and the types within it."""
    return (field.annotation, *get_args(field.annotation))


def block_of(field: FieldInfo | None) -> type[BaseModel] | None:
    """The settings in this block, also where it is optional; None where it holds a value, or a dictionary with names
    chosen by the operator."""
    if field is None or get_origin(field.annotation) is dict:
        return None
    return next((one for one in types_of(field) if isinstance(one, type) and issubclass(one, BaseModel)), None)


def fault_text(settings: type[BaseModel], prefix: str, fault: Any) -> str:
    """The variable of one of pydantic's errors, and what is wrong with it."""
    return f"{variable_of(settings, prefix, fault['loc'])}: {problem_of(fault)}"


def variable_of(settings: type[BaseModel], prefix: str, loc: Sequence[str | int]) -> str:
    """A variable, and the place in it where it holds JSON, as `CONSENT_WEBHOOKS__RECEIVERS.crm.secrets[0]`. Names
    chosen by the operator are left as given."""
    if loc and _has_blocks_by_name(settings.model_fields.get(str(loc[0]))):
        return prefix + "__".join(map(str, loc)).upper()
    names: list[str] = []
    found: type[BaseModel] | None = settings
    while found is not None and len(names) < len(loc):
        names.append(str(loc[len(names)]))
        found = block_of(found.model_fields.get(names[-1]))
    inside = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc[len(names) :])
    return prefix + "__".join(names).upper() + inside


def _has_blocks_by_name(field: FieldInfo | None) -> bool:
    """Whether it holds blocks of settings under names of the operator's, as `CONSENT_MANUAL__SHOP__TITLE`."""
    if field is None or get_origin(field.annotation) is not dict:
        return False
    value = get_args(field.annotation)[1]
    return isinstance(value, type) and issubclass(value, BaseModel)


def unparsable(prefix: str, error: SourceError) -> str:
    """Which variable should hold JSON and does not. The error's own cause holds the value."""
    field = re.search(r'field "(\w+)"', str(error))
    variable = f"{prefix}{field[1].upper()}__…" if field else f"{prefix}…"
    return f"{variable}: lists and objects are given as JSON, and one of these variables holds none"
