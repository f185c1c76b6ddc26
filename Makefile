# Each target sets up .venv by itself; torch goes first, since a later request for it takes a far larger build.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
.DEFAULT_GOAL := help
.PHONY: help chat test check eval bench clean

help:  ## show this list
	@grep -hE '^[a-z ]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## *' '{printf "  make %-11s %s\n", $$1, $$2}'

chat: .venv/core  ## install, then open the chat page on the bundled articles
	$(BIN)/articleqa chat

test: .venv/dev  ## install, then run the whole test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

check: .venv/dev  ## lint, types, layers, and a smoke test of the built wheel
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy && $(BIN)/lint-imports
	$(BIN)/python tests/wheel_smoke.py

eval bench: .venv/core  ## measure the answers / the speed, into eval/results/
	$(BIN)/articleqa $@ --json eval/results/$(if $(filter eval,$@),bundled,bench).json

clean:  ## remove the environment and everything built
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --editable . && touch $@

.venv/dev: .venv/core
	$(PIP) --editable '.[dev]' && touch $@
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium) || \
	  echo "chromium could not be installed: the browser tests will be skipped"
