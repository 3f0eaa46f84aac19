"""The vendors' settings: a block for each vendor of the registry, `CONSENT_<VENDOR>__<FIELD>`."""

from typing import Any, TypeVar

from pydantic import PrivateAttr, create_model, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from adapters.contract import VendorSettings
from adapters.registry import ADAPTERS
from config.accounts import ACCOUNTS, credentials_of, read_accounts
from config.set_fields import SetFields
from domain.accounts import account_name, vendor_of

Block = TypeVar("Block", bound=VendorSettings)
Model = TypeVar("Model", bound=BaseSettings)


def with_vendors(settings: type[Model]) -> type[Model]:
    """`settings` with a field for each vendor. One that is named like a setting, or like anything else that `settings`
    has, gets none; `Settings.load` refuses it."""
    taken = names_taken(settings)
    blocks: dict[str, Any] = {
        name: (adapter.settings_model | None, None) for name, adapter in ADAPTERS.items() if name not in taken
    }
    return create_model(
        settings.__name__, __base__=settings, __module__=settings.__module__, __doc__=settings.__doc__, **blocks
    )


def names_taken(settings: type[BaseSettings]) -> set[str]:
    """What no vendor can be called: the names of settings, and of whatever else `settings` has."""
    return {*dir(settings), *settings.model_fields}


class VendorBlocks(BaseSettings):
    """The vendors of settings `with_vendors`: of each its block, or None where it is switched off."""

    model_config = SettingsConfigDict(defer_build=True)  # built once, of all fields, when they are first read

    @field_validator(*ADAPTERS, mode="before", check_fields=False)
    @classmethod
    def _off_without_credentials(cls, block: Any, info: Any) -> Any:
        if not isinstance(block, dict):
            return block
        own = {name: value for name, value in block.items() if name != ACCOUNTS}
        return own if own.keys() & credentials_of(ADAPTERS[info.field_name].settings_model) else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment alone: we read no files, and to look through them takes as long again."""
        return init_settings, SetFields(settings_cls)

    _accounts: dict[str, VendorSettings] = PrivateAttr(default_factory=dict)

    def _read_accounts(self, prefix: str) -> None:
        """Raises AccountsError."""
        for vendor, adapter in ADAPTERS.items():
            for account, settings in read_accounts(vendor, adapter.settings_model, prefix).items():
                self._accounts[account_name(vendor, account)] = settings

    def vendors(self) -> dict[str, VendorSettings]:
        """The settings of the vendors and accounts that are switched on (`insider`, `insider@brand`)."""
        blocks = {name: getattr(self, name) for name in ADAPTERS}
        found = {name: block for name, block in blocks.items() if isinstance(block, VendorSettings)} | self._accounts
        return dict(sorted(found.items(), key=lambda one: [*ADAPTERS].index(vendor_of(one[0]))))

    def vendor(self, model: type[Block]) -> Block | None:
        """The settings of one vendor, by their type; None where it is switched off."""
        return next((block for block in self.vendors().values() if isinstance(block, model)), None)
