"""Whatever Redis answers, we wait for it: no error of Redis ends a worker, beat or a sender with a trace."""

import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from celery import Celery
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kombu.exceptions import OperationalError
from nacl.public import PrivateKey
from redis import exceptions
from redis._parsers.base import BaseParser

from intake.producer import send
from tasks import broker, redis_connections
from tasks.broker import BrokerConnection, Transport
from tasks.queues import DISPATCH, BrokerError, WakeUp
from tasks.redis_check import trouble
from tasks.redis_connections import broker_settings, connect, connect_async
from tasks.redis_faults import AWAY, CLUSTER, ODD, say_fault
from tasks.sending import sender, wake
from tests.redis_servers import Proxy, redis_server, saying
from tests.table_rows import each_row

ANSWERS = {
    "READONLY You can't write against a read only replica.": "read-only replica",
    "OOM command not allowed when used memory > 'maxmemory'.": "memory is full",
    "LOADING Redis is loading the dataset in memory": "still loading",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "lost its primary",
    "BUSY Redis is busy running a script.": "a script keeps it busy",
    "NOPERM this user has no permissions to run the 'lpush' command": "ACL",
    "NOPERM this user has no permissions to access one of the channels used as arguments": "ACL",
    "NOAUTH Authentication required.": "refuses the login",
    "WRONGPASS invalid username-password pair or user is disabled.": "refuses the login",
    "MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.": "save to its disk",
    "NOREPLICAS Not enough good replicas to write.": "too few replicas",
    "MOVED 3999 127.0.0.1:6381": CLUSTER,
    "ASK 3999 127.0.0.1:6381": CLUSTER,
    "CLUSTERDOWN Hash slot not served": CLUSTER,
    "CROSSSLOT Keys in request don't hash to the same slot": CLUSTER,
    "TRYAGAIN Multiple keys request during rehashing of slot": ODD,
    "EXECABORT Transaction discarded because of previous errors.": ODD,
    "WRONGTYPE Operation against a key holding the wrong kind of value": ODD,
    "DENIED Redis is running in protected mode": "protected mode",
    "ERR max number of clients reached": "as many clients",
    "ERR unknown command 'LPUSH'": ODD,
    "UNKILLABLE Sorry the script already executed write commands": ODD,
    "SOMETHINGNEW that a later Redis says": ODD,
}


@each_row("answer", ANSWERS)
def test_every_answer_is_one_to_wait_for_and_told_in_words(answer: str) -> None:
    error = BaseParser.parse_error(answer)
    assert isinstance(error, Transport.connection_errors)
    assert not isinstance(error, Transport.channel_errors)
    assert ANSWERS[answer] in say_fault(error)


@each_row("answer", [one for one in ANSWERS if not one.startswith("ERR max")])
def test_a_sender_told_no_says_so_as_for_a_redis_that_is_away(answer: str) -> None:
    with saying(b"-" + answer.encode()) as url, sender(url) as app:
        with pytest.raises(BrokerError):
            wake(app, ["insider"])
        assert trouble(connect(url)) is not None


@each_row("answer", ["READONLY no", "OOM no", "NOPERM no", "MISCONF no", "CLUSTERDOWN no", "NEWS no"])
def test_who_must_write_is_not_connected_to_a_redis_that_takes_nothing(answer: str) -> None:
    with saying(b"-" + answer.encode()) as url:
        settings = broker_settings(url, must_write=True)
        for options, works in ((settings["broker_transport_options"], False), ({}, True)):
            with BrokerConnection(url, transport_options=options) as connection:
                if works:
                    connection.ensure_connection(max_retries=1)
                    continue
                with pytest.raises(OperationalError, match="it"):
                    connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)


