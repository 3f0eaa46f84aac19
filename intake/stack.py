"""The stack that a command talks to, and its messages when it cannot be reached."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from config.settings import Settings, SettingsError
from config.stack import EVERYTHING, NoStackError, Stack, find_stack
from intake.exit_codes import CommandError, Ending
from ledger.failures import LedgerError, as_ledger_errors
from ledger.sealing import MasterKeys
from ledger.session import Engine, connect
from tasks.redis_connections import RedisAddress, RedisUrlError
from tasks.sealed import ProducerKeys
from tasks.submission import Guards

LEDGER = ("database_url",)
"""What a command needs that reads the ledger, or writes what no worker must be woken for."""
LEDGER_AND_KEYS = (*LEDGER, "master_keys")
"""The same of one that reads who the people are, or finds them."""
POSTGRES_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
BAD_KEYS = "these settings cannot be used:\nCONSENT_MASTER_KEYS: "


@dataclass(frozen=True)
class Surroundings:
    """A stack and its ledger, from the settings of this process."""

    settings: Settings
    stack: Stack
    engine: Engine

    @property
    def postgres(self) -> str:
        """Host and port of PostgreSQL, or its socket."""
        return host_and_port(self.stack.database_url, 5432)

    @property
    def redis(self) -> str:
        """Host and port of Redis, or its socket."""
        address = RedisAddress.parse(self.stack.redis_url)
        return address.unix_socket or f"{address.host}:{address.port}"


@contextmanager
def surroundings(
    pool_size: int = 1,
    patience_s: float | None = None,
    trusted_s: float | None = None,
    *,
    needed: Collection[str] = EVERYTHING,
    as_owner: bool = False,
) -> Iterator[Surroundings]:
    """Find the stack and open its ledger; the first statement connects. The arguments are those of `session.connect`,
    and `needed` that of `find_stack`. `as_owner`: as the user who migrates.

    Raises CommandError for unusable settings, and for PostgreSQL's errors inside.
    """
    settings, stack = _find(needed, as_owner=as_owner)
    variable = "CONSENT_DATABASE_OWNER_URL" if as_owner and settings.database_owner_url else "CONSENT_DATABASE_URL"
    _check_address(variable, stack.database_url, POSTGRES_SCHEMES)
    if stack.redis_url:
        _check_redis(stack)
    engine = connect(
        stack.database_url, pool_size=pool_size, patience_s=patience_s, trusted_s=trusted_s, pooled=stack.pooled
    )
    found = Surroundings(settings, stack, engine)
    try:
        with as_ledger_errors():
            yield found
    except LedgerError as error:
        raise CommandError(f"cannot use PostgreSQL at {found.postgres}: {error}", Ending.UNREACHABLE) from None
    finally:
        engine.dispose()


def load_settings() -> Settings:
    """The settings of this process. Raises CommandError."""
    try:
        return Settings.load()
    except SettingsError as error:
        raise CommandError(f"these settings cannot be used:\n{error}", Ending.UNUSABLE) from None


def _find(needed: Collection[str], *, as_owner: bool) -> tuple[Settings, Stack]:
    settings = load_settings()
    try:
        stack = find_stack(settings, needed, as_owner=as_owner)
    except NoStackError as error:
        raise CommandError(str(error), Ending.UNREACHABLE) from None
    except SettingsError as error:
        raise CommandError(f"these settings cannot be used:\n{error}", Ending.UNUSABLE) from None
    if stack.master_keys:
        _check_keys("CONSENT_MASTER_KEYS", stack.master_keys, MasterKeys.parse)
    _check_keys("CONSENT_PRODUCER_KEYS", stack.producer_keys, ProducerKeys.parse)
    return settings, stack


def _check_keys(variable: str, text: str, parse: Callable[[str], object]) -> None:
    try:
        parse(text)
    except ValueError as error:
        problem = f"these settings cannot be used:\n{variable}: {error}"
        raise CommandError(problem, Ending.UNUSABLE) from None


def _check_address(variable: str, url: str, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(url)
        known = parts.scheme in schemes and parts.port != 0
    except ValueError:
        known = False
    if not known:
        form = f"{schemes[0]}://user:password@host:port/name"
        raise CommandError(f"these settings cannot be used:\n{variable}: is not of the form {form}", Ending.UNUSABLE)


def _check_redis(stack: Stack) -> None:
    try:
        RedisAddress.parse(stack.redis_url, stack.redis_ca)
    except RedisUrlError as error:
        raise CommandError(f"these settings cannot be used:\nCONSENT_REDIS_URL: {error}", Ending.UNUSABLE) from None


def host_and_port(url: str, default: int) -> str:
    """The address of a service without user, password and name; the path of its socket where it has one."""
    parts = urlsplit(url)
    socket = dict(parse_qsl(parts.query)).get("host", "")
    if socket.startswith("/"):
        return socket
    return f"{parts.hostname or 'localhost'}:{parts.port or default}"


def master_keys(here: Surroundings) -> MasterKeys:
    """The master keys of a stack."""
    return MasterKeys.parse(here.stack.master_keys)


def guards_of(settings: Settings) -> Guards:
    """The limits that protect against mistakes here."""
    return Guards(
        settings.cool_off_s(),
        settings.max_subjects_unconfirmed,
        settings.term_table(),
        settings.resolver.is_on,
        settings.max_subjects_unconfirmed_within_h * 3600,
        settings.suppression_days,
    )
