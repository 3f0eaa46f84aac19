"""The address of Redis, parsed once for all clients: login, host, and trusted certificates."""

from pathlib import Path

import pytest
from kombu.utils.url import url_to_parts

from tasks.redis_connections import RedisAddress, RedisUrlError, broker_settings, connect, connect_async
from tests.table_rows import each_row

SECRET = "p%40ss/w:ö"  # what a URL cannot hold as it is


@each_row(
    ("url", "where"),
    [
        ("redis://h", ("h", 6379, 0, None, None, None)),
        ("redis://h:7000/3", ("h", 7000, 3, None, None, None)),
        ("redis://h/?db=4", ("h", 6379, 4, None, None, None)),
        ("redis://:pw@h/1", ("h", 6379, 1, None, "pw", None)),
        ("redis://ann:p%25%40%2F@h/1", ("h", 6379, 1, "ann", "p%@/", None)),
        ("redis://[::1]:7000/1", ("::1", 7000, 1, None, None, None)),
        ("unix:///run/My%20Redis/r.sock?db=2", ("localhost", 6379, 2, None, None, "/run/My Redis/r.sock")),
        ("unix://:pw@/run/r.sock", ("localhost", 6379, 0, None, "pw", "/run/r.sock")),
        ("rediss://ann:pw@h:1/1", ("h", 1, 1, "ann", "pw", None)),
    ],
)
def test_an_address_is_the_same_to_every_client(url: str, where: tuple[object, ...]) -> None:
    address = RedisAddress.parse(url)
    host, port, number, user, password, unix_socket = where
    assert (address.host, address.port, address.database) == (host, port, number)
    assert (address.user, address.password, address.unix_socket) == (user, password, unix_socket)
    celery = url_to_parts(address.broker_url)
    assert (celery.hostname, celery.port, celery.path) == (host, port, str(number))
    assert (celery.username or None, celery.password or None) == (user, password)
    assert broker_settings(url)["broker_transport_options"].get("unix_socket") == unix_socket
    for client in (connect(url), connect_async(url)):
        given = client.connection_pool.connection_kwargs
        assert (given["db"], given["username"], given["password"]) == (number, user, password)
        assert given.get("path") == unix_socket
        assert (given.get("host"), given.get("port")) == ((None, None) if unix_socket else (host, port))
    assert password is None or password not in repr(address)


@each_row(
    ("url", "says"),
    [
        ("http://h", "is not of the form"),
        ("h:6379", "is not of the form"),
        ("", "is not of the form"),
        ("redis://h:0/0", "is not of the form"),
        ("redis://h:99999/0", "is not of the form"),
        ("redis://[::1/0", "is not of the form"),
        ("redis://h/first", "is no number"),
        ("redis://h/0?socket_timeout=1", "nothing can be set by socket_timeout"),
        ("rediss://h/0?ssl_cert_reqs=none", "always verified"),
        ("rediss://h/0?ssl_cert_reqs=CERT_NONE", "always verified"),
        ("rediss://h/0?ssl_cert_reqs=optional", "always verified"),
        ("rediss://h/0?ssl_check_hostname=false", "always verified"),
        ("rediss://h/0?ssl_ca_certs=/no/such/file", "CONSENT_REDIS_CA"),
        ("redis://h/0?ssl_ca_certs=/no/such/file", "nothing can be set by ssl_ca_certs"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_in_words(url: str, says: str) -> None:
    for read in (RedisAddress.parse, connect, connect_async, broker_settings):
        with pytest.raises(RedisUrlError, match=says) as refused:
            read(url)
        assert "99999" not in str(refused.value)


def test_a_ca_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for file in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(RedisUrlError, match="CONSENT_REDIS_CA"):
            RedisAddress.parse("rediss://h", file)


@pytest.mark.parametrize("url", ["redis://h", "rediss://h", "redis://h/2"])
def test_no_client_waits_for_ever(url: str) -> None:
    settings = broker_settings(url)
    for options in (
        settings["broker_transport_options"],
        connect(url).connection_pool.connection_kwargs,
        connect_async(url).connection_pool.connection_kwargs,
    ):
        assert 0 < options["socket_timeout"] <= 5
        assert 0 < options["socket_connect_timeout"] <= 5
        assert options["socket_keepalive"]
        assert options["socket_keepalive_options"]
        assert 0 < options["health_check_interval"] <= 5
    encrypted = url.startswith("rediss")
    assert (settings["broker_use_ssl"] is not None) == encrypted
    if encrypted:
        assert settings["broker_use_ssl"]["ssl_cert_reqs"] == "required"
        assert settings["broker_use_ssl"]["ssl_check_hostname"] is True
