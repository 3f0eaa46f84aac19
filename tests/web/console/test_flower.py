"""The navigation leads to Flower where it runs, by a path of ours."""

import socket
from dataclasses import replace

import httpx
import pytest

from tests.web.console.conftest import Browser, SignIn, console
from web import flower_place
from web.context import Context


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flower_place, "LOOKED_S", 0.0)


def with_settings(context: Context, **changed: object) -> Context:
    return replace(context, settings=context.settings.model_copy(update=changed))


def seen_by(sign_in: SignIn, role: str, url: str) -> Browser:
    """The browser of somebody who is signed in, at another process of the same ledger."""
    browser = sign_in(role)
    (session,) = [value for name, value in browser.client.cookies.items() if name.startswith("consent_session")]
    return Browser(
        httpx.Client(
            base_url=url,
            headers={"Cookie": f"__Host-consent_session={session}; consent_session_{httpx.URL(url).port}={session}"},
        ),
        url,
    )


def test_it_is_led_to_while_it_listens(sign_in: SignIn, context: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with console(with_settings(context, flower_port=port, flower_prefix="/flower")) as url:
            reader = seen_by(sign_in, "reader", url)
            assert 'href="/flower"' in reader.get("/requests").text
            assert reader.get("/flower").headers["location"] == f"http://127.0.0.1:{port}/flower/"
            listening.close()
            assert 'href="/flower"' not in reader.get("/requests").text
            assert reader.get("/flower").status_code == 404
            submitter = seen_by(sign_in, "submitter", url)
            assert submitter.get("/flower").status_code == 403


def test_behind_a_proxy_it_is_a_path(context: Context) -> None:
    settings = with_settings(context, public_url="https://consent.example", flower_prefix="flower").settings
    assert flower_place.runs(settings)
    assert flower_place.address(settings, "10.0.0.1") == "https://consent.example/flower/"
    plain = with_settings(context, flower_port=0).settings
    assert not flower_place.runs(plain)
    assert flower_place.address(with_settings(context, flower_port=1).settings, "::1") == "http://[::1]:1/"
