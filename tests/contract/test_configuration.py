"""What settings, options and identifiers take and refuse."""

import pytest
from pydantic import ValidationError

from adapters.registry import ADAPTERS
from tests.contract.samples import SAMPLES, adapter_of
from tests.table_rows import each_row


def read(vendor, what, values):
    """Validate `values` as the vendor's settings (on top of the sample's), options or identifiers."""
    model = getattr(ADAPTERS[vendor], f"{what}_model")
    return model.model_validate({**SAMPLES[vendor].settings, **values} if what == "settings" else values)


@each_row(("vendor", "what", "values"), [
    ("insider", "options", {"whole": ["name"], "partial": {"list_id": [1, "2"]}, "custom": {"whole": ["shoe_size"]}}),
    ("insider", "options", {"flags": ["gdpr_optin"]}),
    ("insider", "options", {"partial": {}}),
    *[("insider", what, {"whole": ["name", flag]}) for what in ("settings", "options")
      for flag in ("email_optin", "sms_optin", "whatsapp_optin")],
    ("insider", "options", {"flags": ["whatsapp_optin"]}),
    ("insider", "settings", {"identifiers": ["email", "custom.card", "custom"], "erasure": "profile"}),
    ("insider", "settings", {"profile_units_per_minute": 5, "profile_call_units": 2.5, "look_first_up_to": 0}),
    ("insider", "identifiers", {"insider_id": "abc"}),
    ("insider", "identifiers", {"identifiers": {"email": "a@example.org"}}),
    ("insider", "identifiers", {"identifiers": {"custom": {"loyalty_no": "9"}}}),
    ("dfinery", "options", {"flags": ["night_push_flag"], "ci": ["kakao_id"]}),
    ("dfinery", "options", {"overwrite": {"등급": "-", "points": 0, "rate": 0.5, "vip": False}}),
    ("dfinery", "options", {"overwrite": {}}),
    ("dfinery", "settings", {"overwrite": {"user_name": "gone"}}),
    ("akinon", "settings", {"clear": []}),
    ("akinon", "settings", {"clear": ["gender"]}),
    ("akinon", "identifiers", {"session_id": "s", "code": "A1B2C3"}),
    ("akinon", "options", {"flags": ["call_allowed"]}),
    ("akinon", "identifiers", {"session_id": "s", "csrf_token": "t", "id": 7, "email": "a@example.org"}),
    ("akinon", "identifiers", {"session_id": "s", "id": "7"}),
    ("b2core", "identifiers", {"profile_id": "6006dda272f002519c3eb505"}),
    ("b2core", "settings", {"token": "abc", "client_id": None, "client_secret": None}),
    ("algonomy", "options", {}),
    ("b2core", "options", {}),
])  # fmt: skip
def test_taken(vendor, what, values):
    read(vendor, what, values)


FLAG = "it is set to false"


@each_row(("vendor", "what", "values", "message"), [
    *[("insider", what, {"whole": ["name", flag]}, FLAG) for what in ("settings", "options")
      for flag in ("gdpr_optin", "GDPR_OptIn")],
    ("insider", "settings", {"identifiers": []}, "at least 1"),
    ("insider", "settings", {"identifiers": ["e-mail"]}, "pattern"),
    ("insider", "settings", {"erasure": "all"}, "attributes"),
    ("insider", "settings", {"profile_units_per_minute": 4}, "2 calls or more"),
    ("insider", "options", {"custom": {"whole": ["gdpr_optin"]}}, FLAG),
    ("insider", "options", {"partial": {"gdpr_optin": [True]}}, FLAG),
    ("insider", "settings", {"custom": {"partial": {"gdpr_optin": [True]}}}, FLAG),
    ("insider", "settings", {"whole": []}, "at least 1"),
    ("insider", "settings", {"partner_name": "my brand"}, "pattern"),
    ("insider", "settings", {"request_token": "abc\n"}, "visible ASCII"),
    ("insider", "settings", {"request_token": ""}, "visible ASCII"),
    ("insider", "identifiers", {"insider_id": "a", "identifiers": {"uuid": "b"}}, "not both"),
    ("insider", "identifiers", {"identifiers": {}}, "names nobody"),
    ("insider", "identifiers", {"insider_id": "undefined"}, "placeholder"),
    ("insider", "identifiers", {"identifiers": {"phone_number": "0532"}}, "E.164"),
    ("insider", "identifiers", {"identifiers": {"uuid": 12}}, "string"),
    ("insider", "options", {"flags": ["marketing"]}, "gdpr_optin"),
    ("dfinery", "options", {"flags": ["night"]}, "info_flag"),
    ("dfinery", "options", {"flags": []}, "at least 1"),
    ("dfinery", "settings", {"opt_in_flags": ["night_flag"]}, "info_flag"),
    ("dfinery", "settings", {"ci": []}, "at least 1"),
    ("dfinery", "identifiers", {"user_id": "null"}, "placeholder"),
    ("dfinery", "settings", {"overwrite": {"age": None}}, "takes no null"),
    ("dfinery", "settings", {"overwrite": {"age": ["0"]}}, "must be text"),
    ("dfinery", "settings", {"overwrite": {"age": float("nan")}}, "must be text"),
    ("dfinery", "settings", {"overwrite": {"": "x"}}, "at least 1"),
    *[("dfinery", what, {"overwrite": {name: "x"}}, "may not name")
      for what in ("settings", "options") for name in ("user_id", "mkt_flag", "night_sms_flag")],
    ("akinon", "settings", {"clear": ["phone"]}, "avatar"),
    ("akinon", "settings", {"clear": ["email"]}, "avatar"),
    ("akinon", "identifiers", {"session_id": "s", "code": "12 34"}, "pattern"),
    ("akinon", "identifiers", {"session_id": "s", "code": 123456}, "string"),
    ("akinon", "settings", {"session_cookie": "a=b"}, "pattern"),
    ("akinon", "options", {"flags": ["phone"]}, "email_allowed"),
    ("akinon", "identifiers", {"session_id": "a\r\nb"}, "control character"),
    ("akinon", "identifiers", {"session_id": "a", "id": True}, "valid"),
    ("b2core", "settings", {"token": "abc"}, "either"),
    ("b2core", "settings", {"client_id": None}, "belong together"),
    ("b2core", "settings", {"client_id": None, "client_secret": None}, "either"),
    ("b2core", "settings", {"client_id": "a:b"}, "pattern"),
    ("algonomy", "identifiers", {"user_id": ""}, "blank"),
    ("algonomy", "settings", {"client_secret": ""}, "as it was handed out"),
    ("algonomy", "options", {"flags": []}, "Extra"),
])  # fmt: skip
def test_refused(vendor, what, values, message):
    with pytest.raises(ValidationError, match=message):
        read(vendor, what, values)


def test_the_partner_name_is_sent_in_lower_case():
    assert adapter_of("insider", partner_name=" MyBrand ").settings.partner_name == "mybrand"


def test_the_documented_limits_are_the_defaults():
    assert adapter_of("insider").settings.requests_per_minute == 25_000
    assert adapter_of("dfinery").settings.requests_per_minute == 10_000
