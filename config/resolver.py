"""The settings of the controller's directory, which adds identifiers that people of a request lack."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.addresses import check_address
from adapters.directory import HttpDirectory
from adapters.egress import DIRECT, Egress
from adapters.standard_webhooks import check_secret
from adapters.transport import Transport
from ledger.directory import DatabaseDirectory, check_database, check_query


class ResolverSettings(BaseModel):
    """The directory: an address that answers, or a table of a database; neither: no directory is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr | None = Field(
        default=None, description="the directory's address: https, or http to loopback; unset: no directory is asked"
    )
    secrets: tuple[Annotated[SecretStr, AfterValidator(check_secret)], ...] = Field(
        default=(), max_length=5, description='what questions are signed with: ["whsec_…"], the newest first'
    )
    database_url: SecretStr | None = Field(
        default=None, description="instead of an address, a PostgreSQL database of the controller's"
    )
    query: str | None = Field(default=None, description="the one statement that is made there: docs/resolver.md")
    timeout_s: float = Field(default=10.0, ge=0.1, le=20, description="total time for one question")
    batch: int = Field(default=1_000, ge=1, le=1_000, description="people of one question")

    @model_validator(mode="after")
    def _one_directory(self) -> Self:
        if self.url is not None and self.database_url is not None:
            raise ValueError("give URL or DATABASE_URL, not both")
        if self.url is not None:
            check_address(self.url.get_secret_value())
            if not self.secrets:
                raise ValueError("SECRETS are missing: what questions to URL are signed with")
        if (self.database_url is None) != (self.query is None):
            raise ValueError("DATABASE_URL and QUERY are given together")
        if self.database_url is not None and self.query is not None:
            check_database(self.database_url.get_secret_value())
            check_query(self.query)
        return self

    @property
    def is_on(self) -> bool:
        """Whether a directory is set."""
        return self.url is not None or self.database_url is not None

    def directory(self, egress: Egress = DIRECT) -> HttpDirectory | DatabaseDirectory | None:
        """The directory; None where none is set. A database is never reached through the proxy."""
        if self.url is not None:
            return HttpDirectory(self.url.get_secret_value(), self.secrets, Transport(self.timeout_s, egress))
        if self.database_url is not None and self.query is not None:
            return DatabaseDirectory(self.database_url.get_secret_value(), self.query, self.timeout_s)
        return None
