"""Reads from the environment those settings that some variable names."""

from functools import cached_property
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource


class SetFields(EnvSettingsSource):
    """pydantic-settings, which works out of the types of all fields how each would be read: more than ten milliseconds
    for each command, of which few fields are set."""

    @cached_property
    def _named(self) -> frozenset[str]:
        """`insider__base_url` of CONSENT_INSIDER__BASE_URL, and `insider`, whose block it is in."""
        rests = (name[self.env_prefix_len :] for name in self.env_vars if name.startswith(self.env_prefix.lower()))
        parts = (rest.split("__") for rest in rests)
        return frozenset("__".join(of[:count]) for of in parts for count in range(1, len(of) + 1))

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        if field_name in self._named:
            return super().get_field_value(field, field_name)
        return None, field_name, True

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:
        if field_name in self._named:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        return None
