# `make run` and `make test` are all a newcomer needs; both set up what they use.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
CONFIG ?= config

.PHONY: bench-alerts bench-text
.PHONY: help setup setup-dev run demo test test-fast test-wheel fuzz check format lock docs bench bench-collect bench-parse bench-schedule bench-stores bench-hops bench-query bench-pages bench-web pictures bench-stories quality dev-up dev-down dev-status clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# --- set up ---------------------------------------------------------------------------------------------------------

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Rasad needs Python 3.11 or newer; call make with PYTHON=python3.12 or the like"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp a lock file: installing again is only needed when the lock has changed.
$(VENV)/.run-stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-stamp: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run-stamp

setup: $(VENV)/.run-stamp ## Make .venv with the rasad command in it

setup-dev: $(VENV)/.dev-stamp ## The same, with what the tests need

# --- run ------------------------------------------------------------------------------------------------------------

run: setup ## Run the embedded agent on config/ until Ctrl-C
	$(BIN)/rasad run --config $(CONFIG)

demo: setup ## The same on a local world of invented outlets; ends with a search
	$(BIN)/rasad demo

# --- test -----------------------------------------------------------------------------------------------------------

FAST := not services and not browser

test: setup-dev ## Everything, on the real services (needs a JDK 21+, Maven, Prometheus, Alertmanager)
	@$(BIN)/python -m deploy.dev fetch
	$(BIN)/python -m tests.halves
	$(MAKE) --no-print-directory test-wheel

test-fast: setup-dev ## What needs no service
	$(PYTEST) tests -m "$(FAST)"

test-wheel: setup-dev ## Build the wheel, install it alone in an empty environment, and use it
	$(BIN)/python tests/wheel/check_wheel.py

fuzz: setup-dev ## A million hostile feeds, dates, addresses, pages and lists (INPUTS=1000000)
	$(BIN)/python -m tests.fuzz $(or $(INPUTS),1000000)

check: setup-dev ## Formatting, lint, types, architecture contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy -p deploy.dev -p deploy.grafana
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m deploy.grafana.dashboard --check
	$(BIN)/python -m agent.kibana.files --check

format: setup-dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup-dev ## Pin all dependencies with hashes, for every platform and Python we support
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

docs: setup-dev ## Write docs/reference/ and what deploy/ has for Grafana and Kibana from the code
	$(BIN)/python -m docs.generate
	$(BIN)/python -m deploy.grafana.dashboard
	$(BIN)/python -m agent.kibana.files

pictures: setup-dev ## Make the pictures of README and tutorial anew, from the demo
	PICTURES=docs/pictures $(PYTEST) tests/browser/test_pictures.py -q -k picture

quality: setup-dev ## Print the quality figures and hold them against their floors
	$(PYTEST) tests/quality -s

# --- measure --------------------------------------------------------------------------------------------------------

bench: setup-dev ## All benchmarks: JSON to var/bench.json, a table to the terminal
	$(BIN)/python -m bench

bench-collect bench-parse bench-schedule bench-stores bench-hops bench-query bench-pages bench-web bench-stories: bench-%: setup-dev
	$(BIN)/python -m bench $*

bench-alerts: setup-dev
	$(BIN)/python -m bench alerts

bench-text: setup-dev
	$(BIN)/python -m bench text query

# --- services for development -----------------------------------------------------------------------------------------

dev-up: setup-dev ## Start Kafka, Elasticsearch, Prometheus and Alertmanager on loopback
	$(BIN)/python -m deploy.dev up

dev-down: setup-dev ## Stop them
	$(BIN)/python -m deploy.dev down

dev-status: setup-dev ## Say which are up, and where
	$(BIN)/python -m deploy.dev status

clean: ## Remove the environment and build products
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
