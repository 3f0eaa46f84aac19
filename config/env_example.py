"""`python -m config.env_example`: write `.env.example`, every setting with its description and its default. With the
name of a vendor: print its settings alone."""

import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python
from pydantic_settings import NoDecode

from adapters.registry import ADAPTERS, OURS
from config.fields import block_of
from config.settings import PREFIX, Settings

FILE = Path(__file__).parent.parent / ".env.example"
WIDTH = 118
HEAD = """\
# Every setting with its default. Copy to `.env` for docker compose, or export what you need. A line without a value
# has no default. Lists and objects are JSON. This file is written by `python -m config.env_example`.
# Several accounts of one vendor: CONSENT_<VENDOR>__ACCOUNTS__<ACCOUNT>__<FIELD>, as docs/operations.md says.
"""
COMPOSE = """\
# Only for docker-compose.yml: passwords of the services it starts. PostgreSQL has two users: who migrates, and who does
# everything else
CONSENT_POSTGRES_PASSWORD=
CONSENT_POSTGRES_APP_PASSWORD=
CONSENT_REDIS_PASSWORD=
"""


def example() -> str:
    """The file's contents."""
    fields = Settings.model_fields
    blocks = {name: block for name, field in fields.items() if (block := block_of(field)) and name not in ADAPTERS}
    plain = {name: field for name, field in fields.items() if name not in blocks and name not in ADAPTERS}
    parts = [HEAD, _lines(PREFIX, plain)]
    for name, block in blocks.items():
        parts.append(_heading(name, _of(block)) + _lines(f"{PREFIX}{name.upper()}__", block.model_fields))
    parts.append(COMPOSE)
    return "\n".join([*parts, *map(of_vendor, OURS)])


def of_vendor(name: str) -> str:
    """The settings of one vendor. Raises KeyError for an unknown name."""
    adapter = ADAPTERS[name]
    heading = _heading(name, f"{adapter.card.title}; switched on by its credentials")
    return heading + _lines(f"{PREFIX}{name.upper()}__", adapter.settings_model.model_fields)


def _of(block: type[BaseModel]) -> str:
    says = " ".join((block.__doc__ or "").partition("\n\n")[0].split()).rstrip(".")
    return says[:1].lower() + says[1:]


def _heading(name: str, says: str) -> str:
    return _comment(f"{name}: {says}")


def _lines(prefix: str, fields: Mapping[str, FieldInfo]) -> str:
    return "".join(line for name, field in fields.items() for line in _line(prefix + name.upper(), field))


def _line(name: str, field: FieldInfo) -> Iterator[str]:
    if field.description:
        yield _comment(field.description)
    yield f"{name}={_value(field)}\n"


def _comment(text: str) -> str:
    # Never break a value at its hyphens: it might be copied like that.
    lines = textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)
    return "".join(f"# {line}\n" for line in lines)


def _value(field: FieldInfo) -> str:
    default: Any = field.get_default(call_default_factory=True, validated_data={})
    if default is None or default is PydanticUndefined or isinstance(default, SecretStr):
        return ""
    if NoDecode in field.metadata:
        return ",".join(map(str, default))
    if isinstance(default, dict | list | tuple | set | frozenset | BaseModel):
        return json.dumps(to_jsonable_python(default), ensure_ascii=False)
    return str(default)


if __name__ == "__main__":
    if sys.argv[2:] or not ADAPTERS.keys() >= set(sys.argv[1:]):
        sys.exit(f"no such vendor: {' '.join(sys.argv[1:])}; there are {', '.join(ADAPTERS)}")
    if sys.argv[1:]:
        sys.stdout.write(of_vendor(sys.argv[1]))
    else:
        FILE.write_text(example())
