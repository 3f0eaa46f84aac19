"""What docker-compose.yml, Dockerfile and Procfile promise: health checks, no default passwords, few rights."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import yaml

from adapters.registry import ADAPTERS
from config.settings import Settings
from tests.table_rows import each_row

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_services_of_the_stack_are_there_and_the_sandbox_only_when_asked_for() -> None:
    assert set(SERVICES) == {"postgres", "redis", "migrate", "worker", "take-in", "beat", "web", "flower", "sandbox"}
    assert {name for name, service in SERVICES.items() if service.get("profiles")} == {"sandbox"}


@each_row("name", SERVICES)
def test_a_service_has_few_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@each_row("name", sorted(set(SERVICES) - {"migrate"}))
def test_a_service_that_stays_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries"} <= set(check)


def test_the_shell_of_a_container_expands_its_own_variables() -> None:
    for name in ("redis", "worker", "beat"):
        for command in (SERVICES[name]["healthcheck"]["test"][-1], str(SERVICES[name]["command"])):
            # A single $ would be replaced by Compose, on the host; ${...} is meant to be.
            assert not re.search(r"(?<!\$)\$(?![\${])", command), command


OPTIONAL = re.compile(r"\$\{(\w+):-\}")
TOLD_OF = re.compile(r"\$\{(\w+):\+.*\}")
"""That it is set, and not to what."""


@each_row("name", SERVICES)
def test_nothing_secret_has_a_default(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("PASSWORD|AUTH|KEYS|URL", variable) and value:
            if OPTIONAL.fullmatch(value) or TOLD_OF.fullmatch(value):
                continue
            assert re.search(r"\$\{CONSENT_[A-Z_]+:\?", value), variable
            assert not re.search(r"\$\{CONSENT_[A-Z_]+(:?-|\})", value), variable


def settings_of(service: str) -> set[str]:
    """The settings that a service is given, without those it is only told of or kept from."""
    given = SERVICES[service].get("environment", {}).items()
    return {name for name, value in given if value and not TOLD_OF.fullmatch(value)}


CREDENTIALS = re.compile("KEYS|SECRET|TOKEN|COOKIE|PASSWORD|AUTH|DATABASE_(OWNER_)?URL|EGRESS_PROXY")
VENDORS = re.compile(f"CONSENT_({'|'.join(ADAPTERS)})__".upper())
SECRETS = {
    "postgres": {"POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS"},
    "redis": {"REDIS_PASSWORD"},
    "migrate": {"CONSENT_DATABASE_URL", "CONSENT_DATABASE_OWNER_URL"},
    "beat": set(),
    "flower": {"CONSENT_FLOWER_BASIC_AUTH"},
    "web": {"CONSENT_DATABASE_URL", "CONSENT_MASTER_KEYS", "CONSENT_OIDC__CLIENT_SECRET", "CONSENT_EGRESS_PROXY"},
    "worker": {"CONSENT_DATABASE_URL", "CONSENT_MASTER_KEYS"},
    "take-in": {"CONSENT_DATABASE_URL", "CONSENT_MASTER_KEYS", "CONSENT_PRODUCER_KEYS"},
    "sandbox": set(),
}
"""By service, all that it is trusted with, besides the address of Redis."""


@each_row("name", SECRETS)
def test_a_service_is_trusted_with_what_it_uses_and_no_more(name: str) -> None:
    given = settings_of(name)
    plain = {"POSTGRES_INITDB_ARGS", "CONSENT_PASSWORD_LOGIN"}
    assert {one for one in given if CREDENTIALS.search(one)} - plain == SECRETS[name] - plain
    assert not any(VENDORS.match(one) for one in given)  # workers have those from the file
    uses_redis = name in {"worker", "take-in", "beat", "web", "flower"}
    assert ("CONSENT_REDIS_URL" in given) == uses_redis


def test_only_workers_read_the_file_with_the_credentials_of_vendors() -> None:
    assert {name for name, service in SERVICES.items() if "env_file" in service} == {"worker"}
    kept_from = {name for name, value in SERVICES["worker"]["environment"].items() if value == ""}
    assert kept_from >= {
        "CONSENT_DATABASE_OWNER_URL",
        "CONSENT_FLOWER_BASIC_AUTH",
        "CONSENT_OIDC__CLIENT_SECRET",
        "CONSENT_POSTGRES_APP_PASSWORD",
        "CONSENT_POSTGRES_PASSWORD",
        "CONSENT_PRODUCER_KEYS",
        "CONSENT_REDIS_PASSWORD",
    }


def test_whoever_serves_logs_in_to_postgresql_as_another_user_than_who_migrates() -> None:
    users = {
        (name, variable): value.split("//", 1)[1].split(":", 1)[0]
        for name, service in SERVICES.items()
        for variable, value in service.get("environment", {}).items()
        if "_DATABASE_" in variable and value.startswith("postgresql+psycopg://")
    }
    owner = users.pop(("migrate", "CONSENT_DATABASE_OWNER_URL"))
    assert owner == SERVICES["postgres"]["environment"]["POSTGRES_USER"]
    assert owner not in users.values()
    assert {name for name, _ in users} == {"migrate", "worker", "take-in", "web"}


@each_row("name", SERVICES)
def test_what_a_service_is_given_is_a_setting(name: str) -> None:
    known = set(re.findall(r"^(CONSENT_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert {one for one in SERVICES[name].get("environment", {}) if one.startswith("CONSENT_")} <= known


OF_ITS_PLACE = {
    "CONSENT_DATABASE_OWNER_URL",  # of those who migrate
    "CONSENT_DATA_DIR",
    "CONSENT_FLOWER_PORT",  # Flower runs elsewhere: the console leads there by CONSENT_PUBLIC_URL
    "CONSENT_LOG_LEVEL",
    "CONSENT_WEB_HOST",  # its command says both
    "CONSENT_WEB_PORT",
}
"""What the web process reads and nobody has to hand on: the same in each container, or none of this one's."""


