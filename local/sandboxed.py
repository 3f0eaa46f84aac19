"""`consent up --sandbox`: a stack with made-up vendors and people, to try it out.

It only uses data folders of its own: made-up vendors would say yes to real requests too.
"""

import json
import os
import shlex
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from adapters.registry import ADAPTERS
from config.data_folder import ForeignFolderError, check_ours
from config.settings import PREFIX, Settings, SettingsError
from config.stack import STACK_FILE
from local import made_up, stack
from local.readiness import Say
from local.sandbox import Sandbox, sandbox
from local.services import HOST, ServiceError, free_port

MARK = "sandbox.txt"
ABOUT_MARK = "The stack of this folder has made-up vendors and people: see `consent up --sandbox`.\n"
PEOPLE_FILE = "sandbox-people.ndjson"
PEOPLE, PLANTED_EVERY, SEED = 50, 25, 20_261_129
SERVICES = (f"{PREFIX}DATABASE_URL", f"{PREFIX}DATABASE_OWNER_URL", f"{PREFIX}REDIS_URL")
REACHES_OUT = tuple(
    PREFIX + name
    for name in (*(f"{vendor.upper()}__" for vendor in ADAPTERS), "EGRESS_", "OIDC__", "RESOLVER__", "WEBHOOKS__")
)
"""Prefixes of settings that lead out of this machine."""
PORTS = {f"{PREFIX}WEB_PORT": 8080, f"{PREFIX}FLOWER_PORT": 5555}
ANY_PORT = "0"


def run(workers: int | None, *, web: bool, say: Say) -> None:
    """Run it until SIGTERM or Ctrl-C. Raises as `stack.run` does."""
    stopping = stack.stop_event()
    for name in leave_out(os.environ):
        say(f"left out here: {name}")
    folder = claim(Settings.load().data_dir)
    with sandbox(folder, faults="mild", seed=SEED, directory=True) as vendors:
        # The stack's processes inherit the environment, and read the same settings from it.
        os.environ.update(vendors.environment)
        everybody = made_up.people("person", PEOPLE, planted_every=PLANTED_EVERY)
        _fill(vendors, everybody)
        file = folder / PEOPLE_FILE
        file.write_text("".join(f"{json.dumps(one)}\n" for one in everybody))
        settings = Settings.load()
        plan = stack.Plan(settings, workers or settings.workers, flower=web, web=web)

        def keep_vendors() -> None:
            if vendors.restart():
                say("the sandbox ended; it was started again, and its vendors hold everybody as at the beginning")
                _fill(vendors, everybody)

        stack.run(plan, say, stopping, lambda: _tell(say, settings, vendors, file, web=web), keep_vendors)


def _fill(vendors: Sandbox, everybody: Sequence[made_up.Person]) -> None:
    vendors.seed(everybody)
    vendors.fill_directory(made_up.known(everybody))


def leave_out(environment: MutableMapping[str, str]) -> list[str]:
    """Remove settings that lead out of this machine, and choose free ports where none is set; returns what was removed.

    Raises SettingsError for services elsewhere, whose ledger may hold real requests.
    """
    named = {name: name.upper() for name in environment}
    if elsewhere := [name for name, upper in named.items() if upper in SERVICES and environment[name]]:
        raise SettingsError(
            "\n".join(f"{name}: made-up vendors come with services of their own: unset it" for name in elsewhere)
        )
    names = sorted(name for name, upper in named.items() if upper.startswith(REACHES_OUT))
    for name in names:
        del environment[name]
    for name, preferred in PORTS.items():
        if environment.get(name) in (None, ANY_PORT):  # chosen here, to be told
            environment[name] = str(free_port(preferred))
    return names


def claim(data_dir: Path) -> Path:
    """Mark a data folder as a sandbox's. Raises ServiceError where it holds a real stack."""
    folder = data_dir.absolute()
    try:
        check_ours(folder)
    except ForeignFolderError as error:
        raise ServiceError(str(error)) from None
    if (folder / STACK_FILE).exists() and not (folder / MARK).exists():
        raise ServiceError(
            f"the data folder {folder} holds a stack with vendors of its own, so it is not used for a sandbox: "
            f"set {PREFIX}DATA_DIR to another folder"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MARK).write_text(ABOUT_MARK)
    return folder


def refuse_claimed(data_dir: Path) -> None:
    """Raise ServiceError where a data folder is a sandbox's."""
    if (data_dir / MARK).exists():
        raise ServiceError(
            f"the data folder {data_dir.absolute()} is a sandbox's: go on with it by `consent up --sandbox`, or set "
            f"{PREFIX}DATA_DIR to another folder"
        )


def _tell(say: Say, settings: Settings, vendors: Sandbox, file: Path, *, web: bool) -> None:
    folder = settings.data_dir
    consent = sys.argv[0] if Path(sys.argv[0]).name == "consent" else "consent"
    if PREFIX + "DATA_DIR" in os.environ:
        consent = f"{PREFIX}DATA_DIR={shlex.quote(str(folder))} {consent}"
    say("a sandbox: vendors and people are made up, and nothing leaves this machine")
    say(f"  vendors       {vendors.url}, which fail now and then")
    if web:
        say(f"  HTTP API      http://{HOST}:{settings.web_port} (a key: {consent} keys create me --role operator)")
        say(f"  Flower        http://{HOST}:{settings.flower_port}")
    say(f"  PostgreSQL, Redis, logs, and {PEOPLE} people: in {folder}")
    say("try, in another terminal:")
    say(f"  {consent} submit {shlex.quote(str(file))} --kind erasure --wait")
    say(f"  {consent} attention     # of every {PLANTED_EVERY} people two were planted to need it")
    say(f"  {consent} vendor list")
