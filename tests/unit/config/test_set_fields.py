"""What is read from the environment is what pydantic-settings reads from it."""

from unittest.mock import patch

from pydantic_settings import EnvSettingsSource

from config.set_fields import SetFields
from config.settings import Settings
from tests.table_rows import each_row

VALUE = '{"one": ["two"]}'
NAMES = [name.upper() for name in Settings.model_fields]


@each_row(
    "variables",
    [
        {},
        {"CONSENT_": VALUE, "CONSENT": VALUE, "OTHER__BASE_URL": VALUE},
        {f"CONSENT_{name}": VALUE for name in NAMES},
        {f"CONSENT_{name}": "" for name in NAMES},
        {f"consent_{name.lower()}": VALUE for name in NAMES},
        {f"CONSENT_{name}__BASE_URL": VALUE for name in NAMES},
        {f"CONSENT_{name}__ONE__TWO": VALUE for name in NAMES},
        {f"CONSENT_{name}__": VALUE for name in NAMES},
        {f"CONSENT_{name}_MORE": VALUE for name in NAMES},
        {"CONSENT_INSIDER": '{"base_url": "a"}', "CONSENT_INSIDER__PARTNER_NAME": "b"},
        {"CONSENT_FORGET_AFTER_DAYS": "1", "CONSENT_FORGET_AFTER_DAYS__ERASURE": "2"},
        {"CONSENT_DEADLINES__GDPR__ERASURE__DAYS": "3", "Consent_Manual__Shop__Title": "Shop"},
    ],
)
def test_a_field_that_no_variable_names_is_not_in_it(variables: dict[str, str]) -> None:
    with patch.dict("os.environ", variables, clear=True):
        assert SetFields(Settings)() == EnvSettingsSource(Settings)()


def test_something_is_read_at_all() -> None:
    with patch.dict("os.environ", {f"CONSENT_{name}": VALUE for name in NAMES}, clear=True):
        assert SetFields(Settings)().keys() == Settings.model_fields.keys()