def test_a_name_that_leads_elsewhere_by_now_is_looked_up_again(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    with redis_server(tmp_path / "old") as old, redis_server(tmp_path / "new") as new, Proxy(old.port) as name:
        url = f"redis://127.0.0.1:{name.port}/0"
        client = connect(url)
        with sender(url) as app:
            wake(app, ["insider"])
            client.set("ours", "1")
            old.client().replicaof("127.0.0.1", "1")
            name.lead_to(new.port)
            wake(app, ["dfinery"])
            client.set("ours", "2")
        assert new.client().llen(WakeUp(DISPATCH, "dfinery").queue) == 1
        assert new.client().get("ours") == b"2"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs so short that a test can wait for them."""
    for name in ("CONNECT_S", "ANSWER_S", "HEALTH_S"):
        monkeypatch.setattr(redis_connections, name, 0.4)
    monkeypatch.setattr(broker, "HEALTH_S", 0.4)


@pytest.mark.usefixtures("impatient")
@pytest.mark.timeout(60)
async def test_a_connection_that_dies_without_a_word_is_noticed_by_who_sends(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server, Proxy(server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        patient, shared = connect(url), connect_async(url)
        with sender(url) as app:
            wake(app, ["insider"])
            assert trouble(patient) is None
            await shared.ping()
            proxy.swallow()
            with pytest.raises(BrokerError):
                wake(app, ["insider"])
            assert trouble(patient) == AWAY
            with pytest.raises(exceptions.RedisError):
                await shared.ping()
            proxy.mend()
            wake(app, ["insider"])
            assert trouble(patient) is None
            await shared.ping()
        await shared.aclose()
        assert server.client().llen(WakeUp(DISPATCH, "insider").queue) >= 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.timeout(60)
def test_a_connection_that_dies_without_a_word_is_noticed_by_who_listens(tmp_path: Path) -> None:
    """As Flower listens to events."""
    with redis_server(tmp_path) as server, Proxy(server.port) as proxy:
        heard = threading.Event()
        url = f"redis://127.0.0.1:{proxy.port}/0"
        with listening(url, heard), sender(server.url) as app, app.events.default_dispatcher() as dispatcher:
            say_until(dispatcher, heard)
            proxy.swallow()
            proxy.mend()
            heard.clear()
            say_until(dispatcher, heard)


def say_until(dispatcher: object, heard: threading.Event) -> None:
    while not heard.wait(0.1):
        dispatcher.send("worker-heartbeat")


@contextmanager
def listening(url: str, heard: threading.Event) -> Iterator[None]:
    over = threading.Event()

    def listen() -> None:
        with sender(url) as app:
            while not over.is_set():
                try:
                    with app.connection_for_read() as connection:
                        receiver = app.events.Receiver(connection, handlers={"*": lambda _: heard.set()})
                        for _ in receiver.consume(limit=None, timeout=5, wakeup=False):
                            if over.is_set():
                                return
                except (*Transport.connection_errors, OperationalError):
                    continue

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(20)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA of our own, and a certificate for loopback that it signed."""
    folder = tmp_path_factory.mktemp("ca")
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA of a test")]), datetime.now(UTC)

    def signed(name: x509.Name, public: ec.EllipticCurvePublicKey, *, is_ca: bool, host: str) -> bytes:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host)), x509.DNSName("localhost")])
        unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        no = dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
        usage = x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **no)
        builder = x509.CertificateBuilder(ca_name, name, public, x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(names, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        builder = builder.add_extension(usage, critical=True)
        ski = x509.SubjectKeyIdentifier.from_public_key(public)
        aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        builder = builder.add_extension(ski, critical=False).add_extension(aki, critical=False)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(signed(ca_name, ca_key.public_key(), is_ca=True, host="127.0.0.1"))
    (folder / "good.pem").write_bytes(signed(server, key.public_key(), is_ca=False, host="127.0.0.1") + pem)
    (folder / "elsewhere.pem").write_bytes(signed(server, key.public_key(), is_ca=False, host="10.1.2.3") + pem)
    return folder


async def said_by_each(url: str, ca: Path | None) -> dict[str, str | None]:
    """What every sort of client says of a Redis; None where it is content."""
    found: dict[str, str | None] = {"doctor": trouble(connect(url, ca))}
    shared = connect_async(url, ca)
    try:
        await shared.ping()
        found["throttle"] = None
    except exceptions.RedisError as error:
        found["throttle"] = say_fault(error)
    finally:
        await shared.aclose()
    with sender(url, ca) as app:
        for name, connection in {
            "celery": app.connection_for_read(),
            "pool": app.connection_for_write(),
            "worker": worker_connection(url, ca),
        }.items():
            try:
                with connection:
                    connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
                found[name] = None
            except OperationalError as error:
                found[name] = str(error)
    try:
        send(
            {},
            public_key=b64encode(bytes(PrivateKey.generate().public_key)).decode(),
            redis_url=url,
            redis_ca=str(ca) if ca else None,
        )
        found["producer"] = None
    except OperationalError as error:
        found["producer"] = str(error)
    return found


def worker_connection(url: str, ca: Path | None) -> BrokerConnection:
    app = Celery(amqp=broker.Amqp, set_as_current=False)
    app.conf.update(broker_settings(url, ca, must_write=True))
    return app.connection_for_read()


@pytest.mark.parametrize("certificate", ["good", "elsewhere"])
async def test_all_clients_alike_verify_certificates(tmp_path: Path, authority: Path, certificate: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority / f"{certificate}.pem")
    with redis_server(tmp_path) as server, Proxy(server.port, tls) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0"
        unknown = await said_by_each(url, None)
        known = await said_by_each(url, authority / "ca.pem")
        assert set(known.values()) == {None} or certificate == "elsewhere", known
        for found in (unknown, known) if certificate == "elsewhere" else (unknown,):
            assert len(set(found.values())) == 1, found
            assert "its certificate is not one we trust" in str(found["celery"])
            assert "CONSENT_REDIS_CA" in str(found["celery"])


async def test_all_clients_alike_go_through_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "R s.sock"
    with redis_server(tmp_path, unixsocket=f'"{path}"', requirepass="p"):
        assert set((await said_by_each(f"unix://:p@{path}", None)).values()) == {None}
        wrong = await said_by_each(f"unix://:x@{path}", None)
        assert set(wrong.values()) == {"it refuses the login: check user and password in CONSENT_REDIS_URL"}
