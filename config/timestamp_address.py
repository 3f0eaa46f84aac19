"""The address of the authority that stamps the evidence log."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from adapters.addresses import check_address


def _checked(address: SecretStr) -> SecretStr:
    check_address(address.get_secret_value())
    return address


TimestampAddress = Annotated[SecretStr, AfterValidator(_checked)]
"""The authority's address, which may contain a credential."""
