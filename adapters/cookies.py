"""Cookies of one request and one answer. Nothing is kept between two people."""

import re
from collections.abc import Mapping

import httpx

COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+")
"""RFC 6265 4.1.1: the characters of a cookie's value. Any other could add a second cookie or header."""


def cookie_header(cookies: Mapping[str, str]) -> str:
    """The `Cookie` header of these cookies, by name."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def read_cookie(response: httpx.Response, name: str) -> str | None:
    """The value that an answer sets a cookie to; None where it sets none, or one that may not be sent back."""
    for cookie in response.headers.get_list("set-cookie"):
        its_name, _, rest = cookie.partition("=")
        value = rest.partition(";")[0].strip().strip('"')
        if its_name.strip() == name and COOKIE_VALUE.fullmatch(value):
            return value
    return None
