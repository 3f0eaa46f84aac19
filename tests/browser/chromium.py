"""The Chromium of this system, and what Playwright needs to drive it: found, or installed where we may.
`python -m tests.browser.chromium` does the latter."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

SETTING = "CONSENT_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRIVER: Sequence[str] = (sys.executable, "-m", "playwright", "--version")
"""Starts the Node.js that Playwright brings. It is linked with libatomic, which a bare Debian has not."""
PACKAGES = ("chromium", "libatomic1")
COMMAND = f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"
HOW = f"On Debian: {COMMAND}. Elsewhere: {SETTING}=/path/of/chromium"
COSTS = "about 200 MB to download, one to two minutes"
LEFT_OUT = "The tests of the console in a browser are left out"
PATIENT = ("-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20")
STEPS: Sequence[Sequence[str]] = (
    ("apt-get", *PATIENT, "update"),
    ("apt-get", *PATIENT, "install", "--yes", "--no-install-recommends", *PACKAGES),
)


def find_chromium() -> str | None:
    """Its path: the one that is named by the setting, though it were none; else the first of its usual names that is a
    browser; None where there is none."""
    named = os.environ.get(SETTING)
    if named:
        return named
    return next((found for name in NAMES if (found := shutil.which(name)) and _is_browser(found)), None)


def _is_browser(path: str) -> bool:
    """Ubuntu has a `chromium-browser` that only says how to install one."""
    return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0


def missing() -> str:
    """What the tests lack; empty where they can run."""
    if find_chromium() is None:
        return "there is no Chromium"
    started = subprocess.run(DRIVER, capture_output=True, text=True, check=False)
    return f"Playwright does not start ({_last_line(started.stderr)})" if started.returncode else ""


def install() -> str:
    """Have all of it, by the system's packages where we are root. What there is to say about it; empty where it was
    there. Anyone who cannot have it runs all other tests."""
    lacking = missing()
    if not lacking:
        return ""
    if os.geteuid() != 0:
        return f"{LEFT_OUT}: {lacking}. As root: {COMMAND}"
    if not shutil.which("apt-get"):
        return f"{LEFT_OUT}: {lacking}, and no apt-get to install it. {SETTING} may name a browser"
    print(f"Installing Chromium for the tests of the console, once: {COSTS}.", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in STEPS:
        done = subprocess.run(
            step, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"{LEFT_OUT}: Chromium could not be installed ({_last_line(done.stderr)}). By hand: {COMMAND}"
    lacking = missing()
    return lacking and f"{LEFT_OUT}: {' and '.join(PACKAGES)} are installed, and still {lacking}"


def _last_line(errors: str) -> str:
    return (errors.strip() or "it did not say why").splitlines()[-1]


if __name__ == "__main__":
    problem = install()
    if problem:
        print(problem)
