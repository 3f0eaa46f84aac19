"""Which addresses may be told: what an operator allowed, and nothing inside a network."""

import pytest

from adapters.receivers import AddressError, Rules, is_public
from tests.table_rows import each_row

SOME = Rules(frozenset({"crm.example", "shop.example:8443"}))


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/hook?token=1",
        "https://CRM.example:443/",
        "https://shop.example:8443/",
        "https://crm.example/#x",
    ],
)
def test_what_an_operator_allowed_is_allowed(url: str) -> None:
    assert "#" not in str(SOME.check(url))


@each_row(
    "url",
    [
        "http://crm.example/",
        "ftp://crm.example/",
        "//crm.example/",
        "crm.example/hook",
        "https://crm.example:8443/",
        "https://shop.example/",
        "https://evil.crm.example/",
        "https://crm.example.evil.example/",
        "https://crm.example@evil.example/",
        "https://user:password@crm.example/",
        "https://evil.example/crm.example",
        "https://crm.example./",
        "https://localhost/",
        "http://127.0.0.1:8080/",
        "https://[::1]/",
        "https:///path",
        "https://crm.example:99999/",
        "https://crm.example/\nHost: evil",
        "",
        "https://crm.example/" + "a" * 2048,
    ],
)
def test_anything_else_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(AddressError) as refused:
        SOME.check(url)
    assert "example" not in str(refused.value)


@each_row(
    "host", ["10.0.0.5", "127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.5]", "[64:ff9b::a00:5]", "0.0.0.0"]
)
def test_an_inside_address_in_the_open_is_refused_to_whoever_gives_it(host: str) -> None:
    for allowed in ("*", host.strip("[]")):
        with pytest.raises(AddressError, match="not public"):
            Rules(frozenset({allowed})).check(f"https://{host}/")
    assert Rules(frozenset({"*"})).check("https://93.184.216.34/").host == "93.184.216.34"


@pytest.mark.parametrize("host", ["exa mple.com", "a%00b.example", "[fe80::1%25eth0]"])
def test_what_no_name_can_hold_is_no_host(host: str) -> None:
    with pytest.raises(AddressError):
        Rules(frozenset({"*"})).check(f"https://{host}/")


def test_nothing_is_allowed_by_default_and_a_star_allows_every_name_at_one_port() -> None:
    with pytest.raises(AddressError, match="ALLOWED_HOSTS"):
        Rules().check("https://crm.example/")
    anything = Rules(frozenset({"*"}))
    assert anything.check("https://any.example/").host == "any.example"
    with pytest.raises(AddressError):
        anything.check("https://any.example:8443/")


def test_this_machine_may_be_told_only_where_that_is_switched_on() -> None:
    at_home = Rules(loopback=True)
    assert at_home.check("http://127.0.0.1:9000/x").port == 9000
    at_home.vet("127.0.0.1")
    for rules in (SOME, Rules(frozenset({"*"}))):
        with pytest.raises(AddressError):
            rules.check("http://localhost:9000/x")
        with pytest.raises(AddressError):
            rules.vet("127.0.0.1")
    with pytest.raises(AddressError):
        at_home.vet("10.0.0.1")


@each_row(
    "address",
    [
        *(
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.1",
        ),
        *("192.168.1.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "203.0.113.9", "224.0.0.1"),
        *("239.255.255.250", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd12:3456::1", "fe80::1"),
        *("fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1", "2606:4700::1%eth0", "not an address", ""),
    ],
)
def test_no_special_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111"])
def test_ordinary_addresses_are_public(address: str) -> None:
    assert is_public(address)
