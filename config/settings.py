"""Every setting, from environment variables that begin with CONSENT_."""

import re
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from adapters.contract import Adapter, VendorSettings
from adapters.registry import ADAPTERS, create
from adapters.vendors.akinon import AkinonSettings
from adapters.vendors.algonomy import AlgonomySettings
from adapters.vendors.b2core import B2coreSettings
from adapters.vendors.dfinery import DfinerySettings
from adapters.vendors.insider import InsiderSettings

PREFIX = "CONSENT_"


class SettingsError(Exception):
    """The environment cannot be used as it is. Each line of the message names a variable and what is wrong with it."""


class Settings(BaseSettings):
    """All settings; a vendor is switched on by its required ones."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(default=Path(".consent"), description="where the one-machine stack keeps its state")
    database_url: str | None = Field(
        default=None, repr=False, description="PostgreSQL; unset: the embedded one of the data folder"
    )
    redis_url: str | None = Field(
        default=None, repr=False, description="Redis; unset: the embedded one of the data folder"
    )
    master_keys: SecretStr | None = Field(
        default=None, description="keys that seal all others: 32 bytes each in base64, newest first, comma-separated"
    )
    web_port: int = Field(default=8080, ge=0, le=65535, description="port of the web console and API")
    flower_port: int = Field(default=5555, ge=0, le=65535, description="port of Flower")
    workers: int = Field(default=2, ge=1, le=64, description="worker processes that `consent up` starts")
    worker_threads: int = Field(default=32, ge=2, le=256, description="chunks a worker process can serve at once")
    lease_s: float = Field(default=60.0, ge=5, le=3600, description="a worker silent for so long has lost its chunk")
    verify_after_s: float = Field(default=60.0, ge=0, description="what was accepted is read back after this long")
    hold_after: int = Field(default=5, ge=1, le=100, description="like answers in a row that hold a vendor")
    probe_after_s: float = Field(default=10.0, ge=1, le=3600, description="a held vendor is probed this often")
    cool_off_erasure_s: float = Field(
        default=0.0, ge=0, le=2_419_200, description="an erasure is sent so long after receipt"
    )
    cool_off_opt_out_s: float = Field(
        default=0.0, ge=0, le=2_419_200, description="an opt-out is sent so long after receipt"
    )
    cool_off_opt_in_s: float = Field(
        default=0.0, ge=0, le=2_419_200, description="an opt-in is sent so long after receipt"
    )
    max_subjects_unconfirmed: int = Field(
        default=10_000, ge=0, description="a request of more people waits for someone else's `consent confirm`"
    )
    due_soon_days: float = Field(
        default=7.0, ge=0, le=90, description="what is not done so long before it is due is at risk"
    )
    retention_days: float | None = Field(
        default=None,
        ge=1,
        description="people and outcomes are dropped so long after their request closed; unset: never",
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="how much is logged")

    algonomy: AlgonomySettings | None = None
    insider: InsiderSettings | None = None
    dfinery: DfinerySettings | None = None
    akinon: AkinonSettings | None = None
    b2core: B2coreSettings | None = None

    @field_validator(*ADAPTERS, mode="before")
    @classmethod
    def _off_without_credentials(cls, block: Any, info: Any) -> Any:
        if not isinstance(block, dict):
            return block
        fields = ADAPTERS[info.field_name].settings_model.model_fields
        given = [fields[name] for name in block if name in fields]
        return block if any(field.is_required() or SecretStr in _types(field) for field in given) else None

    @classmethod
    def load(cls) -> Self:
        """The settings of this process's environment. Raises SettingsError."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("\n".join(_told(fault) for fault in error.errors(include_input=False))) from None
        except SourceError as error:  # before any field is looked at; its cause holds the value
            raise SettingsError(_unparsable(error)) from None

    def adapters(self) -> dict[str, Adapter]:
        """The adapters of the vendors that are switched on."""
        blocks: dict[str, BaseModel | None] = {name: getattr(self, name) for name in ADAPTERS}
        return {name: create(name, block) for name, block in blocks.items() if isinstance(block, VendorSettings)}


def _types(field: FieldInfo) -> tuple[Any, ...]:
    return (field.annotation, *get_args(field.annotation))


def _told(fault: Any) -> str:
    variable = PREFIX + "__".join(str(part) for part in fault["loc"]).upper()
    return f"{variable}: {fault['msg']}"


def _unparsable(error: SourceError) -> str:
    field = re.search(r'field "(\w+)"', str(error))
    variable = f"{PREFIX}{field[1].upper()}__…" if field else f"{PREFIX}…"
    return f"{variable}: lists and objects are given as JSON, and one of these variables holds none"
