"""The credentials the sandboxed vendors know, and the environment that points consent-worker at them."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Accounts:
    """What each vendor would have handed out; every field can be set by `SANDBOX_<FIELD>`."""

    insider_partner_name: str = "sandbox"
    insider_request_token: str = "sandbox-insider-request-token"
    insider_identifiers: str = "uuid,email,phone_number,custom"
    """Which identifiers the partner's identity resolution has; the others are ignored."""
    algonomy_client_id: str = "sandbox-algonomy-client"
    algonomy_client_secret: str = "sandbox-algonomy-secret"
    dfinery_api_token: str = "sandbox-dfinery-api-token"
    akinon_session_cookie: str = "sessionid"
    akinon_sms_code: str = "123456"
    b2core_token: str = "sandbox-b2core-token"
    b2core_client_id: str = "sandbox-b2core-client"
    b2core_client_secret: str = "sandbox-b2core-secret"
    directory_secret: str = "whsec_c2FuZGJveC1kaXJlY3Rvcnktc2VjcmV0"
    """What questions to the controller's directory are signed with."""

    def __repr__(self) -> str:
        return "Accounts(…)"


def read_accounts(environ: Mapping[str, str] = os.environ) -> Accounts:
    """The default accounts, with whatever `SANDBOX_*` overrides."""
    names = [field.name for field in fields(Accounts)]
    given = {name: environ[f"SANDBOX_{name.upper()}"] for name in names if f"SANDBOX_{name.upper()}" in environ}
    return Accounts(**given)


def point_worker(accounts: Accounts, base: str, limits: Mapping[str, int]) -> Iterator[str]:
    """Yield the `CONSENT_<VENDOR>__…=…` lines for vendors served below `base` (no trailing slash)."""
    credentials = {
        "insider": {
            "PARTNER_NAME": accounts.insider_partner_name,
            "REQUEST_TOKEN": accounts.insider_request_token,
        },
        "algonomy": {
            "CLIENT_ID": accounts.algonomy_client_id,
            "CLIENT_SECRET": accounts.algonomy_client_secret,
        },
        "dfinery": {"API_TOKEN": accounts.dfinery_api_token},
        "akinon": {"SESSION_COOKIE": accounts.akinon_session_cookie},
        "b2core": {"TOKEN": accounts.b2core_token},
    }
    for vendor, settings in credentials.items():
        prefix = f"CONSENT_{vendor.upper()}__"
        yield f"{prefix}BASE_URL={base}/{vendor}"
        for name, value in settings.items():
            yield f"{prefix}{name}={value}"
        yield f"{prefix}REQUESTS_PER_MINUTE={limits[vendor]}"
    for bucket, setting in (
        ("profile", "PROFILE_UNITS_PER_MINUTE"),
        ("delete", "DELETIONS_PER_MINUTE"),
        ("anonymize", "ANONYMIZATIONS_PER_MINUTE"),
    ):
        yield f"CONSENT_INSIDER__{setting}={limits[f'insider.{bucket}']}"


def point_resolver(accounts: Accounts, base: str) -> Iterator[str]:
    """Yield the `CONSENT_RESOLVER__…=…` lines for the controller's directory served below `base`."""
    yield f"CONSENT_RESOLVER__URL={base}/directory"
    yield f'CONSENT_RESOLVER__SECRETS=["{accounts.directory_secret}"]'
