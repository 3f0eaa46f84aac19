"""What docker-compose.yml, Dockerfile and Procfile promise: health checks, no default passwords, few rights."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_services_of_the_stack_are_there_and_the_sandbox_only_when_asked_for() -> None:
    assert set(SERVICES) == {"postgres", "redis", "migrate", "worker", "take-in", "beat", "web", "flower", "sandbox"}
    assert {name for name, service in SERVICES.items() if service.get("profiles")} == {"sandbox"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_few_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_a_service_that_stays_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries"} <= set(check)


def test_the_shell_of_a_container_expands_its_own_variables() -> None:
    for name in ("redis", "worker", "beat"):
        for command in (SERVICES[name]["healthcheck"]["test"][-1], str(SERVICES[name]["command"])):
            # A single $ would be replaced by Compose, on the host; ${...} is meant to be.
            assert not re.search(r"(?<!\$)\$(?![\${])", command), command


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_secret_has_a_default(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("PASSWORD|AUTH|KEYS|URL", variable):
            assert re.search(r"\$\{CONSENT_[A-Z_]+:\?", value), variable
            assert not re.search(r"\$\{CONSENT_[A-Z_]+(:?-|\})", value), variable


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_it_needs(name: str) -> None:
    needed = SERVICES[name].get("depends_on", {})
    for other, how in needed.items() if isinstance(needed, dict) else ():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert (other, how["condition"]) == ("migrate", "service_completed_successfully")
    assert set(needed) <= set(SERVICES)


def test_only_web_and_flower_are_reachable_from_the_host_and_only_from_itself() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"web", "flower"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert "FLOWER_BASIC_AUTH" in SERVICES["flower"]["environment"]


def test_every_named_volume_is_declared() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert used == set(COMPOSE["volumes"])


def test_the_procfile_runs_the_worker_as_compose_does_and_keeps_flower_on_this_machine() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    commands = {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}
    assert set(commands) == {"worker", "take-in", "beat", "flower", "web"}
    # In the image the environment is the Dockerfile's.
    assert commands["worker"] == f"MALLOC_ARENA_MAX=2 {SERVICES['worker']['command']}"
    assert "MALLOC_ARENA_MAX=2" in (ROOT / "Dockerfile").read_text()
    assert "--address=127.0.0.1" in commands["flower"]


def test_the_image_holds_every_package_and_runs_as_an_ordinary_user() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(re.findall(r"^COPY (\w+) /src/\1$", dockerfile, re.MULTILINE)) == sorted(packages)
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["10001"]
    assert "--require-hashes -r requirements-prod.lock" in dockerfile


def test_the_image_has_the_versions_that_the_tests_ran_with() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+(?:\[[^]]+\])?==[\w.]+", (ROOT / name).read_text(), re.MULTILINE))

    production = pins("requirements-prod.lock")
    assert production
    assert production <= pins("requirements.lock")
