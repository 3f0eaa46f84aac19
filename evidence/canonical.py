"""Canonical JSON of what is proved: what rfc8785 writes, in a tenth of its time."""

import json
from collections.abc import Mapping
from typing import Any


def canonical(value: Mapping[str, Any]) -> bytes:
    """RFC 8785, for values of texts, whole numbers, booleans and what contains them, under names in ASCII. There it is
    what Python's own encoder writes; for fractions and other names it is not."""
    return _ENCODER.encode(value).encode()


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
