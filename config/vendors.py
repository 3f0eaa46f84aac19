"""The settings of the vendors: a block for each of the registry, `CONSENT_<VENDOR>__<FIELD>`."""

from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import SecretStr, create_model, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from adapters.contract import VendorSettings
from adapters.registry import ADAPTERS

Block = TypeVar("Block", bound=VendorSettings)

if TYPE_CHECKING:
    Fields = BaseSettings
else:
    Fields = create_model(
        "Fields",
        __base__=BaseSettings,
        **{name: (adapter.settings_model | None, None) for name, adapter in ADAPTERS.items()},
    )


class VendorBlocks(Fields):
    """A field for each vendor, named like it: its settings, or None where it is switched off."""

    @field_validator(*ADAPTERS, mode="before", check_fields=False)
    @classmethod
    def _off_without_credentials(cls, block: Any, info: Any) -> Any:
        if not isinstance(block, dict):
            return block
        fields = ADAPTERS[info.field_name].settings_model.model_fields
        given = [fields[name] for name in block if name in fields]
        return block if any(field.is_required() or SecretStr in types_of(field) for field in given) else None

    def vendors(self) -> dict[str, VendorSettings]:
        """The settings of the vendors that are switched on."""
        blocks = {name: getattr(self, name) for name in ADAPTERS}
        return {name: block for name, block in blocks.items() if isinstance(block, VendorSettings)}

    def vendor(self, model: type[Block]) -> Block | None:
        """The settings of one vendor, by their type; None where it is switched off."""
        return next((block for block in self.vendors().values() if isinstance(block, model)), None)


def types_of(field: FieldInfo) -> tuple[Any, ...]:
    """The type of a field, and the types that it is made of."""
    return (field.annotation, *get_args(field.annotation))
