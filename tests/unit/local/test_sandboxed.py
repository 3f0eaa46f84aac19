"""A stack with made-up vendors never meets a real ledger, vendor or receiver, and a real stack never meets its
people."""

from pathlib import Path

import pytest

from adapters.registry import ADAPTERS
from config.settings import SettingsError
from config.stack import note_stack
from local import made_up
from local.sandboxed import claim, leave_out, refuse_claimed
from local.services import ServiceError
from tests.table_rows import each_row

LEADS_OUT = [
    *(f"CONSENT_{name.upper()}__BASE_URL" for name in ADAPTERS),
    "CONSENT_INSIDER__REQUEST_TOKEN",
    "consent_insider__partner_name",
    "CONSENT_EGRESS_PROXY",
    "CONSENT_EGRESS_EXCEPTIONS",
    "CONSENT_OIDC__ISSUER",
    "CONSENT_RESOLVER__URL",
    "CONSENT_WEBHOOKS__RECEIVERS",
]


@each_row("name", LEADS_OUT)
def test_what_leads_out_of_this_machine_is_left_out(name: str) -> None:
    environment = {name: "secret-4711", "CONSENT_LOG_LEVEL": "INFO", "PATH": "/bin", "CONSENT_WEB_PORT": "8081"}
    assert leave_out(environment) == [name]
    assert environment.pop("CONSENT_FLOWER_PORT").isdigit()
    assert environment == {"CONSENT_LOG_LEVEL": "INFO", "PATH": "/bin", "CONSENT_WEB_PORT": "8081"}


def test_any_port_is_chosen_here_so_that_it_can_be_told() -> None:
    environment = {"CONSENT_WEB_PORT": "0", "CONSENT_FLOWER_PORT": "5557"}
    leave_out(environment)
    assert environment["CONSENT_WEB_PORT"] != "0"
    assert environment["CONSENT_FLOWER_PORT"] == "5557"


@pytest.mark.parametrize(
    "name", ["CONSENT_DATABASE_URL", "CONSENT_DATABASE_OWNER_URL", "CONSENT_REDIS_URL", "consent_database_url"]
)
def test_services_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: .*unset it") as refused:
        leave_out({name: "postgresql://ann:secret-4711@db.example/consent"})
    assert "secret-4711" not in str(refused.value)


def test_a_folder_is_a_sandboxs_or_a_real_stacks_and_stays_so(tmp_path: Path) -> None:
    sandboxed, real = tmp_path / "sandboxed", tmp_path / "real"
    real.mkdir(mode=0o700)
    note_stack(real, database_url="postgresql://", redis_url="redis://")
    assert claim(sandboxed) == sandboxed
    note_stack(sandboxed, database_url="postgresql://", redis_url="redis://")
    assert claim(sandboxed) == sandboxed

    with pytest.raises(ServiceError, match=f"{real} holds a stack with vendors of its own.*CONSENT_DATA_DIR"):
        claim(real)
    with pytest.raises(ServiceError, match=f"{sandboxed} is a sandbox's.*--sandbox"):
        refuse_claimed(sandboxed)
    refuse_claimed(real)
    refuse_claimed(tmp_path / "new")


def test_of_the_made_up_people_a_few_are_planted() -> None:
    everybody = made_up.people("erase", 800, planted_every=400)
    assert made_up.planted(everybody, made_up.POISON) == {400, 800}
    assert made_up.planted(everybody, made_up.EXPIRED) == {1, 401}
    for name in made_up.OWN:
        assert len({one[name] for one in made_up.known(everybody)}) == 800
