# watchfloor: `make run` shows it, `make test` proves it. Each sets up all it needs by itself.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
WORKERS ?= auto

.PHONY: run test check check-native format golden bench bench-detection docs lock setup clean help
.DEFAULT_GOAL := help

help:           ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

setup: $(READY) ## the environment in .venv, from requirements.lock, every file checked by its hash

$(READY): requirements.lock pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" sh scripts/setup.sh $(VENV)
	@touch $@

run: $(READY)   ## set up, run the sample estate (and real EVTX where ../shared/data is there), show what was found
	@$(BIN)/python scripts/first_light.py

test: check     ## everything CI runs
	@$(BIN)/python -m pytest -n $(WORKERS) -q

check: $(READY) ## style, types, floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check-native: $(READY) ## the kernels' tests and a fuzz with every index checked, in a cache of their own
	@NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=.numba-checked $(BIN)/python -m pytest -n $(WORKERS) -q \
		tests/test_native.py tests/collect tests/detect tests/ocsf tests/test_integrations.py
	@NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=.numba-checked $(BIN)/python -m benchmarks.fuzz --lines 200k
	@NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=.numba-checked $(BIN)/python -m benchmarks.oracle --cases 50k

format: $(READY) ## put every file into the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

golden: $(READY) ## rewrite all golden files; review the diff
	@$(BIN)/watchfloor golden --all --accept

bench: $(READY) ## measure all, keep it in benchmarks/RESULTS.md and docs/measured.md
	@$(BIN)/python -m benchmarks --write

bench-detection: $(READY) ## judge the scenarios on seeds drawn now, 30 days of the harbour each; and recorded attacks
	@$(BIN)/python -m benchmarks --only scenarios
	@$(BIN)/python -m benchmarks --only real_attacks

docs: $(READY)  ## the documentation site in site/
	@$(BIN)/zensical build --clean

lock: $(READY)  ## resolve pyproject.toml anew into requirements.lock (hashes, no addresses)
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --all-extras --group dev \
		pyproject.toml -o requirements.lock

clean:          ## remove the environment and everything built
	rm -rf $(VENV) site dist build var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .numba-checked
