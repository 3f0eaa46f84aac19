"""What is wrong with a value that pydantic refused, in our words: what is wanted, never what was given."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from domain.accounts import PATTERN as ACCOUNT_PATTERN

_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_TRUTH = "must be true or false"
_OBJECT = "must be an object"
_LIST = "must be a list"
_TEXT = "must be a text"
_DAY = "must be a day, as 2026-05-25"
_TIME = "must be a time of day, as 09:30:00"
_MOMENT = "must be a moment in ISO 8601 with its time zone, as 2026-05-25T00:00:00Z"
_SPAN = "must be a length of time in ISO 8601, as P30D"
_ADDRESS = "must be a whole address, as https://api.example.org/v1"
_UUID = "is not a UUID: give one such as 123e4567-e89b-42d3-a456-426614174000"
_FEW = "must hold at least {min_length}"
_MANY = "must hold at most {max_length}"
_UNKNOWN = "is not a known field: rename it, or leave it out"
_OTHER = "is of a form that cannot be used here"
_MISSING = "is required"

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "missing": _MISSING,
        "missing_argument": _MISSING,
        "missing_keyword_only_argument": _MISSING,
        "missing_positional_only_argument": _MISSING,
        "union_tag_not_found": _MISSING,
        "extra_forbidden": _UNKNOWN,
        "unexpected_keyword_argument": _UNKNOWN,
        "unexpected_positional_argument": _UNKNOWN,
        "no_such_attribute": _UNKNOWN,
        "multiple_argument_values": "is given twice: give it once",
        "json_invalid": "is not JSON in UTF-8, or is nested too deeply",
        "json_type": "must be a text that holds JSON",
        "invalid_key": "has a key that is no text",
        "recursion_loop": "contains itself",
        "recursion_depth_exceeded": "is nested too deeply",
        "none_required": "must be null, or left out",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be {ge} or more",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be {le} or less",
        "multiple_of": "must be a multiple of {multiple_of}",
        "finite_number": "must be a finite number",
        "too_short": _FEW,
        "too_long": _MANY,
        "string_type": _TEXT,
        "string_unicode": "must be a text in UTF-8",
        "string_too_short": "must have at least {min_length} characters",
        "string_too_long": "must have at most {max_length} characters",
        "string_pattern_mismatch": "must match {pattern}",
        "string_not_ascii": "must be a text of ASCII characters",
        "enum": "must be {expected}",
        "literal_error": "must be {expected}",
        "bool_type": _TRUTH,
        "bool_parsing": _TRUTH,
        "int_parsing_size": "is too large a number",
        "bytes_too_short": "must have at least {min_length} bytes",
        "bytes_too_long": "must have at most {max_length} bytes",
        "bytes_invalid_encoding": "must be bytes in base64 or hexadecimal",
        "date_past": "must be a day in the past",
        "date_future": "must be a day in the future",
        "datetime_past": "must be a moment in the past",
        "datetime_future": "must be a moment in the future",
        "timezone_naive": "must be a moment without a time zone",
        "timezone_aware": _MOMENT,
        "timezone_offset": "must be in another time zone",
        "url_too_long": "must have at most {max_length} characters",
        "url_scheme": "must be an address that begins with {expected_schemes}",
        "uuid_version": _UUID,
        "decimal_max_digits": "must have {max_digits} digits at most",
        "decimal_max_places": "must have {decimal_places} decimal places at most",
        "decimal_whole_digits": "must have {whole_digits} digits at most before the point",
        "set_item_not_hashable": "must be a list of plain values",
        **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _WHOLE),
        **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing"), _NUMBER),
        **dict.fromkeys(("fraction_type", "fraction_parsing", "complex_type", "complex_str_parsing"), _NUMBER),
        **dict.fromkeys(("model_type", "model_attributes_type", "dataclass_type", "dataclass_exact_type"), _OBJECT),
        **dict.fromkeys(
            ("dict_type", "frozen_dict_type", "ordered_dict_type", "mapping_type", "counter_type"), _OBJECT
        ),
        **dict.fromkeys(("arguments_type", "named_tuple_type", "union_tag_invalid"), _OTHER),
        **dict.fromkeys(("list_type", "deque_type", "tuple_type", "set_type", "frozen_set_type"), _LIST),
        **dict.fromkeys(("iterable_type", "iteration_error"), _LIST),
        **dict.fromkeys(("date_type", "date_parsing"), _DAY),
        **dict.fromkeys(("date_from_datetime_parsing", "date_from_datetime_inexact"), _DAY),
        **dict.fromkeys(("time_type", "time_parsing"), _TIME),
        **dict.fromkeys(("datetime_type", "datetime_parsing"), _MOMENT),
        **dict.fromkeys(("datetime_object_invalid", "datetime_from_date_parsing"), _MOMENT),
        **dict.fromkeys(("time_delta_type", "time_delta_parsing"), _SPAN),
        **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation"), _ADDRESS),
        **dict.fromkeys(("uuid_type", "uuid_parsing"), _UUID),
        "bytes_type": "must be bytes",
        **dict.fromkeys(("is_instance_of", "is_subclass_of", "callable_type", "needs_python_object"), _OTHER),
        **dict.fromkeys(
            ("frozen_field", "frozen_instance", "get_attribute_error", "default_factory_not_called"), _OTHER
        ),
        **dict.fromkeys(("missing_sentinel_error", "ellipsis_error", "assertion_error"), _OTHER),
    }
)
"""By pydantic's own type of an error. What a validator of ours says has another type, and words of its own."""

