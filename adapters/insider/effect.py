"""What a profile must look like after an order, and whether it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from adapters.insider.answers import is_left
from adapters.insider.settings import CONSENT

PII = ("gender", "birthday", "name", "surname", "age", "city", "country")
"""What Delete User's PII Data deletes besides the identifiers (public)."""
ALSO_CALLED = MappingProxyType[str, str]({CONSENT: "gdpr"})
"""Names that the profile call may use for an attribute (from a third party's notes). Both are asked for."""


@dataclass(frozen=True, slots=True)
class Aim:
    """The flags that must be false, the attributes that must be gone, and the values that must not be in arrays."""

    flags: tuple[str, ...]
    whole: tuple[str, ...] = ()
    partial: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, flags: Mapping[str, bool], deletion: Mapping[str, Any]) -> "Aim":
        """After an order with these flags and this deletion. Custom attributes are called `c_…` there."""
        custom = deletion.get("custom", {})
        whole = (*deletion.get("whole", ()), *(f"c_{name}" for name in custom.get("whole", ())))
        partial = {
            **deletion.get("partial", {}),
            **{f"c_{name}": out for name, out in custom.get("partial", {}).items()},
        }
        return cls(tuple(flags), whole, {name: tuple(values) for name, values in partial.items()})

    @property
    def wanted(self) -> list[str]:
        """The attributes to ask the profile call for."""
        also = [ALSO_CALLED[flag] for flag in self.flags if flag in ALSO_CALLED]
        return list(dict.fromkeys([*self.flags, *also, *self.whole, *self.partial]))

    def is_met(self, shown: Mapping[str, Any], *, found_by: str) -> bool | None:
        """Whether a profile is in that state; None where the main flag is not shown at all.

        `found_by`: the kind of identifier that found it, which is not deleted.
        """
        gone = not any(is_left(shown.get(name)) for name in self.whole if name != found_by)
        out = not any(value in _list(shown.get(name)) for name, values in self.partial.items() for value in values)
        silent = not any(shown.get(flag) for flag in self.flags if flag != CONSENT)
        if not (gone and out and silent):
            return False
        if CONSENT not in self.flags:
            return True
        consent = shown.get(CONSENT, shown.get(ALSO_CALLED[CONSENT]))
        return None if consent is None else consent is False


def less_its_own(same: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The parts that all records share, without the identifier of this kind: the vendor does not delete the identifier
    that a record is named by, unless the request asks for nothing else."""
    whole = tuple(name for name in same.get("whole", ()) if name != kind)
    return {**same, "whole": whole} if whole else same


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