def test_the_web_process_is_given_the_settings_that_it_reads() -> None:
    sources = [*(ROOT / "web").rglob("*.py"), ROOT / "intake" / "stack.py"]
    read = {name for path in sources for name in re.findall(r"\bsettings\.([a-z_]+)", path.read_text("utf-8"))}
    needed = {f"CONSENT_{name}".upper() for name in read & set(Settings.model_fields)} - OF_ITS_PLACE
    assert len(needed) > 10
    given = set(SERVICES["web"]["environment"])
    assert {one for one in needed if one not in given and not any(its.startswith(f"{one}__") for its in given)} == set()


NETWORKS = {
    "postgres": {"data"},
    "redis": {"back"},
    "migrate": {"data"},
    "worker": {"data", "back", "out"},
    "take-in": {"data", "back"},
    "beat": {"back"},
    "web": {"data", "back", "front"},
    "flower": {"back", "front"},
}


@each_row("name", NETWORKS)
def test_a_service_reaches_those_that_it_uses(name: str) -> None:
    assert set(SERVICES[name]["networks"]) == NETWORKS[name]


def test_the_services_that_keep_lead_nowhere() -> None:
    assert {name for name, how in COMPOSE["networks"].items() if (how or {}).get("internal")} == {"data", "back"}
    for name, service in SERVICES.items():
        declared = set(service.get("networks", ()))
        assert declared <= set(COMPOSE["networks"])
        assert declared or service.get("network_mode") == "service:worker", name
        assert ("ports" in service) <= ("front" in declared)


@each_row("name", SERVICES)
def test_a_service_has_limits(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])
    assert 0 < SERVICES[name]["pids_limit"] <= 512


def stage(name: str) -> str:
    """What the Dockerfile does in one stage."""
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    (found,) = [one for one in stages if re.match(rf"\S+ AS {name}\n", one)]
    return found


def test_the_image_that_is_run_holds_no_sandbox_and_nothing_that_builds() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    build, production = stage("build"), stage("production")
    assert "venv --without-pip /venv" in build
    assert re.search(r"--python /venv/bin/python uninstall --yes hatchling", build)
    assert "rm -r /venv/lib/python3.13/site-packages/sandbox" in build
    assert re.findall(r"^COPY (.+)$", production, re.MULTILINE) == ["--from=build /venv /venv"]
    assert "site-packages/pip*" in production
    assert re.search(r"^FROM production\Z", dockerfile.strip(), re.MULTILINE)  # what is built without a target
    for name, service in SERVICES.items():
        if "build" in service:
            assert service["build"]["target"] == ("sandbox" if name == "sandbox" else "production")


def test_nothing_but_hatchling_needs_what_goes_with_it() -> None:
    taken_out = set(re.search(r"uninstall --yes (.+)", stage("build"))[1].split())
    names = re.findall(r"^([\w.-]+)(?:\[[^]]+\])?==", (ROOT / "requirements-prod.lock").read_text(), re.MULTILINE)
    for name in set(names) - taken_out:
        try:
            wanted = requires(name) or ()
        except PackageNotFoundError:  # of another platform
            continue
        plain = {re.match(r"[\w.-]+", one)[0].lower() for one in wanted if "extra ==" not in one}
        assert not plain & taken_out, name


@each_row("name", SERVICES)
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
    assert "CONSENT_FLOWER_BASIC_AUTH" in SERVICES["flower"]["environment"]


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
    assert commands["flower"] == SERVICES["flower"]["command"]


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
