"""What is wrong with Redis, in the same words everywhere."""

import ssl
from collections.abc import Iterator

from redis import exceptions

CLUSTER = (
    "it runs in cluster mode, which is not supported: one message needs several keys at once. "
    "Give the address of a Redis with cluster-enabled no"
)
_BY_CLASS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (exceptions.AuthenticationError, "it refuses the login: check user and password in CONSENT_REDIS_URL"),
    (exceptions.BusyLoadingError, "it is still loading its data"),
    (exceptions.ReadOnlyError, "it is a read-only replica: give the address of the primary"),
    (exceptions.MasterDownError, "it is a replica that has lost its primary: give the address of the primary"),
    (exceptions.OutOfMemoryError, "its memory is full, so it takes nothing: raise its maxmemory"),
    (exceptions.NoPermissionError, "its ACL keeps us from what we need: `consent doctor` says what is lacking"),
    ((exceptions.AskError, exceptions.ClusterError, exceptions.ClusterCrossSlotError), CLUSTER),
)
_BY_WORD = (
    ("MISCONF", "it cannot save to its disk, so it takes nothing: see its own log"),
    ("BUSY", "a script keeps it busy: SCRIPT KILL ends that"),
    ("NOREPLICAS", "too few replicas follow it, so it takes nothing"),
    ("DENIED", "it is in protected mode: give it a password, and us too in CONSENT_REDIS_URL"),
    ("max number of clients", "it has as many clients as it takes: raise its maxclients"),
)
ODD = "it answers, and not as it should: see its own log"
AWAY = "nobody answers there"


def say_fault(error: BaseException) -> str:
    """What an error of a Redis client means, and what to do. It quotes nothing of the error's own text."""
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            reason = link.verify_message or "nobody known signed it"
            return (
                f"its certificate is not one we trust ({reason}): "
                "name the file of the CA that signed it in CONSENT_REDIS_CA"
            )
    for link in _chain(error):
        if isinstance(link, ssl.SSLError):
            return "it does not speak TLS as we do: check whether its address is redis:// or rediss://"
        for kind, says in _BY_CLASS:
            if isinstance(link, kind):
                return says
        for word, says in _BY_WORD:
            if str(link).startswith(word):
                return says
    return ODD if isinstance(error, exceptions.ResponseError | exceptions.InvalidResponse) else AWAY


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
