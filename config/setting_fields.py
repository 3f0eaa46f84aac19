"""The fields of all settings: what each is, its default and its bounds."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from config.deadlines import TermSettings
from config.egress import BundleFile, ExceptionList, ProxyAddress
from config.log_origin import LogOrigin
from config.manual import ManualRecipient
from config.oidc import OidcSettings
from config.opendsr import OpenDsrSettings
from config.phone_region import PhoneRegion
from config.public_url import PublicUrl
from config.resolver import ResolverSettings
from config.retention import RecordDays, RetentionFields
from config.timestamp_address import TimestampAddress
from config.vendors import VendorBlocks
from config.webhooks import WebhookSettings
from domain.regulations import Regulation
from domain.requests import Kind


class SettingFields(RetentionFields, VendorBlocks):
    """All settings by name. `config.settings` reads them."""

    data_dir: Path = Field(default=Path(".consent"), description="where the one-machine stack keeps its state")
    database_url: str | None = Field(
        default=None, repr=False, description="PostgreSQL; unset: the embedded one of the data folder"
    )
    database_owner_url: str | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL as the user who owns the tables: migrations use it, and nothing else does, so that "
        "everything else may change no evidence; unset: DATABASE_URL",
    )
    database_pooler: Literal["transaction"] | None = Field(
        default=None,
        description="`transaction`: PostgreSQL is reached through a pooler, such as PgBouncer, that lends a connection "
        "for one transaction; unset: there is none",
    )
    redis_url: str | None = Field(
        default=None, repr=False, description="Redis; unset: the embedded one of the data folder"
    )
    redis_ca: Path | None = Field(
        default=None, description="file of the CA certificates by which rediss:// is verified; unset: the system's"
    )
    master_keys: SecretStr | None = Field(
        default=None,
        description="keys that seal all others: 32 bytes each in base64 or hexadecimal, newest first, comma-separated",
    )
    master_keys_file: Path | None = Field(default=None, description="a file with these keys instead")
    master_keys_folder: Path | None = Field(
        default=None, description="a folder of files with these keys instead; the last file by name has the newest"
    )
    master_keys_command: str | None = Field(
        default=None,
        repr=False,
        description="a command that writes these keys instead, as a client of a key store; run without a shell",
    )
    signing_keys: SecretStr | None = Field(
        default=None,
        description="Ed25519 keys that sign checkpoints and certificates: 32 bytes each in base64 or hexadecimal, "
        "newest first, comma-separated; unset: the one in the data folder",
    )
    signing_keys_file: Path | None = Field(default=None, description="a file with these keys instead")
    audit_export_dir: Path | None = Field(
        default=None,
        description="folder outside of PostgreSQL into which workers write the evidence log as it grows; a ledger that "
        "is behind it was restored from a backup, and sends nothing; unset: `audit` in the data folder of `consent up`",
    )
    timestamp_url: TimestampAddress | None = Field(
        default=None,
        repr=False,
        description="an authority that stamps the evidence log once a day (RFC 3161): https, or http to loopback; "
        "unset: none does",
    )
    timestamp_ca: BundleFile | None = Field(
        default=None, description="file of the CA certificates by which its time stamps are verified"
    )
    log_origin: LogOrigin | None = Field(
        default=None,
        description="name of the evidence log, as consent.example/log; unset: consent-worker/ and the ledger's "
        "id. The first checkpoint fixes it",
    )
    web_port: int = Field(default=8080, ge=0, le=65535, description="port of the web console and API")
    web_host: str = Field(default="127.0.0.1", description="address the web console and API listen on")
    web_behind_tls: bool = Field(
        default=False, description="a proxy in front of the web process brings TLS: it may listen on other addresses"
    )
    public_url: PublicUrl | None = Field(
        default=None,
        description="address by which browsers reach the console, as https://consent.example: it decides whether "
        "cookies are for TLS only; unset: as WEB_BEHIND_TLS says",
    )
    session_idle_minutes: float = Field(
        default=30.0, gt=0, le=720, description="a console session that nobody has used for so long is over"
    )
    api_requests_per_minute: float = Field(default=60_000, gt=0, description="requests that one API key may make")
    upload_max_bytes: int = Field(default=4_000_000_000, ge=1_000, description="the largest file that may be uploaded")
    max_workbook_bytes: int = Field(
        default=250_000_000, ge=10_000, description="the largest workbook (.xlsx, .ods), as it is and unpacked"
    )
    phone_region: PhoneRegion | None = Field(
        default=None,
        description="country, as KR, whose phone numbers those in national form are in files that do not say; unset: "
        "such numbers are refused",
    )
    flower_port: int = Field(default=5555, ge=0, le=65535, description="port of Flower")
    flower_basic_auth: SecretStr | None = Field(
        default=None,
        description="USER:PASSWORD of Flower's pages; unset: `consent` and a password that is made on the first start "
        "and kept in the data folder",
    )
    flower_hosts: str = Field(
        default="",
        description="names besides this machine's loopback by which browsers reach Flower, comma-separated, as "
        "flower.example; other names are refused",
    )
    flower_prefix: str = Field(default="", description="path below which a proxy shows Flower, as /flower; unset: /")
    workers: int = Field(default=2, ge=1, le=64, description="worker processes that `consent up` starts")
    worker_threads: int | None = Field(
        default=None,
        ge=2,
        le=4096,
        description="chunks a worker process can serve at once; unset: those of all its vendors, and a few",
    )
    lease_s: float = Field(default=60.0, ge=5, le=3600, description="a worker silent for so long has lost its chunk")
    verify_after_s: float = Field(default=60.0, ge=0, description="what was accepted is read back after this long")
    hold_after: int = Field(default=5, ge=1, le=100, description="like answers in a row that hold a vendor")
    probe_after_s: float = Field(
        default=10.0,
        ge=1,
        le=3600,
        description="a held vendor is probed after so long, then after twice as long, up to 15 minutes",
    )
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
    max_subjects_unconfirmed_within_h: float = Field(
        default=24.0,
        ge=0,
        le=168,
        description="so do further requests of a submitter who has sent so many within these hours; 0: each by itself",
    )
    password_login: bool = Field(
        default=True, description="whether console users may log in with a password; else by the provider of OIDC only"
    )
    regulation: Regulation = Field(
        default=Regulation.GDPR, description=f"the law of requests that name none: {', '.join(Regulation)}"
    )
    deadlines: dict[Regulation, dict[Kind, TermSettings]] = Field(
        default={},
        description="rows of the table of due dates that differ for you, by regulation and kind: "
        '{"gdpr": {"erasure": {"due": "20 days", "extension": "1 month"}}}',
    )
    answer_sender: str = Field(
        default="",
        max_length=500,
        description="who answers people and authorities: name and address, printed at the top of an answer",
    )
    due_soon_days: float = Field(
        default=7.0, ge=0, le=90, description="what is not done so long before it is due is at risk"
    )
    suppression_days: RecordDays = Field(
        default=None,
        description="so long after their wish took effect, who was erased is on the suppression list, also once their "
        "request is forgotten; unset, or never: for ever",
    )
    erase_again: bool = Field(
        default=False,
        description="who is found on the suppression list by `consent suppression check`, or by the API's for somebody "
        "who may submit, is erased again, unless an erasure of theirs is of the last seven days",
    )
    recheck_people: int = Field(
        default=20,
        ge=0,
        le=1_000,
        description="of the people whose withdrawal was verified at a vendor, so many are read back again each week: "
        "who was erased may have come back with an import; 0: nobody",
    )
    egress_proxy: ProxyAddress | None = Field(
        default=None,
        description="HTTP proxy through which vendors, receivers, the directory and the identity provider are reached, "
        "as http://user:password@proxy.example:3128 or https://…; unset: none",
    )
    egress_exceptions: ExceptionList = Field(
        default=(),
        description="what is reached without it, comma-separated: hosts (crm.example), domains (.corp), addresses and "
        "CIDRs as they stand in addresses (10.0.0.0/8); this machine always is",
    )
    ca_bundle: BundleFile | None = Field(
        default=None,
        description="file of CA certificates in PEM by which all of these and the proxy are verified, besides the "
        "system's",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="how much is logged")

    oidc: OidcSettings | None = None
    opendsr: OpenDsrSettings = OpenDsrSettings()
    webhooks: WebhookSettings = WebhookSettings()
    resolver: ResolverSettings = ResolverSettings()
    manual: dict[str, ManualRecipient] = Field(
        default={},
        description="recipients without an API, by a name of yours: people ask them by hand. Of each, as "
        "CONSENT_MANUAL__PRINTSHOP__TITLE: TITLE; DUE_DAYS after receipt (14); FOUND_BY, a list in JSON of user_id, "
        "email and phone_number; HOLDS and DOES, in a few words for people",
    )
    producer_keys: SecretStr | None = Field(
        default=None,
        description="private keys that open what Celery producers seal: 32 bytes each in base64 or hexadecimal, newest "
        "first, comma-separated; unset: the one in the data folder",
    )