FORMS: Mapping[str, str] = MappingProxyType(
    {
        "^[!-~]{1,200}$": "must be 1 to 200 printable ASCII characters without spaces",
        "^[!-~]+$": "must be printable ASCII characters without spaces",
        "^[a-z][a-z0-9_.-]{0,39}$": "must be a small letter, then up to 39 of a-z, 0-9, _, . and -",
        r"^[^\x00-\x1f\x7f]*$": "must be without control characters and line ends",
        ACCOUNT_PATTERN: "must be the name of a vendor, as insider or insider@brand",
        "^[^:]*$": "must be without a colon",
        "^[A-Za-z0-9_-]{1,64}$": "must be 1 to 64 of A-Z, a-z, 0-9, _ and -",
        "^[0-9A-Za-z]{1,16}$": "must be 1 to 16 letters and digits",
        "^[A-Za-z][A-Za-z0-9_]{0,63}$": "must be a letter, then up to 63 of A-Z, a-z, 0-9 and _",
        "^[A-Za-z0-9_.-]{1,128}$": "must be 1 to 128 of A-Z, a-z, 0-9, _, . and -",
        r"^(uuid|email|phone_number|custom|custom\.[A-Za-z0-9_.-]{1,128})$": (
            "must be uuid, email, phone_number, custom, or custom. and a name"
        ),
        "^[A-Za-z0-9][A-Za-z0-9._-]*$": "must be a letter or a digit, then any of A-Z, a-z, 0-9, ., _ and -",
        "^[1-9][0-9]{0,18}$": "must be a whole number of 19 digits at most, without leading zeros",
        "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$": "must be the name of a host in small letters, as dsr.example.org",
    }
)
"""Patterns in words."""


def problem_of(error: Mapping[str, Any], words: Mapping[str, str] = MappingProxyType({})) -> str:
    """What is wrong by one of pydantic's errors, without the value. `error` has its `type`, its `msg`, and its `ctx`
    where it has bounds. `words`: by type, where others than usual are meant."""
    bounds = error.get("ctx") or {}
    kind = error["type"]
    if kind in words:
        return words[kind]
    if kind == "value_error":  # the words of a validator of ours, behind pydantic's own
        return re.sub(r"^Value error, ", "", error["msg"])
    if kind == "string_pattern_mismatch" and bounds.get("pattern") in FORMS:
        return FORMS[bounds["pattern"]]
    if kind not in WORDS:
        return str(error["msg"])
    try:
        return WORDS[kind].format_map(bounds)
    except KeyError:
        return _OTHER
